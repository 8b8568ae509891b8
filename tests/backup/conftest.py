"""An audit to back up, and a real PostgreSQL."""

import io
import os
import shutil
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from tests.audits import Audit, audit_in, mail, mbox
from tests.servers.s3 import S3

PASSWORD = "it's a s@cret"
HIT = mail("detainer", "ICE asked us to hold him on a detainer until they come.")


def make_audit(folder: Path) -> Audit:
    """Make a mailbox file, and a folder with the same hit and an archive."""
    audit = audit_in(folder, P1="ann@city.example", P2="bob@city.example")
    audit.write("ann.mbox", mbox(HIT, mail("lunch", "Pizza at noon?")))
    audit.write("bob/hit.eml", HIT)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("keys.eml", mail("keys", "The keys are in the drawer."))
    audit.write("bob/packed.zip", packed.getvalue())
    return audit


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """A finished audit that tests only read from, or copy."""
    audit = make_audit(tmp_path_factory.mktemp("audited"))
    audit.run()
    return audit


@pytest.fixture
def audit(audited: Audit, tmp_path: Path) -> Audit:
    """A finished audit of the test's own."""
    shutil.copytree(audited.folder, tmp_path / "audit")
    return Audit(tmp_path / "audit")


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server that asks for a password; its user may make databases."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver psycopg is not installed")
    programs = _programs()
    folder = tmp_path_factory.mktemp("postgresql")
    account = _account(folder)
    password = folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    initdb = [programs / "initdb", "-D", folder / "data", "-U", "audit", "--no-sync"]
    subprocess.run(
        [*initdb, "--auth=scram-sha-256", f"--pwfile={password}"],
        check=True,
        capture_output=True,
        user=account,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"-cport={port}", "-clisten_addresses=127.0.0.1", "-cfsync=off"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", "-k", folder, *options],
            stdout=log,
            stderr=log,
            user=account,
        )
    url = f"postgresql+psycopg://audit:{quote(PASSWORD)}@127.0.0.1:{port}"
    try:
        _wait(f"{url}/postgres", server, folder / "log")
        with pytest.MonkeyPatch.context() as patch:  # client programs of the server's own version
            patch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
            yield url
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty bucket."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3.new_bucket()}"


def new_database(server: str, name: str) -> str:
    """Make an empty database; give its URL."""
    engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server}/{name}"


def _programs() -> Path:
    """Find initdb and postgres: on the path, or where Debian and Fedora keep them."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/bin")]
    for folder in folders:
        if (folder / "initdb").exists():
            return folder
    pytest.skip("PostgreSQL's initdb is not installed here")


def _account(folder: Path) -> str | None:
    """Give the account to run the server as: it refuses to run as root."""
    if os.geteuid():
        return None
    import pwd

    for name in ("postgres", "nobody"):
        try:
            uid = pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
        os.chown(folder, uid, -1)
        for parent in folder.parents:
            if parent.owner() == "root" and parent.name.startswith(("pytest-", "popen-")):
                parent.chmod(0o755)
        return name
    pytest.skip("no account but root to run PostgreSQL as")


def _wait(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    engine, deadline = create_engine(url), time.monotonic() + 60
    while True:
        try:
            engine.connect().close()
            engine.dispose()
            return
        except OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
