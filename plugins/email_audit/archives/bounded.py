"""The members of an archive (ZIP, TAR, GZIP, BZIP2, XZ, 7z), within limits against bombs.

    for entry in archive_entries(blob, name, Budget(ArchiveLimits())):
        match entry:
            case Member():   # read entry.stream before the next entry is asked for
            case HardLink() | Refused(): ...

Limits are counted while bytes are decompressed, never taken from what an archive declares. A name
is a label: nothing here writes a file under it, so `../` and absolute names are harmless and kept.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from email_audit.messages.records import Problem, ProblemCode

HEAD_BYTES = 512
"""How many bytes `archive_kind` needs."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bounds of one outermost archive, everything nested in it included.

    `max_bytes` counts expanded bytes, of inner archives and of what is in them alike. The ratio of
    expanded to compressed bytes is judged for each member, once it is over `ratio_from_bytes`:
    small repetitive files are often over any ratio. `max_depth` counts archives within archives.
    """

    max_members: int = 100_000
    max_bytes: int = 64 << 30
    max_ratio: int = 250
    ratio_from_bytes: int = 32 << 20
    max_depth: int = 16


class MemberError(Exception):
    """Raised while a member is read: its content, or the rest of it, is not to be had."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


@dataclass(slots=True)
class Budget:
    """What is spent of the limits; shared by an archive and all archives nested in it."""

    limits: ArchiveLimits
    members: int = field(default=0, init=False)
    bytes: int = field(default=0, init=False)

    def spend_member(self) -> None:
        """Count a member.

        Raises:
            MemberError: where it is one too many.
        """
        self.members += 1
        if self.members > self.limits.max_members:
            raise limited(f"the archive has more than {self.limits.max_members} members")

    def spend_bytes(self, count: int) -> None:
        """Count expanded bytes.

        Raises:
            MemberError: where they are too many.
        """
        self.bytes += count
        if self.bytes > self.limits.max_bytes:
            raise limited(f"the archive expands to more than {self.limits.max_bytes} bytes")

    def check_ratio(self, expanded: int, compressed: int) -> None:
        """Judge the expansion of one member so far.

        Raises:
            MemberError: where it is that of a bomb.
        """
        limits = self.limits
        if expanded > limits.ratio_from_bytes and expanded > limits.max_ratio * max(compressed, 1):
            raise limited(f"a member expands to more than {limits.max_ratio} times its size")


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive.

    `stream` gives the content once, in order, and only until the next entry is asked for; its
    `read` raises `MemberError` where the content is damaged, cut off or over a limit. `name` is the
    label as stored, control characters replaced; `declared_bytes` what the archive says of its
    length, None where it does not.
    """

    name: str
    declared_bytes: int | None
    modified_at: datetime | None
    stream: BinaryIO


@dataclass(frozen=True, slots=True)
class HardLink:
    """A TAR entry without content of its own: the same file as the member `target` before it."""

    name: str
    target: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A member that cannot be read and why; with an empty name, the archive or its rest."""

    name: str
    problem: Problem


Entry = Member | HardLink | Refused


def archive_kind(head: bytes) -> str | None:
    """Name the kind of archive that begins with `head`, None where it is none.

    Office documents are ZIP archives too: who wants to tell them apart looks at the members.
    """
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08PK\x03\x04")):
        return "zip"
    if head.startswith(b"7z\xbc\xaf\x27\x1c"):
        return "7z"
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head[:3] == b"BZh" and head[4:10] in {b"1AY&SY", b"\x17rE8P\x90"}:
        return "bzip2"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    return "tar" if is_tar_header(head[:512]) else None


def archive_entries(blob: BinaryIO, name: str, budget: Budget) -> Iterator[Entry]:
    """Yield the members of the archive in `blob`, in their order; never raises for bad content.

    Directories, symbolic links and devices have no content and are left out. A compressed TAR is
    one archive; any other compressed file is an archive of one member, named as `name` without its
    last extension. Nested archives are members like any other: open them with the same budget.
    """
    from email_audit.archives.sevenzip import sevenzip_entries
    from email_audit.archives.streams import compressed_entries
    from email_audit.archives.tar import tar_entries
    from email_audit.archives.zip import zip_entries

    blob.seek(0)
    kind = archive_kind(blob.read(HEAD_BYTES))
    blob.seek(0)
    try:
        match kind:
            case "zip":
                yield from zip_entries(blob, budget)
            case "7z":
                yield from sevenzip_entries(blob, budget)
            case "tar":
                yield from tar_entries(blob, budget)
            case None:
                yield Refused("", Problem(ProblemCode.UNSUPPORTED_FORMAT, "it is no archive"))
            case _:
                yield from compressed_entries(blob, kind, name, budget)
    except MemberError as error:
        yield Refused("", error.problem)


def is_tar_header(block: bytes) -> bool:
    """Say whether a block is a TAR header: its checksum holds (POSIX.1 pax, "ustar")."""
    if len(block) < 512 or not block[0]:
        return False
    try:
        stored = int(block[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    rest = block[:148] + b" " * 8 + block[156:512]
    # Old writers summed signed characters.
    return stored in {sum(rest), sum(byte - 256 if byte > 127 else byte for byte in rest)}


def label(name: str) -> str:
    """Give a member's name fit for one line of a report."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", name)


def limited(detail: str) -> MemberError:
    """Give the error of a limit that was met."""
    return MemberError(Problem(ProblemCode.LIMITED, detail))


def damaged(detail: str) -> MemberError:
    """Give the error of content that is not as it was written."""
    return MemberError(Problem(ProblemCode.DAMAGED, detail))


def truncated(detail: str) -> MemberError:
    """Give the error of content that ends too early."""
    return MemberError(Problem(ProblemCode.TRUNCATED, detail))


def unsupported(detail: str) -> MemberError:
    """Give the error of a way to store members that no reader here knows."""
    return MemberError(Problem(ProblemCode.UNSUPPORTED_FORMAT, detail))
