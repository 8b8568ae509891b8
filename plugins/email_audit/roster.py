"""The officers to audit: who, which mailboxes, assigned to which task force from when to when."""

import contextlib
import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
    model_validator,
)

from email_audit.errors import UserError

ROSTER_COLUMNS = (
    "officer_id",
    "name",
    "rank",
    "mailboxes",
    "task_force",
    "partner_agency",
    "assigned_from",
    "assigned_to",
)
REQUEST_COLUMNS = ("date", "requesting_agency", "requested_of", "description", "response")


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _iso_day(value: object) -> object:
    """Take only YYYY-MM-DD (ISO 8601 calendar date); pydantic alone would take other forms."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not text:
        return None
    if _DAY.fullmatch(text):
        with contextlib.suppress(ValueError):
            return date.fromisoformat(text)
    raise ValueError("is not a day written as YYYY-MM-DD")


def _mailboxes(value: object) -> object:
    if not isinstance(value, str):
        return value
    names = tuple(name.strip() for name in value.split(";") if name.strip())
    for name in names:
        if "@" not in name and (PurePosixPath(name).is_absolute() or ".." in name.split("/")):
            raise ValueError(f"{name!r} must be a path inside the mail folder, or an address")
    return names


Day = Annotated[date | None, BeforeValidator(_iso_day)]
_Text = Annotated[str, StringConstraints(strip_whitespace=True)]
_Required = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Row = TypeVar("_Row", bound=BaseModel)


class Assignment(BaseModel):
    """One row of roster.csv: one assignment of one officer. Days are inclusive, None is open."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    officer_id: _Required
    name: _Required
    rank: _Text
    mailboxes: Annotated[tuple[str, ...], BeforeValidator(_mailboxes)]
    task_force: _Text
    partner_agency: _Text
    assigned_from: Day
    assigned_to: Day

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "Assignment":
        if self.assigned_from and self.assigned_to and self.assigned_to < self.assigned_from:
            raise ValueError(
                f"assigned_to {self.assigned_to} is before assigned_from {self.assigned_from}"
            )
        return self


class AgencyRequest(BaseModel):
    """One row of requests.csv, the agency's own log (NYC Admin. Code 10-178(d))."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    date: Day
    requesting_agency: _Required
    requested_of: _Text
    description: _Text
    response: _Text


@dataclass(frozen=True, slots=True)
class Roster:
    """The roster as read: its rows in file order and the SHA-256 of the file."""

    assignments: tuple[Assignment, ...]
    sha256: str

    @property
    def officers(self) -> tuple[str, ...]:
        """The officer ids in order of their first row."""
        return tuple(dict.fromkeys(row.officer_id for row in self.assignments))

    def mailboxes(self, officer_id: str) -> tuple[str, ...]:
        """All mailboxes named in any row of an officer, in order, each once."""
        rows = (row for row in self.assignments if row.officer_id == officer_id)
        return tuple(dict.fromkeys(name for row in rows for name in row.mailboxes))


def read_roster(path: Path) -> Roster:
    """Read roster.csv (UTF-8, columns of the design).

    Raises:
        UserError: with one line for everything that is wrong: file, row and field of each.
    """
    rows, content = _read_csv(path, ROSTER_COLUMNS, "roster")
    assignments = _validated(path, rows, Assignment)
    faults = list(_contradictions(path, assignments))
    if not assignments:
        faults.append(f"{path}: has no officers below its header row")
    if faults:
        raise UserError("\n".join(faults))
    return Roster(tuple(row for _, row in assignments), hashlib.sha256(content).hexdigest())


def read_requests(path: Path) -> tuple[AgencyRequest, ...]:
    """Read requests.csv; errors as for `read_roster`."""
    rows, _ = _read_csv(path, REQUEST_COLUMNS, "requests")
    return tuple(row for _, row in _validated(path, rows, AgencyRequest))


def _read_csv(
    path: Path, columns: tuple[str, ...], what: str
) -> tuple[list[tuple[int, dict[str, Any]]], bytes]:
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: the {what} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: byte {error.start} is not UTF-8; save the {what} as UTF-8 CSV"
        ) from error
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="(more columns)")
    found = tuple(name.strip() for name in reader.fieldnames or ())
    if found != columns:
        missing = [name for name in columns if name not in found]
        unknown = [name for name in found if name not in columns]
        raise UserError(
            f"{path}, line 1: the columns must be {','.join(columns)}"
            + (f"; missing: {', '.join(missing)}" if missing else "")
            + (f"; unknown: {', '.join(unknown)}" if unknown else "")
            + ("; they are in another order" if not missing and not unknown else "")
        )
    reader.fieldnames = list(columns)
    return [(reader.line_num, row) for row in reader if any(row.values())], content


def _validated(
    path: Path, rows: list[tuple[int, dict[str, Any]]], kind: type[_Row]
) -> list[tuple[int, _Row]]:
    valid, faults = [], []
    for line, row in rows:
        try:
            valid.append((line, kind.model_validate(row)))
        except ValidationError as error:
            for fault in error.errors():
                field = ".".join(map(str, fault["loc"])) or "row"
                message = fault["msg"].removeprefix("Value error, ")
                if fault["type"] == "extra_forbidden":
                    message = "the row has more cells than the header"
                seen = "" if field == "row" else f" (was {fault['input']!r})"
                faults.append(f"{path}, line {line}, {field}: {message}{seen}")
    if faults:
        raise UserError("\n".join(faults))
    return valid


def _contradictions(path: Path, rows: list[tuple[int, Assignment]]) -> Iterator[str]:
    names: dict[str, tuple[int, str]] = {}
    owners: dict[str, tuple[int, str]] = {}
    for line, row in rows:
        first_line, name = names.setdefault(row.officer_id, (line, row.name))
        if name != row.name:
            yield (
                f"{path}, line {line}, name: officer {row.officer_id} is {name!r} in line "
                f"{first_line} and {row.name!r} here; one officer_id is one person"
            )
        for mailbox in row.mailboxes:
            first_line, owner = owners.setdefault(mailbox.lower(), (line, row.officer_id))
            if owner != row.officer_id:
                yield (
                    f"{path}, line {line}, mailboxes: {mailbox!r} already belongs to officer "
                    f"{owner} (line {first_line}); a mailbox has one custodian"
                )
