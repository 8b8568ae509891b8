"""The bundle's CSV tables (RFC 4180), safe to open in a spreadsheet program."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from email_audit.bundles.records import BundleMessage
from email_audit.messages.records import Address

BYTE_ORDER_MARK = "\ufeff".encode()
"""Begins each table: without it Excel takes UTF-8 for the local code page and garbles names."""

TIMELINE_COLUMNS = (
    "number",
    "date_utc",
    "date_local",
    "zone",
    "from",
    "to",
    "cc",
    "subject",
    "kinds",
    "score",
    "custodians",
    "thread",
    "message_id",
    "mih",
    "content_sha256",
    "eml",
)
COPIES_COLUMNS = (
    "number",
    "custodian",
    "custodian_name",
    "source",
    "path_in_source",
    "evidence_sha256",
    "start",
    "stop",
    "acquired_at",
)

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet program run a cell (OWASP, "CSV Injection"), full-width forms too."""
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def csv_line(cells: Iterable[str]) -> bytes:
    """Give one record in UTF-8, ended by CR LF, with every cell made safe."""
    line = io.StringIO()
    csv.writer(line).writerow([safe_cell(cell) for cell in cells])
    return line.getvalue().encode()


def safe_cell(text: str) -> str:
    r"""Keep a cell from being run as a formula, and write out what UTF-8 or CSV cannot hold.

    A cell that starts like a formula gets a leading apostrophe; control characters (other than tab
    and line feed) and lone surrogates become `\x00` or `\udc80`.
    """
    written = _UNWRITABLE.sub(lambda found: ascii(found[0])[1:-1], text)
    return f"'{written}" if text.startswith(_FORMULA_STARTS) else written


def timeline_row(entry: BundleMessage, zone: ZoneInfo) -> tuple[str, ...]:
    """Give a message's cells in the order of `TIMELINE_COLUMNS`."""
    message = entry.message
    return (
        str(entry.number),
        "" if message.date is None else utc(message.date),
        "" if message.date is None else message.date.astimezone(zone).isoformat(),
        "" if message.zone_minutes is None else offset(message.zone_minutes),
        "" if message.sender is None else written(message.sender),
        written_list(message.to),
        written_list(message.cc),
        message.subject,
        "; ".join(entry.tag.kinds),
        f"{entry.tag.score:.4f}",
        "; ".join(entry.custodians),
        entry.thread or "",
        message.message_id or "",
        message.mih or "",
        message.content_sha256,
        entry.eml_path,
    )


def copy_rows(entry: BundleMessage) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each copy in the order of `COPIES_COLUMNS`."""
    for copy in entry.copies:
        yield (
            str(entry.number),
            copy.custodian,
            copy.custodian_name,
            copy.source,
            copy.path_in_source,
            copy.evidence_sha256,
            str(copy.start),
            str(copy.stop),
            utc(copy.acquired_at),
        )


def utc(moment: datetime) -> str:
    """Write a timezone-aware moment as ISO 8601 UTC, ended by Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def offset(minutes: int) -> str:
    """Write minutes east of UTC as `UTC-05:00` (a bare "-05:00" would start like a formula)."""
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"


def written(address: Address) -> str:
    """Write a mailbox as `Name <address>`, or what there is of it."""
    if address.name and address.address:
        return f"{address.name} <{address.address}>"
    return address.name or address.address


def written_list(addresses: Iterable[Address]) -> str:
    """Write mailboxes with semicolons between them, as commas occur in names."""
    return "; ".join(written(address) for address in addresses)
