"""The exceptions report: what was not, or not all, read, and hits that are not in the index."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from email_audit.ledger.models import AcquisitionRow, AttachmentRow, Fate, IndexErrorRow, ItemRow
from email_audit.messages.records import INCOMPLETE_PROBLEMS, AttachmentStatus, ReadStatus

NOT_INDEXED = "not_indexed"
"""The status of a hit that the search index would not take."""


def unread(session: Session) -> Iterator[dict[str, str]]:
    """Yield one flat record for each exception: messages, attachments, then hits not indexed.

    Keys: custodian, source, path_in_source, what (`message` or the attachment's name), status,
    reason. The reason leaves out what cost no content, such as a missing date.
    """
    messages = session.execute(
        select(ItemRow, AcquisitionRow)
        .join(AcquisitionRow, ItemRow.acquisition_id == AcquisitionRow.id)
        .where(ItemRow.status != ReadStatus.OK)
        .order_by(AcquisitionRow.custodian_order, AcquisitionRow.path, ItemRow.ordinal)
    )
    for item, acquisition in messages:
        told = [p for p in item.problems if p["code"] in INCOMPLETE_PROBLEMS] or item.problems
        reason = "; ".join(f"{p['code']}: {p['detail']}" for p in told)
        yield _line(acquisition, item, "message", item.status, reason)
    attachments = session.execute(
        select(AttachmentRow, ItemRow, AcquisitionRow)
        .join(ItemRow, AttachmentRow.item_id == ItemRow.id)
        .join(AcquisitionRow, ItemRow.acquisition_id == AcquisitionRow.id)
        .where(AttachmentRow.status.not_in([AttachmentStatus.OK, AttachmentStatus.EMPTY]))
        .order_by(
            AcquisitionRow.custodian_order,
            AcquisitionRow.path,
            ItemRow.ordinal,
            AttachmentRow.ordinal,
        )
    )
    for attachment, item, acquisition in attachments:
        what = attachment.filename or f"attachment {attachment.ordinal}"
        yield _line(acquisition, item, what, attachment.status, attachment.reason)
    refused = session.execute(
        select(IndexErrorRow.reason, ItemRow, AcquisitionRow)
        .join(ItemRow, ItemRow.content_sha256 == IndexErrorRow.content_sha256)
        .join(AcquisitionRow, ItemRow.acquisition_id == AcquisitionRow.id)
        .where(ItemRow.fate == Fate.HIT)
        .order_by(AcquisitionRow.custodian_order, AcquisitionRow.path, ItemRow.ordinal)
    )
    for reason, item, acquisition in refused:
        yield _line(acquisition, item, "message", NOT_INDEXED, reason)


def _line(
    acquisition: AcquisitionRow, item: ItemRow, what: str, status: str, reason: str
) -> dict[str, str]:
    return {
        "custodian": acquisition.custodian,
        "source": acquisition.path,
        "path_in_source": item.path_in_source,
        "what": what,
        "status": status,
        "reason": reason,
    }
