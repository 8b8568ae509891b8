"""The image: its Dockerfile, what goes into it, and how it starts commands."""

import fnmatch
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DOCKERFILE = REPOSITORY / "deploy" / "Dockerfile"
ENTRYPOINT = REPOSITORY / "deploy" / "entrypoint"


def test_hadolint_has_nothing_to_say() -> None:
    tool = Path(sys.executable).with_name("hadolint")
    if not tool.exists():
        pytest.skip("hadolint is not installed: its package is for Linux on x86-64 only")
    done = subprocess.run([tool, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_what_is_copied_is_there_and_let_through() -> None:
    """`.dockerignore` lets in by name; nothing else of the folder reaches the builder."""
    rules = [line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line]
    let_in = [rule[1:] for rule in rules if rule.startswith("!")]
    assert "*" in rules
    for sources in re.findall(r"^COPY (?:--\S+ )*(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE):
        for source in sources.split():
            assert (REPOSITORY / source).exists(), source
            assert any(fnmatch.fnmatch(source.rstrip("/"), rule) for rule in let_in), source
    for secret in (".env", "secrets", "input", "workspace", "backups", "sample", ".git"):
        assert not any(rule.split("/")[0] == secret for rule in let_in)


def test_client_programs_are_of_the_database_servers_version() -> None:
    """The base image has newer ones, whose pg_restore a server of this version refuses."""
    compose, text = (REPOSITORY / "docker-compose.yml").read_text(), DOCKERFILE.read_text()
    (server,) = re.findall(r"image: postgres:(\d+)\.", compose)
    assert re.findall(r"postgresql-client\S*", text) == [f"postgresql-client-{server}"]
    assert f'ENV PATH="/usr/lib/postgresql/{server}/bin:${{PATH}}"' in text


def test_libraries_come_with_their_hashes() -> None:
    text = DOCKERFILE.read_text()
    for install in re.findall(r"pip install [^\n]+", text):
        assert "--require-hashes" in install or "--no-deps --no-build-isolation ." in install
    lock = (REPOSITORY / "requirements" / "server.txt").read_text()
    pinned = re.findall(r"^([\w.-]+)==\S+", lock, re.MULTILINE)
    assert {"apache-airflow-providers-celery", "apache-airflow-providers-fab", "psycopg"} <= set(
        pinned
    )
    assert lock.count("--hash=sha256:") > len(pinned)
    assert "://" not in lock, "a lock names no index"


@pytest.mark.parametrize("script", [ENTRYPOINT, REPOSITORY / "deploy/postgres/databases.sh"])
def test_scripts_can_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK)
    shell = script.read_text().splitlines()[0].removeprefix("#!")
    subprocess.run([shell, "-n", script], check=True)


def test_settings_in_files_reach_the_command_and_nothing_else_does(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (first / "email_audit_kibana_password").write_text('it\'s $HOME `x` "y"\n')
    (first / "redis_password").write_text("not a setting")
    (second / "email_audit_elasticsearch_api_key").write_text("key==")
    shown = tmp_path / "email-audit"
    shown.write_text("#!/bin/sh\nenv -0\n")
    shown.chmod(0o755)
    done = subprocess.run(
        ["sh", ENTRYPOINT, "email-audit", "an argument"],
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "SETTING_FILES": f"{first}:{second}:{tmp_path / 'absent'}",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    environment = dict(line.split("=", 1) for line in done.stdout.split("\0") if line)
    assert environment["EMAIL_AUDIT_KIBANA_PASSWORD"] == 'it\'s $HOME `x` "y"'
    assert environment["EMAIL_AUDIT_ELASTICSEARCH_API_KEY"] == "key=="
    assert "not a setting" not in done.stdout


def test_everything_else_goes_to_the_entrypoint_of_airflow(tmp_path: Path) -> None:
    airflow = tmp_path / "airflow"
    airflow.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    airflow.chmod(0o755)
    done = subprocess.run(
        ["sh", ENTRYPOINT, "celery", "worker"],
        env={"PATH": os.environ["PATH"], "AIRFLOW_ENTRYPOINT": str(airflow)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "celery|worker|"
