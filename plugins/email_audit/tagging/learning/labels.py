"""Labelled messages, read through the same code as the mail of an audit."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from email_audit.errors import UserError
from email_audit.messages.records import SegmentKind
from email_audit.messages.segments import is_bare_forward, joined, split_segments
from email_audit.tagging.records import Kind, TagInput

FOLDS = 5
_MOST_FAULTS = 20


@dataclass(frozen=True, slots=True)
class Labelled:
    """One message with its label.

    `writer` is the part of the id before the first "-". `group` is what must not be divided
    between learning and testing: writer and storyline, because messages of one story quote each
    other. `is_hard`: a hit without a keyword, or a near miss. `kinds_checked` is False where the
    kinds are a first writer's guess: nothing is learned of them, and no figure rests on them.
    """

    id: str
    writer: str
    group: str
    message: TagInput
    enforcement: bool
    kinds: tuple[Kind, ...]
    is_hard: bool
    language: str
    kinds_checked: bool = True

    @property
    def is_ordinary(self) -> bool:
        """Whether this is everyday mail, far from the line: what a mailbox mostly holds."""
        return not self.enforcement and not self.is_hard

    @property
    def fold(self) -> int:
        """The number of the cross-validation fold that the whole storyline belongs to."""
        digest = hashlib.sha256(f"fold {self.group}".encode()).digest()
        return int.from_bytes(digest[:4]) % FOLDS


class _Attachment(BaseModel):
    model_config = ConfigDict(extra="allow")

    text: str


class _Line(BaseModel):
    """A line of a file of labels; fields beyond these are allowed and ignored."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[str, Field(min_length=1)]
    subject: str
    body: str
    attachments: tuple[_Attachment, ...] = ()
    enforcement: bool
    kinds: tuple[Kind, ...]
    kinds_checked: bool = True
    storyline: str = ""
    difficulty: Literal["plain", "hard"] = "plain"
    language: str = "en"

    @model_validator(mode="after")
    def _kinds_belong_to_hits(self) -> "_Line":
        if bool(self.kinds) != self.enforcement:
            raise ValueError("a hit needs a kind, and only a hit may have one")
        return self


def read_labels(path: Path) -> list[Labelled]:
    """Read a file of labelled messages, a JSON object a line (fields: docs/classifier.md).

    Raises:
        UserError: naming every line and field that is wrong.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error
    faults: list[str] = []
    labels = list(_valid(path, lines, faults))
    seen: set[str] = set()
    for label in labels:
        if label.id in seen:
            faults.append(f"{path}: id {label.id!r} occurs more than once")
        seen.add(label.id)
    if faults:
        more = len(faults) - _MOST_FAULTS
        shown = "\n  ".join([*faults[:_MOST_FAULTS], *([f"and {more} more"] if more > 0 else [])])
        raise UserError(f"labels are wrong:\n  {shown}")
    return labels


def _valid(path: Path, lines: list[str], faults: list[str]) -> Iterator[Labelled]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _labelled(_Line.model_validate(json.loads(line)))
        except json.JSONDecodeError as error:
            faults.append(f"{path}, line {number}: no JSON: {error.msg}")
        except ValidationError as error:
            faults += [
                f"{path}, line {number}: {'.'.join(map(str, fault['loc'])) or 'line'}: "
                f"{fault['msg']}"
                for fault in error.errors()
            ]


def _labelled(line: _Line) -> Labelled:
    own_text, context = own_and_carried(line.body, line.subject)
    writer = line.id.partition("-")[0]
    return Labelled(
        id=line.id,
        writer=writer,
        group=f"{writer}/{line.storyline or line.id}",
        message=TagInput(
            subject=line.subject,
            own_text=own_text,
            context=context,
            attachments=tuple(attachment.text for attachment in line.attachments),
        ),
        enforcement=line.enforcement,
        kinds=line.kinds,
        is_hard=line.difficulty == "hard",
        language=line.language,
        kinds_checked=line.kinds_checked,
    )


def own_and_carried(body: str, subject: str) -> tuple[str, str]:
    """Split a body into the author's own content and the text that it carries along.

    As messages are read for an audit: a bare forward sends its content on, so the forwarded text
    is its own, too.
    """
    segments = split_segments(body, subject)
    own = {SegmentKind.OWN}
    if is_bare_forward(body, segments):
        own.add(SegmentKind.FORWARDED)
    carried = (SegmentKind.QUOTED, SegmentKind.FORWARDED)
    return joined(body, segments, own), joined(body, segments, carried)
