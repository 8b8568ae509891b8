"""The DAG of live mailboxes and the connection type it takes its secret from."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import airflow as airflow_package
import pytest
from airflow.sdk import Connection
from jsonschema import validate

from email_audit.airflow_exchange import ExchangeHook, settings_of
from email_audit.airflow_provider import get_provider_info
from email_audit.errors import UserError
from email_audit.exchange.settings import AuthType
from email_audit.ledger.balance import balances
from email_audit.settings import Settings
from email_audit.steps.case import open_case
from tests.audits import Audit, audit_in
from tests.dags.conftest import Airflow
from tests.exchange.conftest import ADDRESS, message
from tests.exchange.server import PASSWORD, USER, FakeExchange, FakeMailbox, serving

pytestmark = pytest.mark.xdist_group("airflow")


@pytest.fixture
def server() -> Iterator[FakeExchange]:
    with serving(None) as exchange:
        box = exchange.mailboxes[ADDRESS] = FakeMailbox()
        box.add(box.folder("Inbox"), message(1))
        yield exchange


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return audit_in(tmp_path, P1=ADDRESS, P2="gone@city.example", P3="bob@city.example")


def run(airflow: Airflow, audit: Audit, server: FakeExchange, password: str) -> tuple[int, str]:
    connection = {
        "conn_type": "exchange",
        "host": server.url,
        "login": USER,
        "password": password,
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
    return done.returncode, done.stdout + done.stderr


def test_each_mailbox_is_a_task_and_one_that_fails_does_not_keep_the_others(
    airflow: Airflow, audit: Audit, server: FakeExchange
) -> None:
    server.mailboxes["bob@city.example"] = FakeMailbox()
    audit.write_roster(f"P1,Ann,Det,{ADDRESS},TF,HSI,,", "P3,Bob,Det,bob@city.example,TF,HSI,,")
    code, output = run(airflow, audit, server, PASSWORD)
    assert code == 0, output
    settings = Settings.create(workspace=audit.workspace)
    with open_case(settings) as case, case.database.session() as session:
        assert [line.declared for line in balances(session)] == [1]
    kept = output + " ".join(
        str(row)
        for table in ("xcom", "task_instance", "dag_run", "log")
        for row in airflow.query(f"SELECT * FROM {table}")
    )
    assert PASSWORD not in kept
    ((mapped,),) = airflow.query(
        "SELECT count(*) FROM task_instance WHERE dag_id = 'email_audit_sync' "
        "AND task_id = 'sync' AND state = 'success'"
    )
    assert mapped == 2


def test_a_wrong_password_is_tried_once_for_all_mailboxes(
    airflow: Airflow, audit: Audit, server: FakeExchange
) -> None:
    code, output = run(airflow, audit, server, "wrong horse")
    assert code != 0
    assert server.refused_logins == 1
    assert "login of the service account is refused" in output
    assert "wrong horse" not in output


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


def test_airflow_accepts_the_connection_type_and_finds_its_hook() -> None:
    info = get_provider_info()
    folder = Path(airflow_package.__file__).parent
    validate(info, json.loads((folder / "provider_info.schema.json").read_text()))
    (kind,) = info["connection-types"]
    module, _, name = kind["hook-class-name"].rpartition(".")
    assert getattr(importlib.import_module(module), name) is ExchangeHook
    assert kind["connection-type"] == ExchangeHook.conn_type
