"""The people of an item: sender, recipients and reply addresses as display name and address."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from email_audit.mapi.properties import RecipientType, Tag
from email_audit.mapi.values import Values

_ONE_OFF_PROVIDER = bytes.fromhex("812b1fa4bea310199d6e00dd010f5402")
_EXCHANGE_PROVIDER = bytes.fromhex("dca740c8c042101ab4b908002b2fe182")
_WRAPPING_PROVIDER = bytes.fromhex("c091add3519dcf11a4a900aa0047faa4")
_WRAPPING_BYTES = 21
_UNICODE_FLAG = 0x8000
_TYPE_MASK = 0x0F
_MOST_ENTRIES = 10_000


class Person(NamedTuple):
    """A mailbox; `address` is SMTP where the item tells it, else what the item has instead."""

    name: str
    address: str


class _Source(NamedTuple):
    """The properties that name one person, the best first."""

    names: tuple[int, ...]
    smtp: int
    email: int
    entry_id: int


_SENDER = _Source(
    (Tag.SENDER_NAME, Tag.SENDER_SIMPLE_DISPLAY_NAME),
    Tag.SENDER_SMTP_ADDRESS,
    Tag.SENDER_EMAIL_ADDRESS,
    Tag.SENDER_ENTRY_ID,
)
_REPRESENTED = _Source(
    (Tag.SENT_REPRESENTING_NAME,),
    Tag.SENT_REPRESENTING_SMTP_ADDRESS,
    Tag.SENT_REPRESENTING_EMAIL_ADDRESS,
    Tag.SENT_REPRESENTING_ENTRY_ID,
)
_RECIPIENT = _Source(
    (Tag.DISPLAY_NAME, Tag.RECIPIENT_DISPLAY_NAME),
    Tag.SMTP_ADDRESS,
    Tag.EMAIL_ADDRESS,
    Tag.ENTRY_ID,
)


class Directory:
    """SMTP addresses of the Exchange names that an item's recipients are known by."""

    def __init__(self, rows: Iterable[Values]) -> None:
        self._smtp: dict[str, str] = {}
        for row in rows:
            person = recipient(row)
            name = row.line(Tag.EMAIL_ADDRESS)
            if person is not None and "@" in person.address and "@" not in name:
                self._smtp[name.lower()] = person.address

    def resolved(self, person: Person | None) -> Person | None:
        """Give the person by SMTP address where the item tells it in another place."""
        smtp = self._smtp.get(person.address.lower()) if person is not None else None
        return Person(person.name, smtp) if person is not None and smtp else person


def author(values: Values) -> Person | None:
    """Give the person in whose name the item was sent (the From of MS-OXCMAIL)."""
    return _person(values, _REPRESENTED) or _person(values, _SENDER)


def submitter(values: Values) -> Person | None:
    """Give the person who sent the item, which differs from the author for a delegate."""
    return _person(values, _SENDER)


def recipient_type(row: Values) -> int:
    """Give whether a recipient is in To, Cc or Bcc; MAPI's flags above the type are dropped."""
    return row.number(Tag.RECIPIENT_TYPE, RecipientType.TO) & _TYPE_MASK


def recipient(row: Values) -> Person | None:
    """Give a row of the recipient table."""
    person = _person(row, _RECIPIENT)
    if person is not None and "@" not in person.address:
        found = entry_person(row.data(Tag.RECIPIENT_ENTRY_ID))
        if "@" in found.address:
            return Person(person.name, found.address)
    return person


def reply_to(values: Values) -> tuple[Person, ...]:
    """Give the people whom answers are to reach (MS-OXOMSG 2.2.1.43, FlatEntryList)."""
    found = tuple(
        person
        for person in map(entry_person, _entries(values.data(Tag.REPLY_RECIPIENT_ENTRIES)))
        if person.address
    )
    if found:
        return found
    names = values.text(Tag.REPLY_RECIPIENT_NAMES).split(";")
    return tuple(Person("", name.strip()) for name in names if "@" in name)


def _person(values: Values, source: _Source) -> Person | None:
    name = values.line(*source.names)
    address = values.line(source.smtp)
    if not address:
        address = _without_scheme(values.line(source.email))
    if "@" not in address:
        entry = entry_person(values.data(source.entry_id))
        if "@" in entry.address or not address:
            address = entry.address
            name = name or entry.name
    if "@" not in address and "@" in name and " " not in name:
        # Drafts and old exports have the typed address as display name, and no other.
        address = address or name.strip("'\"<>")
    if name.strip("'\"") == address:
        # One that is neither SMTP nor X.500 is no address: Outlook writes "Unknown" into both.
        if "@" in address or address.startswith("/"):
            name = ""
        else:
            address = ""
    return Person(name, address) if name or address else None


def _without_scheme(address: str) -> str:
    """Take off "SMTP:", which some programs put before the address."""
    scheme, colon, rest = address.partition(":")
    return rest if colon and scheme.upper() == "SMTP" else address


def _entries(data: bytes) -> Iterator[bytes]:
    """Yield the entries of a FlatEntryList (MS-OXCDATA 2.3.3)."""
    count = min(int.from_bytes(data[:4], "little"), _MOST_ENTRIES)
    position = 8
    for _ in range(count):
        size = int.from_bytes(data[position : position + 4], "little")
        entry = data[position + 4 : position + 4 + size]
        if not entry:
            return
        yield entry
        position += 4 + size + (-size) % 4


def entry_person(data: bytes) -> Person:
    """Read a one-off or Exchange entry identifier (MS-OXCDATA 2.2.5.1, 2.2.5.2).

    One that a contact list wraps (MS-OXOCNTC 2.2.2.4.1.1) is taken out of its wrapping first.
    """
    if data[4:20] == _WRAPPING_PROVIDER:
        data = data[_WRAPPING_BYTES:]
    provider = data[4:20]
    if provider == _EXCHANGE_PROVIDER:
        return Person("", data[28:].partition(b"\0")[0].decode("ascii", "replace"))
    if provider != _ONE_OFF_PROVIDER:
        return Person("", "")
    if int.from_bytes(data[22:24], "little") & _UNICODE_FLAG:
        texts = data[24:].decode("utf-16-le", "replace").split("\0")
    else:
        texts = data[24:].decode("cp1252", "replace").split("\0")
    texts += ["", "", ""]
    return Person(" ".join(texts[0].split()), _without_scheme(texts[2].strip()))
