"""Text of other kinds: cards, XML, mail, S/MIME, RTF, pictures."""

import base64
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from email_audit.documents.kinds import HEAD, Kind, kind_of
from email_audit.documents.limits import DocumentLimits
from email_audit.documents.reading import Work
from email_audit.documents.registry import read_document
from email_audit.messages.records import AttachmentStatus
from tests.documents.conftest import Read
from tests.documents.files import docx, packaged, paragraph, pkcs7, zipped

SIGNED, ENVELOPED = 2, 3


@pytest.mark.parametrize(
    ("data", "content_type", "filename", "kind"),
    [
        (b"%PDF-1.7\n", "text/plain", "notes.txt", Kind.PDF),
        (b"\n\n%PDF-1.4", "", "", Kind.PDF),
        (b"PK\x03\x04....", "application/pdf", "x.pdf", Kind.ZIP),
        (b"{\\rtf1", "application/msword", "x.doc", Kind.RTF),
        (b"name,age\n", "application/octet-stream", "x.xls", Kind.TEXT),
        (b"<!DOCTYPE html><p>", "application/vnd.ms-excel", "x.xls", Kind.HTML),
        (b"BEGIN:VCALENDAR\r\n", "application/octet-stream", "", Kind.CALENDAR),
        (b"-----BEGIN PGP MESSAGE-----\n", "text/plain", "x.asc", Kind.PGP),
        (b"\x00\x01\x02binary", "application/octet-stream", "x.bin", Kind.UNKNOWN),
        (b"\xff\xfen\0o\0", "application/octet-stream", "x.txt", Kind.TEXT),
    ],
)
def test_the_bytes_decide_what_a_document_is(
    data: bytes, content_type: str, filename: str, kind: Kind
) -> None:
    assert kind_of(data, content_type, filename) is kind


def test_what_is_enciphered_for_others_is_encrypted(read: Read) -> None:
    for data in (
        b"-----BEGIN PGP MESSAGE-----\n\nhQEM\n",
        b"\x76\xe8\x04\x60\xc4\x11\xe3\x86protected",
        pkcs7(ENVELOPED, b"unread"),
        base64.encodebytes(pkcs7(ENVELOPED, b"unread")),
    ):
        found = read(data, "smime.p7m")
        assert (found.status, found.text) == (AttachmentStatus.ENCRYPTED, None)


@pytest.mark.parametrize("in_pieces", [False, True])
def test_signed_mail_is_read(read: Read, in_pieces: bool) -> None:
    entity = b"Content-Type: text/plain; charset=utf-8\r\n\r\nthe detainer is in\r\n"
    found = read(pkcs7(SIGNED, entity, in_pieces=in_pieces), "smime.p7m")
    assert found.status is AttachmentStatus.OK
    assert (found.text or "").endswith("the detainer is in")


def test_a_signature_alone_holds_no_text(read: Read) -> None:
    assert read(pkcs7(SIGNED, None), "smime.p7s").status is AttachmentStatus.EMPTY


def test_mail_in_an_archive_is_read_with_its_attachments(read: Read) -> None:
    letter = base64.encodebytes(docx(paragraph("the letter"))).decode()
    message = (
        "From: Ann <ann@city.example>\nSubject: forwarded\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nthe body\n'
        "--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n"
        f'Content-Disposition: attachment; filename="letter.docx"\n\n{letter}\n--b--\n'
    )
    found = read(zipped({"mail/1.eml": message}))
    assert found.status is AttachmentStatus.OK
    text = found.text or ""
    for words in ("[mail/1.eml]", "From: Ann <ann@city.example>", "the body", "[letter.docx]"):
        assert words in text
    assert "the letter" in text


def test_an_mbox_in_an_archive_is_read_message_by_message(read: Read) -> None:
    one = "From a@x.example Mon Mar  3 10:00:00 2025\nSubject: {0}\n\nbody of {0}\n\n"
    found = read(zipped({"old.mbox": one.format("first") + one.format("second")}))
    assert "body of first" in (found.text or "")
    assert "body of second" in (found.text or "")


def test_a_file_embedded_in_rtf_is_read(read: Read) -> None:
    native = packaged(b"names.txt", b"the names")
    ole1 = b"".join(
        (
            (0x501).to_bytes(4, "little"),
            (2).to_bytes(4, "little"),
            (8).to_bytes(4, "little") + b"Package\0",
            bytes(8),
            len(native).to_bytes(4, "little") + native,
        )
    )
    data = b"{\\rtf1 see {\\object{\\*\\objdata " + ole1.hex().encode() + b"}}}"
    found = read(data)
    assert found.status is AttachmentStatus.OK
    assert "[names.txt]\nthe names" in (found.text or "")


def test_rtf_is_read_in_its_code_page_with_where_its_links_lead(read: Read) -> None:
    field = rb'{\field{\*\fldinst{HYPERLINK "https://x.example/a"}}{\fldrslt the form}}'
    found = read(rb"{\rtf1\ansicpg1251 \'ef\'eb\'e0\'ed: " + field + field + b"}")
    assert found.text == "план: the formthe form\n\nhttps://x.example/a"


def test_xml_is_read_without_its_tags(read: Read) -> None:
    found = read(b'<?xml version="1.0"?><a b="c"><d>one</d><d>two</d></a>', "x.xml")
    assert found.text == "one\ntwo"


def test_a_card_is_read_without_its_photo(read: Read) -> None:
    card = (
        b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:P=C3=A9rez;=\r\n"
        b"Ana\r\nTEL;CELL:555-0100\r\nPHOTO;ENCODING=b:" + b"QUJD" * 40 + b"\r\n QUJD\r\n"
        b"NOTE:pickup\\, Friday\r\nEND:VCARD\r\n"
    )
    assert read(card, "ana.vcf").text == "N: Pérez; Ana\nTel: 555-0100\nNote: pickup, Friday"


def _picture(kind: str, size: tuple[int, int] = (700, 120), words: str = "DETAINER") -> Image.Image:
    picture = Image.new("L", size, 255)
    ImageDraw.Draw(picture).text((20, 20), words, fill=0, font_size=60)
    return picture if kind != "GIF" else picture.convert("P")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP"])
def test_pictures_are_recognised(read: Read, tesseract: None, kind: str) -> None:
    out = io.BytesIO()
    _picture(kind).save(out, kind)
    found = read(out.getvalue(), "scan")
    assert found.status is AttachmentStatus.OK
    assert "DETAINER" in (found.text or "")


def test_every_page_of_a_fax_is_recognised(read: Read, tesseract: None) -> None:
    out = io.BytesIO()
    pages = [_picture("TIFF", words=words) for words in ("FIRST", "SECOND")]
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    text = read(out.getvalue(), "fax.tif").text or ""
    assert "FIRST" in text
    assert "SECOND" in text


def test_a_tracking_pixel_needs_no_recognition(read: Read) -> None:
    out = io.BytesIO()
    Image.new("RGB", (1, 1)).save(out, "PNG")
    assert read(out.getvalue()).status is AttachmentStatus.EMPTY


@settings(deadline=None)  # the first call loads libraries
@given(st.binary(max_size=300), st.sampled_from(["", "x.p7m", "x.vcf", "x.eml", "x.ics", "x.tar"]))
def test_no_bytes_make_a_reader_raise(data: bytes, filename: str) -> None:
    found = read_document(data, "application/octet-stream", filename, Work(DocumentLimits()))
    assert found.status in {AttachmentStatus.OK, AttachmentStatus.EMPTY} or found.reason


@settings(deadline=None)
@given(st.integers(0, 3), st.data())
def test_no_damage_to_signed_data_makes_its_reader_raise(pieces: int, draw: st.DataObject) -> None:
    whole = bytearray(pkcs7(SIGNED, b"Subject: x\n\nbody", in_pieces=pieces % 2 == 1))
    for _ in range(pieces + 1):
        whole[draw.draw(st.integers(0, len(whole) - 1))] = draw.draw(st.integers(0, 255))
    read_document(bytes(whole), "application/pkcs7-mime", "smime.p7m", Work(DocumentLimits()))


def test_the_kind_needs_only_the_head() -> None:
    data = b"x" * (HEAD + 100)
    assert kind_of(data[:HEAD], "", "") is kind_of(data, "", "")
