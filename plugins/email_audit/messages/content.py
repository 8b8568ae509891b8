"""The body's text and the attachments of a message, from its MIME tree."""

import re
from dataclasses import dataclass, replace

from email_audit.messages.attached import read_attachment, unknown_charset
from email_audit.messages.charset import decode_text
from email_audit.messages.envelope import Envelope, header_text, read_envelope
from email_audit.messages.extraction import TextExtractor
from email_audit.messages.flowed import unwrap_flowed
from email_audit.messages.html import html_text
from email_audit.messages.identity import bytes_sha256, content_sha256
from email_audit.messages.limits import ReadLimits
from email_audit.messages.mime import Entity, read_entity
from email_audit.messages.problems import Problems
from email_audit.messages.records import (
    Attachment,
    AttachmentStatus,
    ContentHash,
    ProblemCode,
)
from email_audit.messages.transfer import find_uuencoded
from email_audit.messages.winmail import open_winmail

_HTML = frozenset({"text/html", "text/x-amp-html", "text/watch-html", "application/xhtml+xml"})
_NEVER_BODY = frozenset(
    {
        "text/calendar",
        "text/comma-separated-values",
        "text/css",
        "text/csv",
        "text/directory",
        "text/javascript",
        "text/rfc822-headers",
        "text/rtf",
        "text/tab-separated-values",
        "text/vcard",
        "text/x-vcalendar",
        "text/x-vcard",
        "text/xml",
    }
)
_META_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE
)
_WORD = re.compile(r"[\u2e80-\uffdc]|[^\W\u2e80-\uffdc]+")
_LINK = re.compile(r"<?(?:https?://|mailto:)\S+")
_MIN_MISSING_WORDS = 5
_MIN_MISSING_SHARE = 0.2
_SNIFFED_BYTES = 4096
_LONGEST_FILENAME = 120


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says: its body text, where its sections begin, and its attachments.

    A section is judged by itself when own text is told from history: an HTML alternative that says
    more than the plain one must not hide below that one's quoted history.
    """

    body: str
    sections: tuple[int, ...]
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    starts_section: bool = False


def read_content(
    entity: Entity, limits: ReadLimits, problems: Problems, extract: TextExtractor
) -> Content:
    """Read the body and all attachments below `entity`, flattened in document order."""
    reader = _Reader(limits, problems, extract)
    pieces = reader.read(entity, is_root=True)
    if reader.carried_bodies and not any(piece.text.strip() for piece in pieces):
        pieces = [_Piece(text) for text in reader.carried_bodies]
    if len(pieces) == 1:
        return Content(pieces[0].text, (0,), tuple(reader.attachments))
    body: list[str] = []
    sections = [0]
    length = 0
    for piece in pieces:
        if length:
            body.append("\n")
            length += 1
        if piece.starts_section and length:
            sections.append(length)
        body.append(piece.text)
        length += len(piece.text)
    return Content("".join(body), tuple(sections), tuple(reader.attachments))


def content_hash(envelope: Envelope, content: Content) -> ContentHash:
    """Give the content hash of a message, embedded or not."""
    return content_sha256(
        sender=envelope.sender,
        to=envelope.to,
        cc=envelope.cc,
        date=envelope.date,
        subject=envelope.subject,
        body=content.body,
        attachments=[part.identity for part in content.attachments if part.parent is None],
    )


class _Reader:
    def __init__(self, limits: ReadLimits, problems: Problems, extract: TextExtractor) -> None:
        self._limits = limits
        self._problems = problems
        self._extract = extract
        self.attachments: list[Attachment] = []
        self.carried_bodies: list[str] = []
        """Bodies found in winmail.dat attachments: the message's own where MIME has none."""

    def read(
        self, entity: Entity, *, is_root: bool = False, is_choice: bool = False
    ) -> list[_Piece]:
        """Give the body text below an entity and note its attachments.

        `is_root`: it is the message itself. `is_choice`: it is one of several alternatives, so a
        file name does not make it an attachment.
        """
        if entity.children:
            if entity.is_embedded_message:
                self._embedded(entity)
                return []
            if entity.kind == "multipart/alternative":
                return self._alternative(entity)
            if entity.kind == "multipart/related":
                return self._related(entity, is_choice=is_choice)
            return [piece for child in entity.children for piece in self.read(child)]
        if self._is_body(entity, is_root=is_root, is_choice=is_choice):
            return self._text(entity)
        self._attach(entity)
        return []

    @staticmethod
    def _is_body(entity: Entity, *, is_root: bool, is_choice: bool) -> bool:
        if entity.kind not in _HTML and (entity.main_type != "text" or entity.kind in _NEVER_BODY):
            return False
        if b"content-disposition" not in entity.headers and "name" not in entity.params:
            return True
        disposition, filename = entity.disposition()
        return disposition != "attachment" and (is_root or is_choice or not filename)

    def _related(self, entity: Entity, *, is_choice: bool) -> list[_Piece]:
        """Read the root part as body (RFC 2387 3.2); what it refers to is attached."""
        start = entity.params.get("start", "").strip()
        root = entity.children[0]
        if start:
            for child in entity.children:
                if child.headers.first(b"content-id") == start:
                    root = child
                    break
        pieces: list[_Piece] = []
        for child in entity.children:
            if child is root:
                pieces += self.read(child, is_choice=is_choice)
            elif child.children:
                pieces += self.read(child)
            else:
                self._attach(child)
        return pieces

    def _alternative(self, entity: Entity) -> list[_Piece]:
        """Take the plain text; add any other alternative that says materially more."""
        choices: list[tuple[bool, list[_Piece]]] = []
        for child in entity.children:
            pieces = self.read(child, is_choice=True)
            if any(piece.text.strip() for piece in pieces):
                choices.append((child.kind == "text/plain", pieces))
        if len(choices) < 2:
            return choices[0][1] if choices else []
        # Stable: the first plain text, else the first alternative.
        choices.sort(key=lambda choice: not choice[0])
        chosen = list(choices[0][1])
        known = _words(chosen)
        for _, pieces in choices[1:]:
            words = _words(pieces)
            missing = words - known
            if len(missing) >= _MIN_MISSING_WORDS and len(missing) > _MIN_MISSING_SHARE * len(
                words
            ):
                self._problems.add(
                    ProblemCode.ALTERNATIVES_DIFFER,
                    "an alternative has words that the plain text has not: both are read",
                )
                chosen += [_Piece(piece.text, starts_section=True) for piece in pieces]
                known |= words
        return chosen

    def _text(self, entity: Entity) -> list[_Piece]:
        data = entity.decoded(self._problems)
        label = entity.params.get("charset", "")
        is_html = entity.kind in _HTML
        if is_html and not label:
            sniffed = _META_CHARSET.search(data, 0, _SNIFFED_BYTES)
            label = sniffed[1].decode("ascii") if sniffed else ""
        text, fault = decode_text(data, label)
        if fault:
            unknown_charset(fault, self._problems)
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if len(text) > self._limits.max_text_chars:
            text = text[: self._limits.max_text_chars]
            self._problems.add(
                ProblemCode.TOO_LARGE,
                f"a text part is cut at {self._limits.max_text_chars} characters",
            )
        if is_html:
            return [_Piece(html_text(text))]
        if entity.params.get("format", "").lower() == "flowed":
            deletes_space = entity.params.get("delsp", "").lower() == "yes"
            text = unwrap_flowed(text, deletes_space=deletes_space)
        if "begin " in text:
            text = self._without_files(text)
        return [_Piece(text)]

    def _without_files(self, text: str) -> str:
        """Take uuencoded files out of a plain body and attach them."""
        pieces: list[str] = []
        position = 0
        for file in find_uuencoded(text):
            pieces.append(text[position : file.start])
            position = file.end
            self._add(file.data, file.filename, "application/octet-stream", "", depth=0)
        return "".join((*pieces, text[position:]))

    def _attach(self, entity: Entity) -> None:
        data = entity.decoded(self._problems)
        _, filename = entity.disposition()
        charset = entity.params.get("charset", "")
        self._add(data, filename, entity.kind, charset, depth=entity.depth)

    def _add(self, data: bytes, filename: str, kind: str, charset: str, *, depth: int) -> None:
        is_message_file = filename.lower().endswith(".eml") and kind in (
            "application/octet-stream",
            "text/plain",
        )
        if is_message_file and data.strip() and depth < self._limits.max_depth:
            problems = Problems()
            child = read_entity(data, self._limits, problems, depth=depth + 1)
            if len(child.headers):
                self._add_message(child, problems, data, filename)
                return
        if self._add_winmail(data, filename, kind, depth):
            return
        self.attachments.append(
            read_attachment(
                data, filename, kind, charset, self._limits, self._problems, self._extract
            )
        )

    def _embedded(self, entity: Entity) -> None:
        child = entity.children[0]
        data = child.original if child.start else child.buffer[: child.end]
        _, filename = entity.disposition()
        self._add_message(child, Problems(), data, filename)

    def _add_message(self, child: Entity, problems: Problems, data: bytes, filename: str) -> None:
        """Attach a message: its header and body as text, its own attachments after it."""
        if not data.strip():
            self.attachments.append(
                read_attachment(
                    data, filename, "message/rfc822", "", self._limits, problems, self._extract
                )
            )
            return
        envelope = read_envelope(child.headers, problems)
        content = read_content(child, self._limits, problems, self._extract)
        self._problems.merge(problems.found(), "an embedded message")
        index = len(self.attachments)
        self.attachments.append(
            Attachment(
                filename=filename or f"{envelope.subject[:_LONGEST_FILENAME] or 'message'}.eml",
                content_type="message/rfc822",
                size=len(data),
                sha256=bytes_sha256(data),
                identity=content_hash(envelope, content),
                status=AttachmentStatus.OK,
                text=f"{header_text(envelope)}\n\n{content.body}",
            )
        )
        self._add_children(index, content)

    def _add_winmail(self, data: bytes, filename: str, kind: str, depth: int) -> bool:
        """Attach a TNEF stream and what it carries; False where the bytes are none."""
        carried = open_winmail(data, self._limits, depth, self._problems)
        if carried is None:
            return False
        problems = Problems(carried.problems)
        child = read_entity(carried.original, self._limits, problems, depth=depth + 1)
        content = read_content(child, self._limits, problems, self._extract)
        self._problems.merge(problems.found(), "winmail.dat")
        self.carried_bodies.append(content.body)
        index = len(self.attachments)
        sha256 = bytes_sha256(data)
        self.attachments.append(
            Attachment(
                filename=filename,
                content_type=kind,
                size=len(data),
                sha256=sha256,
                identity=sha256,
                status=AttachmentStatus.OK,
                text=content.body,
            )
        )
        self._add_children(index, content)
        return True

    def _add_children(self, index: int, content: Content) -> None:
        """Add the attachments of what the attachment at `index` carries."""
        self.attachments.extend(
            replace(part, parent=index if part.parent is None else part.parent + index + 1)
            for part in content.attachments
        )


def _words(pieces: list[_Piece]) -> set[str]:
    text = "\n".join(piece.text for piece in pieces).casefold()
    return set(_WORD.findall(_LINK.sub(" ", text)))
