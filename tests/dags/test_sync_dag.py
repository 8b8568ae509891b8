"""The DAG of live mailboxes and the connection type it takes its secret from."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import airflow as airflow_package
import pytest
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowFailException
from jsonschema import validate

from email_audit.airflow_elasticsearch import ElasticsearchHook
from email_audit.airflow_exchange import ExchangeHook, settings_of
from email_audit.airflow_provider import get_provider_info
from email_audit.airflow_steps import plan_mailboxes, sync_share
from email_audit.errors import RunError, UserError
from email_audit.exchange.settings import AuthType
from email_audit.ledger.balance import balances
from email_audit.settings import Settings
from email_audit.steps.case import open_case
from tests.audits import Audit, audit_in
from tests.dags.conftest import Airflow
from tests.exchange.conftest import ADDRESS, message
from tests.exchange.server import PASSWORD, USER, FakeExchange, FakeMailbox, serving


@pytest.fixture
def server() -> Iterator[FakeExchange]:
    with serving(None) as exchange:
        box = exchange.mailboxes[ADDRESS] = FakeMailbox()
        box.add(box.folder("Inbox"), message(1))
        yield exchange


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return audit_in(tmp_path, P1=ADDRESS, P2="bob@city.example")


def test_each_mailbox_is_a_task_with_its_secret_in_the_connection_only(
    airflow: Airflow, audit: Audit, server: FakeExchange
) -> None:
    server.mailboxes["bob@city.example"] = FakeMailbox()
    connection = {
        "conn_type": "exchange",
        "host": server.url,
        "login": USER,
        "password": PASSWORD,
        "extra": {"auth": "basic", "build": "15.2.1544", "range": "all"},
    }
    done = airflow.run(
        *("dags", "test", "email_audit_sync"),
        *("-c", json.dumps({"exchange_connection": "exchange_default", "mail": None})),
        EMAIL_AUDIT_WORKSPACE=str(audit.workspace),
        EMAIL_AUDIT_ROSTER=str(audit.roster),
        EMAIL_AUDIT_MAIL=str(audit.mail),
        AIRFLOW_CONN_EXCHANGE_DEFAULT=json.dumps(connection),
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    settings = Settings.create(workspace=audit.workspace)
    with open_case(settings) as case, case.database.session() as session:
        assert [line.declared for line in balances(session)] == [1]
    kept = output + " ".join(
        str(row)
        for table in ("xcom", "task_instance", "dag_run", "log")
        for row in airflow.query(f"SELECT * FROM {table}")
    )
    assert PASSWORD not in kept
    assert airflow.query(
        "SELECT count(*) FROM task_instance WHERE dag_id = 'email_audit_sync' "
        "AND task_id = 'sync' AND state = 'success'"
    ) == [(2,)]


@pytest.fixture
def params(
    audit: Audit, server: FakeExchange, monkeypatch: pytest.MonkeyPatch
) -> dict[str, object]:
    for name, value in {
        "ENDPOINT": server.url,
        "AUTH": "basic",
        "USERNAME": USER,
        "PASSWORD": PASSWORD,
        "BUILD": "15.2.1544",
    }.items():
        monkeypatch.setenv(f"EMAIL_AUDIT_EXCHANGE_{name}", value)
    return {"workspace": audit.workspace, "roster": audit.roster}


def test_a_wrong_password_is_tried_once_for_all_mailboxes(
    server: FakeExchange, params: dict[str, object]
) -> None:
    server.password = "changed"
    with pytest.raises(AirflowFailException, match="login of the service account is refused"):
        plan_mailboxes(params, "run 1")
    assert server.refused_logins == 1


def test_a_password_that_expires_is_not_tried_by_the_other_tasks_of_the_run(
    server: FakeExchange, params: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,), (second,) = plan_mailboxes(params, "run 1")
    server.password = "changed"
    with pytest.raises(AirflowFailException, match="is refused"):
        sync_share(params, [first], "run 1")
    with pytest.raises(AirflowFailException, match="start a new run"):
        sync_share(params, [second], "run 1")
    assert server.refused_logins == 1
    monkeypatch.setenv("EMAIL_AUDIT_EXCHANGE_PASSWORD", "changed")
    assert plan_mailboxes(params, "run 2") == [[first], [second]]
    assert sync_share(params, [first], "run 2")["taken"] == 1


def test_a_mailbox_that_is_refused_is_its_own_task_s_failure(
    server: FakeExchange, params: dict[str, object]
) -> None:
    (first,), (second,) = plan_mailboxes(params, "run 1")
    with pytest.raises(RunError, match="correct the address in the roster"):
        sync_share(params, [second], "run 1")
    assert sync_share(params, [first], "run 1")["taken"] == 1


def test_more_mailboxes_than_mapped_tasks_share_them_and_one_that_fails_stops_no_other(
    audit: Audit,
    server: FakeExchange,
    params: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EMAIL_AUDIT_MAP_LIMIT", "1")
    audit.write_roster("P1,Bob,Det,bob@city.example,TF,HSI,,", f"P2,Ann,Det,{ADDRESS},TF,HSI,,")
    (share,) = plan_mailboxes(params, "run 1")
    with pytest.raises(RunError, match="bob@city.example.*correct the address in the roster"):
        sync_share(params, share, "run 1")
    with open_case(audit.settings()) as case, case.database.session() as session:
        assert [line.declared for line in balances(session)] == [1]


def connection(**fields: object) -> Connection:
    return Connection(conn_id="c", conn_type="exchange", **fields)  # type: ignore[arg-type]


def test_a_connection_becomes_settings() -> None:
    settings = settings_of(
        connection(host="mail.city.example", login="CITY\\audit", password="secret")
    )
    assert settings.url == "https://mail.city.example/EWS/Exchange.asmx"
    assert (settings.auth, settings.username) == (AuthType.NTLM, "CITY\\audit")
    assert settings.secret("password") == "secret"
    settings = settings_of(
        connection(
            host="https://mail.city.example/EWS/Exchange.asmx",
            login="client",
            password="secret",
            extra=json.dumps(
                {"auth": "oauth", "token_url": "https://sts.city.example/token", "scope": "ews"}
            ),
        )
    )
    assert (settings.client_id, settings.secret("client_secret")) == ("client", "secret")


def test_a_connection_that_is_wrong_says_so_without_its_secret() -> None:
    with pytest.raises(UserError, match="is of type 'http', not exchange"):
        settings_of(Connection(conn_id="c", conn_type="http"))
    with pytest.raises(UserError, match="unknown extra passwort"):
        settings_of(connection(host="h", extra='{"passwort": "hush"}'))
    with pytest.raises(UserError, match="auth ntlm needs username") as caught:
        settings_of(connection(host="h", password="hush"))
    assert "hush" not in str(caught.value)


def test_airflow_accepts_the_connection_types_and_finds_their_hooks() -> None:
    info = get_provider_info()
    folder = Path(airflow_package.__file__).parent
    validate(info, json.loads((folder / "provider_info.schema.json").read_text()))
    hooks = (ExchangeHook, ElasticsearchHook)
    for kind, hook in zip(info["connection-types"], hooks, strict=True):
        module, _, name = kind["hook-class-name"].rpartition(".")
        assert getattr(importlib.import_module(module), name) is hook
        assert kind["connection-type"] == hook.conn_type
