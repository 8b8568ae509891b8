"""Every attachment of the shared test data: its status, and words that a person sees in it."""

import csv
from pathlib import Path

import pytest

from email_audit.messages.extraction import Extracted
from email_audit.messages.records import AttachmentStatus
from tests.documents.conftest import Read

OK, EMPTY = AttachmentStatus.OK, AttachmentStatus.EMPTY
ENCRYPTED, UNSUPPORTED = AttachmentStatus.ENCRYPTED, AttachmentStatus.UNSUPPORTED

EXPECTED: dict[str, tuple[AttachmentStatus, tuple[str, ...]]] = {
    "Aspose.Email-for-.NET__US-Holidays.ics": (OK, ("Summary: Christmas", "2016-12-25")),
    "Aspose.Email-for-.NET__contact.vcf": (OK, ("Test User 1", "CompanyName", "JobTitle")),
    "extract__encrypted.pdf": (ENCRYPTED, ()),
    "ingest-file__badzip.zip": (OK, ("/ingestors/tests/fixtures/secret.txt",)),
    "ingest-file__john-doe.vcf": (OK, ("Imaginary test person", "+1 617 555 1212")),
    "ingest-file__meetup.ics": (OK, ("PyBerlin 22", "Online event")),
    "tika__gbk.zip": (EMPTY, ()),
    "tika__test-documents.7z": (OK, ("[test-documents/testPPT.ppt]", "Indexation du fichier")),
    "tika__test-documents.tgz": (OK, ("[test-documents/testWORD.doc]", "NeoOffice 2.2.1")),
    "tika__test-documents.zip": (OK, ("[testRTF.rtf]", "Sample Excel Worksheet", "Apache Tika")),
    "tika__test-zip-of-zip.zip": (OK, ("[html-within-zip.zip]", "This is just some text.")),
    "tika__test7Z_protected_passTika.7z": (ENCRYPTED, ()),
    "tika__testEXCEL-formats.xlsx": (OK, ("Currency $#,##0.00", "1599.99", "-1599.99")),
    "tika__testEXCEL.xls": (OK, ("Numbers and their Squares", "15\t225", "Excel X for Mac")),
    "tika__testEXCEL.xlsx": (OK, ("Numbers and their Squares", "15\t225", "Keith Bennett")),
    "tika__testEXCEL_dateFormats.xlsx": (OK, ("2018-09-20", "1996-08-10")),
    "tika__testEXCEL_protected_passtika.xlsx": (ENCRYPTED, ()),
    "tika__testICalendar.ics": (OK, ("Festival International de Jazz de Montréal",)),
    "tika__testODTEmbedded.odt": (OK, ("This document has bold and italic text.",)),
    "tika__testPDF.pdf": (OK, ("Tika - Content Analysis Toolkit", "March 22nd, 2007")),
    "tika__testPDFPackage.pdf": (OK, ("[PDF1.pdf]", "PDF1", "[PDF2.pdf]", "PDF2")),
    "tika__testPDF_acroform3.pdf": (OK, ("aTextField: TIKA-1226", "aListBox: exportListItemC")),
    "tika__testPDF_protected.pdf": (OK, ("RETHINKING THE FINANCIAL NETWORK",)),
    "tika__testPDF_rotated.pdf": (OK, ("Tika - Content Analysis Toolkit",)),
    "tika__testPKCS7_signed_data_def.p7m": (OK, ("text",)),
    "tika__testPPT.pptx": (OK, ("Black Panther", "developed by Rajiv Kumar Nistala")),
    "tika__testPPT_comment.pptx": (OK, ("I'm going to have to ask you to add some co",)),
    "tika__testRTF.rtf": (OK, ("Test d\u2019indexation Word",)),
    "tika__testWORD.doc": (OK, ("Sample Word Document", "This is the footer", "tika.apache.org")),
    "tika__testWORD.docx": (OK, ("More of our nested table", "This is the header", "poi.apache")),
    "tika__testWORD_embedded_pdf.docx": (OK, ("Bye for real.", "[CONTENTS]", "Eliahu")),
    "tika__testWORD_protected_passtika.docx": (ENCRYPTED, ()),
    "tika__testWORD_various.docx": (
        OK,
        (
            "Here is a text box",
            "This is a footnote.",
            "This is the header text.",
            "Row 2 Col 1\tRow 2 Col 2\tRow 2 Col 3",
            "ゾルゲと尾崎、淡々と最期",
            "http://tika.apache.org/",
        ),
    ),
    "tika__testZipEncrypted.zip": (ENCRYPTED, ("hello world",)),
    "tika__test_recursive_embedded.docx": (OK, ("embed_0", "embed_3", "embed_4")),
}

RECOGNISED: dict[str, tuple[str, ...]] = {
    "extract__embedded.pdf": ("HEAVY", "METAL"),
    "hoover-testdata__Non-text-searchable.pdf": (
        "This is an example of a non-text-searchable PDF",
    ),
    "hoover-testdata__sv600_c_normal.pdf": ("New customer's development",),
    "hoover-testdata__zip-with-docx-and-doc.zip": (
        "[AppBody-Sample-English.docx]",
        "Sample Application",
        "[sample.doc]",
    ),
    "tika__testOCR.docx": ("This is some text.", "Happy New Year 2003!"),
    "tika__testOCR.jpg": ("OCR Testing",),
    "tika__testOCR.pdf": ("Happy New Year 2003!",),
}
# Several pages of dense screenshots: 12 s of recognition, a page at most here.
LONG = {"ingest-file__jbig2.pdf", "tika__testPPT_embedded_two_slides.pptx"}
OTHERS = {"tika__testTIFF.tif", "tika__testRTFEmbeddedFiles.rtf"}


def _read(shared: Path, name: str, read: Read) -> Extracted:
    return read((shared / "attachments" / name).read_bytes(), name.partition("__")[2])


def test_every_attachment_of_the_manifest_is_expected_here(shared: Path) -> None:
    with (shared / "MANIFEST.tsv").open(encoding="utf-8") as lines:
        listed = {
            Path(row["path"]).name
            for row in csv.DictReader(lines, delimiter="\t")
            if row["path"].startswith("attachments/")
        }
    assert listed == set(EXPECTED) | set(RECOGNISED) | LONG | OTHERS


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_is_read(shared: Path, name: str, read: Read) -> None:
    status, words = EXPECTED[name]
    found = _read(shared, name, read)
    assert (found.status, bool(found.reason)) == (status, status is not OK)
    assert [word for word in words if word not in (found.text or "")] == []


@pytest.mark.parametrize("name", RECOGNISED)
def test_a_scan_is_recognised(shared: Path, name: str, read: Read, tesseract: None) -> None:
    found = _read(shared, name, read)
    assert (found.status, found.reason) == (OK, "")
    assert [word for word in RECOGNISED[name] if word not in (found.text or "")] == []


def test_files_embedded_in_rtf_are_read(shared: Path, read: Read) -> None:
    text = _read(shared, "tika__testRTFEmbeddedFiles.rtf", read).text or ""
    for words in ("[Hw.txt]\nHello World", "This file is embedded", "This is just some text."):
        assert words in text


def test_files_embedded_in_slides_are_read_and_the_same_picture_once(
    shared: Path, read: Read
) -> None:
    text = _read(shared, "tika__testPPT_embedded_two_slides.pptx", read).text or ""
    assert "Microsoft_Office_Excel_Worksheet1.xlsx" in text
    assert 'Special characters: !"£$%^&*()' in text
    assert "(the same content as before)" in text
