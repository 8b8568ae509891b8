"""The keys of the audit in Elasticsearch, against a server that keeps accounts as it does.

Elasticsearch's security module is not published as a library, so no real one runs in the tests;
the server here answers the requests of the security API with what its reference says.
"""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from elasticsearch import Elasticsearch

from email_audit.deploy.access import Grant, grant_access, privileges
from email_audit.errors import RunError

ALIAS = "email-audit-messages"


class Accounts(ThreadingHTTPServer):
    """Passwords and API keys, as /_security keeps them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.passwords: dict[str, str] = {}
        self.keys: dict[str, dict[str, Any]] = {}

    def active(self, name: str) -> list[dict[str, Any]]:
        return [key for key in self.keys.values() if key["name"] == name and not key["gone"]]


class Handler(BaseHTTPRequestHandler):
    server: Accounts

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/_security/_authenticate":
            key = self._key()
            return self._answer(200, {"api_key": {"id": key["id"]}}) if key else self._refuse()
        query = parse_qs(parts.query)
        keys = list(self.server.keys.values())
        if "id" in query:
            keys = [key for key in keys if key["id"] in query["id"]]
        else:
            assert query["active_only"] == ["true"]
            keys = self.server.active(query["name"][0])
        shown = ("id", "name", "metadata")
        return self._answer(200, {"api_keys": [{k: key[k] for k in shown} for key in keys]})

    def do_PUT(self) -> None:
        body = self._body()
        if self.path.endswith("/_password"):
            self.server.passwords[self.path.split("/")[-2]] = body["password"]
            return self._answer(200, {})
        identifier = f"id{len(self.server.keys)}"
        self.server.keys[identifier] = {"id": identifier, "gone": False, **body}
        encoded = base64.b64encode(f"{identifier}:secret".encode()).decode()
        return self._answer(200, {"id": identifier, "encoded": encoded})

    def do_DELETE(self) -> None:
        for identifier in self._body()["ids"]:
            self.server.keys[identifier]["gone"] = True
        return self._answer(200, {})

    def _key(self) -> dict[str, Any] | None:
        kind, value = self.headers["Authorization"].split(" ")
        assert kind == "ApiKey"
        try:
            key = self.server.keys.get(base64.b64decode(value).decode().split(":")[0])
        except ValueError:
            return None
        return None if key is None or key["gone"] else key

    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return body

    def _refuse(self) -> None:
        self._answer(401, {"error": {"type": "security_exception"}, "status": 401})

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def accounts() -> Iterator[Accounts]:
    with Accounts() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def grant(accounts: Accounts, folder: Path) -> list[Grant]:
    client = Elasticsearch(
        f"http://127.0.0.1:{accounts.server_port}", basic_auth=("elastic", "x"), max_retries=0
    )
    files = {name: folder / name for name in privileges(ALIAS)}
    return grant_access(client, alias=ALIAS, kibana_password="hush", files=files)


def made(grants: list[Grant]) -> list[bool]:
    return [each.is_new for each in grants]


def test_keys_are_made_once_and_left_alone(accounts: Accounts, tmp_path: Path) -> None:
    assert made(grant(accounts, tmp_path)) == [True, True]
    before = {file: file.read_text() for file in tmp_path.iterdir()}
    assert made(grant(accounts, tmp_path)) == [False, False]
    assert {file: file.read_text() for file in tmp_path.iterdir()} == before
    assert accounts.passwords == {"kibana_system": "hush"}
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in before)


def test_a_key_reaches_the_index_of_the_audit_and_nothing_else(
    accounts: Accounts, tmp_path: Path
) -> None:
    grant(accounts, tmp_path)
    for key in accounts.keys.values():
        (role,) = key["role_descriptors"].values()
        assert set(role) == {"cluster", "indices"}
        assert set(role["cluster"]) <= {"monitor", "manage_index_templates"}
        (indices,) = role["indices"]
        assert indices["names"] == [ALIAS, f"{ALIAS}-*"]
        assert not {"all", "write", "create_index"} & set(indices["privileges"])
    writer, set_up = accounts.keys.values()
    assert (writer["name"], set_up["name"]) == (f"{ALIAS}-writer", f"{ALIAS}-set-up")
    assert "manage" not in json.dumps(writer["role_descriptors"])


def test_a_removed_file_gets_a_new_key_and_the_old_one_ends(
    accounts: Accounts, tmp_path: Path
) -> None:
    grant(accounts, tmp_path)
    writer = tmp_path / f"{ALIAS}-writer"
    old = writer.read_text()
    writer.unlink()
    assert made(grant(accounts, tmp_path)) == [True, False]
    assert writer.read_text() != old
    assert len(accounts.active(f"{ALIAS}-writer")) == 1


@pytest.mark.parametrize("change", ["revoked", "other privileges", "rubbish", "empty"])
def test_a_key_that_does_not_serve_is_replaced(
    accounts: Accounts, tmp_path: Path, change: str
) -> None:
    grant(accounts, tmp_path)
    writer = tmp_path / f"{ALIAS}-writer"
    (key,) = accounts.active(f"{ALIAS}-writer")
    if change == "revoked":
        key["gone"] = True
    elif change == "other privileges":
        key["metadata"] = {"privileges_sha256": "of an earlier version"}
    else:
        writer.write_text("rubbish" if change == "rubbish" else "")
    assert made(grant(accounts, tmp_path)) == [True, False]
    assert made(grant(accounts, tmp_path)) == [False, False]
    assert len(accounts.active(f"{ALIAS}-writer")) == 1


def test_a_key_that_cannot_be_kept_is_not_left_behind(accounts: Accounts, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="the key cannot be written"):
        grant(accounts, tmp_path / "absent")
    assert accounts.active(f"{ALIAS}-writer") == []
