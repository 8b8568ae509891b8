"""Which hits were answered, as far as the audit can know."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from email_audit.ledger.models import Fate, ItemRow


def answered_contents(session: Session) -> set[str]:
    """Give the content hashes of the hits that somebody else answered.

    A hit is answered where a message of the same thread with another sender address was sent
    later, or names the hit as the one that it replies to (whatever the clocks say). Any readable
    message found counts, in scope or not, in whichever mailbox: of those that are no hits the
    ledger keeps only keys, and they are enough. What lies in no mailbox of the audit cannot be
    known: `no` means that no answer was found.
    """
    hit, other = aliased(ItemRow), aliased(ItemRow)
    rows = session.scalars(
        select(hit.content_sha256)
        .join(other, other.thread == hit.thread)
        .where(
            hit.fate == Fate.HIT,
            other.sender_key != hit.sender_key,
            or_(other.sent_at > hit.sent_at, other.parent_key == hit.message_key),
        )
        .distinct()
    )
    return {content for content in rows if content is not None}
