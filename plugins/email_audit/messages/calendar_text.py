"""Calendar objects as readable lines (RFC 5545)."""

from collections.abc import Iterator, Sequence
from typing import Protocol

_SHOWN = (
    "SUMMARY",
    "DTSTART",
    "DTEND",
    "DUE",
    "LOCATION",
    "ORGANIZER",
    "ATTENDEE",
    "CONTACT",
    "STATUS",
    "CATEGORIES",
    "URL",
    "DESCRIPTION",
    "COMMENT",
)
_SKIPPED = frozenset({"VCALENDAR", "VTIMEZONE", "STANDARD", "DAYLIGHT"})
_LONGEST_PARSED = 2_000_000


class _Component(Protocol):
    def property_items(self, recursive: bool = ...) -> Sequence[tuple[str, object]]: ...


def calendar_text(text: str) -> str:
    """Give events, to-dos and journals as `Name: value` lines; the raw text where it is broken."""
    if len(text) > _LONGEST_PARSED:
        return text
    # Imported late: most mailboxes hold few invitations, and the library is slow to load.
    from icalendar import Calendar

    try:
        calendars = Calendar.from_ical(text, multiple=True)
        blocks = [
            "\n".join(_lines(component))
            for calendar in calendars
            for component in calendar.walk()
            if component.name not in _SKIPPED
        ]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        # Whatever the library trips over, the reader gets the words.
        return text
    return "\n\n".join(block for block in blocks if block) or text


def _lines(component: _Component) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for name, value in component.property_items(recursive=False):
        if name in _SHOWN:
            found.setdefault(name, []).append(_shown(value))
    for name in _SHOWN:
        for shown in found.get(name, ()):
            yield f"{name.capitalize()}: {shown}"


def _shown(value: object) -> str:
    moment = getattr(value, "dt", None)
    if moment is not None:
        return str(moment)
    categories = getattr(value, "cats", None)
    if categories is not None:
        return ", ".join(str(category) for category in categories)
    text = str(value)
    parameters = getattr(value, "params", {})
    name = str(parameters.get("CN", ""))
    if text.lower().startswith("mailto:"):
        text = text[len("mailto:") :]
        return f"{name} <{text}>" if name and name != text else text
    return text
