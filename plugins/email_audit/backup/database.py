"""A copy of the case database at one moment, and a database made of it again."""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Protocol

from sqlalchemy import URL, create_engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from email_audit.errors import RunError, UserError

Look = Callable[[Session], None]
"""Reads the database in the very state that is copied."""

_PROGRAMS = ("pg_dump", "pg_restore")
_SERVICE = "email_audit"
_LONGEST = 250
"""A line of a service file has 1,023 bytes at most (libpq, `parseServiceFile`)."""


class DatabaseCopier(Protocol):
    """How one kind of database is copied and brought back."""

    kind: str
    file: str

    def copy(self, to: Path, look: Look) -> None:
        """Write the database to the file `to` and call `look` on that same state.

        Writers may go on meanwhile.
        """

    def restore(self, copy: Path) -> None:
        """Make the database of `copy`: all of it or nothing."""

    def is_empty(self) -> bool:
        """Say whether there is nothing in the database's place."""

    def require_programs(self) -> None:
        """Check that the programs which copy this database are there and fit its server.

        Raises:
            RunError: where one is missing or of another version, or the server cannot be asked.
        """


def copier_for(url: str) -> DatabaseCopier:
    """Give what copies the database at a SQLAlchemy URL.

    Raises:
        UserError: for a database that is neither SQLite nor PostgreSQL.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return SqliteCopier(Path(parsed.database))
    if parsed.get_backend_name() == "postgresql":
        return PostgresqlCopier(parsed)
    raise UserError(
        f"{parsed.render_as_string(hide_password=True)}: backups are made of SQLite files and "
        "PostgreSQL databases; use the database's own tools"
    )


class SqliteCopier:
    """SQLite, by its online backup (https://www.sqlite.org/backup.html)."""

    kind = "sqlite"
    file = "case.sqlite3"

    def __init__(self, path: Path) -> None:
        self._path = path

    def copy(self, to: Path, look: Look) -> None:
        """Copy in one step: a reader's lock for its time, which does not stop a writer (WAL)."""
        source = f"{self._path.resolve().as_uri()}?mode=ro"
        with (
            closing(sqlite3.connect(source, uri=True)) as own,
            closing(sqlite3.connect(to)) as copy,
        ):
            own.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it
            faults = copy.execute("PRAGMA integrity_check").fetchone()[0]
        if faults != "ok":
            raise RunError(f"{self._path}: the database is damaged: {faults.splitlines()[0]}")
        engine = create_engine(f"sqlite:///{to.resolve().as_uri()}?mode=ro&uri=true")
        try:
            with Session(engine) as session:
                look(session)
        finally:
            engine.dispose()

    def restore(self, copy: Path) -> None:
        """Copy the file to a name of its own first, so that half a database has no name."""
        incoming = self._path.with_name(f"{self._path.name}.restoring")
        incoming.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copy, incoming)
        with incoming.open("rb") as stream:
            os.fsync(stream.fileno())
        for left in ("-wal", "-shm"):  # of an empty database that somebody opened
            self._path.with_name(self._path.name + left).unlink(missing_ok=True)
        incoming.replace(self._path)

    def is_empty(self) -> bool:
        """Say whether there is no file, or one without tables."""
        if not self._path.exists():
            return True
        try:
            with closing(sqlite3.connect(self._path)) as connection:
                return not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        except sqlite3.Error:
            return False  # whatever it is, it is not ours to replace

    def require_programs(self) -> None:
        """Nothing to check: SQLite comes with Python."""


class PostgresqlCopier:
    """PostgreSQL, by its own pg_dump and pg_restore.

    Neither password is on their command line: the server's goes by the environment, that of a
    client certificate's key (`sslpassword`), for which libpq has no variable, by a service file
    (PostgreSQL 15, 34.17) that only its owner can read.

    Raises:
        UserError: for a key's password that a service file cannot carry.
    """

    kind = "postgresql"
    file = "case.pgdump"

    def __init__(self, url: URL) -> None:
        # As in the case database itself: psycopg 3 unless the URL names another driver.
        plain = url.drivername in {"postgresql", "postgres"}
        self._url = url.set(drivername="postgresql+psycopg") if plain else url
        # The driver's name and the password left out, what remains is a URI of libpq's own.
        # `URL.set` takes None for "as it was", so the password is left out by the tuple's method.
        bare = url._replace(drivername="postgresql", password=None)
        self._key_password = _fitting(url)
        uri = bare.difference_update_query(["password", "sslpassword"])
        if self._key_password:
            uri = uri.update_query_dict({"service": _SERVICE})
        self._uri = uri.render_as_string()
        self._place = bare.set(query={}).render_as_string()
        self._password = str(url.password or url.query.get("password", ""))

    def copy(self, to: Path, look: Look) -> None:
        """Dump the snapshot of a transaction that `look` reads in too."""
        engine = create_engine(self._url, isolation_level="REPEATABLE READ")
        try:
            with Session(engine) as session:
                snapshot = session.scalar(text("SELECT pg_export_snapshot()"))
                self._call(
                    "pg_dump",
                    "--format=custom",
                    f"--snapshot={snapshot}",
                    f"--file={to}",
                    "--no-owner",
                    "--no-privileges",
                )
                look(session)
        except DBAPIError as error:
            raise self._unreachable(error) from error
        finally:
            engine.dispose()

    def restore(self, copy: Path) -> None:
        """Restore in one transaction."""
        self._call(
            "pg_restore",
            "--exit-on-error",
            "--single-transaction",
            "--no-owner",
            "--no-privileges",
            str(copy),
        )

    def is_empty(self) -> bool:
        """Say whether the database has no table."""
        engine = create_engine(self._url)
        try:
            return not inspect(engine).get_table_names()
        except DBAPIError as error:
            raise self._unreachable(error) from error
        finally:
            engine.dispose()

    def require_programs(self) -> None:
        """Check that pg_dump and pg_restore are of the server's major version.

        An older pg_dump refuses the server. A newer pg_restore sets parameters that the server may
        not know (`transaction_timeout` of PostgreSQL 17), which is found out only when the backup
        is needed: so both are refused at once.
        """
        engine = create_engine(self._url)
        try:
            with engine.connect() as connection:
                version = connection.scalar(text("SHOW server_version_num"))
        except DBAPIError as error:
            raise self._unreachable(error) from error
        finally:
            engine.dispose()
        server = int(str(version)) // 10000
        for program in _PROGRAMS:
            client = _major(_found(program))
            if client != server:
                raise RunError(
                    f"{self._place}: the server is PostgreSQL {server}, but {program} here is of "
                    f"version {client}; install the client programs of version {server} and put "
                    f"them first on PATH (Debian: postgresql-client-{server}, "
                    f"/usr/lib/postgresql/{server}/bin)"
                )

    def _unreachable(self, error: DBAPIError) -> RunError:
        return RunError(f"{self._place}: {str(error.orig).splitlines()[0]}")

    def _call(self, program: str, *arguments: str) -> None:
        password = {"PGPASSWORD": self._password} if self._password else {}
        with self._service_file() as service:
            done = subprocess.run(  # noqa: S603 - a program of PostgreSQL, our own arguments
                [_found(program), f"--dbname={self._uri}", "--no-password", *arguments],
                env={**os.environ, **password, **service},
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
            raise RunError(f"{self._place}: {program} failed: {lines[0]}")

    @contextmanager
    def _service_file(self) -> Iterator[dict[str, str]]:
        """Write the key's password, if there is one, for as long as a program needs it."""
        if not self._key_password:
            yield {}
            return
        with ExitStack() as stack:
            try:
                file = stack.enter_context(NamedTemporaryFile("w", encoding="utf-8"))
                file.write(f"[{_SERVICE}]\nsslpassword={self._key_password}\n")
                file.flush()
            except OSError as error:
                raise RunError(
                    f"the temporary file that hands sslpassword on cannot be written: {error}"
                ) from error
            yield {"PGSERVICEFILE": file.name}


def _fitting(url: URL) -> str:
    """Give the password of the client certificate's key, "" where there is none."""
    password = str(url.query.get("sslpassword", ""))
    if password and ("service" in url.query or "PGSERVICE" in os.environ):
        raise UserError(
            "database_url: sslpassword cannot be handed to pg_dump beside a service; write it "
            "into the service's file"
        )
    if not password.isprintable() or password != password.strip() or len(password) > _LONGEST:
        raise UserError(
            "database_url: sslpassword cannot be handed to pg_dump: it begins or ends with a "
            f"blank, holds a control character, or is longer than {_LONGEST} characters"
        )
    return password


def _found(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise RunError(
            f"{program} is not installed here; install the PostgreSQL client programs of the "
            "server's major version (Debian: postgresql-client-15 for version 15)"
        )
    return found


def _major(program: str) -> int:
    """Give the major version of a program of PostgreSQL: 15 of `pg_dump (PostgreSQL) 15.18 ...`."""
    done = subprocess.run(  # noqa: S603 - a program of PostgreSQL, our own argument
        [program, "--version"], capture_output=True, text=True, check=False
    )
    found = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    if found is None:
        raise RunError(f"{program}: does not say which version of PostgreSQL it belongs to")
    return int(found[1])
