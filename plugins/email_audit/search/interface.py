"""What a search index of hits offers, whichever server or library keeps it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol, TypeAlias

from email_audit.messages.records import Address
from email_audit.tagging.records import Signal

INDEX_ALIAS = "email-audit-messages"

RELEVANCE = "_score"
"""The sort field that means "how well it answers the query", as Elasticsearch names it."""

UNREVIEWED = "unreviewed"
"""The review state of a hit that nobody has decided on."""

CaseIdentity = NewType("CaseIdentity", str)
"""What tells one audit from every other, and is the same in its copies and backups."""

SortValue: TypeAlias = str | float | None
"""One component of a hit's place in the order; None where the document lacks the value."""


@dataclass(frozen=True, slots=True)
class HitDocument:
    """One hit as indexed: distinct content, all its copies' custodians. Field list: fields.py.

    `id` is the content hash (64 lower-case hexadecimal digits): writing twice changes nothing.
    `date` is timezone-aware UTC or None; `date_written` the same moment by the sender's own clock,
    ISO 8601 with its zone, None where the zone is not known. `score` is the calibrated
    probability, 0..1. `sources` are the places where its copies were found. `is_answered`:
    somebody else wrote in the thread later (steps/answers.py).
    """

    id: str
    message_id: str | None
    mih: str | None
    custodians: tuple[str, ...]
    task_forces: tuple[str, ...]
    partner_agencies: tuple[str, ...]
    date: datetime | None
    date_written: str | None
    sender: Address | None
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    subject: str
    own_text: str
    quoted_text: str
    attachment_names: tuple[str, ...]
    attachment_text: str
    kinds: tuple[str, ...]
    score: float
    signals: tuple[Signal, ...]
    review_state: str
    is_answered: bool
    thread: str | None
    sources: tuple[str, ...]
    model: str


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One result: the stored document and highlights by field.

    A highlight is the matching passage with `<em>` ... `</em>` around the words; everything else
    in it is HTML-escaped. `sort` is what `search_after` of the next page takes.
    """

    document: HitDocument
    relevance: float
    highlights: dict[str, tuple[str, ...]]
    sort: tuple[SortValue, ...]


@dataclass(frozen=True, slots=True)
class SortKey:
    """Sort by a sortable field of fields.py or by `RELEVANCE`; missing values come last."""

    field: str
    descending: bool = False


BY_RELEVANCE = (SortKey(RELEVANCE, descending=True),)
"""The order when none is asked for: best answers first."""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of results and the exact number of hits of the query."""

    total: int
    hits: tuple[SearchHit, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A document that the index will not take; `reason` names kinds and fields, never a value."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class IndexChange:
    """What a write did, in documents. Of a refused document the index keeps what it had before."""

    written: int
    removed: int
    unchanged: int
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What there is: `documents` is None where there is no index.

    `is_current` says whether it was laid out by this version; `notes` are sentences for people.
    """

    place: str
    documents: int | None
    is_current: bool
    notes: tuple[str, ...] = ()


class Snapshot(Protocol):
    """The index as it is at one moment, or at each search anew where it is a `SearchIndex`."""

    def search(
        self,
        query: str,
        *,
        sort: Sequence[SortKey] = BY_RELEVANCE,
        size: int = 20,
        search_after: Sequence[SortValue] | None = None,
    ) -> SearchPage:
        """Find hits by Lucene syntax over the documented fields.

        Ties are put in the order of the documents' ids. `search_after` is the `sort` of the last
        hit of the page before; that holds while the index is unchanged, as it is in a snapshot.

        Raises:
            UserError: for a query that is not valid, naming the place; for a field that cannot
                be sorted by; when there is no index yet.
            RunError: when the index cannot be read.
        """


class SearchIndex(Snapshot, Protocol):
    """An index of one audit's hits.

    Writing is idempotent; a reader sees a whole write or nothing of it.
    """

    def synchronise(self, documents: Iterable[HitDocument]) -> IndexChange:
        """Make the index hold exactly `documents`; unchanged ones are not written again.

        Raises:
            RunError: when another run is writing, or the index cannot be written.
            UserError: when a setting is wrong, or the index holds another audit's hits.
        """

    def rebuild(self, documents: Iterable[HitDocument]) -> IndexChange:
        """Build the index anew beside the one in use, then put it in its place.

        Raises:
            RunError: as `synchronise`.
            UserError: as `synchronise`.
        """

    def remove(self, ids: Sequence[str]) -> int:
        """Take documents out, also of an index being built; give how many there were.

        Their words stay in the index's files until these are merged or the index is rebuilt.

        Raises:
            RunError: as `synchronise`.
            UserError: as `synchronise`.
        """

    def check(self) -> None:
        """Find out whether it is this audit's and will do, as far as can be told without writing.

        Raises:
            RunError: when it cannot be reached now.
            UserError: as `synchronise`.
        """

    def take_over(self, note: Callable[[CaseIdentity], None]) -> CaseIdentity | None:
        """Have another audit's index be this one's; gives which, None where it was no other's.

        `note` gets it before anything changes; where it raises, nothing does.

        Raises:
            RunError: as `synchronise`.
            UserError: when a setting is wrong.
        """

    def status(self) -> IndexStatus:
        """Say what there is, without changing it.

        Raises:
            RunError: when the index cannot be read.
        """

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Give the index as it is now, for a walk over many pages.

        Raises:
            UserError: when there is no index yet.
            RunError: when the index cannot be read.
        """

    def ids(self) -> Iterator[str]:
        """Yield the id of every document, in order."""
