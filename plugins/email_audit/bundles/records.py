"""What a case bundle is made from; the caller reads it from database and evidence store."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from email_audit.messages.records import Message
from email_audit.tagging.records import Tag

BUNDLE_FORMAT = "email-audit bundle 1"
"""Written into bundle.json; another number means another layout."""

DEFINITION = (
    "Immigration enforcement as defined in New York City Administrative Code section 10-178(a), "
    "Local Law 228 of 2017: the enforcement of any civil provision of the Immigration and "
    "Nationality Act, and of any provision of that act that penalizes a person's presence in, "
    "entry into, or reentry into the United States."
)
"""The version of the law by which messages were judged. The law moves: a bundle says which text."""

_SUFFIX = re.compile(r"(?:\.[a-z0-9-]{1,20})?")


@dataclass(frozen=True, slots=True)
class CopyOf:
    """One place where the message was found.

    `source` is the export's path below the mail folder, `path_in_source` where in it the message
    lies. `start` and `stop` are positions in the evidence with that SHA-256, as the source counts
    them (bytes for mbox and single messages). `acquired_at` is timezone-aware.
    """

    custodian: str
    custodian_name: str
    source: str
    path_in_source: str
    evidence_sha256: str
    start: int
    stop: int
    acquired_at: datetime


@dataclass(frozen=True, slots=True)
class BundleMessage:
    """One distinct message of the case, its bytes and where they come from.

    `original` is the message as RFC 5322 bytes as transmitted; `source_bytes` are the very bytes of
    the container's stretch it was read from, or `original` again where the container holds it in
    pieces (PST); `source_suffix` names their form (`.mbox-item`).
    `number` starts at 1 and names the message everywhere in the bundle.
    """

    number: int
    message: Message
    original: bytes
    source_bytes: bytes
    source_suffix: str
    copies: tuple[CopyOf, ...]
    tag: Tag
    model: str
    thread: str | None

    def __post_init__(self) -> None:
        if self.number < 1:
            raise ValueError(f"message number {self.number}: numbers start at 1")
        if not _SUFFIX.fullmatch(self.source_suffix):
            raise ValueError(f"source suffix {self.source_suffix!r}: not like '.mbox-item'")

    @property
    def label(self) -> str:
        """The number as file names carry it: four digits, more where needed."""
        return f"{self.number:04d}"

    @property
    def eml_path(self) -> str:
        """Where the message lies in the bundle."""
        return f"originals/{self.label}.eml"

    @property
    def source_path(self) -> str:
        """Where the bytes of the container lie in the bundle; never the name of the message."""
        return f"originals/{self.label}.source{self.source_suffix}"

    @property
    def page_path(self) -> str:
        """Where the readable page lies in the bundle."""
        return f"readable/{self.label}.html"

    @property
    def custodians(self) -> tuple[str, ...]:
        """Each custodian once, in order of the copies, as `name (officer id)`."""
        return tuple(
            dict.fromkeys(f"{copy.custodian_name} ({copy.custodian})" for copy in self.copies)
        )


@dataclass(frozen=True, slots=True)
class CaseOfficer:
    """One assignment of one officer; the days are inclusive, None is an open end."""

    custodian: str
    name: str
    rank: str
    task_force: str
    partner_agency: str
    assigned_from: date | None
    assigned_to: date | None


@dataclass(frozen=True, slots=True)
class RunTotals:
    """The ledger's totals over all acquisitions of the run, in copies found."""

    declared: int
    found: int
    hits: int
    non_hits: int
    duplicates: int
    out_of_scope: int
    unreadable: int


@dataclass(frozen=True, slots=True)
class BundleCase:
    """What the bundle says about the case as a whole.

    `created_at` is timezone-aware UTC and is the only time in a bundle that is not the mail's or
    the log's own: equal inputs give equal bytes. `tool_version` and `model_version` hold name and
    version. `scope` says in words what was searched and selected; `time_zone` is the IANA name of
    the roster's zone, used for local times.
    """

    name: str
    created_at: datetime
    tool_version: str
    model_version: str
    officers: tuple[CaseOfficer, ...]
    scope: str
    totals: RunTotals
    time_zone: str = "America/New_York"

    def __post_init__(self) -> None:
        if self.created_at.tzinfo is None:
            raise ValueError("created_at has no time zone")


@dataclass(frozen=True, slots=True)
class BundleSummary:
    """What was written. `files` counts all but the manifest, as the manifest does."""

    folder: Path
    messages: int
    files: int
    manifest_sha256: str
