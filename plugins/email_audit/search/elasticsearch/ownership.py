"""Whose hits are behind an alias: a document beside the lock.

A write takes out what is no hit of its audit. A second audit behind the same alias would so empty
it of the first one's hits, and show its own to the first one's investigators.
"""

from contextlib import suppress
from datetime import UTC, datetime

from elasticsearch import ConflictError, Elasticsearch, NotFoundError

from email_audit.errors import UserError
from email_audit.search.elasticsearch.lock import lock_index
from email_audit.search.interface import CaseIdentity

_ID = "case"


def require_own(client: Elasticsearch, alias: str, identity: CaseIdentity) -> None:
    """Make sure that no other audit than the one of `identity` wrote behind the alias.

    Raises:
        UserError: where one did.
    """
    owner = _owner(client, alias)
    if owner is not None and owner["case"] != identity:
        raise UserError(
            f"the index behind {alias} holds the hits of another audit ({owner['case'][:12]}, "
            f"since {owner['since']}; this one is {identity[:12]}). Choose another "
            "elasticsearch_alias; where this audit goes on in that one's place, give `email-audit "
            "index take-over`"
        )


def claim(client: Elasticsearch, alias: str, identity: CaseIdentity) -> None:
    """Note whose the alias is, where nobody's was noted. To be called under the lock.

    Raises:
        UserError: as `require_own`.
    """
    if _owner(client, alias) is None:
        with suppress(ConflictError):  # an answer was lost, or the lock was and another was quicker
            client.create(index=lock_index(alias), id=_ID, document=_record(identity))
    require_own(client, alias, identity)


def other_owner(client: Elasticsearch, alias: str, identity: CaseIdentity) -> CaseIdentity | None:
    """Give which other audit the alias is; None where it is this one's or nobody's."""
    owner = _owner(client, alias)
    return None if owner is None or owner["case"] == identity else CaseIdentity(owner["case"])


def replace_owner(client: Elasticsearch, alias: str, identity: CaseIdentity) -> None:
    """Note that the alias is this audit's, whosever it was. To be called under the lock."""
    client.index(index=lock_index(alias), id=_ID, document=_record(identity))


def _owner(client: Elasticsearch, alias: str) -> dict[str, str] | None:
    try:
        found: dict[str, str] = client.get(index=lock_index(alias), id=_ID).body["_source"]
    except NotFoundError:
        return None
    return found


def _record(identity: CaseIdentity) -> dict[str, str]:
    return {"case": identity, "since": datetime.now(UTC).isoformat(timespec="seconds")}
