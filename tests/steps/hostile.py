"""A source that dies, hangs or fails where a message tells it to; imported by reading processes."""

import io
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from email_audit.messages.records import Message, Problem
from email_audit.sources.base import Extent, FoundItem, ReadOptions, Source, Unreadable
from email_audit.sources.mbox import MboxSource


class HostileSource(MboxSource):
    """An mbox whose messages say in their subject what they do to their reader."""

    def items(self, blob: BinaryIO, extent: Extent) -> Iterator[FoundItem | Unreadable]:
        for found in super().items(blob, extent):
            if isinstance(found, FoundItem):
                act(found.original, "in the container")
            yield found

    def extents(self, blob: BinaryIO, *, max_items: int, max_bytes: int) -> Iterator[Extent]:
        act(blob.read(), "in the structure")
        yield from super().extents(blob, max_items=max_items, max_bytes=max_bytes)

    def parse(self, item: FoundItem) -> Message:
        act(item.original, "in the message")
        return super().parse(item)


def act(text: bytes, where: str) -> None:
    place = where.encode()
    if b"Subject: die " + place in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if b"Subject: die once " + place in text:
        marker = Path(text.partition(b"\n\n")[2].split()[0].decode())
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    while b"Subject: hang " + place in text:
        pass
    if b"Subject: fail " + place in text:
        raise ZeroDivisionError
    if b"Subject: eat " + place in text:
        hoard = [b""]
        while True:
            hoard.append(bytes(64 << 20))


@dataclass(frozen=True)
class HostilePlace:
    """Such an mbox in memory."""

    content: bytes
    problem: Problem | None = None

    @contextmanager
    def open(self) -> Iterator[tuple[Source, BinaryIO]]:
        yield HostileSource(ReadOptions(max_message_bytes=1 << 20)), io.BytesIO(self.content)


def subject_or_reason(message: Message | Unreadable) -> str:
    if isinstance(message, Unreadable):
        return f"{message.problem.code}: {message.problem.detail}"
    return " ".join((message.subject, *(problem.code for problem in message.problems)))
