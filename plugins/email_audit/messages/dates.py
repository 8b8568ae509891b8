"""Date fields to UTC (RFC 5322 3.3 and 4.3), with the zone they were written in."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz

FIRST_YEAR, LAST_YEAR = 1980, 2100
"""Mail dated outside of these years has a broken clock: the date is no use for a scope."""

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_COMMON = re.compile(
    r"(?:[A-Za-z]{3},?\s+)?(\d{1,2})\s+([A-Za-z]{3})\s+(\d{4})\s+"
    r"(\d{2}):(\d{2})(?::(\d{2}))?\s+([+-])(\d{2})(\d{2})(?:\s|$)"
)
_ZONE = re.compile(r"(?:[+-]\d{2}:?\d{2}|[A-Za-z]{1,5})\s*(?:\([^)]*\)\s*)?$")
_LONGEST = 200


def parse_date(value: str) -> tuple[datetime, int | None] | None:
    """Give the UTC time and the offset in minutes east of UTC (None: no zone, UTC is taken).

    None where the text is no date, or its year lies outside of 1980 to 2100.
    """
    common = _COMMON.match(value)
    if common:
        day, month, year, hour, minute, second, sign, hours, minutes = common.groups()
        number = _MONTHS.get(month.lower())
        if number is not None:
            offset = int(hours) * 60 + int(minutes)
            return _in_utc(
                (int(year), number, int(day), int(hour), int(minute), int(second or 0)),
                -offset if sign == "-" else offset,
            )
    try:
        parsed = parsedate_tz(value[:_LONGEST])
    except (ValueError, IndexError, TypeError):
        # The standard library raises on some malformed times instead of giving None.
        return None
    if parsed is None:
        return None
    # Without a zone the library gives the same as for UTC.
    has_zone = _ZONE.search(value[:_LONGEST]) is not None
    return _in_utc(parsed[:6], (parsed[9] or 0) // 60 if has_zone else None)


def _in_utc(
    parts: tuple[int, int, int, int, int, int], zone_minutes: int | None
) -> tuple[datetime, int | None] | None:
    year, month, day, hour, minute, second = parts
    if not FIRST_YEAR <= year <= LAST_YEAR or abs(zone_minutes or 0) >= 24 * 60:
        return None
    try:
        # Second 60 is a leap second, which datetime does not know.
        local = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
    return local - timedelta(minutes=zone_minutes or 0), zone_minutes


def received_date(value: str) -> datetime | None:
    """Give the UTC time of a Received field: what follows its last semicolon."""
    parsed = parse_date(value[value.rfind(";") + 1 :].strip())
    return None if parsed is None else parsed[0]
