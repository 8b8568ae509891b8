"""Column types the case database needs on every back end."""

import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, String, TypeDecorator
from sqlalchemy.dialects.postgresql import VARCHAR
from sqlalchemy.types import TypeEngine

_UNHOLDABLE = re.compile("[\x00\ud800-\udfff]")


def holdable(text: str) -> str:
    """Give `text` with U+FFFD for what no text column can hold: NUL and halves of pairs."""
    return _UNHOLDABLE.sub("\N{REPLACEMENT CHARACTER}", text)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite forgets time zones, so they are taken off and put back here."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Store UTC without a zone; a moment without a zone is a programming error."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the moment back as UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class PlainText(TypeDecorator[str]):
    """Words in the order of their code points on every back end, as Python and SQLite sort them.

    PostgreSQL would otherwise sort by the language of its server, and which copy of a message
    counts as its first would depend on that. PostgreSQL also takes no NUL in a text, and no
    back end half of a surrogate pair; names in hostile mail and file systems hold both. They
    become U+FFFD everywhere, so that every back end holds the same.
    """

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Give the column's type on a back end."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(VARCHAR(collation="C"))
        return dialect.type_descriptor(String())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Store what every back end can hold."""
        return None if value is None else holdable(value)
