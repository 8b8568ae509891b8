"""A recurrence in words (MS-OXOCAL 2.2.1.44.1, RecurrencePattern)."""

import struct
from datetime import UTC, datetime, timedelta

_FIXED = struct.Struct("<HHHHHIII")
_VERSION = 0x3004
_DAILY, _WEEKLY, _MONTHLY, _YEARLY = 0x200A, 0x200B, 0x200C, 0x200D
_BY_DAY, _BY_WEEK, _BY_DATE, _BY_NTH, _BY_END = 0, 1, 2, 3, 4
_ENDS_ON_DATE, _ENDS_AFTER = 0x2021, 0x2022
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_WEEKDAYS, _EVERY_DAY = 0x3E, 0x7F
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "last"}
_MINUTES_A_DAY = 24 * 60
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def recurrence_text(data: bytes) -> str:
    """Give a simple pattern in words, "" where the bytes are none or it is not simple."""
    if len(data) < _FIXED.size:
        return ""
    version, _, frequency, pattern, _, _, period, _ = _FIXED.unpack_from(data)
    specific = struct.unpack_from("<II", data.ljust(_FIXED.size + 8, b"\0"), _FIXED.size)
    if version != _VERSION or not period:
        return ""
    words = _pattern(frequency, pattern, period, *specific)
    if not words:
        return ""
    size = {_BY_DAY: 0, _BY_NTH: 8}.get(pattern, 4)
    return words + _end(data, _FIXED.size + size)


def _pattern(frequency: int, pattern: int, period: int, first: int, second: int) -> str:
    if frequency == _DAILY and pattern == _BY_DAY:
        return _every(period // _MINUTES_A_DAY, "day")
    if pattern == _BY_WEEK:
        return f"{_every(period, 'week')} on {_days(first)}"
    if pattern in (_BY_DATE, _BY_END):
        on = "the last day" if pattern == _BY_END else f"day {first}"
    elif pattern == _BY_NTH:
        on = f"the {_ORDINALS.get(second, str(second))} {_days(first)}"
    else:
        return ""
    if frequency == _YEARLY and not period % 12:
        return f"{_every(period // 12, 'year')} on {on} of the month"
    return f"{_every(period, 'month')} on {on}" if frequency in (_MONTHLY, _YEARLY) else ""


def _every(count: int, unit: str) -> str:
    return f"every {unit}" if count <= 1 else f"every {count} {unit}s"


def _days(mask: int) -> str:
    if mask == _EVERY_DAY:
        return "every day"
    if mask == _WEEKDAYS:
        return "weekdays"
    return ", ".join(day for bit, day in enumerate(_DAYS) if mask >> bit & 1)


def _end(data: bytes, at: int) -> str:
    """Say when it ends: the counted lists of deleted and modified dates stand before the dates."""
    if len(data) < at + 16:
        return ""
    kind, count = struct.unpack_from("<II", data, at)
    if kind == _ENDS_AFTER:
        return f", {count} times"
    if kind != _ENDS_ON_DATE:
        return ", without end"
    at += 12
    for _ in range(2):
        skipped = int.from_bytes(data[at : at + 4], "little")
        at += 4 + 4 * skipped
    minutes = data[at + 4 : at + 8]
    if len(minutes) < 4:
        return ""
    last = _EPOCH + timedelta(minutes=int.from_bytes(minutes, "little"))
    return f", until {last:%Y-%m-%d}"
