"""A MAPI item as RFC 5322 bytes: always the same bytes for the same item."""

from dataclasses import dataclass

from email_audit.mapi import mime
from email_audit.mapi.attached import described, file_part
from email_audit.mapi.body import body_part
from email_audit.mapi.description import description
from email_audit.mapi.header import header_fields, was_html_only
from email_audit.mapi.properties import Tag
from email_audit.mapi.records import MapiAttachment, MapiItem
from email_audit.mapi.smime import smime_part
from email_audit.mapi.values import NamedValues, Values, item_values
from email_audit.messages.limits import ReadLimits
from email_audit.messages.problems import Problems
from email_audit.messages.records import LOSSY_PROBLEMS, Problem, ProblemCode

_LIMITS = ReadLimits()
_MAIL = "IPM.Note"
_EMBEDDED = "an embedded item: "


@dataclass(frozen=True, slots=True)
class Rendered:
    """The message, the item's class (PidTagMessageClass) and what was lost on the way."""

    original: bytes
    item_class: str
    problems: tuple[Problem, ...] = ()


def render_item(item: MapiItem, *, limits: ReadLimits = _LIMITS) -> Rendered:
    """Render an item with everything in it; never raises.

    Embedded items are rendered the same way, to the depth of `limits`; deeper ones are empty
    parts, and `problems` says so.
    """
    problems = Problems(item.problems)
    original = _render(item, limits, problems, limits.max_depth)
    item_class = item_values(item, problems).line(Tag.MESSAGE_CLASS) or _MAIL
    return Rendered(original, item_class, problems.found())


def _render(item: MapiItem, limits: ReadLimits, problems: Problems, depth: int) -> bytes:
    values = item_values(item, problems)
    named = NamedValues(item, values)
    fields = header_fields(item, values, named, problems)
    item_class = values.line(Tag.MESSAGE_CLASS)
    root = smime_part(item, item_class, values)
    if root is None:
        root = body_part(
            values,
            description(item, item_class, values, named),
            limits,
            problems,
            was_html_only=was_html_only(values),
        )
        if item.attachments:
            parts = (_attachment(one, values, limits, problems, depth) for one in item.attachments)
            root = mime.multipart("mixed", [root, *parts])
    return mime.Part((*fields, b"MIME-Version: 1.0", *root.fields), root.body).to_bytes()


def _attachment(
    attachment: MapiAttachment,
    values: Values,
    limits: ReadLimits,
    problems: Problems,
    depth: int,
) -> mime.Part:
    for problem in attachment.problems:
        problems.add(problem.code, f"an attachment: {problem.detail}")
    row = values.of(attachment.properties)
    if attachment.item is None:
        return file_part(attachment, row, problems)
    if depth <= 0:
        problems.add(
            ProblemCode.TOO_DEEP, "items are embedded too deep: the innermost are left out"
        )
        return mime.message_part(b"", described(row))
    inner = Problems(attachment.item.problems)
    message = _render(attachment.item, limits, inner, depth - 1)
    for problem in inner.found():
        if problem.code in LOSSY_PROBLEMS:
            detail = problem.detail.removeprefix(_EMBEDDED)
            problems.add(problem.code, f"{_EMBEDDED}{detail}")
    return mime.message_part(message, described(row))
