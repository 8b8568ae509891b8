"""The case database: migrations equal the models, constraints hold, the custody log only grows."""

import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session

from email_audit.errors import RunError, UserError
from email_audit.evidence.custody import chain_faults
from email_audit.ledger import custody_log, migrations
from email_audit.ledger.database import CaseDatabase
from email_audit.ledger.models import Base, ItemRow, MemberRow, StateRow
from email_audit.ledger.state import IDENTITY_STATE, read_state, write_state
from tests.servers.databases import Backend
from tests.servers.postgresql import PostgreSQL
from tests.servers.processes import free_port

MIGRATIONS = Path(migrations.__path__[0])


@pytest.fixture
def url(backend: Backend, tmp_path: Path) -> str:
    """An empty database on each back end."""
    return backend.url(tmp_path) or f"sqlite:///{tmp_path / 'case.db'}"


@pytest.fixture
def database(url: str) -> Iterator[CaseDatabase]:
    database = CaseDatabase(url)
    database.migrate()
    yield database
    database.close()


def upgrade(session: Session, revision: str) -> None:
    """Make the tables of an earlier version."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = session.connection()
    command.upgrade(config, revision)


def test_the_migrations_make_what_the_models_say(database: CaseDatabase, url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_twice_changes_nothing(database: CaseDatabase) -> None:
    with database.session() as session:
        session.add(StateRow(name="kept", value="1"))
    database.migrate()
    with database.session() as session:
        assert session.get_one(StateRow, "kept").value == "1"


def test_a_case_of_the_first_version_is_upgraded_with_its_rows(url: str) -> None:
    database = CaseDatabase(url)
    with database.session() as session:
        upgrade(session, "0001")
        acquisition = {
            "custodian": "'P'",
            "custodian_order": 0,
            "path": "'p'",
            "is_folder": "false",
        }
        chunk = {"acquisition_id": 1, "ordinal": 0, "items": 1, "is_read": "true"}
        member = {"acquisition_id": 1, "ordinal": 0, "path": "'m'", "sha256": "'c'"}
        for statement in (
            insert("acquisition", acquisition | {"state": "'planned'", "problem": "''"}),
            insert("chunk", chunk),
            insert("member", member | {"size_bytes": 1, "format": "'eml'", "declared": 1}),
            insert_item(),
        ):
            session.execute(text(statement))
    database.migrate()
    with database.session() as session:
        (member,) = session.scalars(select(MemberRow))
        assert (member.path, member.problem, member.problem_code) == ("m", "", "")
        assert member.container_sha256 is None
        (item,) = session.scalars(select(ItemRow))
        assert item.member_id == member.id
    with pytest.raises(RunError, match="problem_has_code"), database.session() as session:
        session.execute(text("UPDATE member SET problem = 'why'"))


def test_every_case_has_an_identity_of_its_own(database: CaseDatabase, tmp_path: Path) -> None:
    other = CaseDatabase(f"sqlite:///{tmp_path / 'other.db'}")
    other.migrate()
    identities = []
    for case in (database, other):
        with case.session() as session:
            identities.append(read_state(session, IDENTITY_STATE))
    other.close()
    assert None not in identities
    assert identities[0] != identities[1]


def test_copies_of_a_case_of_an_earlier_version_get_the_same_identity(url: str) -> None:
    database = CaseDatabase(url)
    with database.session() as session:
        upgrade(session, "0005")
        first = custody_log.record(session, actor="a", action="b", subject="c", details={})
    database.migrate()
    with database.session() as session:
        assert read_state(session, IDENTITY_STATE) == first.hash
    database.close()


@pytest.mark.parametrize("statement", ["UPDATE custody SET actor = 'x'", "DELETE FROM custody"])
def test_the_custody_log_refuses_changes(database: CaseDatabase, statement: str) -> None:
    with database.session() as session:
        custody_log.record(session, actor="a", action="b", subject="c", details={"n": 1})
    with pytest.raises(RunError, match="append-only"), database.session() as session:
        session.execute(text(statement))


def test_entries_written_one_after_another_chain(database: CaseDatabase) -> None:
    for number in range(3):
        with database.session() as session:
            custody_log.record(
                session, actor="a", action="b", subject="c", details={"n": number, "ü": "ñ"}
            )
    with database.session() as session:
        entries = [entry.as_json() for entry in custody_log.entries(session)]
    assert [entry["seq"] for entry in entries] == [1, 2, 3]
    assert list(chain_faults(entries)) == []


def test_an_act_that_fails_leaves_no_entry(database: CaseDatabase) -> None:
    with pytest.raises(UserError), database.session() as session:
        custody_log.record(session, actor="a", action="b", subject="c", details={})
        raise UserError("no")
    with database.session() as session:
        assert list(custody_log.entries(session)) == []


def forget_foreign_keys(session: Session) -> None:
    """Take rows that refer to none, until the end of the transaction or the next of its checks."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL session_replication_role = replica"))
    else:
        session.execute(text("PRAGMA defer_foreign_keys = ON"))


def insert_item(**values: object) -> str:
    row = {
        "acquisition_id": 1,
        "chunk_id": 1,
        "member_id": 1,
        "ordinal": 0,
        "path_in_source": "'m'",
        "start": 0,
        "stop": 1,
        "item_class": "''",
        "status": "'ok'",
        "problems": "'[]'",
        "fate": "'hit'",
        "reason": "''",
        "content_sha256": "'c'",
        "reference_keys": "''",
        "is_reply": "false",
        "participant_keys": "''",
    } | values
    return insert("item", row)


def insert(table: str, row: Mapping[str, object]) -> str:
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(map(str, row.values()))})"


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"fate": "'lost'", "reason": "'x'"}, "fate_known"),
        ({"fate": "'duplicate'"}, "fate_has_reason"),
        ({"content_sha256": "NULL"}, "readable_has_content_hash"),
        ({"status": "'unreadable'"}, "unreadable_both_ways"),
        ({"status": "'fine'"}, "status_known"),
    ],
)
def test_a_row_without_true_fate_and_reason_is_refused(
    database: CaseDatabase, wrong: dict[str, object], constraint: str
) -> None:
    with pytest.raises(RunError, match=constraint), database.session() as session:
        forget_foreign_keys(session)
        session.execute(text(insert_item(**wrong)))


def test_one_content_cannot_be_counted_twice(database: CaseDatabase) -> None:
    with pytest.raises(RunError, match="(?i)unique constraint"), database.session() as session:
        forget_foreign_keys(session)
        session.execute(text(insert_item()))
        session.execute(text(insert_item(ordinal=1, fate="'non_hit'")))


def test_a_wrong_url_is_a_clear_error_that_does_not_repeat_it() -> None:
    with pytest.raises(UserError, match="database_url is not a database URL") as raised:
        CaseDatabase("postgresql/auditor:hush@db/case")
    assert "hush" not in str(raised.value)
    with pytest.raises(UserError, match="'mysql' is none of sqlite, postgresql"):
        CaseDatabase("mysql://db/case")


def test_an_unreachable_database_says_where_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "case.db").mkdir()
    with pytest.raises(RunError, match="unable to open database file.*run again"):
        CaseDatabase(f"sqlite:///{tmp_path / 'case.db'}").migrate()


def test_a_server_that_refuses_says_who_and_why_without_the_password(
    postgresql: PostgreSQL,
) -> None:
    wrong = postgresql.url.set(password="hush").render_as_string(hide_password=False)
    with pytest.raises(RunError, match="password authentication failed") as raised:
        CaseDatabase(wrong).require()
    assert "hush" not in str(raised.value)
    nowhere = postgresql.url.set(port=free_port()).render_as_string(hide_password=False)
    with pytest.raises(RunError, match="[Cc]onnection refused.*run again"):
        CaseDatabase(nowhere).require()


def test_a_plain_postgresql_url_uses_the_driver_that_is_installed(postgresql: PostgreSQL) -> None:
    plain = postgresql.url.set(drivername="postgresql").render_as_string(hide_password=False)
    database = CaseDatabase(plain)
    with pytest.raises(UserError, match="holds no audit yet"):
        database.require()
    database.close()


def test_words_sort_by_code_point_and_hold_what_mail_brings(database: CaseDatabase) -> None:
    names = ["a b", "B", "a", "É", "ab", "_", "nul\0", "half \ud800"]
    with database.session() as session:
        session.add_all(StateRow(name=name, value="x") for name in names)
    with database.session() as session:
        written = select(StateRow.name).where(StateRow.value == "x")
        kept = list(session.scalars(written.order_by(StateRow.name)))
    assert kept == sorted(["a b", "B", "a", "É", "ab", "_", "nul\ufffd", "half \ufffd"])


def test_no_column_of_words_sorts_by_the_servers_language(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    url = postgresql.new_database()
    database = CaseDatabase(url)
    database.migrate()
    with database.session() as session:
        others = session.execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns "
                "WHERE table_schema = 'public' AND data_type = 'character varying' "
                "AND character_maximum_length IS NULL AND collation_name IS DISTINCT FROM 'C' "
                "AND table_name <> 'alembic_version'"
            )
        ).all()
    database.close()
    assert others == []


def test_many_writers_at_once_neither_fork_nor_break_the_custody_log(url: str) -> None:
    first = CaseDatabase(url)
    first.migrate()

    def write(writer: int) -> None:
        database = CaseDatabase(url)
        for number in range(10):
            with database.session() as session:
                write_state(session, "shared", f"{writer}-{number}")
                custody_log.record(
                    session, actor=f"{writer}", action="a", subject="s", details={"n": number}
                )
        database.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    with first.session() as session:
        entries = [entry.as_json() for entry in custody_log.entries(session)]
    first.close()
    assert len(entries) == 60
    assert list(chain_faults(entries)) == []


def test_no_failure_quotes_rows_of_the_case(database: CaseDatabase) -> None:
    with pytest.raises(RunError) as caught, database.session() as session:
        session.add(StateRow(name="twice", value="hold him for ICE"))
        session.flush()
        session.execute(
            text("INSERT INTO state (name, value) VALUES ('twice', :words)"),
            {"words": "hold him for ICE"},
        )
    assert "hold him" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db/audit?user=a&password=S3cret",
        "postgresql://audit:S3cret@db/audit",
    ],
)
def test_a_database_is_named_without_its_password(url: str) -> None:
    database = CaseDatabase(url)
    assert "S3cret" not in database.location
    database.close()


@pytest.mark.parametrize("url", ["postgresql://audit:pa@ss:S3cret@db/audit"])
def test_a_password_that_breaks_the_url_is_not_quoted(url: str) -> None:
    with pytest.raises(UserError, match="%40") as caught:
        CaseDatabase(url)
    assert "S3cret" not in "".join(traceback.format_exception(caught.value))
