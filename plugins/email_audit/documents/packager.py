"""The file in an OLE package, as Windows' Object Packager wraps it (stream Ole10Native)."""

import struct
from typing import NamedTuple


class Packaged(NamedTuple):
    """A wrapped file and its name."""

    name: str
    data: bytes


def packaged_file(native: bytes) -> Packaged | None:
    """Unwrap: flags, label, path, ..., temporary path, length, content; None where it is not so.

    The layout is no part of MS-OLEDS (its 2.3.6 leaves the data to the application); it is
    described by the readers of many forensic tools.
    """
    try:
        label_end = native.index(b"\0", 2)
        path_end = native.index(b"\0", label_end + 1)
        # Two words, then the temporary path with its length before it.
        (length,) = struct.unpack_from("<I", native, path_end + 5)
        start = path_end + 9 + length
        (size,) = struct.unpack_from("<I", native, start)
    except (ValueError, struct.error):
        return None
    data = native[start + 4 : start + 4 + size]
    name = native[2:label_end].decode("cp1252", "replace")
    return Packaged(name.replace("\\", "/").rpartition("/")[2], data) if data else None
