"""Reading typed values out of an item's properties: text in its code page, numbers, times."""

import re
from collections.abc import Iterator
from datetime import datetime

from email_audit.mapi.codepages import WESTERN, ansi_code_page, charset_label
from email_audit.mapi.properties import Tag
from email_audit.mapi.records import AnsiText, MapiItem, MapiValue, NamedProperty, Properties
from email_audit.messages.charset import decode_text
from email_audit.messages.problems import Problems
from email_audit.messages.records import ProblemCode

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_UTF16 = (1200, 1201)


class Values:
    """Typed access to one set of properties; a value of an unexpected type counts as absent."""

    __slots__ = ("_charset", "_problems", "properties")

    def __init__(self, properties: Properties, charset: str, problems: Problems) -> None:
        self.properties = properties
        self._charset = charset
        self._problems = problems

    def of(self, properties: Properties) -> "Values":
        """Give the same reading for a recipient's or attachment's properties."""
        return Values(properties, self._charset, self._problems)

    def text(self, *tags: int) -> str:
        """Give the first of these properties that holds text, "" without one."""
        for tag in tags:
            text = self.as_text(self.properties.get(tag))
            if text:
                return text
        return ""

    def line(self, *tags: int) -> str:
        """Give such a text on one line, white space collapsed."""
        return " ".join(self.text(*tags).split())

    def number(self, tag: int, default: int = 0) -> int:
        """Give an integer property."""
        value = self.properties.get(tag)
        return value if isinstance(value, int) else default

    def data(self, tag: int) -> bytes:
        """Give a binary property, b"" without one."""
        value = self.properties.get(tag)
        return value if isinstance(value, bytes) else b""

    def time(self, *tags: int) -> datetime | None:
        """Give the first of these properties that holds a time."""
        for tag in tags:
            value = self.properties.get(tag)
            if isinstance(value, datetime):
                return value
        return None

    def as_text(self, value: MapiValue | None) -> str:
        """Give a value as text where it is text, or a list of texts."""
        if isinstance(value, str):
            return _UNSTORABLE.sub("", value) if not value.isascii() or "\0" in value else value
        if isinstance(value, AnsiText):
            text, fault = decode_text(value.data, self._charset)
            if fault:
                self._problems.add(ProblemCode.UNKNOWN_CHARSET, f"a text property: {fault}")
            return text
        if isinstance(value, tuple):
            return ", ".join(filter(None, map(self.as_text, value)))
        return ""


class NamedValues:
    """The same access to named properties."""

    __slots__ = ("_item", "_values")

    def __init__(self, item: MapiItem, values: Values) -> None:
        self._item = item
        self._values = values

    def get(self, name: NamedProperty) -> MapiValue | None:
        """Give the value as it is."""
        return self._item.named.get(name)

    def text(self, name: NamedProperty) -> str:
        """Give a text, "" without one."""
        return self._values.as_text(self.get(name))

    def items(self) -> Iterator[tuple[NamedProperty, MapiValue]]:
        """Give all of them."""
        return iter(self._item.named.items())


def item_values(item: MapiItem, problems: Problems) -> Values:
    """Give an item's values; text without Unicode is in the code page that the item names.

    PidTagMessageCodepage, else that of PidTagMessageLocaleId, else PidTagInternetCodepage
    (MS-OXCMSG 2.2.1), else Western.
    """
    code_page = _integer(item.properties, Tag.MESSAGE_CODEPAGE)
    locale_id = _integer(item.properties, Tag.MESSAGE_LOCALE_ID)
    if code_page in _UTF16:
        code_page = 0
    if not charset_label(code_page):
        if locale_id:
            code_page = ansi_code_page(locale_id)
        else:
            code_page = _integer(item.properties, Tag.INTERNET_CODEPAGE)
    return Values(item.properties, charset_label(code_page) or f"cp{WESTERN}", problems)


def _integer(properties: Properties, tag: int) -> int:
    value = properties.get(tag)
    return value if isinstance(value, int) else 0
