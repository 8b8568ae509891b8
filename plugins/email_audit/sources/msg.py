"""Outlook's MSG files (MS-OXMSG)."""

from typing import ClassVar

from email_audit.msg.compound import MAGIC, CompoundError
from email_audit.msg.reader import read_msg
from email_audit.sources.mapi_file import MapiFileSource

_PROPERTIES_NAME = "__properties_version1.0".encode("utf-16-le")
_SUFFIXES = (".msg", ".oft")


class MsgSource(MapiFileSource):
    """One item a file."""

    name = "msg"
    refusal: ClassVar[type[Exception]] = CompoundError
    read = staticmethod(read_msg)

    @classmethod
    def recognises(cls, head: bytes, filename: str) -> bool:
        """Take a compound file whose directory names a property stream, or one called `.msg`.

        Word and Excel files are compound files too; the directory may lie beyond the head.
        """
        if not head.startswith(MAGIC):
            return False
        return _PROPERTIES_NAME in head or filename.lower().endswith(_SUFFIXES)
