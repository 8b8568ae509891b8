"""Where settings come from: the order of the sources, and what is told of each that is wrong."""

import json
import os
from pathlib import Path

import pytest
from airflow.sdk import Connection
from click.testing import CliRunner

from email_audit.airflow_settings import database_url_of
from email_audit.cli import cli
from email_audit.errors import UserError
from email_audit.exchange.settings import ExchangeSettings
from email_audit.settings import Settings
from email_audit.settings_sources import effective, load


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file that the environment names, empty at first."""
    for name in [name for name in os.environ if name.startswith("EMAIL_AUDIT_")]:
        if not name.startswith("EMAIL_AUDIT_TEST_"):
            monkeypatch.delenv(name)
    path = tmp_path / "audit.toml"
    path.write_text("")
    monkeypatch.setenv("EMAIL_AUDIT_SETTINGS", str(path))
    return path


def source_of(name: str, **options: object) -> tuple[str, str]:
    found = effective(Settings, {"workspace": "w", **options}, variable='{"margin_days": 1}')
    return next((setting.value, setting.source) for setting in found if setting.name == name)


def test_an_option_wins_over_the_environment_that_over_the_file_and_that_over_airflow(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = load(Settings, {"workspace": "w"})
    assert without.margin_days == 0
    assert source_of("margin_days") == ("1", "Airflow Variable email_audit_settings, margin_days")
    file.write_text("margin_days = 2\n")
    assert source_of("margin_days") == ("2", f"{file}, margin_days")
    monkeypatch.setenv("EMAIL_AUDIT_MARGIN_DAYS", "3")
    assert source_of("margin_days") == ("3", "EMAIL_AUDIT_MARGIN_DAYS")
    assert source_of("margin_days", margin_days=4) == ("4", "option --margin-days")
    assert source_of("chunk_items") == ("1000", "default")


def test_an_empty_variable_is_one_that_is_not_set(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('roster = "there.csv"\n')
    monkeypatch.setenv("EMAIL_AUDIT_ROSTER", "")
    monkeypatch.setenv("EMAIL_AUDIT_MARGIN_DAYS", "")
    assert load(Settings, {"workspace": "w"}).roster == Path("there.csv")
    assert load(Settings, {"workspace": "w"}).margin_days == 0


def test_everything_that_is_wrong_is_told_at_once_with_file_key_and_variable(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('margin_day = 2\nchunk_items = 0\nelasticsearch_api_key = "hush"\n')
    monkeypatch.setenv("EMAIL_AUDIT_TRESHOLD", "0.4")
    monkeypatch.setenv("EMAIL_AUDIT_OCR_PAGES", "many")
    with pytest.raises(UserError) as caught:
        Settings.create()
    told = str(caught.value)
    for part in (
        f"{file}, margin_day: is no setting; is margin_days meant?",
        f"{file}, chunk_items: Input should be greater than or equal to 1 (was 0)",
        "EMAIL_AUDIT_TRESHOLD: is no setting; is EMAIL_AUDIT_THRESHOLD meant?",
        "EMAIL_AUDIT_OCR_PAGES: Input should be a valid integer",
        "workspace: is not set; set --out, EMAIL_AUDIT_WORKSPACE or workspace in the settings file",
    ):
        assert part in told
    assert "hush" not in told
    assert caught.value.__cause__ is None


def test_one_file_holds_the_settings_of_every_part(file: Path) -> None:
    file.write_text(
        'workspace = "w"\nexchange_server = "mail.city.example"\nexchange_username = "CITY\\\\a"\n'
        'exchange_password = "hush"\nexchange_skip_folders = ["Junk"]\n'
    )
    assert Settings.create().workspace == Path("w")
    server = ExchangeSettings.create()
    assert (server.server, server.skip_folders) == ("mail.city.example", ("Junk",))
    assert "hush" not in repr(server)


def test_variables_that_only_the_dags_read_are_known(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SCHEDULE", "POOL", "ACQUIRE_QUEUE", "OUTPUT_QUEUE", "EXCHANGE_CONNECTION"):
        monkeypatch.setenv(f"EMAIL_AUDIT_{name}", "x")
    assert Settings.create(workspace="w").workspace == Path("w")


@pytest.mark.parametrize(
    ("content", "told"),
    [("margin_days = ", "is not TOML"), (None, "cannot be read: No such file")],
)
def test_a_settings_file_that_cannot_be_read_is_named(
    file: Path, content: str | None, told: str
) -> None:
    file.unlink()
    if content is not None:
        file.write_text(content)
    with pytest.raises(UserError, match=f"{file}: .*{told}"):
        Settings.create(workspace="w")


def test_a_variable_that_is_no_list_and_an_airflow_variable_that_is_no_object_are_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="Airflow Variable email_audit_settings: is not a JSON"):
        load(Settings, {"workspace": "w"}, variable="[1]")
    monkeypatch.setenv("EMAIL_AUDIT_EXCHANGE_SKIP_FOLDERS", "Junk")
    with pytest.raises(UserError, match="EMAIL_AUDIT_EXCHANGE_SKIP_FOLDERS: is not JSON"):
        ExchangeSettings.create(server="s")


def test_the_command_prints_every_setting_with_its_source_and_masks_secrets(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMAIL_AUDIT_DATABASE_URL", "postgresql://auditor:hush@db.city.example/case")
    file.write_text(
        'elasticsearch_url = "https://es.city.example"\nelasticsearch_api_key = "hush"\n'
    )
    shown = CliRunner().invoke(cli, ["settings", "--out", "w"], catch_exceptions=False).output
    assert "hush" not in shown
    listed = CliRunner().invoke(cli, ["settings", "--out", "w", "--json"], catch_exceptions=False)
    rows = {row["name"]: row for row in map(json.loads, listed.output.splitlines())}
    assert set(rows) == set(Settings.model_fields)
    assert rows["database_url"] == {
        "name": "database_url",
        "value": "postgresql://auditor:********@db.city.example/case",
        "source": "EMAIL_AUDIT_DATABASE_URL",
    }
    assert rows["elasticsearch_api_key"]["value"] == "********"
    assert rows["elasticsearch_api_key"]["source"] == f"{file}, elasticsearch_api_key"
    assert "hush" not in repr(Settings.create(workspace="w"))


def test_an_airflow_connection_gives_the_database() -> None:
    connection = Connection(
        conn_id="case",
        conn_type="postgres",
        host="db.city.example",
        login="auditor",
        password="p@ss/word",
        schema="case",
        port=5432,
        extra='{"sslmode": "verify-full"}',
    )
    assert database_url_of(connection) == (
        "postgresql+psycopg://auditor:p%40ss%2Fword@db.city.example:5432/case?sslmode=verify-full"
    )
    with pytest.raises(UserError, match="is of type 'mysql', not postgres"):
        database_url_of(Connection(conn_id="case", conn_type="mysql"))
    with pytest.raises(UserError, match="needs a host and a database"):
        database_url_of(Connection(conn_id="case", conn_type="postgres", host="h"))
