"""Read items in a child process, so that one that kills or hangs its reader costs only itself."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import BinaryIO, Generic, Protocol, TypeAlias, TypeVar

from email_audit.errors import EmailAuditError, failure_place
from email_audit.isolation.process import InterruptedReadError, IsolatedProcess, memory_problem
from email_audit.isolation.protocol import Interruption
from email_audit.messages.records import Message, Problem, ProblemCode
from email_audit.sources.base import Extent, FoundItem, Source, Unreadable

log = logging.getLogger(__name__)

_T = TypeVar("_T")


class Place(Protocol):
    """Where a container's bytes are, in a form that another process can open (picklable)."""

    @property
    def problem(self) -> Problem | None:
        """What is wrong with all of the container's items, if anything."""

    def open(self) -> AbstractContextManager[tuple[Source, BinaryIO]]:
        """Open the bytes and give the source that reads them."""


@dataclass(frozen=True, slots=True)
class ReadItem(Generic[_T]):
    """One item of a stretch, reduced to what the caller wants of it."""

    ordinal: int
    path_in_source: str
    start: int
    stop: int
    content: _T


Stretch: TypeAlias = tuple[Place, Extent]


def read_stretches(
    process: IsolatedProcess,
    stretches: Sequence[Stretch],
    reduce: Callable[[Message | Unreadable], _T],
) -> Iterator[tuple[int, ReadItem[_T]]]:
    """Yield the items of all stretches in order, each with the position of its stretch.

    `reduce`, importable by name, makes of each what the caller wants of it. An item at which the
    process dies is tried once more in a fresh process: memory may have been short for another
    reason. If it dies again, or the time for one item is over, the item is unreadable and reading
    goes on after it.
    """
    current = taken = 0
    while current < len(stretches):
        try:
            # One call for all: a Maildir has thousands of stretches of one message.
            for item in process.stream(read_all, stretches[current:], reduce):
                if item is None:
                    current, taken = current + 1, 0
                else:
                    yield current, item
                    taken += 1
            return
        except InterruptedReadError as interruption:
            place, extent = stretches[current]
            ordinal = extent.first + taken
            for item in _carefully(process, place, extent, ordinal, interruption, reduce):
                yield current, item
            current, taken = current + 1, 0


def _carefully(
    process: IsolatedProcess,
    place: Place,
    extent: Extent,
    ordinal: int,
    interruption: InterruptedReadError,
    reduce: Callable[[Message | Unreadable], _T],
) -> Iterator[ReadItem[_T]]:
    """Go on with a stretch whose item `ordinal` was interrupted, item by item."""
    todo, end, died_at = [extent], extent.first + extent.items, -1
    while ordinal < end:
        rest = replace(extent, first=ordinal, items=end - ordinal)
        todo = _singles(process, place, rest, todo)
        problem = interruption.problem
        if todo and interruption.why is Interruption.DIED and died_at != ordinal:
            died_at = ordinal
        elif todo:
            log.warning("item not read: ordinal=%d code=%s", ordinal, problem.code)
            yield _lost(ordinal, todo[0], extent, problem, reduce)
            ordinal, todo = ordinal + 1, todo[1:]
        else:
            # Not even the places of the items can be found without the process dying.
            log.warning("items not read: count=%d code=%s", end - ordinal, problem.code)
            for lost in range(ordinal, end):
                yield _lost(lost, extent, extent, problem, reduce)
            return
        try:
            for item in process.stream(read_items, place, todo, reduce):
                yield item
                ordinal += 1
            return
        except InterruptedReadError as again:
            interruption = again


def read_all(
    stretches: Sequence[Stretch], reduce: Callable[[Message | Unreadable], _T]
) -> Iterator[ReadItem[_T] | None]:
    """Read stretches in this process, None after each; the child's side of `read_stretches`."""
    for place, extent in stretches:
        yield from read_items(place, [extent], reduce)
        yield None


def read_items(
    place: Place, extents: list[Extent], reduce: Callable[[Message | Unreadable], _T]
) -> Iterator[ReadItem[_T]]:
    """Read stretches of one container in this process."""
    with place.open() as (source, blob):
        for extent in extents:
            for found in source.items(blob, extent):
                content = reduce(parse_found(source, _marked(found, place.problem)))
                yield ReadItem(
                    found.ordinal, found.path_in_source, found.start, found.stop, content
                )


def single_extents(place: Place, first: int, items: int) -> Iterator[Extent]:
    """Yield the stretches of single items; the child's side of finding where to go on."""
    with place.open() as (source, blob):
        for extent in source.extents(blob, max_items=1, max_bytes=1 << 62):
            if first <= extent.first < first + items:
                yield extent


def parse_found(source: Source, found: FoundItem | Unreadable) -> Message | Unreadable:
    """Interpret a found item; the one place where a reader's own failure becomes a row."""
    if isinstance(found, Unreadable):
        return found
    try:
        return source.parse(found)
    except EmailAuditError:
        raise  # not the item's fault
    except MemoryError:
        problem = memory_problem()
    except Exception as error:  # noqa: BLE001 - the boundary that makes it a row
        log.warning(
            "reader failed: item=%d start=%d %s", found.ordinal, found.start, failure_place(error)
        )
        problem = Problem(
            ProblemCode.READER_FAILED,
            f"the reader failed with {type(error).__name__}; please report it",
        )
    return Unreadable(found.ordinal, found.path_in_source, found.start, found.stop, problem)


def _singles(
    process: IsolatedProcess, place: Place, rest: Extent, todo: list[Extent]
) -> list[Extent]:
    """Give a stretch for each item that is left; none where finding them kills the process."""
    left = [extent for extent in todo if extent.first >= rest.first]
    if left and all(extent.items == 1 for extent in left):
        return left
    try:
        return list(process.stream(single_extents, place, rest.first, rest.items))
    except InterruptedReadError:
        return []


def _marked(found: FoundItem | Unreadable, problem: Problem | None) -> FoundItem | Unreadable:
    if problem is None or isinstance(found, Unreadable):
        return found
    return replace(found, problems=(problem, *found.problems))


def _lost(
    ordinal: int,
    place: Extent,
    stretch: Extent,
    problem: Problem,
    reduce: Callable[[Message | Unreadable], _T],
) -> ReadItem[_T]:
    """Account for an item of `stretch` that lies in `place`; a file of one item needs no name."""
    path = f"item {ordinal + 1}" if stretch.first + stretch.items > 1 else ""
    unreadable = Unreadable(ordinal, path, place.start, place.stop, problem)
    return ReadItem(ordinal, path, place.start, place.stop, reduce(unreadable))
