"""Whose hits are behind an alias: a document beside the lock, written once.

A write takes out what is no hit of its audit. A second audit behind the same alias would so empty
it of the first one's hits, and show its own to the first one's investigators.
"""

from datetime import UTC, datetime

from elasticsearch import Elasticsearch, NotFoundError

from email_audit.errors import UserError
from email_audit.search.elasticsearch.lock import lock_index

_ID = "case"


def require_own(client: Elasticsearch, alias: str, case: str) -> bool:
    """Say whether `case` wrote behind the alias before; it did not where nobody did.

    Args:
        client: Any that may read the lock's index.
        alias: The index's.
        case: The audit's identity (`Case.identity`), empty before it has one.

    Raises:
        UserError: where the hits there are another audit's.
    """
    try:
        owner = client.get(index=lock_index(alias), id=_ID).body["_source"]
    except NotFoundError:
        return False
    if owner["case"] != case:
        raise UserError(
            f"the index behind {alias} holds the hits of another audit (since {owner['since']}; "
            f"the first hash of its custody log is {owner['case'][:12]}...); nothing was changed. "
            "Choose another elasticsearch_alias, or where that audit is given up delete on the "
            f"server the indices {alias}-*, also {lock_index(alias)}, which is hidden"
        )
    return True


def claim(client: Elasticsearch, alias: str, case: str) -> None:
    """Note that the alias is this case's, unless it is noted. To be called under the lock.

    Raises:
        UserError: as `require_own`.
    """
    if not require_own(client, alias, case) and case:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        client.index(index=lock_index(alias), id=_ID, document={"case": case, "since": since})
