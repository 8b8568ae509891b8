"""Real mail of other people, for learning and measuring what everyday mail looks like.

EMAIL_AUDIT_TRAINING_MAIL names files or archives of mail, separated as PATH is. Every message in
them is taken for a non-hit: no person read them all. Whole senders are kept apart, by a hash of the
address, and a message whose content a part before has does not count in a later one.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from corpus import PARTS
from email_audit.messages.records import Message
from email_audit.steps.loose import read_loose
from email_audit.steps.tag import tag_input
from email_audit.tagging.learning.labels import Labelled

VARIABLE = "EMAIL_AUDIT_TRAINING_MAIL"
_SHARES = {"train": 60, "dev": 15, "test": 25}
"""Of the senders, in hundredths."""
_WRITER = "mail"
_WRITERS = 4


def background(files: Iterable[Path] | None = None) -> dict[str, list[Labelled]]:
    """Give the non-hits of each part, from the files or else those the environment names."""
    if files is None:
        files = [Path(name) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]
    distinct: dict[str, dict[str, Message]] = {part: {} for part in PARTS}
    for path in files:
        for found in read_loose([path]):
            message = found.message
            distinct[_part(message)].setdefault(message.content_sha256, message)
    parts: dict[str, list[Labelled]] = {}
    seen: set[str] = set()
    for part in PARTS:
        new = [message for key, message in distinct[part].items() if key not in seen]
        seen |= distinct[part].keys()
        parts[part] = [_labelled(message) for message in new]
    return parts


def is_real(labelled: Labelled) -> bool:
    """Say whether a message is real mail, not the corpus's."""
    return labelled.writer.startswith(_WRITER)


def _part(message: Message) -> str:
    place = _number(message, "part") % 100
    for part, share in _SHARES.items():
        if place < share:
            return part
        place -= share
    raise AssertionError("the shares make a hundred")


def _labelled(message: Message) -> Labelled:
    writer = f"{_WRITER}{_number(message, 'writer') % _WRITERS}"
    return Labelled(
        id=f"{writer}-{message.content_sha256}",
        writer=writer,
        group=f"{writer}/{_sender(message)}",
        message=tag_input(message, None),
        enforcement=False,
        kinds=(),
        is_hard=False,
        language="en",
    )


def _number(message: Message, purpose: str) -> int:
    digest = hashlib.sha256(f"{purpose} {_sender(message)}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:4])


def _sender(message: Message) -> str:
    return message.sender.address.lower() if message.sender else ""
