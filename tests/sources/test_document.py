"""A document among the mail: recognised by its bytes, carried whole by the item made of it."""

import hashlib
import io
from pathlib import Path

import pytest

from email_audit.messages.records import ProblemCode, ReadStatus
from email_audit.sources.base import Extent, FoundItem, ReadOptions
from email_audit.sources.document import DocumentSource
from email_audit.sources.registry import detect_source
from tests.documents.files import docx, odf, paragraph, pdf, shown_text, zipped

OPTIONS = ReadOptions(max_message_bytes=1 << 30)


@pytest.mark.parametrize(
    ("data", "filename", "name"),
    [
        (pdf([shown_text(b"x")]), "scan", "document"),
        (docx(paragraph("x")), "letter.docx", "document"),
        (odf("<x/>"), "letter.odt", "document"),
        (b"{\\rtf1 x}", "letter.rtf", "document"),
        (b"\x89PNG\r\n\x1a\n....", "scan.png", "document"),
        (b"Dear Ann,\nthe list is at the desk.\n", "letter.txt", "text"),
        (b"From: a@x.example\nSubject: y\n\nz\n", "mail.pdf", "eml"),
        (b"\x00\x01\x02\x03", "letter.doc", "unsupported"),
    ],
)
def test_the_bytes_decide_what_is_a_document(data: bytes, filename: str, name: str) -> None:
    assert detect_source(io.BytesIO(data), filename, OPTIONS).name == name


def test_a_plain_archive_is_no_document() -> None:
    assert not DocumentSource.recognises(zipped({"a.txt": "x"}), "mail.zip")


def test_the_samples_are_recognised(shared: Path) -> None:
    for name in ("tika__testWORD.doc", "tika__testEXCEL.xls", "tika__testPPT.pptx"):
        path = shared / "attachments" / name
        with path.open("rb") as blob:
            assert detect_source(blob, "unnamed", OPTIONS).name == "document"


def test_the_item_carries_the_document_byte_for_byte() -> None:
    data = pdf([shown_text(b"x")])
    source = DocumentSource(OPTIONS)
    (found,) = source.items(io.BytesIO(data), Extent(0, len(data), 0, 1))
    assert isinstance(found, FoundItem)
    assert (found.item_class, found.start, found.stop) == ("Document", 0, len(data))
    message = source.parse(found)
    (attachment,) = message.attachments
    assert attachment.sha256 == hashlib.sha256(data).hexdigest()
    assert (message.status, message.body) == (ReadStatus.OK, "")
    assert ProblemCode.NO_HEADERS not in {problem.code for problem in message.problems}
