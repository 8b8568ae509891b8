"""A MAPI item as RFC 5322 bytes: always the same bytes for the same item."""

from dataclasses import dataclass

from email_audit.mapi.records import MapiItem
from email_audit.messages.records import Problem


@dataclass(frozen=True, slots=True)
class Rendered:
    """The message, the item's class (PidTagMessageClass) and what was lost on the way."""

    original: bytes
    item_class: str
    problems: tuple[Problem, ...] = ()


def render_item(item: MapiItem) -> Rendered:
    """Render an item with everything in it; never raises."""
    raise NotImplementedError
