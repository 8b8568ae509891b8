"""OLE compound files (MS-CFB) by what they hold: DOC, XLS, PPT, MSG, packages, encrypted OOXML."""

import io

import olefile

from email_audit.documents.compound import compound_file
from email_audit.documents.packager import packaged_file
from email_audit.documents.reading import Reading
from email_audit.messages.records import AttachmentStatus

_NATIVE = "\x01Ole10Native"
_WHOLE_FILES = frozenset({"Package", "CONTENTS", "EmbeddedOdf"})
_PROPERTIES = (
    "title",
    "subject",
    "author",
    "keywords",
    "comments",
    "last_saved_by",
    "company",
    "manager",
)


def read_ole(reading: Reading, data: bytes) -> None:
    """Read a compound file by the streams in it, and whatever is embedded in them."""
    try:
        ole = olefile.OleFileIO(io.BytesIO(data))
    except (OSError, ValueError, IndexError) as error:
        raise ValueError("no compound file") from error
    with ole:
        paths = [tuple(path) for path in ole.listdir()]
        names = {path[0] for path in paths}
        if "EncryptedPackage" in names or "EncryptionInfo" in names:
            reading.gap(AttachmentStatus.ENCRYPTED, "it is encrypted")
            return
        if "__properties_version1.0" in names:
            from email_audit.documents.mail import read_mail

            read_mail(reading, data)
            return
        is_known = _read_main(reading, ole, names, data)
        for path in paths:
            reading.work.check_time()
            is_known |= _read_embedded(reading, ole, path)
        if is_known:
            _add_properties(reading, ole)
        elif paths:
            reading.gap(AttachmentStatus.UNSUPPORTED, "no reader for what this OLE file holds")


def _read_main(reading: Reading, ole: "olefile.OleFileIO", names: set[str], data: bytes) -> bool:
    from email_audit.documents import powerpoint97, spreadsheet, word97

    if "WordDocument" in names:
        word97.read_doc(reading, ole, ())
    elif "PowerPoint Document" in names:
        powerpoint97.read_ppt(reading, ole, ())
    elif names & {"Workbook", "Book"}:
        spreadsheet.add_sheets(reading, data)
        spreadsheet.add_notes(reading, _stream(ole, (next(iter(names & {"Workbook", "Book"})),)))
    else:
        return False
    return True


def _read_embedded(reading: Reading, ole: "olefile.OleFileIO", path: tuple[str, ...]) -> bool:
    """Read a stream that is a file of its own, or the main stream of an embedded document."""
    from email_audit.documents import powerpoint97, spreadsheet, word97

    name, storage = path[-1], path[:-1]
    if name == _NATIVE:
        packaged = packaged_file(_stream(ole, path)[4:])
        if packaged is not None:
            reading.nested(packaged.data, "application/octet-stream", packaged.name or "package")
        return packaged is not None
    if name in _WHOLE_FILES:
        reading.nested(_stream(ole, path), "application/octet-stream", name)
        return True
    if storage and name == "WordDocument":
        word97.read_doc(reading, ole, storage)
    elif storage and name == "PowerPoint Document":
        powerpoint97.read_ppt(reading, ole, storage)
    elif storage and name in {"Workbook", "Book"}:
        workbook = _stream(ole, path)
        spreadsheet.add_sheets(reading, compound_file("Workbook", workbook))
        spreadsheet.add_notes(reading, workbook)
    else:
        return False
    return True


def _stream(ole: "olefile.OleFileIO", path: tuple[str, ...]) -> bytes:
    with ole.openstream(list(path)) as stream:
        return bytes(stream.read())


def _add_properties(reading: Reading, ole: "olefile.OleFileIO") -> None:
    """Add title, author and the like of the summary streams (MS-OLEPS)."""
    told = ole.get_metadata()
    lines = []
    for name in _PROPERTIES:
        value = getattr(told, name)
        text = value.decode("cp1252", "replace") if isinstance(value, bytes) else value or ""
        if str(text).strip("\0 "):
            lines.append(f"{name.replace('_', ' ').capitalize()}: {str(text).strip(chr(0))}")
    reading.add("\n".join(lines))
