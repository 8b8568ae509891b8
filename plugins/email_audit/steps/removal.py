"""Take a message out of every search index for good: a request for deletion or redaction."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select

from email_audit.errors import EmailAuditError, RunError, UserError
from email_audit.ledger.index_records import write_removal
from email_audit.ledger.models import ItemRow
from email_audit.search.embedded import EmbeddedIndex
from email_audit.search.interface import SearchIndex
from email_audit.search.opening import open_index
from email_audit.steps.case import Case


@dataclass(frozen=True, slots=True)
class Removal:
    """What was done: `is_new` is false for a message that was kept out already."""

    is_new: bool
    documents: int


def remove_from_index(case: Case, content_sha256: str, *, reason: str) -> Removal:
    """Keep a message out of every index, now and at every rebuild.

    The decision is written down first: where an index cannot be reached now, its next write
    leaves the message out.

    Raises:
        UserError: for what is no content hash of this audit, or no reason.
        RunError: where an index could not be changed now, with what to do about each.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", content_sha256):
        raise UserError(
            f"{content_sha256!r} is no content hash; it has 64 characters 0-9 and a-f, as in "
            "`email-audit read` or the index's field content_sha256"
        )
    if not reason.strip():
        raise UserError("--reason is empty; say who asked for the removal, and why")
    with case.database.session() as session:
        known = select(ItemRow.id).where(ItemRow.content_sha256 == content_sha256).limit(1)
        if session.scalar(known) is None:
            raise UserError(f"{content_sha256}: no message of this audit has this content")
        is_new = write_removal(
            session, content_sha256, reason=reason.strip(), actor=case.settings.actor
        )
    documents, faults = 0, []
    for index, cure in _indices(case):
        try:
            documents += index.remove([content_sha256])
        except EmailAuditError as error:
            faults.append(f"{error}. {cure}")
    if faults:
        raise RunError(
            "the removal is written down and every later write keeps to it, but now: "
            + "; ".join(faults)
        )
    return Removal(is_new, documents)


def _indices(case: Case) -> Iterator[tuple[SearchIndex, str]]:
    """Give every index that may hold the message, and what to do where it cannot be changed."""
    settings = case.settings
    yield open_index(settings, case.identity), "Run `email-audit index` to make up for it"
    if settings.elasticsearch_url:
        cure = (
            "That index is left of a time without elasticsearch_url, and `email-audit index` "
            f"writes to the server: delete the folder {settings.index_folder}, or give this "
            "command again when the cause is removed"
        )
        yield EmbeddedIndex(settings.index_folder), cure
