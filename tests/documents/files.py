"""Documents built by code: as small as their readers accept them."""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence

from email_audit.msg.compound_writer import Folder, write_compound

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"


def zipped(members: Mapping[str, bytes | str], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def docx(body: str, **parts: bytes | str) -> bytes:
    """A DOCX with that XML as body; further parts by name below word/, `_` for `.`."""
    return zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "word/document.xml": wordprocessing("document", f"<w:body>{body}</w:body>"),
            **{f"word/{name}": content for name, content in parts.items()},
        }
    )


def wordprocessing(root: str, content: str) -> str:
    return f'<w:{root} xmlns:w="{WORD}" xmlns:a="{DRAWING}">{content}</w:{root}>'


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def pptx(slides: Mapping[str, str]) -> bytes:
    """A PPTX of parts below ppt/, each with paragraphs of text, one a line."""
    return zipped(
        {"[Content_Types].xml": "<Types/>"}
        | {
            f"ppt/{name}": f'<p xmlns:a="{DRAWING}">'
            + "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n"))
            + "</p>"
            for name, text in slides.items()
        }
    )


def xlsx(sheets: Sequence[tuple[str, str, str]], **parts: bytes | str) -> bytes:
    """An XLSX of sheets (name, state, XML of the rows)."""
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" state="{state}" r:id="r{n}"/>'
        for n, (name, state, _) in enumerate(sheets, 1)
    )
    related = "".join(
        f'<Relationship Id="r{n}" Type="{RELATION}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    return zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r" '
            f'Type="{RELATION}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{RELATION}"><sheets>{listed}'
            "</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELATIONS}">{related}'
            "</Relationships>",
            **{
                f"xl/worksheets/sheet{n}.xml": f'<worksheet xmlns="{SHEET}"><sheetData>{rows}'
                "</sheetData></worksheet>"
                for n, (_, _, rows) in enumerate(sheets, 1)
            },
            **parts,
        }
    )


def cell(place: str, text: str, formula: str = "") -> str:
    shown = f"<f>{formula}</f>" if formula else ""
    row = "".join(character for character in place if character.isdigit())
    return f'<row r="{row}"><c r="{place}" t="str">{shown}<v>{text}</v></c></row>'


def odf(content: str, *, kind: str = "text", **parts: bytes | str) -> bytes:
    return zipped(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": content,
            **parts,
        }
    )


def pdf(pages: Sequence[bytes], *, more: Sequence[bytes] = (), resources: bytes = b"") -> bytes:
    """A PDF of pages with those content streams; `more` are objects from number 100 on."""
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    kids = b" ".join(b"%d 0 R" % (10 + 2 * n) for n in range(len(pages)))
    objects: dict[int, bytes] = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)),
        3: font,
    }
    for n, content in enumerate(pages):
        objects[10 + 2 * n] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F 3 0 R >> %s >> >>" % (11 + 2 * n, resources)
        )
        objects[11 + 2 * n] = stream(content)
    for n, content in enumerate(more):
        objects[100 + n] = content
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    places = {}
    for number, content in sorted(objects.items()):
        places[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    table = out.tell()
    last = max(objects)
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (last + 1))
    for number in range(1, last + 1):
        used = number in places
        out.write(b"%010d %05d %s \n" % (places.get(number, 0), 0, b"n" if used else b"f"))
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (last + 1, table))
    return out.getvalue()


def stream(data: bytes, extra: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), extra, data)


def shown_text(text: bytes) -> bytes:
    return b"BT /F 24 Tf 72 700 Td (%s) Tj ET" % text


# A form of half a million operations, drawn 20,000 times on one page: no library comes to an end.
ENDLESS = pdf(
    [b"/X Do " * 20_000],
    more=[stream(b"q Q " * 500_000, b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]")],
    resources=b"/XObject << /X 100 0 R >>",
)


def gray_picture(width: int, height: int, pixels: bytes) -> bytes:
    return stream(
        pixels,
        b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray "
        b"/BitsPerComponent 8" % (width, height),
    )


def compound_file(name: str, data: bytes) -> bytes:
    """A compound file of one stream."""
    return write_compound(Folder({name: data}))


def packaged(name: bytes, data: bytes) -> bytes:
    """A file as Windows' Object Packager wraps it."""
    return (
        struct.pack("<H", 2)
        + name
        + b"\0C:\\"
        + name
        + b"\0"
        + struct.pack("<HHI", 0, 3, len(name) + 4)
        + b"C:\\"
        + name
        + b"\0"
        + struct.pack("<I", len(data))
        + data
    )


def der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def pkcs7(kind: int, content: bytes | None, *, in_pieces: bool = False) -> bytes:
    """A PKCS #7 file of content type 1.2.840.113549.1.7.`kind`, `content` as if it was signed."""
    data_oid = der(0x06, bytes.fromhex("2a864886f70d010701"))
    if content is None:
        inner = der(0x30, data_oid)
    elif in_pieces:
        middle = len(content) // 2
        octets = b"\x24\x80" + der(0x04, content[:middle]) + der(0x04, content[middle:]) + b"\0\0"
        inner = b"\x30\x80" + data_oid + b"\xa0\x80" + octets + b"\0\0" + b"\0\0"
    else:
        inner = der(0x30, data_oid, der(0xA0, der(0x04, content)))
    signed = der(0x30, der(0x02, b"\x01"), der(0x31), inner, der(0x31))
    return der(
        0x30, der(0x06, bytes.fromhex("2a864886f70d0107") + bytes([kind])), der(0xA0, signed)
    )
