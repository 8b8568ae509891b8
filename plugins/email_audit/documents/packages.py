"""ZIP files: office packages by what they hold (ECMA-376 part 2, ODF 1.3 part 2), else archives."""

import io
from collections.abc import Callable
from typing import BinaryIO

from email_audit.archives.bounded import Member, MemberError
from email_audit.archives.zip import directory, zip_entries
from email_audit.documents.archive import read_archive
from email_audit.documents.reading import Reading

_CONTENT_TYPES = "[Content_Types].xml"
_ODF = b"application/vnd.oasis.opendocument"
_OPEN_OFFICE_1 = b"application/vnd.sun.xml"

Parts = dict[str, bytes]


def read_zip(reading: Reading, data: bytes) -> None:
    """Read a ZIP by what it holds."""
    from email_audit.documents import opendocument, presentation, spreadsheet, wordprocessing

    blob = io.BytesIO(data)
    names = {info.filename for info in directory(blob, reading.work.budget)}
    folders = {name.partition("/")[0] for name in names}
    if _CONTENT_TYPES in names and "word" in folders:
        wordprocessing.read_docx(reading, load_parts(reading, blob))
    elif _CONTENT_TYPES in names and "ppt" in folders:
        presentation.read_pptx(reading, load_parts(reading, blob))
    elif _CONTENT_TYPES in names and "xl" in folders:
        parts = load_parts(reading, blob, wanted=_is_no_sheet)
        spreadsheet.read_xlsx(reading, data, parts)
    elif _mimetype(blob, names, reading).startswith((_ODF, _OPEN_OFFICE_1)):
        opendocument.read_odf(reading, load_parts(reading, blob))
    else:
        read_archive(reading, data)


def load_parts(
    reading: Reading, blob: BinaryIO, wanted: Callable[[str], bool] = lambda _: True
) -> Parts:
    """Give the parts of a package by name; one that cannot be read is a gap.

    Unwanted parts are expanded too, so that a bomb is met here and not in a library.
    """
    parts: Parts = {}
    for entry in zip_entries(blob, reading.work.budget):
        if not isinstance(entry, Member):
            reading.problem(entry.problem, entry.name) if not hasattr(entry, "target") else None
            continue
        try:
            if wanted(entry.name):
                parts.setdefault(entry.name.lstrip("/"), entry.stream.read())
            else:
                while entry.stream.read(1 << 20):
                    reading.work.check_time()
        except MemberError as error:
            reading.problem(error.problem, entry.name)
    return parts


def _is_no_sheet(name: str) -> bool:
    return not name.startswith(("xl/worksheets/sheet", "xl/sharedStrings"))


def _mimetype(blob: BinaryIO, names: set[str], reading: Reading) -> bytes:
    if "mimetype" not in names:
        return b""
    for entry in zip_entries(blob, reading.work.budget):
        if isinstance(entry, Member) and entry.name == "mimetype":
            return entry.stream.read(256)
    return b""
