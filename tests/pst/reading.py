"""Reads files whole for tests, and makes items comparable."""

import io
from pathlib import Path
from typing import Any

from email_audit.mapi.records import MapiItem
from email_audit.messages.records import LOSSY_PROBLEMS, Problem
from email_audit.pst.file import PstFile, ReadMessage

LIMIT = 1 << 28


def opened(content: bytes, *, max_item_bytes: int = LIMIT, max_depth: int = 60) -> PstFile:
    return PstFile(io.BytesIO(content), max_item_bytes=max_item_bytes, max_depth=max_depth)


def read_all(content: bytes) -> dict[int, ReadMessage]:
    file = opened(content)
    return {node.nid: file.read(node) for node in file.messages()}


def items_of(content: bytes) -> dict[int, MapiItem]:
    return {nid: read.item for nid, read in read_all(content).items() if read.item is not None}


def content_of(item: MapiItem) -> Any:
    """Give everything in an item but what is said about its damage."""
    return (
        dict(item.properties),
        dict(item.named),
        [dict(row) for row in item.recipients],
        [
            (dict(part.properties), part.data, part.item and content_of(part.item))
            for part in item.attachments
        ],
    )


def lossy(item: MapiItem) -> list[Problem]:
    return [problem for problem in item.problems if problem.code in LOSSY_PROBLEMS]


def embedded(item: MapiItem) -> int:
    inner = [part.item for part in item.attachments if part.item is not None]
    return len(inner) + sum(map(embedded, inner))


def attachments(item: MapiItem) -> int:
    inner = [part.item for part in item.attachments if part.item is not None]
    return len(item.attachments) + sum(map(attachments, inner))


def samples(shared: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted((shared / "pst").rglob("*.?st"))}
