"""Writes hits to an Elasticsearch server: in bulk, idempotently, resumably, one writer at a time.

A document's id is its content's hash and its `fingerprint` the hash of its source, so that what
is there already is left alone, also after a run that was killed half-way. What a run writes is
not visible before the refresh at its end; then the server's count must be the one that was written.
"""

import hashlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from elasticsearch import Elasticsearch

from email_audit.errors import RunError, UserError
from email_audit.search.elasticsearch.bulk import BulkSender, Operation
from email_audit.search.elasticsearch.connection import check_version
from email_audit.search.elasticsearch.contents import Contents, IdArray, id_array
from email_audit.search.elasticsearch.generations import Generation, Generations, Layout
from email_audit.search.elasticsearch.lock import LEASE_S, WriterLock, holder_of
from email_audit.search.elasticsearch.ownership import (
    claim,
    other_owner,
    replace_owner,
    require_own,
)
from email_audit.search.elasticsearch.patience import Patience
from email_audit.search.interface import (
    CaseIdentity,
    HitDocument,
    IndexChange,
    IndexStatus,
    Refusal,
)

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")

_REQUESTS_AT_ONCE = 3
_DOCUMENTS_A_REQUEST = 1000
_BYTES_A_REQUEST = 5 << 20
_REFUSALS_AT_MOST = 10_000


@dataclass
class _Account:
    """What a write has done so far."""

    ids: bytearray = field(default_factory=bytearray)
    written: int = 0
    unchanged: int = 0
    known: int = 0
    refused: list[Refusal] = field(default_factory=list)
    refused_new: int = 0

    def add(self, part: "_Part") -> None:
        self.written += part.written
        self.unchanged += part.unchanged
        self.known += part.known
        self.refused += part.refused
        self.refused_new += part.refused_new
        if len(self.refused) > _REFUSALS_AT_MOST:
            raise RunError(
                f"Elasticsearch refuses too many documents ({len(self.refused)} so far, the last "
                f"one because of {self.refused[-1].reason}); what it took is kept"
            )


@dataclass(frozen=True, slots=True)
class _Part:
    """What became of one request's documents; `known` are those that the index had."""

    written: int
    unchanged: int
    known: int
    refused: tuple[Refusal, ...]
    refused_new: int


class Writer:
    """Writes behind one alias the hits of one audit.

    `setup` is the client that may make indices and move aliases. `identity` is the audit's; None
    for one that only asks for the status.
    """

    def __init__(
        self,
        client: Elasticsearch,
        setup: Elasticsearch,
        *,
        alias: str,
        identity: CaseIdentity | None,
        layout: Layout,
        patience: Patience,
        lease_s: float = LEASE_S,
    ) -> None:
        self._client = client
        self._setup = setup
        self._alias = alias
        self._identity = identity
        self._layout = layout
        self._patience = patience
        self._lease_s = lease_s
        self._generations = Generations(client, setup, alias, patience)

    def synchronise(self, documents: Iterable[HitDocument]) -> IndexChange:
        """Make the index behind the alias hold exactly `documents` (each id once).

        Where there is none of this generation, one is built beside; the alias then switches to it.

        Raises:
            RunError: when another run is writing, or the server stays out of reach; what it
                confirmed is kept and not sent again.
            UserError: where a setting is wrong, a privilege missing, or the index another audit's.
        """
        return self._write(documents, is_anew=False)

    def rebuild(self, documents: Iterable[HitDocument]) -> IndexChange:
        """Build an index of `documents` beside the one in use, then switch the alias to it.

        Raises:
            RunError: as `synchronise`.
            UserError: as `synchronise`.
        """
        return self._write(documents, is_anew=True)

    def remove(self, ids: Sequence[str]) -> int:
        """Delete documents from every index of the alias; give how many there were.

        No search finds them from then on. Elasticsearch keeps deleted words in its files until
        it merges these; a rebuild drops the files.

        Raises:
            RunError: as `synchronise`.
            UserError: as `synchronise`.
        """
        with self._lock() as lock:
            generations = self._generations.listed()
            present: set[str] = set()
            for known in generations:
                contents = self._contents(known.name)
                there = contents.present(ids)
                present |= there
                if there:
                    sender = self._sender(known.name, lock)
                    _refuse_none(sender.send([Operation(one, None) for one in there]))
                    contents.refresh()
        return len(present)

    def check(self) -> None:
        """Find out that the alias can be written behind, as far as looking tells.

        Raises:
            RunError: where the server cannot be reached.
            UserError: where a setting is wrong, or the index another audit's.
        """
        self._check_version()
        self._generations.listed()
        self._own(require_own)

    def take_over(self, note: Callable[[CaseIdentity], None]) -> CaseIdentity | None:
        """Have another audit's alias be this one's; see `SearchIndex.take_over`.

        Raises:
            RunError: as `synchronise`.
            UserError: where a setting is wrong or a privilege missing.
        """
        self._check_version()
        with self._new_lock() as lock:
            other = self._own(other_owner)
            if other is not None:
                note(other)
                lock.check()
                self._own(replace_owner)
        return other

    def status(self) -> IndexStatus:
        """Say what there is behind the alias and beside it.

        Raises:
            RunError: where the server cannot be reached.
            UserError: where a setting is wrong.
        """
        self._check_version()
        generations = self._generations.listed()
        live = next((known for known in reversed(generations) if known.is_live), None)
        notes = [
            f"{known.name}: not in use, of a rebuild that was not finished or is in progress"
            for known in generations
            if not known.is_live
        ]
        holder = self._patience.call(
            "reading the index's lock", lambda: holder_of(self._client, self._alias)
        )
        if holder is not None:
            notes.append(f"locked for writing by {holder}")
        place = f"{self._patience.url} {self._alias}"
        if live is None:
            return IndexStatus(place, None, is_current=False, notes=tuple(notes))
        is_current = live.generation == self._layout.generation
        state = "" if is_current else ", of another version: the next `index` builds it anew"
        notes.insert(0, f"{live.name}: in use{state}")
        return IndexStatus(place, self._contents(live.name).count(), is_current, tuple(notes))

    def _check_version(self) -> None:
        self._patience.call(
            "asking for the version", lambda: check_version(self._client, self._patience.url)
        )

    @contextmanager
    def _lock(self) -> Iterator[WriterLock]:
        self._check_version()
        self._own(require_own)  # before another audit's lock is waited for
        with self._new_lock() as lock:
            self._own(claim)
            yield lock

    def _new_lock(self) -> WriterLock:
        return WriterLock(
            self._client, self._setup, self._alias, self._patience, lease_s=self._lease_s
        )

    def _own(self, act: Callable[[Elasticsearch, str, CaseIdentity], _Result]) -> _Result:
        """Ask or note whose the alias is."""
        identity = self._identity
        assert identity is not None, "opened to read only"
        return self._patience.call(
            "looking whose index it is", lambda: act(self._client, self._alias, identity)
        )

    def _write(self, documents: Iterable[HitDocument], *, is_anew: bool) -> IndexChange:
        with self._lock() as lock:
            target = self._target(is_anew=is_anew)
            # What a killed run wrote would else become visible at the end, uncompared with what is
            # to be there. So it shows from now on, also in the index in use, until it is corrected.
            self._contents(target.name).refresh()
            before = self._contents(target.name).count()
            account = self._fill(target.name, documents, lock, is_empty=not before)
            removed = self._settle(target.name, account, before, lock)
            if not target.is_live:
                lock.check()
                self._generations.switch(target)
            self._drop_others(target, lock)
        return IndexChange(account.written, removed, account.unchanged, tuple(account.refused))

    def _drop_others(self, target: Generation, lock: WriterLock) -> None:
        try:
            self._generations.drop_others(target, lock.check)
        except (UserError, RunError) as error:
            # The write itself is done; the next one that has the privileges will drop them.
            log.warning("indices beside %s are left: %s", target.name, error)

    def _target(self, *, is_anew: bool) -> Generation:
        """Give the index to write to: the one in use, one left half-built, or a new one."""
        generations = self._generations.listed()
        ours = [known for known in generations if known.generation == self._layout.generation]
        if not is_anew:
            for known in reversed(ours):
                if known.is_live:
                    return known
        newest_live = max((known.number for known in generations if known.is_live), default=0)
        if ours and ours[-1].number > newest_live:
            log.info("going on with index %s, which an earlier run began", ours[-1].name)
            return ours[-1]
        return self._generations.create(self._layout)

    def _fill(
        self, index: str, documents: Iterable[HitDocument], lock: WriterLock, *, is_empty: bool
    ) -> _Account:
        """Write what is new or changed, some requests at once.

        One thread makes the documents; it waits where all requests are under way, so that memory
        is bounded and a busy server slows the run down instead of filling it up.
        """
        account = _Account()
        patience = replace(self._patience, stopped=threading.Event())
        sender = self._sender(index, lock, patience)
        contents = None if is_empty else Contents(self._client, index, patience)
        running: deque[Future[_Part]] = deque()
        pool = ThreadPoolExecutor(_REQUESTS_AT_ONCE, thread_name_prefix="index")
        try:
            for batch in self._batches(documents, account):
                lock.check()
                if len(running) == _REQUESTS_AT_ONCE:
                    account.add(running.popleft().result())
                running.append(pool.submit(_put, sender, contents, batch))
            while running:
                account.add(running.popleft().result())
        except BaseException:
            patience.stopped.set()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        return account

    def _batches(
        self, documents: Iterable[HitDocument], account: _Account
    ) -> Iterator[list["_Prepared"]]:
        batch: list[_Prepared] = []
        size = 0
        for document in documents:
            prepared = _prepare(document.id, self._layout.source(document))
            account.ids += bytes.fromhex(document.id)
            length = len(prepared.source)
            if batch and (len(batch) == _DOCUMENTS_A_REQUEST or size + length > _BYTES_A_REQUEST):
                yield batch
                batch, size = [], 0
            batch.append(prepared)
            size += length
        if batch:
            yield batch

    def _settle(self, index: str, account: _Account, before: int, lock: WriterLock) -> int:
        """Delete what is no hit, make the write visible, and check that the index is complete.

        Raises:
            RunError: where documents are missing after all.
        """
        ids, contents = id_array(account.ids), self._contents(index)
        has_others = before > account.known
        removed = self._delete_others(contents, index, ids, lock) if has_others else 0
        contents.refresh()
        expected = len(ids) - account.refused_new
        if (count := contents.count()) != expected:
            # A request of a run that lost its lock may have arrived after the look at the start.
            removed += self._delete_others(contents, index, ids, lock)
            contents.refresh()
            count = contents.count()
        if count != expected:
            raise RunError(
                f"{self._patience.url}: index {index} holds {count} documents where {expected} "
                "were written; run again"
            )
        return removed

    def _delete_others(self, contents: Contents, index: str, ids: IdArray, lock: WriterLock) -> int:
        removed = 0
        for stale in contents.others(ids):
            _refuse_none(self._sender(index, lock).send([Operation(one, None) for one in stale]))
            removed += len(stale)
        return removed

    def _contents(self, index: str) -> Contents:
        return Contents(self._client, index, self._patience)

    def _sender(self, index: str, lock: WriterLock, patience: Patience | None = None) -> BulkSender:
        return BulkSender(self._client, index, patience or self._patience, lock.confirm)


@dataclass(frozen=True, slots=True)
class _Prepared:
    id: str
    fingerprint: str
    source: bytes


def _prepare(document_id: str, source: bytes) -> _Prepared:
    fingerprint = hashlib.sha256(source).hexdigest()
    with_it = b'%b,"fingerprint":"%b"}' % (source[:-1], fingerprint.encode("ascii"))
    return _Prepared(document_id, fingerprint, with_it)


def _put(
    sender: BulkSender,
    contents: Contents | None,
    batch: Sequence[_Prepared],
) -> _Part:
    """Write those of a batch that the index has not, or not so."""
    there = contents.fingerprints([prepared.id for prepared in batch]) if contents else {}
    changed = [
        Operation(prepared.id, prepared.source)
        for prepared in batch
        if there.get(prepared.id) != prepared.fingerprint
    ]
    refused = sender.send(changed) if changed else ()
    return _Part(
        written=len(changed) - len(refused),
        unchanged=len(batch) - len(changed),
        known=len(there),
        refused=refused,
        refused_new=sum(refusal.id not in there for refusal in refused),
    )


def _refuse_none(refusals: Sequence[Refusal]) -> None:
    if refusals:
        raise RunError(
            f"Elasticsearch refuses to delete {len(refusals)} documents: {refusals[0].reason}"
        )
