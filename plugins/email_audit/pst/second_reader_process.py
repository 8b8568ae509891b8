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


def items(path: str) -> Iterator[Line]:
    """Yield a line for each item in each folder, and for each that no folder lists."""
    import pypff

    file = pypff.file()
    file.open(path)
    folders = [file.get_root_folder()]
    while folders:
        folder = folders.pop()
        yield from _each(folder.get_sub_message, lambda f=folder: f.number_of_sub_messages)
        count = _number(lambda f=folder: f.number_of_sub_folders)
        for position in range(count):
            try:
                folders.append(folder.get_sub_folder(position))
            except OSError:
                yield {"error": "a folder"}
    yield from _each(file.get_orphan_item, lambda: file.number_of_orphan_items)


def _each(get: Any, count: Any) -> Iterator[Line]:
    for position in range(_number(count)):
        try:
            yield _line(get(position))
        except OSError:
            yield {"error": "an item"}


def _number(count: Any) -> int:
    try:
        return int(count())
    except OSError:
        return 0


def _line(item: Any) -> Line:
    sizes: list[int | None] = []
    for position in range(_number(lambda: getattr(item, "number_of_attachments", 0))):
        try:
            sizes.append(int(item.get_attachment(position).size))
        except OSError:
            sizes.append(None)
    return {
        "nid": int(item.identifier),
        "subject_sha256": _digest(getattr(item, "subject", None)),
        "header_sha256": _digest(getattr(item, "transport_headers", None)),
        "attachment_bytes": sizes,
    }


def _digest(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def main() -> None:
    """Print the lines."""
    try:
        for line in items(sys.argv[1]):
            sys.stdout.write(json.dumps(line) + "\n")
    except OSError as error:
        sys.stdout.write(json.dumps({"error": "the file", "reason": type(error).__name__}) + "\n")


if __name__ == "__main__":
    main()
