"""Sixth step: make the search index hold exactly the hits."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta, timezone
from itertools import chain

from email_audit.errors import RunError
from email_audit.ledger.index_records import kept_out, write_refusals
from email_audit.messages.records import Attachment, Message
from email_audit.search.interface import UNREVIEWED, HitDocument, IndexChange
from email_audit.search.opening import open_index
from email_audit.settings import Settings
from email_audit.steps.answers import answered_contents
from email_audit.steps.case import Case
from email_audit.steps.hits import Hit, affiliations, list_hits, read_hits, undecided

log = logging.getLogger(__name__)


def check_server(settings: Settings) -> None:
    """Find out before a workspace is made that a setting of the index's server is wrong.

    Raises:
        UserError: where one is.
    """
    if settings.elasticsearch_url:
        with suppress(RunError):  # away now: `check_index` says so, and it may be back in time
            open_index(settings).status()


def check_index(case: Case) -> None:
    """Find out before hours of reading that the index will not do.

    One that is away now may be there when it is needed; that is only a warning.

    Raises:
        UserError: where a setting of the index is wrong, or it holds another audit's hits.
    """
    index = open_index(case.settings, case.identity)
    try:
        index.check()
    except RunError as error:
        log.warning("the hits cannot be indexed as things are: %s", error)


def index_hits(case: Case, *, is_anew: bool = False) -> IndexChange:
    """Write the hits' documents; what is unchanged is left alone, what is no hit is removed.

    With `is_anew` all are written, beside the index in use, which they then replace. What the
    index refuses stands in the ledger's exceptions until a later write takes it.

    Raises:
        RunError: while messages wait for the classifier, since hits not tagged again yet would be
            removed; where another run is writing, or the index cannot be written.
        UserError: as `check_index`.
    """
    if message := undecided(case):
        raise RunError(message)
    index = open_index(case.settings, case.identity)
    with case.database.session() as session:
        left_out = kept_out(session)
    documents = _documents(case, left_out)
    change = index.rebuild(documents) if is_anew else index.synchronise(documents)
    with case.database.session() as session:
        write_refusals(session, change.refused)
        since_removed = kept_out(session) - left_out
    if since_removed:  # somebody asked for it while this was written
        index.remove(sorted(since_removed))
    return change


def not_indexed(change: IndexChange) -> str | None:
    """Say that hits are missing from the index, None where none is."""
    if not change.refused:
        return None
    return (
        f"{len(change.refused)} hits could not be indexed and no search finds them; "
        "`email-audit ledger --exceptions` lists them with the reason of each"
    )


def _documents(case: Case, left_out: frozenset[str]) -> Iterator[HitDocument]:
    with case.database.session() as session:
        known = affiliations(session)
        answered = answered_contents(session)
    # Asked again in the moment of the list: another run may have decided anew meanwhile.
    hits = list_hits(case, only_decided=True)
    records = [hit for hit in hits if hit.item.content_sha256 not in left_out]
    for hit in read_hits(case, records):
        is_answered = hit.stored.message.content_sha256 in answered
        yield _document(hit, known, is_answered=is_answered)


def _document(
    hit: Hit, known: dict[str, tuple[tuple[str, ...], tuple[str, ...]]], *, is_answered: bool
) -> HitDocument:
    message, record, tag = hit.stored.message, hit.record, hit.record.tag
    groups = [known.get(custodian, ((), ())) for custodian in record.custodians]
    texts = (attachment.text for attachment in message.attachments)
    return HitDocument(
        id=message.content_sha256,
        message_id=message.message_id,
        mih=message.mih,
        custodians=record.custodians,
        task_forces=tuple(dict.fromkeys(chain.from_iterable(forces for forces, _ in groups))),
        partner_agencies=tuple(
            dict.fromkeys(chain.from_iterable(agencies for _, agencies in groups))
        ),
        date=message.date,
        date_written=_date_written(message),
        sender=message.sender,
        to=message.to,
        cc=message.cc,
        bcc=message.bcc,
        subject=message.subject,
        own_text=message.own_text,
        quoted_text=message.quoted_text,
        attachment_names=_names(message.attachments),
        attachment_text="\n\n".join(text for text in texts if text),
        kinds=tuple(tag.kinds),
        score=tag.score,
        signals=tag.signals,
        review_state=UNREVIEWED,
        is_answered=is_answered,
        thread=record.thread,
        sources=tuple(f"{copy.source} / {copy.path_in_source}" for copy in record.copies),
        model=record.model,
    )


def _date_written(message: Message) -> str | None:
    """Give the sender's own time; None where the message does not say in which zone it is."""
    if message.date is None or message.zone_minutes is None:
        return None
    zone = timezone(timedelta(minutes=message.zone_minutes))
    return message.date.astimezone(zone).isoformat()


def _names(attachments: tuple[Attachment, ...]) -> tuple[str, ...]:
    return tuple(attachment.filename for attachment in attachments if attachment.filename)
