"""The connection type from which the DAGs take the index's server, and the step that uses it."""

import json
from pathlib import Path

import pytest
from airflow.sdk import Connection

from email_audit.airflow_elasticsearch import settings_of
from email_audit.airflow_steps import index_all
from email_audit.errors import UserError
from email_audit.search.interface import INDEX_ALIAS
from email_audit.search.opening import open_index
from email_audit.settings import Settings
from tests.audits import audit_in, mail, mbox


def connection(**fields: object) -> Connection:
    return Connection(conn_id="c", conn_type="elasticsearch", **fields)  # type: ignore[arg-type]


def settings(tmp_path: Path, **fields: object) -> Settings:
    return Settings.create(workspace=tmp_path, **settings_of(connection(**fields)))


def test_a_connection_becomes_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_AUDIT_ELASTICSEARCH_API_KEY", "key of another server")
    user = settings(tmp_path, host="search.city.example", login="audit", password="hush")
    assert user.elasticsearch_url == "https://search.city.example:9200"
    assert user.elasticsearch_username == "audit"
    assert user.elasticsearch_password.get_secret_value() == "hush"
    assert user.elasticsearch_api_key.get_secret_value() == ""
    extra = json.dumps({"setup_api_key": "hush too", "alias": "second-audit"})
    key = settings(tmp_path, host="https://es.city.example/search", password="hush", extra=extra)
    assert key.elasticsearch_url == "https://es.city.example/search"
    assert key.elasticsearch_api_key.get_secret_value() == "hush"
    assert key.elasticsearch_setup_api_key.get_secret_value() == "hush too"
    assert key.elasticsearch_alias == "second-audit"


def test_a_connection_replaces_every_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = settings(tmp_path, host="search.city.example")
    (tmp_path / "ca.pem").touch()
    others = {
        "URL": "https://other.city.example",
        "API_KEY": "hush",
        "SETUP_API_KEY": "hush",
        "CA_CERTS": str(tmp_path / "ca.pem"),
        "ALIAS": "other-audit",
        "TIMEOUT_S": "7",
    }
    for name, value in others.items():
        monkeypatch.setenv(f"EMAIL_AUDIT_ELASTICSEARCH_{name}", value)
    replaced = settings(tmp_path, host="search.city.example")
    assert replaced == default
    assert replaced.elasticsearch_alias == INDEX_ALIAS
    assert replaced.elasticsearch_ca_certs is None


def test_a_connection_that_is_wrong_says_so_without_its_secret(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is of type 'http', not elasticsearch"):
        settings_of(Connection(conn_id="c", conn_type="http"))
    with pytest.raises(UserError, match="c: has no host"):
        settings_of(connection(password="hush"))
    with pytest.raises(UserError, match="unknown extra passwort"):
        settings_of(connection(host="h", extra='{"passwort": "hush"}'))
    with pytest.raises(UserError, match="as password or as extra, not both"):
        settings_of(connection(host="h", password="hush", extra='{"api_key": "hush"}'))
    with pytest.raises(UserError, match="would travel unencrypted") as caught:
        settings(tmp_path, host="h", schema="http", password="hush")
    assert "hush" not in str(caught.value)


def test_the_index_step_writes_to_the_server_of_the_connection(
    tmp_path: Path,
    elasticsearch_url: str,
    elasticsearch_alias: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    audit = audit_in(tmp_path, P1="a.mbox")
    audit.write("a.mbox", mbox(mail("detainer")))
    audit.run(threshold=0.0)
    extra = json.dumps({"alias": elasticsearch_alias})
    described = {"conn_type": "elasticsearch", "host": elasticsearch_url, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_INDEX", json.dumps(described))
    params = {"workspace": str(audit.workspace), "elasticsearch_connection": "index"}
    assert index_all(params) == 1
    named = audit.settings(
        elasticsearch_url=elasticsearch_url, elasticsearch_alias=elasticsearch_alias
    )
    assert open_index(named).status().documents == 1
