"""What is in an export: archives expanded, and parts that lie beside their message put into it."""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import BinaryIO, TypeVar

from email_audit.archives.bounded import ArchiveLimits, Budget
from email_audit.archives.expand import Content, ExportFile, FileRole, expand
from email_audit.settings import Settings
from email_audit.sources.emlx import assemble, missing_parts, split_emlx

_PARTIAL_SUFFIX = ".partial.emlx"
_C = TypeVar("_C", bound=Content)


def archive_limits(settings: Settings) -> ArchiveLimits:
    """The bounds of all archives of one export together."""
    return ArchiveLimits(
        max_members=settings.max_archive_members,
        max_bytes=settings.max_archive_bytes,
        max_ratio=settings.max_archive_ratio,
        max_depth=settings.max_archive_depth,
    )


def export_members(
    files: Iterable[ExportFile[_C]],
    keep: Callable[[BinaryIO], _C],
    limits: ArchiveLimits,
    *,
    max_message_bytes: int,
) -> list[ExportFile[_C]]:
    """Give every file of an export at any depth of archives, in order.

    A partial message of Apple Mail is followed by the whole one, made of it and the files beside
    it; those are kept and listed too, but are no items of their own.
    """
    budget = Budget(limits)
    members = [member for file in files for member in expand(file, keep, budget)]
    return list(_with_whole_messages(members, keep, max_message_bytes))


def _with_whole_messages(
    members: list[ExportFile[_C]], keep: Callable[[BinaryIO], _C], max_bytes: int
) -> Iterator[ExportFile[_C]]:
    partial = [
        member
        for member in members
        if member.path.lower().endswith(_PARTIAL_SUFFIX) and member.role is FileRole.READ
    ]
    if not partial:
        yield from members
        return
    beside = _attachment_files(members)
    whole: dict[int, ExportFile[_C]] = {}
    used: set[int] = set()
    for message in partial:
        found = beside.get(_attachments_folder(message.path), {})
        made = _assembled(message, found, keep, max_bytes) if found else None
        if made is not None:
            file, parts = made
            whole[id(message)] = file
            used.update(id(part) for part in parts)
    for member in members:
        if id(member) in whole:
            yield replace(member, role=FileRole.ARCHIVE, kind="apple_partial")
            yield whole[id(member)]
        elif id(member) in used:
            yield replace(member, role=FileRole.ARCHIVE, kind="apple_attachment")
        else:
            yield member


def _assembled(
    message: ExportFile[_C],
    found: dict[str, ExportFile[_C]],
    keep: Callable[[BinaryIO], _C],
    max_bytes: int,
) -> tuple[ExportFile[_C], list[ExportFile[_C]]] | None:
    """Give the whole message and the files it was made with; None where there is nothing to do."""
    with message.content.open() as blob:
        raw = blob.read(max_bytes + 1)
    wanted = missing_parts(split_emlx(raw).message) if len(raw) <= max_bytes else []
    contents: dict[str, bytes] = {}
    left = max_bytes
    for part in wanted:
        if (file := found.get(part.number)) is None:
            continue
        with file.content.open() as blob:
            content = blob.read(left + 1)
        if len(content) > left:
            return None
        left -= len(content)
        contents[part.number] = content
    if not contents:
        return None
    content_file = keep(io.BytesIO(assemble(raw, contents)))
    whole = replace(message, content=content_file, container=message.content)
    return whole, [found[number] for number in contents]


def _attachment_files(
    members: list[ExportFile[_C]],
) -> dict[str, dict[str, ExportFile[_C]]]:
    """Find the files in `Attachments/ID/PART/`, by the folder of ID and by PART.

    Where there are several in one folder the part cannot be told: they stay files of their own.
    """
    found: dict[str, dict[str, ExportFile[_C]]] = {}
    several: set[tuple[str, str]] = set()
    for member in members:
        path = PurePosixPath(member.path)
        if len(path.parts) < 4 or path.parts[-4] != "Attachments":
            continue
        if member.role is not FileRole.READ or member.problem is not None:
            continue
        folder, part = str(path.parent.parent), path.parent.name
        if part in found.setdefault(folder, {}):
            several.add((folder, part))
        found[folder][part] = member
    for folder, part in several:
        del found[folder][part]
    return found


def _attachments_folder(path: str) -> str:
    message = PurePosixPath(path)
    identifier = message.name[: -len(_PARTIAL_SUFFIX)]
    return str(message.parent.parent / "Attachments" / identifier)
