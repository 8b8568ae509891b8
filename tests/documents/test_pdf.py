"""PDF files built by code, and compared with another reader."""

import shutil
import subprocess
from pathlib import Path

import pytest

from email_audit.messages.records import AttachmentStatus
from tests.documents.conftest import Read
from tests.documents.files import gray_picture, pdf, shown_text, stream

PICTURE_ON_ALL_THE_PAGE = b"q 612 0 0 792 0 0 cm /P Do Q"


def _scan(*pages: bytes) -> bytes:
    return pdf(
        pages,
        more=[gray_picture(8, 8, bytes(range(64)))],
        resources=b"/XObject << /P 100 0 R >>",
    )


def test_text_of_every_page_is_read(read: Read) -> None:
    found = read(pdf([shown_text(b"page one"), shown_text(b"page two")]))
    assert (found.status, found.text) == (AttachmentStatus.OK, "page one\n\npage two")


def test_a_blank_page_needs_nothing(read: Read) -> None:
    found = read(pdf([shown_text(b"page one"), b""]))
    assert (found.status, found.text) == (AttachmentStatus.OK, "page one")


def test_a_stamp_on_a_scan_does_not_pass_for_its_text(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    from email_audit.documents.client import DocumentWorker
    from email_audit.documents.limits import DocumentLimits

    monkeypatch.setenv("PATH", "")  # no tesseract for this worker
    worker = DocumentWorker(DocumentLimits())
    data = _scan(PICTURE_ON_ALL_THE_PAGE + b"\n" + shown_text(b"BATES 0001"), shown_text(b"typed"))
    found = worker.read(data, "application/pdf", "scan.pdf")
    worker.close()
    assert found.status is AttachmentStatus.NEEDS_OCR
    assert found.reason == "page 1: text recognition (tesseract) is not installed"
    assert found.text == "BATES 0001\n\ntyped"


def test_notes_on_a_page_and_links_are_read(read: Read) -> None:
    note = b"<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] /T (Lt. Roe) /Contents (call ERO) >>"
    link = (
        b"<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] "
        b"/A << /S /URI /URI (https://x.example/) >> >>"
    )
    data = pdf([shown_text(b"text")], more=[note, link]).replace(
        b"/Parent 2 0 R", b"/Parent 2 0 R /Annots [100 0 R 101 0 R]"
    )
    assert read(data).text == "text\n\nComment by Lt. Roe: call ERO\nhttps://x.example/"


def test_files_embedded_in_a_pdf_are_read(read: Read) -> None:
    data = pdf(
        [shown_text(b"see attached")],
        more=[
            stream(b"the list of names", b"/Type /EmbeddedFile"),
            b"<< /Type /Filespec /F (list.txt) /UF (list.txt) /EF << /F 100 0 R >> >>",
        ],
    ).replace(
        b"/Pages 2 0 R", b"/Pages 2 0 R /Names << /EmbeddedFiles << /Names [(a) 101 0 R] >> >>"
    )
    assert read(data).text == "see attached\n\n[list.txt]\nthe list of names"


def test_a_cut_pdf_is_failed_or_gives_what_is_left(read: Read) -> None:
    whole = pdf([shown_text(b"page one")])
    for length in (20, len(whole) // 2):
        found = read(whole[:length])
        assert found.status is AttachmentStatus.FAILED
        assert "damaged" in found.reason


@pytest.mark.parametrize(
    "name", ["tika__testPDF.pdf", "tika__testPDF_protected.pdf", "tika__testPDF_rotated.pdf"]
)
def test_the_words_are_those_that_poppler_finds(shared: Path, name: str, read: Read) -> None:
    program = shutil.which("pdftotext")
    if program is None:
        pytest.skip("pdftotext is not installed (apt-get install poppler-utils)")
    path = shared / "attachments" / name
    theirs = subprocess.run([program, path, "-"], capture_output=True, check=True, text=True).stdout
    ours = read(path.read_bytes()).text or ""
    wanted = {word.strip(".,;:()") for word in theirs.split()}
    missing = {word for word in wanted if word not in ours}
    assert len(missing) <= 0.02 * len(wanted), sorted(missing)[:20]
