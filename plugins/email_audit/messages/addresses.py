"""Address fields to mailboxes (RFC 5322 3.4 and what is sent instead)."""

import re
from email.utils import getaddresses

from email_audit.messages.headers import decode_words, quote_words
from email_audit.messages.records import Address

_ONE = re.compile(
    r"\s*(?:"
    r"([^\s<>@,;:\"()\[\]\\]+@[^\s<>@,;:\"()\[\]\\]+)"  # kate@example.org
    r"|(?:\"((?:[^\"\\]|\\.)*+)\"|([^<>@,;:\"()\[\]\\]*+))\s*<([^<>\"]*)>"  # Kate <kate@...>
    r")\s*(?:,|$)"
)
_BARE = re.compile(r"[\w.+=-]+@[\w.-]+", re.ASCII)
_ADDRESS_LIKE = re.compile(r"([^\s<>@,;:\"()\[\]]{1,256}@[^\s<>@,;:\"()\[\]]{1,256})")
_IS_ADDRESS = re.compile(r"[@/!=]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_LONGEST_EXACT = 1_000_000


def parse_addresses(value: str) -> tuple[Address, ...]:
    """Read an unfolded address list; groups are flattened, encoded words decoded.

    Addresses stay as found, Exchange names such as `/O=ORG/CN=RECIPIENTS/CN=KATE` included.
    """
    if "=?" in value:
        value = quote_words(value)
    simple = _simple_list(value)
    if simple is None and ";" in value and ":" not in value:
        # Outlook users and old gateways separate with semicolons, which RFC 5322 keeps for groups.
        simple = _simple_list(value.replace(";", ","))
    if simple is not None:
        return simple
    if len(value) > _LONGEST_EXACT:
        return tuple(Address("", found) for found in _ADDRESS_LIKE.findall(value))
    return tuple(_repaired(name, address) for name, address in _pairs(value) if name or address)


def _simple_list(value: str) -> tuple[Address, ...] | None:
    """Read a list without comments, groups and routes; None where there is one."""
    if _BARE.fullmatch(value):
        return (Address("", value),)
    found: list[Address] = []
    position, end = 0, len(value)
    match = _ONE.match
    while position < end:
        one = match(value, position)
        if one is None:
            if value[position:].strip(" ,\t"):
                return None
            break
        bare, quoted, name, angle = one.groups()
        if bare is not None:
            found.append(Address("", bare))
        else:
            shown = _ESCAPED.sub(r"\1", quoted) if quoted is not None else name
            person = Address(" ".join(shown.split()), angle.strip())
            if person.name or person.address:
                found.append(person)
        position = one.end()
    return tuple(found)


def _pairs(value: str) -> list[tuple[str, str]]:
    """Ask the standard library; where it gives up, take whatever looks like an address.

    Releases that have `strict` drop the whole list at the first malformed member, so it is off.
    Its comment parser recurses, hence RecursionError.
    """
    try:
        try:
            pairs = getaddresses([value], strict=False)  # type: ignore[call-arg, unused-ignore]
        except TypeError:
            pairs = getaddresses([value])
    except (RecursionError, IndexError, ValueError):
        pairs = []
    if any(name or address for name, address in pairs):
        return pairs
    return [("", found) for found in _ADDRESS_LIKE.findall(value)]


def _repaired(name: str, address: str) -> Address:
    """Undo a whole mailbox in an encoded word, and a lone word taken for an address."""
    name = " ".join(decode_words(name).split())
    whole = name if not address else "" if name else address
    if "<" in whole:
        inner = _ONE.match(whole)
        if inner is not None and inner[4]:
            return Address((inner[2] or inner[3] or "").strip(), inner[4].strip())
    if not name and address and not _IS_ADDRESS.search(address):
        return Address(address, "")
    return Address(name, address)
