"""`email-audit search` prints the same from both indices, and says in one line what is wrong."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from email_audit.cli import cli
from email_audit.errors import UserError
from email_audit.search.embedded import EmbeddedIndex
from tests.search.conformance import DOCUMENTS
from tests.search.elasticsearch.indexing import index_on


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    EmbeddedIndex(folder / "index").synchronise(DOCUMENTS)
    return folder


def search(workspace: Path, *arguments: str, **environment: str) -> Result:
    names = {f"EMAIL_AUDIT_ELASTICSEARCH_{name}": value for name, value in environment.items()}
    return CliRunner().invoke(cli, ["search", "--out", str(workspace), *arguments], env=names)


def test_both_indices_print_the_same(workspace: Path, elasticsearch_url: str) -> None:
    with index_on(elasticsearch_url) as index:
        index.synchronise(DOCUMENTS)
        for arguments in (
            ("kinds:request AND answered:no", "--sort", "date:desc", "--json"),
            ("detain*", "--sort", "score:desc", "--size", "1"),
            ("*", "--sort", "date", "--size", "7", "--all", "--json"),
            ('own_text:"hold the subject" OR muñoz', "--sort", "date"),
        ):
            ours = search(workspace, *arguments)
            theirs = search(workspace, *arguments, URL=elasticsearch_url, ALIAS=index.alias)
            assert ours.exit_code == theirs.exit_code == 0
            assert ours.stdout == theirs.stdout != ""
    assert len({json.loads(line)["message_id"] for line in _every(workspace)}) == len(DOCUMENTS)


def _every(workspace: Path) -> list[str]:
    return search(workspace, "*", "--size", "7", "--all", "--json").stdout.splitlines()


def test_what_is_wrong_is_one_line(workspace: Path, elasticsearch_url: str) -> None:
    server = {"URL": elasticsearch_url, "ALIAS": "never-made"}
    for arguments, environment, told in (
        (("alpha colour:red",), {}, "query, position 7: 'colour' is not a field"),
        (("alpha colour:red",), server, "query, position 7: 'colour' is not a field"),
        (("alpha",), server, "there is no index yet; run `email-audit index`"),
        (("alpha", "--sort", "subject"), server, "cannot be sorted by 'subject'"),
    ):
        done = search(workspace, *arguments, **environment)
        assert isinstance(done.exception, UserError)
        assert told in str(done.exception)
        assert "\n" not in str(done.exception)
        assert done.stdout == ""
