"""TNEF files: winmail.dat saved by itself (MS-OXTNEF)."""

from typing import ClassVar

from email_audit.sources.mapi_file import MapiFileSource
from email_audit.tnef.properties import TnefError
from email_audit.tnef.reader import SIGNATURE, read_tnef


class TnefSource(MapiFileSource):
    """One item a file."""

    name = "tnef"
    refusal: ClassVar[type[Exception]] = TnefError
    read = staticmethod(read_tnef)

    @classmethod
    def recognises(cls, head: bytes, filename: str) -> bool:  # noqa: ARG003 - bytes decide
        """Take what begins with TNEF's signature."""
        return head.startswith(SIGNATURE)
