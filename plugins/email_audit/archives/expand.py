"""The files in an archive, and in the archives within it, each kept as content of its own.

Acquisition and `email-audit read` share it; what "kept" means is theirs (`keep`).
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import BinaryIO, Generic, Protocol, TypeVar, cast

from email_audit.archives.bounded import (
    HEAD_BYTES,
    Budget,
    Entry,
    HardLink,
    Member,
    MemberError,
    Refused,
    archive_entries,
    archive_kind,
)
from email_audit.archives.census import count_files, is_document
from email_audit.exports import is_bookkeeping
from email_audit.messages.records import Problem, ProblemCode


class Content(Protocol):
    """Bytes that can be opened any number of times."""

    def open(self) -> BinaryIO:
        """Open them at their beginning."""


_C = TypeVar("_C", bound=Content)


class FileRole(StrEnum):
    """What a file is to the audit: read, expanded (its members are read), or not to be had."""

    READ = "read"
    ARCHIVE = "archive"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ExportFile(Generic[_C]):
    """A file of an export, at any depth of archives.

    `path` names it within the export, `outer.zip/folder/name` where it is in an archive.
    `container` is what it was taken out of. `content` of a refused file is its container's; `kind`
    names what an archive is.
    `problem` says why a file is refused, or what is wrong with the part that was to be had.
    """

    path: str
    content: _C
    modified_at: datetime | None = None
    role: FileRole = FileRole.READ
    kind: str = ""
    container: _C | None = None
    problem: Problem | None = None


def expand(
    file: ExportFile[_C], keep: Callable[[BinaryIO], _C], budget: Budget
) -> Iterator[ExportFile[_C]]:
    """Yield a file; where it is an archive, then what is in it, archives within it expanded too.

    Nothing vanishes: what cannot be taken out is yielded as refused, with the reason. What is
    limited is not kept; a damaged member is kept as far as it goes, with its problem.
    """
    yield from _expand(file, keep, budget, depth=0)


def _expand(
    file: ExportFile[_C], keep: Callable[[BinaryIO], _C], budget: Budget, depth: int
) -> Iterator[ExportFile[_C]]:
    kind = _kind_of(file)
    if kind is None:
        yield file
        return
    yield replace(file, role=FileRole.ARCHIVE, kind=kind)
    if depth > budget.limits.max_depth:
        detail = f"archives are nested over {budget.limits.max_depth} levels deep"
        yield _refused(file, file.path, Problem(ProblemCode.LIMITED, detail))
        return
    named = 0
    problems: list[Problem] = []
    links: dict[str, ExportFile[_C]] = {}
    with file.content.open() as blob:
        for entry in archive_entries(blob, PurePosixPath(file.path).name, budget):
            if not entry.name and isinstance(entry, Refused):
                problems.append(entry.problem)
                continue
            if is_bookkeeping(entry.name):
                continue
            named += 1
            member = _member(file, entry, keep, links)
            if kind != "zip":
                links[entry.name] = member
            if member.role is FileRole.REFUSED:
                yield member
                continue
            yield from _expand(member, keep, budget, depth + 1)
            if member.problem is not None:
                yield _refused(file, member.path, member.problem)
    yield from _unaccounted(file, kind, named, problems)


def _kind_of(file: ExportFile[_C]) -> str | None:
    """Name the kind of archive a file is, None where it is to be read as it is."""
    with file.content.open() as blob:
        kind = archive_kind(blob.read(HEAD_BYTES))
        return None if kind == "zip" and is_document(blob) else kind


def _member(
    file: ExportFile[_C],
    entry: Entry,
    keep: Callable[[BinaryIO], _C],
    links: dict[str, ExportFile[_C]],
) -> ExportFile[_C]:
    path = _join(file.path, entry.name)
    match entry:
        case Refused(_, problem):
            return _refused(file, path, problem)
        case HardLink(_, target):
            if (linked := links.get(target)) is not None:
                return replace(linked, path=path)
            detail = "a hard link in a TAR archive leads to no member before it"
            return _refused(file, path, Problem(ProblemCode.DAMAGED, detail))
        case Member():
            stream = _WhatThereIs(entry.stream)
            try:
                content = keep(cast("BinaryIO", stream))
            except MemberError as error:
                return _refused(file, path, error.problem)
            if stream.problem is not None and not stream.given:
                return _refused(file, path, stream.problem)
            return ExportFile(
                path, content, entry.modified_at, container=file.content, problem=stream.problem
            )


class _WhatThereIs(io.RawIOBase):
    """A member's content up to where it is damaged or cut off, and what is wrong there."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.problem: Problem | None = None
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        """Read like any stream.

        Raises:
            MemberError: where a limit is met: of a bomb, nothing is to be kept.
        """
        if self.problem is not None:
            return b""
        try:
            # One step at a time: what was expanded before a damaged step must not be lost with it.
            data = cast("io.BufferedReader", self._stream).read1(size)
        except MemberError as error:
            if error.problem.code is ProblemCode.LIMITED:
                raise
            self.problem = error.problem
            return b""
        self.given += len(data)
        return data


def _unaccounted(
    file: ExportFile[_C], kind: str, named: int, problems: list[Problem]
) -> Iterator[ExportFile[_C]]:
    """Yield what is wrong with the archive as a whole, and whether its directory lists more."""
    with file.content.open() as blob:
        listed = count_files(blob, kind, lambda name: not is_bookkeeping(name))
    missing = ""
    if listed is None:
        missing = f"its directory cannot be read to the end, {named} files were found"
    elif named < listed:
        missing = f"its directory lists {listed} files, {named} were found"
    for problem in problems:
        detail = f"{problem.detail}; {missing}" if missing else problem.detail
        yield _refused(file, file.path, Problem(problem.code, detail))
    if missing and not problems:
        yield _refused(file, file.path, Problem(ProblemCode.DAMAGED, f"the archive: {missing}"))


def _refused(file: ExportFile[_C], path: str, problem: Problem) -> ExportFile[_C]:
    return ExportFile(
        path, file.content, file.modified_at, FileRole.REFUSED, "", file.content, problem
    )


def _join(outer: str, name: str) -> str:
    return f"{outer}/{name}" if outer else name
