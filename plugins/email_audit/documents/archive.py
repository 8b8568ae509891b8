"""Archives as attachments: each member read under its name, the unread ones named."""

import io

from email_audit.archives.bounded import HardLink, Member, MemberError, archive_entries
from email_audit.documents.reading import Reading
from email_audit.messages.records import AttachmentStatus

_LEFT_BY_SYSTEMS = (".DS_Store", "Thumbs.db", "desktop.ini")


def read_archive(reading: Reading, data: bytes) -> None:
    """Read every member that a person put there."""
    budget, limits = reading.work.budget, reading.work.limits
    for entry in archive_entries(io.BytesIO(data), "content", budget):
        reading.work.check_time()
        if isinstance(entry, HardLink):
            continue
        if isinstance(entry, Member):
            if _is_left_by_system(entry.name):
                continue
            try:
                content = entry.stream.read(limits.max_bytes + 1)
            except MemberError as error:
                reading.problem(error.problem, entry.name)
                continue
            if len(content) > limits.max_bytes:
                detail = f"{entry.name}: it is over {limits.max_bytes} bytes"
                reading.gap(AttachmentStatus.TOO_LARGE, detail)
                continue
            reading.nested(content, "application/octet-stream", entry.name)
        else:
            reading.problem(entry.problem, entry.name)


def _is_left_by_system(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] in _LEFT_BY_SYSTEMS
