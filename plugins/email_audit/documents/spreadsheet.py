"""XLSX, XLSM, XLSB and XLS through calamine, with what calamine leaves out of XLSX."""

import datetime as dt
import io
import struct
from collections.abc import Iterator

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

from email_audit.documents.ooxml import (
    DrawingText,
    add_embedded,
    add_links,
    add_parts,
    add_properties,
)
from email_audit.documents.packages import Parts
from email_audit.documents.reading import Reading
from email_audit.messages.records import AttachmentStatus

_FILE_IS_ENCRYPTED, _CONTINUE, _TEXT_OBJECT = 0x002F, 0x003C, 0x01B6
_TEXT_OBJECT_BYTES = 18
_BESIDE_CELLS = ("xl/comments", "xl/threadedComments/", "xl/drawings/drawing", "xl/charts/")


def read_xlsx(reading: Reading, data: bytes, parts: Parts) -> None:
    """Read the cells of every sheet, comments, text boxes, charts, links and embedded files."""
    add_properties(reading, parts)
    add_sheets(reading, data)
    add_parts(reading, parts, _BESIDE_CELLS, DrawingText)
    add_links(reading, parts)
    add_embedded(reading, parts)


def add_sheets(reading: Reading, data: bytes) -> None:
    """Add the values of all sheets, hidden ones too, as last computed: no formula is evaluated."""
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
    except PasswordError:
        reading.gap(AttachmentStatus.ENCRYPTED, "it is encrypted")
        return
    except CalamineError:
        reading.gap(AttachmentStatus.FAILED, "the workbook is damaged")
        return
    for sheet in workbook.sheets_metadata:
        reading.work.check_time()
        is_shown = sheet.visible is SheetVisibleEnum.Visible
        reading.add(f"[{sheet.name}]" if is_shown else f"[{sheet.name} (hidden)]")
        try:
            rows = workbook.get_sheet_by_name(sheet.name).to_python()
        except CalamineError:
            # Charts and dialogs are listed as sheets too; they have no cells.
            if "work" in str(sheet.typ).lower():
                reading.gap(AttachmentStatus.FAILED, f"the sheet {sheet.name} cannot be read")
            continue
        lines = ("\t".join(map(_shown, row)).rstrip("\t") for row in rows)
        reading.add("\n".join(line for line in lines if line))


def add_notes(reading: Reading, workbook: bytes) -> None:
    """Add comments and text boxes of an XLS (MS-XLS 2.4.329 TxO, with its Continue records)."""
    texts: list[str] = []
    left = 0
    for kind, start, stop in _records(workbook):
        if kind == _FILE_IS_ENCRYPTED:
            return
        if kind == _TEXT_OBJECT and stop - start >= _TEXT_OBJECT_BYTES:
            (left,) = struct.unpack_from("<H", workbook, start + 10)
            texts.append("")
        elif kind == _CONTINUE and left > 0 and stop > start:
            charset = "utf-16-le" if workbook[start] & 1 else "latin-1"
            text = workbook[start + 1 : stop].decode(charset, "replace")
            texts[-1] += text[:left]
            left -= len(text)
        else:
            left = 0
    reading.add("\n".join(text.replace("\r", "\n") for text in texts if text.strip()))


def _records(workbook: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield type, start and stop of each record (MS-XLS 2.1.4)."""
    position = 0
    while position + 4 <= len(workbook):
        kind, size = struct.unpack_from("<HH", workbook, position)
        yield kind, position + 4, min(position + 4 + size, len(workbook))
        position += 4 + size


def _shown(value: object) -> str:
    """Give a cell as a reader would see it in the plainest format."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    return str(value).replace("\n", " ")
