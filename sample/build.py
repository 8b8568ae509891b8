"""Write the mailbox exports in `sample/mail/` from the messages in `sample/messages/`.

    python sample/build.py            write sample/mail/
    python sample/build.py --check    compare only; exit 1 at any difference

Standard library only. The same input gives the same bytes on every machine and every Python from
3.11 on: no clock, no random numbers, no environment, and no `email` generator, whose folding and
quoting differ between releases. Headers and MIME parts are therefore written out here.

A message is a JSON object with `id`, `storyline`, `subject`, `from`, `to`, `cc`, `bcc`, `date`,
`in_reply_to` (the id of the parent), `message_id`, `body`, `html`, `attachments` and `mailboxes`
(export key to folder). Its labels `enforcement`, `kinds` and `why` (annotation guide) are not
read here. Optional keys:

* `encoding`: `{charset, transfer, flowed}` of the plain text part. By default ASCII in short lines
  is sent as 7bit, anything else as UTF-8 in quoted-printable.
* `html_only`: there is no plain text part; `body` is what a reader should see.
* `threading: false`: In-Reply-To and References are left out although it is a reply.
* `received`: when it arrived, where `date` is null or absurd.
* `transfer` in a text attachment: `7bit` instead of base64, so its line ends are the container's.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import html
import json
import os
import re
import shutil
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

HERE = Path(__file__).resolve().parent
MESSAGES = HERE / "messages"
MAIL = HERE / "mail"
MTIME = int(datetime(2025, 8, 1, 12, 0, tzinfo=UTC).timestamp())
HOST = "mail.pmpd.example"
WIDTH = 76


@dataclass(frozen=True)
class Person:
    """A name and an address as they stand in a header."""

    name: str
    address: str

    def header(self) -> str:
        """RFC 5322 mailbox; a name outside ASCII becomes encoded words (RFC 2047)."""
        if not self.name.isascii():
            return f"{encoded_words(self.name)} <{self.address}>"
        if re.search(r'[()<>\[\]:;@\\,."]', self.name):
            escaped = self.name.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}" <{self.address}>'
        return f"{self.name} <{self.address}>"


@dataclass(frozen=True)
class Attachment:
    """A file of a message, as bytes; `transfer` is its Content-Transfer-Encoding."""

    filename: str
    content_type: str
    content: bytes
    transfer: str


@dataclass(frozen=True)
class Message:
    """One message of the sample, and the folder it lies in for each export that holds a copy."""

    id: str
    subject: str
    sender: Person
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    bcc: tuple[Person, ...]
    date: datetime | None
    received: datetime
    message_id: str | None
    in_reply_to: str | None
    body: str
    html: str | None
    html_only: bool
    threading: bool
    charset: str | None
    transfer: str | None
    flowed: bool
    attachments: tuple[Attachment, ...]
    mailboxes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Copy:
    """The copy of a message in one mailbox: its folder and its bytes with LF line ends."""

    message: Message
    folder: str
    content: bytes


def load_messages(folder: Path) -> dict[str, Message]:
    """Read every `*.jsonl` of the folder; messages by id.

    Raises:
        ValueError: a line is not a message, an id is used twice, or a parent is unknown.
    """
    messages: dict[str, Message] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                message = parse_message(json.loads(line))
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path.name}, line {number}: {error!r}") from error
            if message.id in messages:
                raise ValueError(f"{path.name}, line {number}: id {message.id} is used twice")
            messages[message.id] = message
    for message in messages.values():
        if message.in_reply_to is not None and message.in_reply_to not in messages:
            raise ValueError(f"{message.id}: unknown parent {message.in_reply_to}")
    return messages


def parse_message(record: Mapping[str, Any]) -> Message:
    """Make a message of one JSON object."""
    encoding = record.get("encoding", {})
    date = None if record["date"] is None else datetime.fromisoformat(record["date"])
    received = datetime.fromisoformat(record.get("received") or record["date"])
    as_html = record["html"]
    return Message(
        id=record["id"],
        subject=record["subject"],
        sender=Person(**record["from"]),
        to=tuple(Person(**person) for person in record["to"]),
        cc=tuple(Person(**person) for person in record["cc"]),
        bcc=tuple(Person(**person) for person in record["bcc"]),
        date=date,
        received=received,
        message_id=record["message_id"],
        in_reply_to=record["in_reply_to"],
        body=record["body"],
        html=html_of(record["body"]) if as_html is True else as_html or None,
        html_only=record.get("html_only", False),
        threading=record.get("threading", True),
        charset=encoding.get("charset"),
        transfer=encoding.get("transfer"),
        flowed=encoding.get("flowed", False),
        attachments=tuple(parse_attachment(item) for item in record["attachments"]),
        mailboxes=record["mailboxes"],
    )


def parse_attachment(record: Mapping[str, str]) -> Attachment:
    """Make an attachment of one JSON object; text in base64 has CRLF line ends."""
    if "base64" in record:
        content, transfer = base64.b64decode(record["base64"], validate=True), "base64"
    else:
        # RFC 2046 5.2.1: an attached message is never encoded.
        default = "7bit" if record["content_type"] == "message/rfc822" else "base64"
        transfer = record.get("transfer", default)
        newline = "\r\n" if transfer == "base64" else "\n"
        content = record["text"].replace("\n", newline).encode()
    return Attachment(record["filename"], record["content_type"], content, transfer)


def digest(*parts: str) -> str:
    """Hexadecimal SHA-256 of the parts: the source of everything that looks random."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def encoded_words(text: str) -> str:
    """RFC 2047 encoded words (UTF-8, Q), each within 75 characters and never inside a character."""
    words, word = [], ""
    for character in text:
        if character.isascii() and character.isalnum():
            piece = character
        elif character == " ":
            piece = "_"
        else:
            piece = "".join(f"={byte:02X}" for byte in character.encode())
        if len(word) + len(piece) > 60:
            words.append(word)
            word = ""
        word += piece
    words.append(word)
    return "\n ".join(f"=?UTF-8?Q?{word}?=" for word in words)


def html_of(text: str) -> str:
    """HTML as a client makes it of typed text: paragraphs, line breaks, quotes as blockquote."""
    out = ["<html><body>"]
    depth = 0
    paragraph: list[str] = []

    def end_paragraph() -> None:
        if paragraph:
            out.append("<p>" + "<br>\n".join(paragraph) + "</p>")
            paragraph.clear()

    for line in text.rstrip("\n").split("\n"):
        marks = re.match(r"(?:> ?)*", line)
        quote = marks.group() if marks else ""
        level = quote.count(">")
        if level != depth:
            end_paragraph()
            tag = '<blockquote type="cite">' if level > depth else "</blockquote>"
            out.extend([tag] * abs(level - depth))
            depth = level
        if content := line[len(quote) :].rstrip():
            paragraph.append(html.escape(content, quote=False))
        else:
            end_paragraph()
    end_paragraph()
    out.extend(["</blockquote>"] * depth)
    out.append("</body></html>")
    return "\n".join(out) + "\n"


def flow(text: str) -> str:
    """Lay text out as format=flowed (RFC 3676): soft breaks end in a space, quotes stay as is."""
    out = []
    for line in text.split("\n"):
        if line.startswith(">") or line == "-- ":
            out.append(line)
            continue
        rest = f" {line}" if line.startswith((" ", "From ")) else line
        while len(rest) > WIDTH and (cut := rest.rfind(" ", 1, WIDTH)) > 0:
            out.append(rest[: cut + 1])
            rest = rest[cut + 1 :]
        out.append(rest.rstrip(" "))
    return "\n".join(out)


def encode(content: bytes, transfer: str) -> bytes:
    """Apply a Content-Transfer-Encoding; LF line ends, one at the end."""
    if transfer == "base64":
        encoded = base64.b64encode(content)
        lines = [encoded[i : i + WIDTH] for i in range(0, len(encoded), WIDTH)]
        return b"\n".join(lines) + b"\n"
    if transfer == "quoted-printable":
        return binascii.b2a_qp(content, istext=True)
    return content


def text_part(
    text: str, subtype: str, *, charset: str | None, transfer: str | None, flowed: bool = False
) -> bytes:
    """One text/* part: its MIME headers, a blank line and the encoded text."""
    if flowed:
        text = flow(text)
    text = text.rstrip("\n") + "\n"  # else the separator after it in an mbox is no blank line
    charset = charset or ("us-ascii" if text.isascii() else "utf-8")
    if transfer is None:
        is_plain = text.isascii() and all(len(line) <= 78 for line in text.split("\n"))
        transfer = "7bit" if is_plain else "quoted-printable"
    content_type = f"text/{subtype}; charset={charset}" + ("; format=flowed" if flowed else "")
    newline = "\r\n" if transfer == "base64" else "\n"
    content = encode(text.replace("\n", newline).encode(charset), transfer)
    return mime_head(content_type, transfer) + content


def mime_head(content_type: str, transfer: str, disposition: str = "") -> bytes:
    """Content headers of a part and the blank line after them."""
    lines = [f"Content-Type: {content_type}", f"Content-Transfer-Encoding: {transfer}"]
    if disposition:
        lines.append(f"Content-Disposition: {disposition}")
    return "\n".join([*lines, "", ""]).encode("ascii")


def attachment_part(attachment: Attachment) -> bytes:
    """One attached file as a MIME part."""
    parameters = f'; name="{attachment.filename}"'
    if attachment.content_type.startswith("text/"):
        parameters = f"; charset=utf-8{parameters}"
    if method := re.search(rb"^METHOD:(\w+)", attachment.content, re.MULTILINE):
        parameters = f"; method={method.group(1).decode('ascii')}{parameters}"
    head = mime_head(
        attachment.content_type + parameters,
        attachment.transfer,
        f'attachment; filename="{attachment.filename}"',
    )
    return head + encode(attachment.content, attachment.transfer)


def multipart(kind: str, message_id: str, parts: Iterable[bytes]) -> bytes:
    """Join parts as multipart/`kind`; the boundary is derived from the message."""
    boundary = f"=_{kind[:3]}_{digest(message_id, kind)[:24]}"
    head = f'Content-Type: multipart/{kind};\n boundary="{boundary}"\n\n'.encode("ascii")
    marker = b"--" + boundary.encode("ascii")
    # RFC 2046 5.1.1: the line break before a boundary belongs to the boundary.
    return head + b"".join(marker + b"\n" + part + b"\n" for part in parts) + marker + b"--\n"


def mime_body(message: Message) -> bytes:
    """Content headers and body of a message."""
    plain = text_part(
        message.body,
        "plain",
        charset=message.charset,
        transfer=message.transfer,
        flowed=message.flowed,
    )
    body = plain
    if message.html is not None:
        markup = text_part(message.html, "html", charset="utf-8", transfer="quoted-printable")
        body = (
            markup if message.html_only else multipart("alternative", message.id, [plain, markup])
        )
    if message.attachments:
        files = [attachment_part(attachment) for attachment in message.attachments]
        body = multipart("mixed", message.id, [body, *files])
    return body


def references(message: Message, messages: Mapping[str, Message]) -> list[str]:
    """Message-IDs of the ancestors, oldest first; those without one are left out."""
    chain: list[str] = []
    parent = message.in_reply_to
    while parent is not None:
        ancestor = messages[parent]
        if ancestor.message_id is not None:
            chain.append(ancestor.message_id)
        parent = ancestor.in_reply_to
    return chain[::-1]


def message_headers(message: Message, messages: Mapping[str, Message], *, is_sent: bool) -> bytes:
    """The headers every copy has; Bcc is in the sender's copy only."""
    lines = [f"From: {message.sender.header()}"]
    recipients = [("To", message.to), ("Cc", message.cc), ("Bcc", message.bcc if is_sent else ())]
    for name, people in recipients:
        if people:
            lines.append(f"{name}: " + ",\n ".join(person.header() for person in people))
    subject = message.subject if message.subject.isascii() else encoded_words(message.subject)
    lines.append(f"Subject: {subject}")
    if message.date is not None:
        lines.append(f"Date: {format_datetime(message.date)}")
    if message.message_id is not None:
        lines.append(f"Message-ID: {message.message_id}")
    if message.threading and (chain := references(message, messages)):
        lines += [f"In-Reply-To: {chain[-1]}", "References: " + "\n ".join(chain)]
    lines.append("MIME-Version: 1.0")
    return "\n".join([*lines, ""]).encode("ascii")


def trace_headers(message: Message, mailbox: str) -> bytes:
    """Received and Return-Path as the server of a recipient adds them."""
    domain = message.sender.address.partition("@")[2]
    trace = digest(message.id, mailbox)
    lines = [
        f"Return-Path: <{message.sender.address}>",
        f"Received: from mx1.{domain} (mx1.{domain} [192.0.2.{int(trace[:2], 16) % 254 + 1}])",
        f"\tby {HOST} with ESMTPS id {trace[2:16]};",
        f"\t{format_datetime(message.received.astimezone(UTC))}",
    ]
    return "\n".join([*lines, ""]).encode("ascii")


def copies(mailbox: str, messages: Mapping[str, Message]) -> list[Copy]:
    """The copies in one mailbox in order of arrival."""
    mine = [message for message in messages.values() if mailbox in message.mailboxes]
    mine.sort(key=lambda message: (message.received, message.id))
    out = []
    for message in mine:
        folder = message.mailboxes[mailbox]
        is_sent = folder == "Sent"
        headers = message_headers(message, messages, is_sent=is_sent)
        trace = b"" if is_sent else trace_headers(message, mailbox)
        out.append(Copy(message, folder, trace + headers + mime_body(message)))
    return out


def crlf(content: bytes) -> bytes:
    """Give LF text CRLF line ends."""
    return content.replace(b"\n", b"\r\n")


def separator(message: Message) -> bytes:
    """The line that begins a message in an mbox file, with the arrival time in UTC."""
    arrival = message.received.astimezone(UTC)
    return f"From {message.sender.address} {arrival.ctime()}\n".encode("ascii")


def write_mboxrd(held: list[Copy]) -> bytes:
    """An mbox in which a `>` is put before every line that is `From ` after any number of `>`."""
    out = b""
    for copy in held:
        head = f"X-Folder: {copy.folder}\nStatus: RO\n".encode("ascii")
        quoted = re.sub(rb"(?m)^(>*From )", rb">\1", copy.content)
        out += separator(copy.message) + head + quoted + b"\n"
    return out


def write_mboxcl2(held: list[Copy]) -> bytes:
    """An mbox in which Content-Length says where a message ends, and nothing is quoted."""
    out = b""
    for copy in held:
        headers, blank, body = copy.content.partition(b"\n\n")
        length = f"\nX-Folder: {copy.folder}\nContent-Length: {len(body)}".encode("ascii")
        out += separator(copy.message) + headers + length + blank + body + b"\n"
    return out


def write_takeout(held: list[Copy]) -> bytes:
    """An mboxo with CRLF as a webmail provider exports it: labels in a header, `>From ` quoting."""
    labels = {"Inbox": "Inbox,Opened", "Sent": "Sent", "Archive": "Archived,Opened"}
    out = b""
    for copy in held:
        mark = int(digest(copy.message.id, "takeout")[:15], 16)
        day, _, year = copy.message.received.astimezone(UTC).ctime().rpartition(" ")
        head = (
            f"From {mark}@xxx {day} +0000 {year}\n"
            f"X-GM-THRID: {mark}\nX-Gmail-Labels: {labels[copy.folder]}\n"
        ).encode("ascii")
        out += head + re.sub(rb"(?m)^From ", b">From ", copy.content) + b"\n"
    return crlf(out)


def write_maildir(held: list[Copy]) -> dict[str, bytes]:
    """A Maildir++ tree, path to bytes; the last message of each folder is still in `new`.

    A folder with mail in both `cur` and `new` keeps both directories when it travels through a
    version control system that knows no empty ones.
    """
    prefixes = {"Inbox": "", "Sent": ".Sent/", "Archive": ".Archive/"}
    last = {copy.folder: copy for copy in held}
    out: dict[str, bytes] = {}
    for copy in held:
        message = copy.message
        micro = int(digest(message.id, "maildir")[:5], 16) % 1_000_000
        name = f"{int(message.received.timestamp())}.M{micro}P2114.{HOST},S={len(copy.content)}"
        place = f"new/{name}" if last[copy.folder] is copy else f"cur/{name}:2,S"
        out[prefixes[copy.folder] + place] = copy.content
    for folder in last:
        if prefixes[folder]:
            out[f"{prefixes[folder]}maildirfolder"] = b""
    return out


def write_eml_folder(held: list[Copy]) -> dict[str, bytes]:
    """One CRLF file a message in a folder per mail folder, path to bytes."""
    out: dict[str, bytes] = {}
    for copy in held:
        slug = re.sub(r"[^a-z0-9]+", "-", copy.message.subject.lower()).strip("-")[:40].rstrip("-")
        path = f"{copy.folder}/{copy.message.received:%Y%m%d-%H%M%S}_{slug}.eml"
        if path in out:
            raise ValueError(f"{copy.message.id}: two messages would be {path}")
        out[path] = crlf(copy.content)
    return out


Tree = dict[str, bytes]


def single(writer: Callable[[list[Copy]], bytes]) -> Callable[[list[Copy]], Tree]:
    """Present a one-file format as a tree whose only path is empty."""
    return lambda held: {"": writer(held)}


EXPORTS: Mapping[str, tuple[str, Callable[[list[Copy]], Tree]]] = {
    "P-1041": ("ruben.halloran@pmpd.example.mbox", single(write_mboxrd)),
    "P-1187": ("imani.castellano.mbox", single(write_mboxcl2)),
    "P-1263": ("P-1263", write_maildir),
    "P-1322": ("lucia.marrero@pmpd.example", write_eml_folder),
    "P-1408": ("P-1408.mbox", single(write_takeout)),
    "unlisted": ("theo.brandvold@pmpd.example.mbox", single(write_mboxrd)),
}


def build(messages: Mapping[str, Message]) -> Tree:
    """Every file of `sample/mail/`, path to bytes.

    Raises:
        ValueError: a message lies in a mailbox that has no export.
    """
    for message in messages.values():
        if unknown := set(message.mailboxes) - set(EXPORTS):
            raise ValueError(f"{message.id}: no export for {', '.join(sorted(unknown))}")
    tree: Tree = {}
    for mailbox, (name, writer) in EXPORTS.items():
        for path, content in writer(copies(mailbox, messages)).items():
            tree[f"{name}/{path}" if path else name] = content
    return tree


def write(tree: Tree, root: Path) -> None:
    """Replace the folder by the tree, every file with the same fixed time."""
    if root.exists():
        shutil.rmtree(root)
    for name, content in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (MTIME, MTIME))
    # Software that opens a Maildir expects tmp too; empty, so not part of what is compared.
    for cur in sorted(root.glob("P-1263/**/cur")):
        (cur.parent / "tmp").mkdir(exist_ok=True)


def differences(tree: Tree, root: Path) -> list[str]:
    """One line for each file that is missing, superfluous or other than it should be."""
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    lines = [f"superfluous: {name}" for name in found.keys() - tree.keys()]
    lines += [f"missing: {name}" for name in tree.keys() - found.keys()]
    lines += [
        f"differs: {name}"
        for name in tree.keys() & found.keys()
        if found[name].read_bytes() != tree[name]
    ]
    return sorted(lines)


def main() -> int:
    """Build or check; the exit status."""
    parser = argparse.ArgumentParser(description="Write sample/mail/ from sample/messages/.")
    parser.add_argument("--check", action="store_true", help="compare only, exit 1 on a difference")
    options = parser.parse_args()
    messages = load_messages(MESSAGES)
    tree = build(messages)
    if options.check:
        wrong = differences(tree, MAIL)
        sys.stdout.writelines(f"{line}\n" for line in wrong)
        return 1 if wrong else 0
    write(tree, MAIL)
    held = sum(len(message.mailboxes) for message in messages.values())
    sys.stdout.write(f"{len(messages)} messages, {held} copies, {len(tree)} files\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
