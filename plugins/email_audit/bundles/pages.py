"""The bundle's readable pages: one for each message, and an index."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from email_audit.bundles.layout import lay_out
from email_audit.bundles.marking import Span, marked, plain
from email_audit.bundles.records import DEFINITION, BundleCase, BundleMessage
from email_audit.bundles.tables import offset, written_list
from email_audit.messages.records import Address, Attachment, AttachmentStatus
from email_audit.tagging.records import Signal


@dataclass(frozen=True, slots=True)
class IndexRow:
    """What the index shows of a message; `to` are the first of its recipients."""

    label: str
    date_utc: str
    date_local: str
    sender: Address | None
    to: tuple[Address, ...]
    more_recipients: int
    subject: str
    kinds: str
    score: str
    custodians: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileHashes:
    """SHA-256 of the two files that hold a message's bytes."""

    eml: str
    source: str


@dataclass(frozen=True, slots=True)
class _LegendEntry:
    number: int
    signal: Signal
    part: str
    is_located: bool


@dataclass(frozen=True, slots=True)
class _ShownAttachment:
    number: int
    attachment: Attachment
    became: str
    text: Markup | None


_INDEX_RECIPIENTS = 3
_BECAME = {
    AttachmentStatus.OK: "read",
    AttachmentStatus.EMPTY: "empty",
    AttachmentStatus.ENCRYPTED: "needs a password",
    AttachmentStatus.NEEDS_OCR: "a picture of text, not read",
    AttachmentStatus.UNSUPPORTED: "not read",
    AttachmentStatus.TOO_LARGE: "too large to read",
    AttachmentStatus.FAILED: "could not be read",
}


class Pages:
    """Renders pages of one case. Whatever a page shows is escaped, hidden characters included."""

    def __init__(self, case: BundleCase) -> None:
        self._case = case
        self._zone = ZoneInfo(case.time_zone)
        environment = Environment(
            loader=PackageLoader("email_audit.bundles"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.filters |= {
            "utc": show_utc,
            "local": self._local,
            "offset": offset,
            "people": written_list,
        }
        self._message = environment.get_template("message.html")
        self._index = environment.get_template("index.html")

    def message(
        self,
        entry: BundleMessage,
        hashes: FileHashes,
        previous: str | None,
        following: str | None,
    ) -> bytes:
        """Give a message's page; `previous` and `following` are labels of its neighbours."""
        legend = _legend(entry)
        return self._message.render(
            case=self._case,
            entry=entry,
            hashes=hashes,
            previous=previous,
            following=following,
            legend=legend,
            subject=marked(entry.message.subject, _spans(legend, "subject")),
            layout=lay_out(entry.message, _spans(legend, "own_text")),
            attachments=[
                _shown(number, attachment, _spans(legend, f"attachment:{number}"))
                for number, attachment in enumerate(entry.message.attachments)
            ],
        ).encode()

    def index(self, rows: Iterable[IndexRow], copies: int) -> bytes:
        """Give the index page."""
        listed = list(rows)
        return self._index.render(
            case=self._case, rows=listed, copies=copies, definition=DEFINITION
        ).encode()

    def index_row(self, entry: BundleMessage) -> IndexRow:
        """Keep of a message what the index needs, so that the message itself can be let go."""
        message = entry.message
        return IndexRow(
            label=entry.label,
            date_utc="no usable date" if message.date is None else show_utc(message.date),
            date_local="" if message.date is None else self._local(message.date),
            sender=message.sender,
            to=message.to[:_INDEX_RECIPIENTS],
            more_recipients=max(0, len(message.to) - _INDEX_RECIPIENTS),
            subject=message.subject,
            kinds=", ".join(entry.tag.kinds),
            score=f"{entry.tag.score:.2f}",
            custodians=entry.custodians,
        )

    def _local(self, moment: datetime) -> str:
        return moment.astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def show_utc(moment: datetime) -> str:
    """Write a timezone-aware UTC moment for people."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _finalize(value: object) -> object:
    """Write out hidden characters in whatever a template outputs as plain text."""
    return plain(value) if type(value) is str else value


def _legend(entry: BundleMessage) -> list[_LegendEntry]:
    """Number the signals in the order a reader meets them."""
    message = entry.message
    parts = {"subject": ("subject", message.subject), "own_text": ("text", message.own_text)}
    for number, attachment in enumerate(message.attachments):
        parts[f"attachment:{number}"] = (f"attachment {number + 1}", attachment.text or "")
    order = {part: rank for rank, part in enumerate(parts)}
    signals = sorted(
        entry.tag.signals,
        key=lambda signal: (order.get(signal.part, len(order)), signal.start, signal.end),
    )
    legend = []
    for number, signal in enumerate(signals, 1):
        name, text = parts.get(signal.part, (signal.part, ""))
        is_located = bool(signal.text) and text[signal.start : signal.end] == signal.text
        legend.append(_LegendEntry(number, signal, name, is_located))
    return legend


def _spans(legend: Iterable[_LegendEntry], part: str) -> list[Span]:
    return [
        Span(entry.signal.start, entry.signal.end, entry.number, entry.signal.label)
        for entry in legend
        if entry.is_located and entry.signal.part == part
    ]


def _shown(number: int, attachment: Attachment, spans: list[Span]) -> _ShownAttachment:
    became = _BECAME[attachment.status]
    if attachment.reason:
        became = f"{became}: {attachment.reason}"
    text = marked(attachment.text, spans) if attachment.text else None
    return _ShownAttachment(number + 1, attachment, became, text)
