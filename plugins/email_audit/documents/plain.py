"""Documents that are text of some kind."""

from email_audit.documents.markup import PlainText, walk_xml
from email_audit.documents.reading import Reading
from email_audit.messages.attached import plain_text
from email_audit.messages.problems import Problems


def read_text(reading: Reading, data: bytes) -> None:
    """Read text in whatever charset it is."""
    reading.add(plain_text(data, "text/plain", "", Problems()))


def read_html(reading: Reading, data: bytes) -> None:
    """Read HTML: what its reader would see and what is hidden; nothing is fetched."""
    reading.add(plain_text(data, "text/html", "", Problems()))


def read_calendar(reading: Reading, data: bytes) -> None:
    """Read appointments, to-dos and journals."""
    reading.add(plain_text(data, "text/calendar", "", Problems()))


def read_card(reading: Reading, data: bytes) -> None:
    """Read contacts."""
    reading.add(plain_text(data, "text/vcard", "", Problems()))


def read_xml(reading: Reading, data: bytes) -> None:
    """Read the character data of any XML; all of the file where it is none, or declares entities.

    Entities are never expanded, so what they stand for is read where it is declared.
    """
    builder = PlainText()
    is_whole = walk_xml(data, builder, reading.work.check_time)
    text = builder.text() if is_whole else ""
    if text.strip():
        reading.add(text)
    else:
        read_text(reading, data)
