"""What the client of Exchange Web Services gives: folders, changes, items, and what was refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO, NewType, TypeAlias

from email_audit.errors import UserError

FolderId = NewType("FolderId", str)
ItemId = NewType("ItemId", str)

JsonValue: TypeAlias = "str | list[JsonValue] | dict[str, JsonValue]"
"""An element of a response as JSON: everything is text, as it came."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a mailbox. `path` names it for people, outermost first, and is only a label."""

    id: FolderId
    path: tuple[str, ...]
    folder_class: str


@dataclass(frozen=True, slots=True)
class FolderTree:
    """All folders of a mailbox, and the paths of those the server would not show with its code."""

    folders: tuple[Folder, ...]
    refused: tuple[tuple[str, str], ...]


class ChangeKind(StrEnum):
    """What SyncFolderItems says happened to an item since the state it was given."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """One change. Size and dates are the server's and missing for a deletion.

    `received_at`, `sent_at` and `created_at` are UTC; Exchange leaves out what an item has not.
    """

    kind: ChangeKind
    item_id: ItemId
    change_key: str = ""
    size_bytes: int = 0
    received_at: datetime | None = None
    sent_at: datetime | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A page of changes and the state from which the next one begins."""

    changes: tuple[Change, ...]
    sync_state: str
    is_last: bool


@dataclass(frozen=True, slots=True)
class LiveItem:
    """An item as the server gives it: its MIME content byte for byte, and its properties.

    `mime` is None where it was not asked for or the server has none. `properties` is the element
    of the response without its MIME content.
    """

    item_id: ItemId
    change_key: str
    mime: BinaryIO | None
    properties: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """An item the server did not give, with its response code, for instance ErrorItemNotFound."""

    item_id: ItemId
    code: str

    @property
    def is_gone(self) -> bool:
        """Say whether the item no longer exists, as opposed to being withheld."""
        return self.code == "ErrorItemNotFound"


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open stretch of time, `begin <= moment < end`; UTC, None is open."""

    begin: datetime | None
    end: datetime | None


class LoginRefusedError(UserError):
    """The service account's login is refused. Nobody may try again with the same secret."""


class InvalidSyncStateError(Exception):
    """The server no longer knows the state it was given: the folder must be listed anew."""
