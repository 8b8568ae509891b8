"""Which stored bytes the ledger stands on."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import CompoundSelect, select, union
from sqlalchemy.orm import Session

from email_audit.ledger.models import (
    AcquisitionRow,
    AcquisitionState,
    LiveCopyRow,
    MemberRow,
)


def evidence_names(session: Session) -> Iterator[str]:
    """Yield the SHA-256 of every blob that a row names, once, in order.

    Files of exports, the archives they came from, folders' listings, and live items, also those
    of a sync that is not finished.
    """
    names: CompoundSelect[Any] = union(
        select(MemberRow.sha256),
        select(MemberRow.container_sha256).where(MemberRow.container_sha256.is_not(None)),
        select(AcquisitionRow.sha256).where(AcquisitionRow.state == AcquisitionState.ACQUIRED),
        select(LiveCopyRow.sha256),
        select(LiveCopyRow.properties_sha256),
    )
    yield from session.scalars(names.order_by("sha256"))
