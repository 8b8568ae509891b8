"""Items that are no mail, as readable lines: appointments, contacts, tasks, journal, reports.

Times are shown in UTC, with the item's own zone named beside them. Property names and numbers are
MS-OXPROPS's; MS-OXOCAL, MS-OXOCNTC, MS-OXOTASK, MS-OXOJRNL and MS-OXOMSG say what they mean.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from email_audit.mapi.header import subject
from email_audit.mapi.people import Person, entry_person, recipient, recipient_type
from email_audit.mapi.properties import PropertySet, RecipientType, Tag
from email_audit.mapi.records import MapiItem, NamedProperty
from email_audit.mapi.recurrence import recurrence_text
from email_audit.mapi.values import NamedValues, Values

_Line = tuple[str, str]

_APPOINTMENT = PropertySet.APPOINTMENT
_START = NamedProperty(_APPOINTMENT, 0x820D)
_END = NamedProperty(_APPOINTMENT, 0x820E)
_ALL_DAY = NamedProperty(_APPOINTMENT, 0x8215)
_LOCATION = NamedProperty(_APPOINTMENT, 0x8208)
_MEETING_PLACE = NamedProperty(PropertySet.MEETING, 0x0002)
_RECURRENCE_WORDS = NamedProperty(_APPOINTMENT, 0x8232)
_RECURRENCE = NamedProperty(_APPOINTMENT, 0x8216)
_ZONE_WORDS = NamedProperty(_APPOINTMENT, 0x8234)
_ZONE_DEFINITION = NamedProperty(_APPOINTMENT, 0x825E)
_ALL_ATTENDEES = NamedProperty(_APPOINTMENT, 0x8238)
_COMMON_START = NamedProperty(PropertySet.COMMON, 0x8516)
_COMMON_END = NamedProperty(PropertySet.COMMON, 0x8517)

_TASK_START = NamedProperty(PropertySet.TASK, 0x8104)
_TASK_DUE = NamedProperty(PropertySet.TASK, 0x8105)
_TASK_STATUS = NamedProperty(PropertySet.TASK, 0x8101)
_TASK_PERCENT = NamedProperty(PropertySet.TASK, 0x8102)
_TASK_DONE = NamedProperty(PropertySet.TASK, 0x810F)
_TASK_RECURRENCE = NamedProperty(PropertySet.TASK, 0x8116)
_TASK_OWNER = NamedProperty(PropertySet.TASK, 0x811F)
_TASK_STATES = ("not started", "in progress", "complete", "waiting for others", "deferred")

_MEMBERS = NamedProperty(PropertySet.ADDRESS, 0x8055)
_ONE_OFF_MEMBERS = NamedProperty(PropertySet.ADDRESS, 0x8054)
_EMAILS = tuple(
    (
        NamedProperty(PropertySet.ADDRESS, base),
        NamedProperty(PropertySet.ADDRESS, base + 3),
        NamedProperty(PropertySet.ADDRESS, base + 4),
    )
    for base in (0x8080, 0x8090, 0x80A0)
)
"""Display name, address and original display name (the SMTP one, if EX) of three addresses."""
_CONTACT_TEXTS = (
    ("Name", Tag.DISPLAY_NAME),
    ("Nickname", Tag.NICKNAME),
    ("Company", Tag.COMPANY_NAME),
    ("Department", Tag.DEPARTMENT_NAME),
    ("Title", Tag.TITLE),
    ("Manager", Tag.MANAGER_NAME),
    ("Business phone", Tag.BUSINESS_TELEPHONE_NUMBER),
    ("Business phone 2", Tag.BUSINESS2_TELEPHONE_NUMBER),
    ("Home phone", Tag.HOME_TELEPHONE_NUMBER),
    ("Mobile phone", Tag.MOBILE_TELEPHONE_NUMBER),
    ("Other phone", Tag.OTHER_TELEPHONE_NUMBER),
    ("Primary phone", Tag.PRIMARY_TELEPHONE_NUMBER),
    ("Business fax", Tag.BUSINESS_FAX_NUMBER),
    ("Home page", Tag.PERSONAL_HOME_PAGE),
    ("Business home page", Tag.BUSINESS_HOME_PAGE),
)
_CONTACT_NAMED = (
    ("Business address", NamedProperty(PropertySet.ADDRESS, 0x801B)),
    ("Home address", NamedProperty(PropertySet.ADDRESS, 0x801A)),
    ("Other address", NamedProperty(PropertySet.ADDRESS, 0x801C)),
    ("Instant messaging", NamedProperty(PropertySet.ADDRESS, 0x8062)),
)

_LOG_TYPE = NamedProperty(PropertySet.LOG, 0x8700)
_LOG_START = NamedProperty(PropertySet.LOG, 0x8706)
_LOG_MINUTES = NamedProperty(PropertySet.LOG, 0x8707)
_LOG_END = NamedProperty(PropertySet.LOG, 0x8708)

_ATTENDANCE = (
    (RecipientType.TO, "Required"),
    (RecipientType.CC, "Optional"),
    (RecipientType.BCC, "Resources"),
)
_ANSWERS = {1: "organizer", 2: "tentative", 3: "accepted", 4: "declined"}


def description(item: MapiItem, item_class: str, values: Values, named: NamedValues) -> str:
    """Give an item's fields as `Name: value` lines by its class, "" for mail and notes."""
    kind = item_class.upper()
    lines: Iterator[_Line] = iter(())
    if kind.startswith(("IPM.APPOINTMENT", "IPM.SCHEDULE.MEETING", "IPM.OLE.CLASS")):
        lines = _appointment(item, values, named)
    elif kind.startswith("IPM.TASK"):
        lines = _task(values, named)
    elif kind.startswith("IPM.CONTACT"):
        lines = _contact(values, named)
    elif kind.startswith("IPM.DISTLIST"):
        lines = _list_members(values, named)
    elif kind.startswith("IPM.ACTIVITY"):
        lines = _journal(named)
    elif kind.startswith("REPORT."):
        lines = _report(item, values)
    return "\n".join(f"{name}: {' '.join(value.split())}" for name, value in lines if value.strip())


def _appointment(item: MapiItem, values: Values, named: NamedValues) -> Iterator[_Line]:
    yield "What", subject(values)
    start = _time(named, _START, _COMMON_START) or values.time(Tag.START_DATE)
    end = _time(named, _END, _COMMON_END) or values.time(Tag.END_DATE)
    yield "When", _span(start, end) + (" (all day)" if named.get(_ALL_DAY) is True else "")
    yield "Time zone", named.text(_ZONE_WORDS) or _zone_name(named.get(_ZONE_DEFINITION))
    yield "Where", named.text(_LOCATION) or named.text(_MEETING_PLACE)
    recurrence = named.get(_RECURRENCE)
    words = recurrence_text(recurrence) if isinstance(recurrence, bytes) else ""
    yield "Recurrence", named.text(_RECURRENCE_WORDS) or words
    yield "Organizer", _organizer(item, values)
    attendees: dict[int, list[str]] = {}
    for properties in item.recipients:
        row = values.of(properties)
        person = recipient(row)
        if person is not None and not _is_organizer(row):
            answer = _ANSWERS.get(row.number(Tag.RECIPIENT_TRACK_STATUS), "")
            shown = f"{_shown(person)} ({answer})" if answer else _shown(person)
            attendees.setdefault(recipient_type(row), []).append(shown)
    for role, label in _ATTENDANCE:
        yield label, "; ".join(attendees.get(role, ()))
    if not attendees:
        yield "Attendees", named.text(_ALL_ATTENDEES)


def _organizer(item: MapiItem, values: Values) -> str:
    for properties in item.recipients:
        row = values.of(properties)
        if _is_organizer(row):
            person = recipient(row)
            return _shown(person) if person else ""
    return values.line(Tag.SENT_REPRESENTING_NAME, Tag.SENDER_NAME)


def _is_organizer(row: Values) -> bool:
    """Say whether a recipient is the organizer (MS-OXOCAL 2.2.4.10.1, recipOrganizer)."""
    return bool(row.number(Tag.RECIPIENT_FLAGS) & 0x02)


def _task(values: Values, named: NamedValues) -> Iterator[_Line]:
    yield "Task", subject(values)
    yield "Start", _day(named, _TASK_START)
    yield "Due", _day(named, _TASK_DUE)
    state = named.get(_TASK_STATUS)
    if isinstance(state, int) and 0 <= state < len(_TASK_STATES):
        yield "Status", _TASK_STATES[state]
    percent = named.get(_TASK_PERCENT)
    if isinstance(percent, float) and 0 < percent <= 1:
        yield "Complete", f"{percent:.0%}"
    yield "Completed", _day(named, _TASK_DONE)
    yield "Owner", named.text(_TASK_OWNER)
    recurrence = named.get(_TASK_RECURRENCE)
    yield "Recurrence", recurrence_text(recurrence) if isinstance(recurrence, bytes) else ""


def _contact(values: Values, named: NamedValues) -> Iterator[_Line]:
    for label, tag in _CONTACT_TEXTS:
        yield label, values.text(tag)
    for name, address, original in _EMAILS:
        found = named.text(address)
        if "@" not in found and "@" in named.text(original):
            found = named.text(original)
        shown = named.text(name)
        yield "E-mail", f"{shown} <{found}>" if shown and found and shown != found else found
    for label, key in _CONTACT_NAMED:
        yield label, named.text(key)
    birthday = values.time(Tag.BIRTHDAY)
    yield "Birthday", f"{birthday:%Y-%m-%d}" if birthday else ""


def _list_members(values: Values, named: NamedValues) -> Iterator[_Line]:
    yield "List", values.line(Tag.DISPLAY_NAME)
    shown: list[str] = []
    for key in (_ONE_OFF_MEMBERS, _MEMBERS):
        members = named.get(key)
        for member in members if isinstance(members, tuple) else ():
            person = entry_person(member) if isinstance(member, bytes) else None
            if person is not None and _shown(person):
                shown.append(_shown(person))
        if shown:
            break
    for line in shown:
        yield "Member", line


def _journal(named: NamedValues) -> Iterator[_Line]:
    yield "Journal", named.text(_LOG_TYPE)
    yield "When", _span(_time(named, _LOG_START), _time(named, _LOG_END))
    minutes = named.get(_LOG_MINUTES)
    yield "Duration", f"{minutes} minutes" if isinstance(minutes, int) and minutes else ""


def _report(item: MapiItem, values: Values) -> Iterator[_Line]:
    yield "Report", subject(values)
    yield "Report time", _at(values.time(Tag.REPORT_TIME))
    yield "Original subject", values.line(Tag.ORIGINAL_SUBJECT)
    yield "Original sender", values.line(Tag.ORIGINAL_SENDER_NAME, Tag.ORIGINAL_AUTHOR_NAME)
    yield "Original time", _at(values.time(Tag.ORIGINAL_SUBMIT_TIME))
    yield "Original To", values.line(Tag.ORIGINAL_DISPLAY_TO)
    yield "Original Cc", values.line(Tag.ORIGINAL_DISPLAY_CC)
    yield "Text", values.text(Tag.REPORT_TEXT)
    for properties in item.recipients:
        row = values.of(properties)
        person = recipient(row)
        told = row.line(Tag.REPORT_TEXT, Tag.SUPPLEMENTARY_INFO)
        when = _at(row.time(Tag.DELIVER_TIME, Tag.RECEIPT_TIME, Tag.REPORT_TIME))
        yield "Recipient", " ".join(filter(None, (_shown(person) if person else "", when, told)))


def _time(named: NamedValues, *keys: NamedProperty) -> datetime | None:
    for key in keys:
        value = named.get(key)
        if isinstance(value, datetime):
            return value
    return None


def _day(named: NamedValues, key: NamedProperty) -> str:
    moment = _time(named, key)
    return f"{moment:%Y-%m-%d}" if moment else ""


def _at(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else ""


def _span(start: datetime | None, end: datetime | None) -> str:
    return " to ".join(filter(None, (_at(start), _at(end))))


def _zone_name(value: object) -> str:
    """Give the key name of a time zone definition (MS-OXOCAL 2.2.1.41)."""
    if not isinstance(value, bytes) or value[:2] != b"\x02\x01":
        return ""
    characters = int.from_bytes(value[6:8], "little")
    return value[8 : 8 + 2 * characters].decode("utf-16-le", "replace")


def _shown(person: Person) -> str:
    if person.name and person.address:
        return f"{person.name} <{person.address}>"
    return person.name or person.address
