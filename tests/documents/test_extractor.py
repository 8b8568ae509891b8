"""Each document is read once: results are kept beside the evidence, by content and version."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from email_audit.documents.client import DocumentWorker
from email_audit.documents.extractor import (
    DocumentExtractor,
    KeptInMemory,
    KeptInStore,
    extractor_version,
)
from email_audit.documents.limits import DocumentLimits
from email_audit.evidence.store import EvidenceStore
from email_audit.messages.extraction import Extracted
from email_audit.messages.records import AttachmentStatus
from tests.documents.files import docx, paragraph

LETTER = docx(paragraph("the letter"))


@pytest.fixture
def own_worker() -> Iterator[DocumentWorker]:
    worker = DocumentWorker(DocumentLimits())
    yield worker
    worker.close()


def test_a_result_is_kept_for_the_next_step(tmp_path: Path, own_worker: DocumentWorker) -> None:
    store = EvidenceStore(str(tmp_path))
    first = DocumentExtractor(own_worker, KeptInStore(store))(LETTER, "", "a.docx")
    idle = DocumentWorker(DocumentLimits())
    again = DocumentExtractor(idle, KeptInStore(store))(LETTER, "", "other name.docx")
    assert first == again == Extracted(AttachmentStatus.OK, "", "the letter")
    assert idle.process_id is None


def test_another_version_reads_again(tmp_path: Path) -> None:
    store = EvidenceStore(str(tmp_path))
    for limits in (DocumentLimits(), DocumentLimits(max_text_chars=5)):
        worker = DocumentWorker(limits)
        DocumentExtractor(worker, KeptInStore(store))(LETTER, "", "a.docx")
        assert worker.process_id is not None
        worker.close()


def test_a_damaged_result_is_read_again(tmp_path: Path, own_worker: DocumentWorker) -> None:
    extractor = DocumentExtractor(own_worker, KeptInStore(EvidenceStore(str(tmp_path))))
    extractor(LETTER, "", "a.docx")
    (kept,) = (tmp_path / "derived").rglob("*.json")
    kept.write_bytes(kept.read_bytes()[:-5])
    assert extractor(LETTER, "", "a.docx").text == "the letter"


def test_where_nothing_can_be_kept_it_is_read_all_the_same(
    tmp_path: Path, own_worker: DocumentWorker
) -> None:
    (tmp_path / "derived").write_text("in the way")
    extractor = DocumentExtractor(own_worker, KeptInStore(EvidenceStore(str(tmp_path))))
    assert extractor(LETTER, "", "a.docx").text == "the letter"


def test_memory_holds_the_latest_up_to_its_length() -> None:
    kept = KeptInMemory(most_chars=10)
    for name in ("a", "b", "c"):
        kept.put(name, Extracted(AttachmentStatus.OK, "", name * 4))
        kept.get("a")
    assert [kept.get(name) is not None for name in ("a", "b", "c")] == [True, False, True]


def test_the_version_names_libraries_recognition_and_limits() -> None:
    told = extractor_version(DocumentLimits(seconds=7))
    assert "pypdfium2 " in told
    assert "tesseract" in told or "no text recognition" in told
    assert '"seconds": 7' in told
