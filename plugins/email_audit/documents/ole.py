"""OLE compound files (MS-CFB) by what they hold: DOC, XLS, PPT, MSG, packages, encrypted OOXML."""

from email_audit.documents.packager import packaged_file
from email_audit.documents.reading import Reading
from email_audit.documents.storage import Storage, root_storage
from email_audit.documents.summary import summary_text
from email_audit.messages.records import AttachmentStatus
from email_audit.msg.compound_writer import Folder, write_compound

_NATIVE = "\x01Ole10Native"
_WHOLE_FILES = ("Package", "CONTENTS", "EmbeddedOdf")
_WORKBOOKS = ("Workbook", "Book")


def read_ole(reading: Reading, data: bytes) -> None:
    """Read a compound file by the streams in it, and whatever is embedded in them."""
    root = root_storage(reading, data)
    names = root.stream_names
    if "EncryptedPackage" in names or "EncryptionInfo" in names:
        reading.gap(AttachmentStatus.ENCRYPTED, "it is encrypted")
        return
    if "__properties_version1.0" in names:
        from email_audit.documents.mail import read_mail

        read_mail(reading, data)
        return
    is_known = _read_document(root, data)
    is_known |= _read_files(root)
    is_empty = not names
    for storage in root.inner():
        reading.work.check_time()
        is_empty &= not storage.stream_names
        is_known |= _read_document(storage)
        is_known |= _read_files(storage)
    if is_known:
        reading.add(summary_text(root))
    elif not is_empty:
        reading.gap(AttachmentStatus.UNSUPPORTED, "no reader for what this OLE file holds")


def _read_document(storage: Storage, data: bytes = b"") -> bool:
    """Read the document whose main stream lies in a storage; `data` is the file, if that is all."""
    from email_audit.documents import powerpoint97, spreadsheet, word97

    names = storage.stream_names
    if "WordDocument" in names:
        word97.read_doc(storage)
    elif "PowerPoint Document" in names:
        powerpoint97.read_ppt(storage)
    elif found := [name for name in _WORKBOOKS if name in names]:
        workbook = storage.stream(found[0])
        # The library takes whole files only.
        spreadsheet.add_sheets(
            storage.reading, data or write_compound(Folder({"Workbook": workbook}))
        )
        spreadsheet.add_notes(storage.reading, workbook)
    else:
        return False
    return True


def _read_files(storage: Storage) -> bool:
    """Read the streams that are files of their own."""
    is_known = False
    for name in storage.stream_names:
        if name in _WHOLE_FILES:
            storage.reading.nested(storage.stream(name), "application/octet-stream", name)
            is_known = True
        elif name == _NATIVE:
            packaged = packaged_file(storage.stream(name)[4:])
            if packaged is not None:
                storage.reading.nested(
                    packaged.data, "application/octet-stream", packaged.name or "package"
                )
                is_known = True
    return is_known
