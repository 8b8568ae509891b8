"""Office files built by code: every place where a person can write is read."""

import io
import struct
from pathlib import Path

import olefile
import pytest

from email_audit.documents.limits import DocumentLimits
from email_audit.documents.reading import Reading, Work
from email_audit.documents.spreadsheet import _records
from email_audit.documents.storage import root_storage
from email_audit.documents.summary import summary_text
from email_audit.messages.records import AttachmentStatus
from email_audit.msg.compound_writer import Folder, write_compound
from tests.documents.conftest import Read
from tests.documents.files import (
    WORD,
    cell,
    compound_file,
    docx,
    odf,
    packaged,
    paragraph,
    pptx,
    wordprocessing,
    xlsx,
    zipped,
)


def test_a_docx_is_read_with_all_that_lies_around_its_body(read: Read) -> None:
    found = read(
        docx(
            paragraph("the body"),
            **{
                "header1.xml": wordprocessing("hdr", paragraph("the header")),
                "footer1.xml": wordprocessing("ftr", paragraph("the footer")),
                "footnotes.xml": wordprocessing("footnotes", paragraph("the footnote")),
                "endnotes.xml": wordprocessing("endnotes", paragraph("the endnote")),
                "comments.xml": wordprocessing(
                    "comments",
                    f'<w:comment w:author="A. Reviewer">{paragraph("the remark")}</w:comment>',
                ),
            },
        )
    )
    assert found.status is AttachmentStatus.OK
    text = found.text or ""
    for words in ("body", "header", "footer", "footnote", "endnote"):
        assert f"the {words}" in text
    assert "Comment by A. Reviewer: the remark" in text


def test_tracked_changes_show_what_was_inserted_and_what_was_deleted(read: Read) -> None:
    body = (
        "<w:p><w:r><w:t>we </w:t></w:r>"
        "<w:del><w:r><w:delText>will not </w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>shall </w:t></w:r></w:ins>"
        "<w:r><w:t>hold him</w:t></w:r></w:p>"
    )
    assert read(docx(body)).text == "we [deleted: will not ]shall hold him"


def test_a_text_box_is_read_once_although_it_is_stored_twice(read: Read) -> None:
    box = f"<w:txbxContent>{paragraph('in the box')}</w:txbxContent>"
    body = (
        '<w:p xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        f"<mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
        "</mc:AlternateContent></w:p>"
    )
    assert (read(docx(body)).text or "").count("in the box") == 1


def test_a_table_of_a_docx_keeps_its_rows(read: Read) -> None:
    row = "<w:tr>{}</w:tr>"
    cells = "<w:tc>{}</w:tc><w:tc>{}</w:tc>"
    body = "<w:tbl>{}{}</w:tbl>".format(
        row.format(cells.format(paragraph("Name"), paragraph("A-number"))),
        row.format(cells.format(paragraph("Doe"), paragraph("098"))),
    )
    assert read(docx(body)).text == "Name\tA-number\nDoe\t098"


def test_a_file_embedded_in_a_docx_is_read_under_its_name(read: Read) -> None:
    inner = docx(paragraph("the inner letter"))
    wrapped = compound_file("\x01Ole10Native", b"\0\0\0\0" + packaged(b"list.txt", b"the list"))
    found = read(
        docx(
            paragraph("the outer letter"),
            **{"embeddings/inner.docx": inner, "embeddings/oleObject1.bin": wrapped},
        )
    )
    assert found.status is AttachmentStatus.OK
    assert found.text == (
        "the outer letter\n\n[inner.docx]\nthe inner letter\n\n"
        "[oleObject1.bin]\n[list.txt]\nthe list"
    )


def test_a_linked_picture_is_named_and_not_fetched(read: Read) -> None:
    relations = (
        '<Relationships><Relationship Id="r" Target="http://127.0.0.1:9/track.png" '
        'TargetMode="External"/></Relationships>'
    )
    found = read(docx(paragraph("see"), **{"_rels/document.xml.rels": relations}))
    assert (found.status, found.text) == (
        AttachmentStatus.OK,
        "see\n\nhttp://127.0.0.1:9/track.png",
    )


def test_a_part_that_breaks_off_gives_its_text_and_says_so(read: Read) -> None:
    whole = wordprocessing("document", paragraph("before") + paragraph("after"))
    cut = whole[: whole.index("after")]
    found = read(zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": cut}))
    assert found.status is AttachmentStatus.FAILED
    assert "word/document.xml is damaged" in found.reason
    assert "before" in (found.text or "")


def test_slides_are_read_in_order_with_notes_and_comments(read: Read) -> None:
    found = read(
        pptx(
            {
                "slides/slide10.xml": "the tenth",
                "slides/slide2.xml": "the second",
                "notesSlides/notesSlide1.xml": "say this",
                "comments/comment1.xml": "is this right",
                "slideMasters/slideMaster1.xml": "Click to edit Master title style",
            }
        )
    )
    assert found.text == "the second\n\nthe tenth\n\nsay this\n\nis this right"


def test_hidden_sheets_are_read_and_marked(read: Read) -> None:
    found = read(
        xlsx(
            [
                ("Roster", "visible", cell("A1", "shown")),
                ("Old", "hidden", cell("B2", "kept back")),
                ("Older", "veryHidden", cell("A1", "kept farther back")),
            ]
        )
    )
    assert found.text == (
        "[Roster]\n\nshown\n\n[Old (hidden)]\n\nkept back\n\n[Older (hidden)]\n\nkept farther back"
    )


def test_formulas_are_not_evaluated(read: Read) -> None:
    rows = cell("A1", "as last saved", 'WEBSERVICE("http://127.0.0.1:9/")&amp;(1+1)')
    assert read(xlsx([("S", "visible", rows)])).text == "[S]\n\nas last saved"


def test_comments_of_a_sheet_are_read(read: Read) -> None:
    comments = "<comments><commentList><comment><text><r><t>ask ERO</t></r></text></comment>"
    found = read(
        xlsx(
            [("S", "visible", cell("A1", "x"))],
            **{"xl/comments1.xml": comments + "</commentList></comments>"},
        )
    )
    assert "ask ERO" in (found.text or "")


def test_an_odt_is_read_with_comments_and_deletions(read: Read) -> None:
    content = (
        "<document><text><tracked-changes><changed-region><deletion><p>struck out</p></deletion>"
        "</changed-region></tracked-changes><h>Title</h><p>one<s c='3'/>two<tab/>three"
        "<annotation><creator>R</creator><p>a remark</p></annotation></p>"
        "<table name='List'><table-row><table-cell><p>a</p></table-cell>"
        "<table-cell><p>b</p></table-cell></table-row></table></text></document>"
    )
    text = read(odf(content)).text or ""
    assert "[deleted: struck out]" in text
    assert "Title\none   two\tthree[comment: R: a remark]" in text
    assert "[List]\na\tb" in text


@pytest.mark.parametrize("kind", ["text", "spreadsheet", "presentation"])
def test_an_enciphered_opendocument_file_is_encrypted(read: Read, kind: str) -> None:
    found = read(
        odf(
            "no xml",
            kind=kind,
            **{"META-INF/manifest.xml": "<manifest><encryption-data/></manifest>"},
        )
    )
    assert (found.status, found.reason) == (AttachmentStatus.ENCRYPTED, "it is encrypted")


@pytest.mark.parametrize("stream", ["EncryptedPackage", "EncryptionInfo"])
def test_an_enciphered_office_file_is_encrypted(read: Read, stream: str) -> None:
    found = read(compound_file(stream, b"whatever"))
    assert found.status is AttachmentStatus.ENCRYPTED


def _doc(text: str, flags: int = 0) -> bytes:
    """A WordDocument stream of Word 95, whose text lies in one piece."""
    raw = text.encode("cp1252")
    header = bytearray(0x200)
    struct.pack_into("<HH", header, 0, 0xA5EC, 0x0068)
    struct.pack_into("<H", header, 10, flags)
    struct.pack_into("<II", header, 0x18, 0x200, 0x200 + len(raw))
    return bytes(header) + raw


def test_a_word_95_document_is_read(read: Read) -> None:
    text = 'Dear \x93Sir\x94\rsee \x13 HYPERLINK "http://x.example" \x14this\x15 and \x13 PAGE \x14'
    found = read(compound_file("WordDocument", _doc(text.encode("latin-1").decode("cp1252"))))
    assert (found.text or "").startswith('Dear “Sir”\nsee [HYPERLINK "http://x.example"] this and')
    assert "PAGE" not in (found.text or "")


def test_an_enciphered_word_document_is_encrypted(read: Read) -> None:
    found = read(compound_file("WordDocument", _doc("secret", flags=0x0100)))
    assert (found.status, found.text) == (AttachmentStatus.ENCRYPTED, None)


def _record(kind: int, content: bytes, flags: int = 0) -> bytes:
    return struct.pack("<HHI", flags, kind, len(content)) + content


def test_slides_of_powerpoint_97_are_read_without_their_masters(read: Read) -> None:
    slide = _record(4000, "the plan\rfor Friday".encode("utf-16-le")) + _record(4008, b"at dawn")
    master = _record(4008, b"Click to edit Master title style")
    data = _record(1006, slide, 0xF) + _record(1016, master, 0xF)
    found = read(compound_file("PowerPoint Document", data))
    assert found.text == "the plan\nfor Friday\nat dawn"


def test_comments_and_text_boxes_of_an_xls_are_read(shared: Path, read: Read) -> None:
    original = (shared / "attachments" / "tika__testEXCEL.xls").read_bytes()
    with olefile.OleFileIO(io.BytesIO(original)) as ole:
        workbook = ole.openstream("Workbook").read()
    text = "held for pickup"
    box = struct.pack("<HH6xHHHH", 0, 0, len(text), 0, 0, 0)
    note = struct.pack("<HH", 0x01B6, len(box)) + box
    note += struct.pack("<HH", 0x003C, len(text) + 1) + b"\0" + text.encode()
    *_, last = (record for record in _records(workbook) if record[0] == 0x000A)
    changed = workbook[: last[1] - 4] + note + workbook[last[1] - 4 :]
    assert "held for pickup" in (read(compound_file("Workbook", changed)).text or "")


def _property_set(code_page: int, title: bytes) -> bytes:
    value = struct.pack("<III", 0x1E, len(title), 0)[:8] + title.ljust(
        -(-len(title) // 4) * 4, b"\0"
    )
    values = struct.pack("<IHH", 2, code_page, 0) + value
    places = struct.pack("<IIII", 1, 24, 2, 32)
    header = struct.pack("<HHI16sI16sI", 0xFFFE, 0, 0, b"", 1, b"", 48)
    return header + struct.pack("<II", 24 + len(values), 2) + places + values


@pytest.mark.parametrize(
    ("code_page", "title"),
    [(1251, "план".encode("cp1251")), (1200, "план".encode("utf-16-le")), (65001, "план".encode())],
)
def test_the_title_of_an_old_document_is_read_in_its_code_page(
    read: Read, code_page: int, title: bytes
) -> None:
    streams = {
        "WordDocument": _doc("the body"),
        "\x05SummaryInformation": _property_set(code_page, title + b"\0\0"),
    }
    assert read(write_compound(Folder(dict(streams)))).text == "the body\n\nTitle: план"


@pytest.mark.parametrize("length", range(0, 90, 7))
def test_a_property_set_cut_anywhere_costs_only_itself(read: Read, length: int) -> None:
    whole = _property_set(1252, b"a title that is cut")
    data = write_compound(
        Folder({"WordDocument": _doc("the body"), "\x05SummaryInformation": whole[:length]})
    )
    found = read(data)
    assert (found.status, (found.text or "")[:8]) == (AttachmentStatus.OK, "the body")


def test_the_properties_of_real_files_are_olefile_s(shared: Path) -> None:
    compared = 0
    for path in sorted((shared / "attachments").iterdir()):
        data = path.read_bytes()
        if not data.startswith(olefile.MAGIC):
            continue
        told = summary_text(root_storage(Reading(Work(DocumentLimits())), data))
        with olefile.OleFileIO(io.BytesIO(data)) as theirs:
            metadata = theirs.get_metadata()
        for label, value in (("Title", metadata.title), ("Author", metadata.author)):
            if value and value.strip(b"\0 "):
                assert f"{label}: {value.rstrip(bytes(1)).decode('cp1252')}" in told
                compared += 1
    assert compared


def test_a_stream_that_is_not_all_there_is_read_as_far_as_it_is_and_named(read: Read) -> None:
    whole = compound_file("Package", b"words " * 2000)
    # The stream says that it is longer than its chain.
    size = (12_000).to_bytes(8, "little")
    found = read(whole.replace(size, (60_000).to_bytes(8, "little")))
    assert (found.status, found.reason) == (
        AttachmentStatus.FAILED,
        "a part of the file is missing",
    )
    assert "words words" in (found.text or "")


def test_a_zip_that_only_looks_like_office_is_read_as_an_archive(read: Read) -> None:
    found = read(zipped({"word/notes.txt": "plain notes"}))
    assert found.text == "[word/notes.txt]\nplain notes"


def test_word_xml_names_do_not_depend_on_the_edition(read: Read) -> None:
    strict = "http://purl.oclc.org/ooxml/wordprocessingml/main"
    document = wordprocessing("document", paragraph("strict")).replace(WORD, strict)
    found = read(zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": document}))
    assert found.text == "strict"


def test_macros_are_neither_run_nor_an_error(read: Read) -> None:
    found = read(docx(paragraph("with macros"), **{"vbaProject.bin": compound_file("dir", b"x")}))
    assert (found.status, found.text) == (AttachmentStatus.OK, "with macros")
