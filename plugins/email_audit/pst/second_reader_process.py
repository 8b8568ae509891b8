"""Lists a file's items with libpff: run as a process of its own, for libpff can crash.

    python -m email_audit.pst.second_reader_process FILE

One JSON line an item: its nid, the SHA-256 of its subject and header as libpff gives them, the
sizes of its attachments. A line with `error` says what could not be read.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from typing import Any

Line = dict[str, Any]
NO_FILE = "the file"


def items(path: str) -> Iterator[Line]:
    """Yield a line for each item in each folder, and for each that no folder lists."""
    import pypff

    file = pypff.file()
    file.open(path)
    folders = [file.get_root_folder()]
    while folders:
        folder = folders.pop()
        for message in _each(folder, "sub_message"):
            yield _error("an item") if message is None else _line(message)
        for below in _each(folder, "sub_folder"):
            if below is None:
                yield _error("a folder")
            else:
                folders.append(below)
    for orphan in _each(file, "orphan_item"):
        yield _error("an item") if orphan is None else _line(orphan)


def _each(parent: Any, what: str) -> Iterator[Any]:
    """Yield the parts of that name, None for each that libpff cannot read or not even count."""
    try:
        count = int(getattr(parent, f"number_of_{what}s", 0))
    except OSError:
        yield None
        return
    for position in range(count):
        try:
            yield getattr(parent, f"get_{what}")(position)
        except OSError:
            yield None


def _error(what: str) -> Line:
    return {"error": what}


def _line(item: Any) -> Line:
    sizes = [None if part is None else _size(part) for part in _each(item, "attachment")]
    return {
        "nid": int(item.identifier),
        "subject_sha256": _digest(getattr(item, "subject", None)),
        "header_sha256": _digest(getattr(item, "transport_headers", None)),
        "attachment_bytes": sizes,
    }


def _size(attachment: Any) -> int | None:
    try:
        return int(attachment.size)
    except OSError:
        return None


def _digest(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def main() -> None:
    """Print the lines."""
    try:
        for line in items(sys.argv[1]):
            sys.stdout.write(json.dumps(line) + "\n")
    except OSError:
        sys.stdout.write(json.dumps(_error(NO_FILE)) + "\n")


if __name__ == "__main__":
    main()
