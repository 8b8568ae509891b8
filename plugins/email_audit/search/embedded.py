"""The search index without a server: tantivy in a folder of the workspace.

Everything in it is derived and can be made again. It lies in a folder named for the generation of
its schema. A change is one commit. A first or repaired index is built beside that folder and put
in place by two renames, the index in use away and the new one in; between them, also after a crash
there, the one renamed away is read. So whoever reads sees the state before or after.
"""

import fcntl
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import tantivy

from email_audit.errors import RunError, UserError
from email_audit.search.checksums import verify
from email_audit.search.documents import as_json, digest, from_json
from email_audit.search.fields import GENERATION
from email_audit.search.highlight import Highlighter
from email_audit.search.interface import (
    BY_RELEVANCE,
    CaseIdentity,
    HitDocument,
    IndexChange,
    IndexStatus,
    SearchHit,
    SearchPage,
    Snapshot,
    SortKey,
    SortValue,
)
from email_audit.search.ordering import Rows
from email_audit.search.paging import check_page
from email_audit.search.query import parse
from email_audit.search.schema import (
    FINGERPRINT,
    ID,
    STORED,
    build_schema,
    indexed,
)
from email_audit.search.translate import Translator

_WRITER_HEAP_BYTES = 64_000_000
_OPEN_ATTEMPTS = 3


class EmbeddedIndex:
    """A `SearchIndex` in `folder`, for one writer and any number of readers at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._live = folder / f"v{GENERATION}"
        self._before = folder / f"v{GENERATION}.before"
        self._opened: tuple[tuple[Path, int, int], tantivy.Index] | None = None

    def synchronise(self, documents: Iterable[HitDocument]) -> IndexChange:
        """Make the index hold exactly `documents` (each id once), in one commit.

        An index that is missing, of another generation or damaged is built anew.

        Raises:
            RunError: when another run is writing, or the folder cannot be written.
        """
        with self._writing():
            try:
                index = self._open()
            except (UserError, RunError):
                return self._rebuild(documents)
            return _update(index, documents)

    def rebuild(self, documents: Iterable[HitDocument]) -> IndexChange:
        """Build the index anew beside the one in use, then put it in its place.

        Raises:
            RunError: as `synchronise`.
        """
        with self._writing():
            return self._rebuild(documents)

    def remove(self, ids: Sequence[str]) -> int:
        """Take documents out; give how many there were. Of no index, there is nothing to take.

        Raises:
            RunError: as `synchronise`, or where the index is damaged.
        """
        if self._place() is None:
            return 0
        with self._writing():
            index = self._open()
            there = set(_live_terms(index, ID)) & set(ids)
            writer = index.writer(_WRITER_HEAP_BYTES, 1)
            for document_id in there:
                writer.delete_documents_by_term(ID, document_id)
            writer.commit()
            writer.wait_merging_threads()
        return len(there)

    def check(self) -> None:
        """See that it can be written: nothing can be told without writing."""

    def take_over(self, note: Callable[[CaseIdentity], None]) -> CaseIdentity | None:  # noqa: ARG002
        """Change nothing: it lies in the audit's own workspace."""
        return None

    def status(self) -> IndexStatus:
        """Say what there is.

        Raises:
            RunError: where the index is damaged.
        """
        if self._place() is None:
            is_older = any(self._folder.glob("v*"))
            note = "built by another version: the next `index` builds it anew"
            return IndexStatus(
                str(self._folder), None, is_current=False, notes=(note,) if is_older else ()
            )
        return IndexStatus(str(self._folder), self._open().searcher().num_docs, is_current=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with _sole_writer(self._folder):
                self._recover()
                yield
        except OSError as error:
            raise RunError(
                f"search index {self._folder} could not be written ({error}); it is as it was "
                "before, run `email-audit index` again when the cause is removed"
            ) from error

    def search(
        self,
        query: str,
        *,
        sort: Sequence[SortKey] = BY_RELEVANCE,
        size: int = 20,
        search_after: Sequence[SortValue] | None = None,
    ) -> SearchPage:
        """Find hits by Lucene syntax; see `SearchIndex.search` and `query.py`."""
        with self.snapshot() as snapshot:
            return snapshot.search(query, sort=sort, size=size, search_after=search_after)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Give the index as it is now; what is written meanwhile is not seen in it."""
        yield _Snapshot(self._open())

    def ids(self) -> Iterator[str]:
        """Yield the id of every document, in order."""
        yield from _live_terms(self._open(), ID)

    def _open(self) -> tantivy.Index:
        """Open the index, its files checked; again only after it changed."""
        for _ in range(_OPEN_ATTEMPTS):
            stamp = self._stamp()
            if self._opened and self._opened[0] == stamp:
                return self._opened[1]
            try:
                verify(stamp[0])
                index = tantivy.Index(build_schema(), str(stamp[0]))
                index.config_reader("manual")  # only states that were verified are read
                index.reload()
            except (ValueError, OSError) as error:
                if self._stamp() != stamp:
                    continue  # a commit came between; its files are other ones
                raise RunError(
                    f"search index {self._folder} is damaged ({error}); it is derived data: "
                    "run `email-audit index` to build it anew"
                ) from error
            self._opened = (stamp, index)
            return index
        raise RunError(f"search index {self._folder} is being written; try again")

    def _stamp(self) -> tuple[Path, int, int]:
        place = self._place()
        if place is None:
            raise UserError(
                f"{self._folder} holds no search index of this version; "
                "run `email-audit index` to build it"
            )
        try:
            state = (place / "meta.json").stat()
        except FileNotFoundError:
            return (place, 0, 0)
        return (place, state.st_mtime_ns, state.st_ino)

    def _place(self) -> Path | None:
        """Give the folder to read, None where there is none."""
        # The last one again: a rebuild may have ended between the first look and the second.
        places = (self._live, self._before, self._live)
        return next((place for place in places if place.is_dir()), None)

    def _recover(self) -> None:
        """Finish what a rebuild that was killed at its renames left; the lock is held."""
        if not self._before.is_dir():
            return
        if self._live.is_dir():
            shutil.rmtree(self._before)
        else:
            self._before.rename(self._live)

    def _rebuild(self, documents: Iterable[HitDocument]) -> IndexChange:
        building = self._folder / "building"
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        change = _update(tantivy.Index(build_schema(), str(building)), documents)
        if self._live.exists():
            self._live.rename(self._before)
        building.rename(self._live)
        for other in self._folder.iterdir():
            if other.is_dir() and other.name.startswith("v") and other != self._live:
                shutil.rmtree(other)
        return change


class _Snapshot:
    """A `Snapshot`: tantivy keeps the files of the state that a searcher was made of."""

    def __init__(self, index: tantivy.Index) -> None:
        self._schema = index.schema
        self._searcher = index.searcher()

    def search(
        self,
        query: str,
        *,
        sort: Sequence[SortKey] = BY_RELEVANCE,
        size: int = 20,
        search_after: Sequence[SortValue] | None = None,
    ) -> SearchPage:
        """Find hits, as `SearchIndex.search`."""
        keys = tuple(sort) or BY_RELEVANCE
        check_page(keys, size, search_after)
        node = parse(query)
        if node is None:
            return SearchPage(0, ())
        searcher = self._searcher
        found = searcher.search(
            Translator(self._schema, searcher).query(node), max(1, searcher.num_docs)
        )
        rows = Rows(searcher, found.hits, keys)
        chosen = rows.first(size, search_after)
        documents = [from_json(searcher.doc(address)[STORED][0]) for _, address, _ in chosen]
        highlighter = Highlighter(node, documents)
        hits = tuple(
            SearchHit(document, score, highlighter.passages(document), (*values, document.id))
            for document, (score, _, values) in zip(documents, chosen, strict=True)
        )
        return SearchPage(len(found.hits), hits)


def _update(index: tantivy.Index, documents: Iterable[HitDocument]) -> IndexChange:
    known = dict(term.split(":") for term in _live_terms(index, FINGERPRINT))
    writer = index.writer(_WRITER_HEAP_BYTES, 1)
    seen: set[str] = set()
    written = 0
    for document in documents:
        if document.id in seen:
            raise ValueError(f"document {document.id} was given twice")
        seen.add(document.id)
        stored = as_json(document)
        if known.get(document.id) != digest(stored):
            if document.id in known:
                writer.delete_documents_by_term(ID, document.id)
            writer.add_document(indexed(document, stored))
            written += 1
    stale = known.keys() - seen
    for document_id in stale:
        writer.delete_documents_by_term(ID, document_id)
    if written or stale:
        writer.commit()
        writer.wait_merging_threads()
    return IndexChange(written, len(stale), len(seen) - written)


def _live_terms(index: tantivy.Index, field: str) -> list[str]:
    """Give the terms of `field` in order, without those of deleted documents only."""
    everything = tantivy.Query.all_query()
    return [term for term, _ in index.searcher().terms_with_prefix(field, "", everything)]


@contextmanager
def _sole_writer(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the system lets go of it when the process ends in any way."""
    with (folder / "writer.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(
                f"search index {folder} is being written by another run; nothing was changed, "
                "run again when that one has ended"
            ) from error
        yield
