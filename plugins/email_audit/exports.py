"""Which file or folder below the mail folder is whose mailbox export."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from email_audit.errors import UserError
from email_audit.roster import Roster

BOOKKEEPING_NAMES = frozenset(
    {
        ".DS_Store",
        "Thumbs.db",
        "desktop.ini",
        "maildirfolder",
        "maildirsize",
        "subscriptions",
        "courierimapsubscribed",
        "courierimapuiddb",
        "courierimapkeywords",
        "dovecot.index",
        "dovecot.index.cache",
        "dovecot.index.log",
        "dovecot-keywords",
        "dovecot-uidlist",
        "dovecot-uidvalidity",
        ".mh_sequences",
    }
)
"""Files that mail programs and operating systems keep beside mail and that hold none."""

MAILBOX_SUFFIXES = frozenset(
    {".pst", ".ost", ".mbox", ".mbx", ".eml", ".msg", ".emlx", ".olm", ".zip", ".tar", ".tgz"}
    | {".gz", ".7z", ".dat", ".tnef", ".maildir", ".mail"}
)


@dataclass(frozen=True, slots=True)
class Export:
    """A file or folder to acquire: `path` is relative to the mail folder, with "/"."""

    officer_id: str
    path: str


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """Who has which export, and what does not fit together."""

    exports: tuple[Export, ...]
    unassigned: tuple[str, ...]
    """Paths below the mail folder that belong to no officer."""
    without_export: tuple[str, ...]
    """Officers none of whose mailboxes has an export."""


def match_exports(roster: Roster, mail: Path) -> ExportPlan:
    """Find each officer's exports.

    An address of the roster means the export whose name, without its extensions, is that address,
    its local part or the officer_id; anything else is a path relative to the mail folder.

    Raises:
        UserError: where the mail folder cannot be listed, or one export fits two officers.
    """
    top_level = _top_level(mail)
    owners: dict[Path, str] = {}
    for officer in roster.officers:
        for path in _exports_of(roster, officer, mail, top_level):
            owner = owners.setdefault(path, officer)
            if owner != officer:
                raise UserError(
                    f"{path}: fits officers {owner} and {officer}; name it by path in one row only"
                )
    for path, officer in owners.items():
        if outer := next((parent for parent in path.parents if parent in owners), None):
            raise UserError(
                f"{path}: lies inside {outer}, an export of officer {owners[outer]}; its mail "
                f"would be counted twice. Move it out, or name only one of them for {officer}"
            )
    rank = {officer: position for position, officer in enumerate(roster.officers)}
    exports = tuple(
        Export(officer, path.relative_to(mail).as_posix())
        for path, officer in sorted(owners.items(), key=lambda item: (rank[item[1]], item[0]))
    )
    taken = set(owners)
    unassigned = tuple(path.relative_to(mail).as_posix() for path in _unassigned(top_level, taken))
    with_export = set(owners.values())
    return ExportPlan(
        exports, unassigned, tuple(o for o in roster.officers if o not in with_export)
    )


def has_export(officer: str, mailbox: str, mail: Path) -> bool:
    """Say whether one of an officer's mailboxes has an export in the mail folder.

    Raises:
        UserError: where the mail folder cannot be listed.
    """
    return any(_exports_of_mailbox(officer, mailbox, mail, _top_level(mail)))


def mail_files(export: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files of an export and their paths relative to it, in order of those paths.

    Bookkeeping files of mail programs are left out, and what `not_files` gives.

    Raises:
        OSError: where a folder cannot be listed; leaving it out would lose mail.
        UserError: where the export itself is a pipe or a device.
    """
    if not export.is_dir():
        if export.exists() and not export.is_file():
            raise UserError(f"{export}: is neither a file nor a folder; save its content as a file")
        yield export, ""
        return
    stack = [export]
    found = []
    while stack:
        for path in stack.pop().iterdir():
            if _is_bookkeeping(path) or path.is_symlink():
                continue
            if path.is_dir():
                stack.append(path)
            elif path.is_file():
                found.append((path.relative_to(export).as_posix(), path))
    for relative, path in sorted(found):
        yield path, relative


def not_files(export: Path) -> Iterator[Path]:
    """Yield what is in an export but is no file, in order: links, pipes, sockets and devices.

    A link is not followed: it could lead out of the export, or in a circle. Whoever handed it in
    has to be asked for what it leads to.
    """
    if export.is_dir():
        yield from sorted(
            path
            for path in export.rglob("*")
            if path.is_symlink() or not (path.is_dir() or path.is_file())
        )


def count_mail_files(export: Path) -> int:
    """Count what `mail_files` should yield by another walk, to notice a folder that changes."""
    if not export.is_dir():
        return 1
    return sum(
        1
        for path in export.rglob("*")
        if path.is_file() and not path.is_symlink() and not _is_bookkeeping(path)
    )


def _exports_of(roster: Roster, officer: str, mail: Path, top_level: list[Path]) -> Iterator[Path]:
    for mailbox in roster.mailboxes(officer):
        yield from _exports_of_mailbox(officer, mailbox, mail, top_level)


def _exports_of_mailbox(
    officer: str, mailbox: str, mail: Path, top_level: list[Path]
) -> Iterator[Path]:
    by_path = mail / mailbox
    if by_path.exists() and by_path != mail:
        yield by_path
    elif "@" in mailbox:
        wanted = {mailbox.lower(), mailbox.lower().partition("@")[0], officer.lower()}
        yield from (path for path in top_level if wanted & _names(path))


def _top_level(mail: Path) -> list[Path]:
    try:
        return sorted(path for path in mail.iterdir() if not _is_bookkeeping(path))
    except OSError as error:
        raise UserError(f"{mail}: the mail folder cannot be listed: {error.strerror}") from error


def _names(path: Path) -> set[str]:
    """Give a file's name with none, one or more of its extensions taken off, lower-cased.

    Only known extensions are taken off, so that `j.doe@nypd.example` keeps its domain.
    """
    name = path.name.lower()
    names = {name}
    while Path(name).suffix in MAILBOX_SUFFIXES:
        name = name.removesuffix(Path(name).suffix)
        names.add(name)
    return names


def _unassigned(top_level: list[Path], taken: set[Path]) -> Iterator[Path]:
    """Yield what is not taken; inside a folder that holds taken exports, name what is left."""
    for path in top_level:
        if path in taken:
            continue
        if path.is_dir() and any(path in export.parents for export in taken):
            inside = sorted(child for child in path.iterdir() if not _is_bookkeeping(child))
            yield from _unassigned(inside, taken)
        else:
            yield path


def is_bookkeeping(path: str) -> bool:
    """Say whether a file in an archive is one that holds no mail, by the same names as on disk.

    macOS puts what its file system knows of each file below `__MACOSX/`.
    """
    parts = PurePosixPath(path.replace("\\", "/")).parts
    return "__MACOSX" in parts or (bool(parts) and parts[-1] in BOOKKEEPING_NAMES)


def _is_bookkeeping(path: Path) -> bool:
    return path.name in BOOKKEEPING_NAMES
