"""Open the case database: engine, transactions, migrations, and clear errors for what fails."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from email_audit.errors import EmailAuditError, RunError, UserError, failure_place
from email_audit.ledger.locks import Lock, take_lock

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
_BACKENDS = ("sqlite", "postgresql")
_LOCK_WAIT_S = 120


class CaseDatabase:
    """The system of record. One object a process; sessions are short transactions."""

    def __init__(self, url: str) -> None:
        parsed = _parsed(url)
        # Without the query: a password can stand there, too.
        self.location = parsed.set(query={}).render_as_string(hide_password=True)
        self._is_sqlite = parsed.get_backend_name() == "sqlite"
        options: dict[str, Any] = {}
        self._file = Path(parsed.database) if self._is_sqlite and parsed.database else None
        if self._is_sqlite:
            options["connect_args"] = {"timeout": _LOCK_WAIT_S}
        else:
            # Reading a chunk takes minutes in which a server or a firewall may drop the connection.
            options["pool_pre_ping"] = True
        self._engine = _engine(parsed, options)
        if self._is_sqlite:
            _prepare_sqlite(self._engine)

    def migrate(self) -> None:
        """Create the tables, or bring those of an earlier version up to this one.

        Raises:
            UserError: where the folder of the database cannot be made.
            RunError: where the database cannot be reached or written.
        """
        # Imported late: workers open a database that is migrated, and start a sixth sooner without.
        from alembic import command
        from alembic.config import Config

        if self._file is not None:
            folder = self._file.parent
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UserError(
                    f"{folder}: the workspace cannot be made there: "
                    f"{error.strerror or error}. Name a folder that exists or can be made (--out)"
                ) from error
        with self._clear_errors(), self._engine.begin() as connection:
            take_lock(connection, Lock.MIGRATION)
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open one transaction: committed at the end of the block, rolled back if it raises.

        Raises:
            RunError: where the database cannot be reached or written.
        """
        with self._clear_errors(), Session(self._engine) as session, session.begin():
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Open a transaction whose statements all see the database as it was at the first one.

        To read only: PostgreSQL refuses a write that meets a later one. On SQLite every
        transaction is so.

        Raises:
            RunError: where the database cannot be reached.
        """
        with self.session() as session:
            if not self._is_sqlite:
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    def require(self) -> None:
        """Check that there is a case database to read from.

        Raises:
            UserError: where there is none.
        """
        exists = self._file is None or self._file.is_file()  # asking must not make a file
        with self._clear_errors():
            exists = exists and inspect(self._engine).has_table("acquisition")
        if not exists:
            raise UserError(f"{self.location}: holds no audit yet; make one with `email-audit run`")

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except EmailAuditError:
            raise
        except DBAPIError as error:
            message = (
                f"{self.location}: {_first_line(error)}. Everything committed before "
                "is kept; mend the cause (disk space, permissions, server) and run again"
            )
            log.debug("database: %s", failure_place(error))
            # The driver's exceptions quote rows, and rows hold words of mail: no log may show them.
            raise RunError(message) from None


def _parsed(url: str) -> URL:
    """Read a database URL; PostgreSQL's driver is psycopg 3 unless the URL names another.

    The URL is not quoted in the error: it may hold a password.
    """
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError):
        raise UserError(
            "database_url is not a database URL; it looks like postgresql://USER@HOST/DATABASE "
            "(@ and : in a password are written %40 and %3A)"
        ) from None
    if parsed.drivername in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _engine(url: URL, options: dict[str, Any]) -> Engine:
    backend = url.get_backend_name()
    if backend not in _BACKENDS:
        raise UserError(f"database_url: {backend!r} is none of {', '.join(_BACKENDS)}")
    try:
        return create_engine(url, hide_parameters=True, **options)
    except (ImportError, SQLAlchemyError) as error:
        raise UserError(
            f"database_url: the driver of {url.drivername} is not there; install it with "
            "pip install 'email-audit[postgresql]'"
        ) from error


def _first_line(error: DBAPIError) -> str:
    """Give what the database says is wrong; PostgreSQL's first line can be its only one."""
    lines = str(error.orig).splitlines()
    return lines[0].rstrip(".") if lines else type(error.orig).__name__


def _prepare_sqlite(engine: Engine) -> None:
    """Let several processes share one SQLite file, durably.

    A transaction takes the write lock at its start: one that reads first and then writes would
    otherwise fail, not wait, when another process wrote in between.
    """

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
