"""What an index holds, asked of a server whose shards are away: prepared answers stand in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from email_audit.errors import RunError, UserError
from email_audit.search.elasticsearch.connection import connect
from email_audit.search.elasticsearch.contents import Contents
from email_audit.search.elasticsearch.patience import Patience
from email_audit.settings import Settings
from tests.search.elasticsearch.servers import PRODUCT, Answer, answering

FOUND = {"_id": "a", "found": True}
ABSENT = {"_id": "b", "found": False}


def failed(kind: str, reason: str) -> dict[str, Any]:
    return {"_id": "b", "error": {"root_cause": [], "type": kind, "reason": reason}}


AWAY = failed("no_shard_available_action_exception", "No shard available")


def present(server: Callable[[str, bytes], Answer], *, limit_s: float) -> set[str]:
    with answering(server) as url:
        client = connect(Settings.create(workspace=Path("unused"), elasticsearch_url=url))
        patience = Patience(url, limit_s=limit_s, first_wait_s=0.001, longest_wait_s=0.002)
        return Contents(client, "index", patience).present(["a", "b"])


def test_a_document_whose_shard_is_away_is_asked_for_again() -> None:
    answers = [[FOUND, AWAY], [AWAY, AWAY], [FOUND, ABSENT]]
    assert present(lambda *_: (200, PRODUCT, {"docs": answers.pop(0)}), limit_s=5) == {"a"}
    assert answers == []


@pytest.mark.parametrize(
    ("document", "kind", "told"),
    [
        (AWAY, RunError, "answered 503 no_shard_available_action_exception: No shard available"),
        (
            failed("security_exception", "action [indices:data/read/mget] is unauthorized"),
            UserError,
            "the credentials do not allow indices:data/read/mget",
        ),
    ],
    ids=["shard", "privilege"],
)
def test_a_document_that_could_not_be_looked_up_is_not_taken_for_absent(
    document: dict[str, Any], kind: type[Exception], told: str
) -> None:
    answer = (200, PRODUCT, {"docs": [FOUND, document]})
    with pytest.raises(kind, match=told):
        present(lambda *_: answer, limit_s=0)
