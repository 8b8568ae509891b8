"""Dates as a query writes them: a stretch of time as long as the precision they are given in."""

import re
from datetime import UTC, datetime, timedelta

_DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?)?"
    r"(?P<zone>Z|[+-]\d\d:?\d\d)?)?)?)?"
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    """Give an aware `moment` as whole milliseconds since 1970-01-01 UTC, rounded down."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def stretch(text: str) -> tuple[int, int]:
    """Give the first millisecond of a date and the first after it, UTC unless it names a zone.

    `2025` is a year, `2025-03` a month, `2025-03-01` a day, `2025-03-01T10:30` a minute and so on
    (ISO 8601, as Elasticsearch's `strict_date_optional_time`).

    Raises:
        ValueError: when `text` is not such a date.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an ISO date")
    part = {name: int(value) for name, value in match.groupdict("").items() if value.isdigit()}
    try:
        start = datetime(
            part["year"],
            part.get("month", 1),
            part.get("day", 1),
            part.get("hour", 0),
            part.get("minute", 0),
            part.get("second", 0),
            tzinfo=UTC,
        )
        if match["fraction"]:
            first = milliseconds(start) + int(f"{match['fraction']:0<3}"[:3])
            end = first + 1
        else:
            first, end = milliseconds(start), milliseconds(_end(start, part))
    except OverflowError as error:
        raise ValueError(f"{text!r} is outside the years 1 to 9998") from error
    offset = _offset_milliseconds(match["zone"])
    return first - offset, end - offset


def _end(start: datetime, part: dict[str, int]) -> datetime:
    if "month" not in part:
        return start.replace(year=start.year + 1)
    if "day" not in part:
        return (start + timedelta(days=31)).replace(day=1)
    for name in ("second", "minute", "hour"):
        if name in part:
            return start + timedelta(**{f"{name}s": 1})
    return start + timedelta(days=1)


def _offset_milliseconds(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    sign = -1 if zone[0] == "-" else 1
    return sign * (int(zone[1:3]) * 60 + int(zone[-2:])) * 60_000
