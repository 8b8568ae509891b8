"""Read or tag files and folders without an audit around them (`email-audit read`, `tag`)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from email_audit.documents.extractor import loose_extractor
from email_audit.documents.limits import DocumentLimits
from email_audit.errors import UserError
from email_audit.exports import mail_files
from email_audit.messages.contract import MessageLine, as_contract
from email_audit.messages.records import Message
from email_audit.messages.threads import assign_threads, thread_keys
from email_audit.messages.unreadable import unreadable_message
from email_audit.settings import Settings
from email_audit.sources.base import Extent, ReadOptions, Unreadable
from email_audit.sources.registry import detect_source
from email_audit.steps.read import join_path, parse_found
from email_audit.steps.tag import tag_input
from email_audit.tagging.records import Tag, Tagger


@dataclass(frozen=True, slots=True)
class LooseMessage:
    """A message and where it was found."""

    source: str
    path_in_source: str
    message: Message

    def as_contract(self, thread: str) -> MessageLine:
        """Give the line of `email-audit read`."""
        return as_contract(
            self.message,
            source=self.source,
            path_in_source=self.path_in_source,
            thread=thread,
        )


def read_loose(paths: Sequence[Path]) -> Iterator[LooseMessage]:
    """Yield every message of `paths` in order; what cannot be read is yielded as unreadable.

    Raises:
        UserError: where a file or folder cannot be opened.
    """
    for path in paths:
        try:
            for file, relative in mail_files(path):
                yield from _messages(file, str(path), relative)
        except OSError as error:
            raise UserError(
                f"{error.filename or path}: cannot be read: {error.strerror or error}"
            ) from error


def threads_of(paths: Sequence[Path]) -> Iterator[str]:
    """Give the threads of what `read_loose` yields, in the same order.

    A pass of its own that keeps only keys: the messages of a large mailbox do not fit in memory,
    and the last one may join the first two.
    """
    return iter(assign_threads([thread_keys(found.message) for found in read_loose(paths)]))


def tag_loose(paths: Sequence[Path], tagger: Tagger) -> Iterator[tuple[Message, Tag]]:
    """Yield every message of `paths` with its tag, in order."""
    batch: list[Message] = []
    for found in read_loose(paths):
        batch.append(found.message)
        if len(batch) == _BATCH_MESSAGES:
            yield from _tagged(batch, tagger)
            batch = []
    yield from _tagged(batch, tagger)


_BATCH_MESSAGES = 200


def _tagged(messages: list[Message], tagger: Tagger) -> Iterator[tuple[Message, Tag]]:
    tags = tagger.tag(tag_input(message, None) for message in messages)
    return zip(messages, tags, strict=True)


def _messages(file: Path, source_path: str, relative: str) -> Iterator[LooseMessage]:
    limit = cast("int", Settings.model_fields["max_message_bytes"].default)
    options = ReadOptions(max_message_bytes=limit, extract=loose_extractor(DocumentLimits()))
    with file.open("rb") as blob:
        stream = cast("BinaryIO", blob)
        source = detect_source(stream, relative or file.name, options)
        for extent in source.extents(stream, max_items=1 << 30, max_bytes=1 << 62):
            yield from (
                LooseMessage(source_path, join_path(relative, found.path_in_source), message)
                for found in source.items(
                    stream, Extent(extent.start, extent.stop, extent.first, extent.items)
                )
                for message in [_message(parse_found(source, found))]
            )


def _message(parsed: Message | Unreadable) -> Message:
    return unreadable_message((parsed.problem,)) if isinstance(parsed, Unreadable) else parsed
