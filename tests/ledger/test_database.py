"""The case database: migrations equal the models, constraints hold, the custody log only grows."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, select, text

from email_audit.errors import RunError, UserError
from email_audit.evidence.custody import chain_faults
from email_audit.ledger import custody_log, migrations
from email_audit.ledger.database import CaseDatabase
from email_audit.ledger.models import Base, ItemRow, MemberRow, StateRow

MIGRATIONS = Path(migrations.__path__[0])


@pytest.fixture
def database(tmp_path: Path) -> CaseDatabase:
    database = CaseDatabase(f"sqlite:///{tmp_path / 'case.db'}")
    database.migrate()
    return database


def test_the_migrations_make_what_the_models_say(database: CaseDatabase, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'case.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_twice_changes_nothing(database: CaseDatabase) -> None:
    with database.session() as session:
        session.add(StateRow(name="kept", value="1"))
    database.migrate()
    with database.session() as session:
        assert session.get_one(StateRow, "kept").value == "1"


def test_a_case_of_the_first_version_is_upgraded_with_its_rows(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'case.db'}"
    database = CaseDatabase(url)
    with database.session() as session:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "0001")
        acquisition = {"custodian": "'P'", "custodian_order": 0, "path": "'p'", "is_folder": 0}
        chunk = {"acquisition_id": 1, "ordinal": 0, "items": 1, "is_read": 1}
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
        "is_reply": 0,
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
        session.execute(text("PRAGMA defer_foreign_keys = ON"))
        session.execute(text(insert_item(**wrong)))


def test_one_content_cannot_be_counted_twice(database: CaseDatabase) -> None:
    with pytest.raises(RunError, match="UNIQUE constraint failed"), database.session() as session:
        session.execute(text("PRAGMA defer_foreign_keys = ON"))
        session.execute(text(insert_item()))
        session.execute(text(insert_item(ordinal=1, fate="'non_hit'")))


def test_a_wrong_url_is_a_clear_error() -> None:
    with pytest.raises(UserError, match="'nonsense' is not a database URL"):
        CaseDatabase("nonsense")


def test_an_unreachable_database_says_where_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "case.db").mkdir()
    with pytest.raises(RunError, match="unable to open database file.*run again"):
        CaseDatabase(f"sqlite:///{tmp_path / 'case.db'}").migrate()
