"""The custody log's entries and their hash chain (the table that keeps them is in `ledger`).

Each entry's hash covers its own fields and the hash of the entry before it, so that an entry that
was changed, removed or put in between is noticed by whoever recomputes the chain. A chain without
a key cannot show that its owner rewrote all of it, nor that entries at its end were cut off:
write the last hash down somewhere else (report, letter, timestamp). ISO/IEC 27037 asks for who,
when, where and why of every access; `actor`, `at`, `subject` and `action` answer that.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class CustodyEntry:
    """One act: `at` is UTC ISO 8601, `subject` what it was done to, `details` JSON values only."""

    seq: int
    at: str
    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]
    previous_hash: str
    hash: str

    def as_json(self) -> dict[str, Any]:
        """Give the entry as the JSON object written to custody.jsonl."""
        return {
            "seq": self.seq,
            "at": self.at,
            "actor": self.actor,
            "action": self.action,
            "subject": self.subject,
            "details": dict(self.details),
            "previous_hash": self.previous_hash,
            "hash": self.hash,
        }


def entry_hash(entry: Mapping[str, Any]) -> str:
    """Hash an entry's JSON object without its `hash` key.

    SHA-256 over the object serialised with sorted keys, no spaces and ASCII escapes, in UTF-8.
    """
    unsigned = {key: value for key, value in entry.items() if key != "hash"}
    text = json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def next_entry(
    previous: CustodyEntry | None,
    *,
    at: str,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, Any],
) -> CustodyEntry:
    """Make the entry that follows `previous` (None: the first of its log)."""
    unsigned: dict[str, Any] = {
        "seq": 1 if previous is None else previous.seq + 1,
        "at": at,
        "actor": actor,
        "action": action,
        "subject": subject,
        "details": dict(details),
        "previous_hash": GENESIS if previous is None else previous.hash,
    }
    return CustodyEntry(**unsigned, hash=entry_hash(unsigned))


def chain_faults(entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a sentence for every place where the chain of `entries` does not hold."""
    expected_seq, previous_hash = 1, GENESIS
    for entry in entries:
        if entry["seq"] != expected_seq:
            yield f"entry {entry['seq']}: number {expected_seq} was expected here"
        if entry["previous_hash"] != previous_hash:
            yield f"entry {entry['seq']}: does not follow from the entry before it"
        if entry_hash(entry) != entry["hash"]:
            yield f"entry {entry['seq']}: was changed after it was written"
        expected_seq, previous_hash = entry["seq"] + 1, entry["hash"]
