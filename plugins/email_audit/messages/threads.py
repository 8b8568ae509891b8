"""Which messages belong to one conversation: by reference headers, with a guarded subject fallback.

Works on 64-bit keys (hashes of identifiers, subjects and addresses) in arrays, so that a hundred
thousand messages take a few megabytes and no word of mail is needed to recompute threads.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from email_audit.messages.records import Message

SUBJECT_WINDOW = timedelta(days=30)
"""How far back the subject fallback looks."""

_REPLY_PREFIX = re.compile(
    r"^\s*(?:(?:re|aw|sv|antw|ref|rif|vs|odp|fwd?|fw|wg|rv|tr|i|enc)\s*(?:\[\d+\])?\s*[:\uff1a]\s*)+",
    re.IGNORECASE,
)
_LIST_TAG = re.compile(r"^\s*(?:\[[^\]]{1,40}\]\s*)+")
_MINIMUM_SUBJECT_CHARACTERS = 6
_GENERIC_SUBJECTS = frozenset(
    {
        "follow up",
        "following up",
        "meeting",
        "no subject",
        "(no subject)",
        "question",
        "quick question",
        "reminder",
        "request",
        "thank you",
        "thanks",
        "tomorrow",
        "update",
        "urgent",
    }
)
"""Subjects that unrelated conversations share; they never join messages by themselves."""


@dataclass(frozen=True, slots=True)
class ThreadKeys:
    """What threads are made from, for one message. Keys are signed 64-bit.

    `references` are the keys of References and In-Reply-To; `parent` is the one it answers
    (the last of References, else In-Reply-To). `subject` is None where it is too short or too
    common to join anything. `participants` are sender and recipients.
    """

    message: int | None
    content: int
    references: tuple[int, ...]
    parent: int | None
    subject: int | None
    is_reply: bool
    sender: int | None
    participants: tuple[int, ...]
    sent: datetime | None


def key_of(text: str) -> int:
    """Hash a text to a signed 64-bit key (the first 8 bytes of its SHA-256)."""
    return int.from_bytes(
        hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()[:8], "big", signed=True
    )


def thread_keys(message: Message) -> ThreadKeys:
    """Reduce a message to its thread keys."""
    references = tuple(dict.fromkeys((*message.references, *message.in_reply_to)))
    parent = (
        message.in_reply_to[0]
        if message.in_reply_to
        else (message.references[-1] if message.references else None)
    )
    stem, is_reply = split_reply_prefix(message.subject)
    people = [message.sender, *message.to, *message.cc, *message.bcc]
    addresses = dict.fromkeys(
        (person.address or person.name).lower() for person in people if person is not None
    )
    return ThreadKeys(
        message=None if message.message_id is None else key_of(message.message_id),
        content=key_of(message.content_sha256),
        references=tuple(key_of(reference) for reference in references),
        parent=None if parent is None else key_of(parent),
        subject=key_of(stem) if _joins(stem) else None,
        is_reply=is_reply,
        sender=None
        if message.sender is None
        else key_of((message.sender.address or message.sender.name).lower()),
        participants=tuple(key_of(address) for address in addresses),
        sent=message.date,
    )


def split_reply_prefix(subject: str) -> tuple[str, bool]:
    """Give the subject without reply, forward and list prefixes, folded, and whether it had one.

    A list tag such as "[unit-7]" alone does not make a reply.
    """
    rest, is_reply = subject, False
    while True:
        tag = _LIST_TAG.match(rest)
        prefix = _REPLY_PREFIX.match(rest)
        if prefix:
            rest, is_reply = rest[prefix.end() :], True
        elif tag:
            rest = rest[tag.end() :]
        else:
            return " ".join(rest.split()).casefold(), is_reply


def assign_threads(messages: Sequence[ThreadKeys]) -> list[str]:
    """Give each message the name of its thread: 16 hexadecimal digits.

    The name is the smallest key in the thread's connected component, so it does not depend on the
    order in which messages were read; mail acquired later may merge threads and so rename one.
    Copies with equal content are in one thread even where one of them lost its headers.
    """
    edges: list[tuple[int, int]] = []
    own: list[int] = []
    for keys in messages:
        node = keys.content if keys.message is None else keys.message
        own.append(node)
        edges.append((node, keys.content))
        edges.extend((node, reference) for reference in keys.references)
    edges.extend(_subject_edges(messages, own))
    if not own:
        return []
    nodes, flat = np.unique(np.array(edges, dtype=np.int64), return_inverse=True)
    labels = _components(len(nodes), flat.reshape(-1, 2))
    positions = np.searchsorted(nodes, np.array(own, dtype=np.int64))
    smallest = nodes[labels[positions]].astype(np.uint64)
    return [f"{name:016x}" for name in smallest.tolist()]


def _joins(stem: str) -> bool:
    return len(stem) >= _MINIMUM_SUBJECT_CHARACTERS and stem not in _GENERIC_SUBJECTS


def _components(count: int, edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Label each node with the smallest node it is connected to (label propagation)."""
    labels = np.arange(count, dtype=np.int64)
    left, right = edges[:, 0], edges[:, 1]
    while True:
        smaller = np.minimum(labels[left], labels[right])
        updated = labels.copy()
        np.minimum.at(updated, labels[left], smaller)
        np.minimum.at(updated, labels[right], smaller)
        np.minimum.at(updated, left, smaller)
        np.minimum.at(updated, right, smaller)
        updated = updated[updated]
        if np.array_equal(updated, labels):
            return labels
        labels = updated


def _subject_edges(messages: Sequence[ThreadKeys], own: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Join a reply that names no message to the latest one it can answer.

    It must have a reply prefix, a telling subject, and follow within `SUBJECT_WINDOW` a message of
    the same subject whose sender it is addressed to, or that its own sender received.
    """
    by_subject: dict[int, list[int]] = {}
    for position, keys in enumerate(messages):
        if keys.subject is not None and keys.sent is not None:
            by_subject.setdefault(keys.subject, []).append(position)
    for positions in by_subject.values():
        if len(positions) < 2:
            continue
        positions.sort(key=lambda position: (messages[position].sent, own[position]))
        for rank, position in enumerate(positions):
            keys = messages[position]
            if keys.references or not keys.is_reply:
                continue
            for earlier in reversed(positions[:rank]):
                before = messages[earlier]
                if keys.sent - before.sent > SUBJECT_WINDOW:  # type: ignore[operator]
                    break
                if before.sender in keys.participants and keys.sender in before.participants:
                    yield own[position], own[earlier]
                    break
