"""docker-compose.yml: valid, pinned, closed, and naming only what exists.

Docker itself does not run in these tests. The file is checked against the published schema and
against rules of our own; where Docker's compose plugin is installed, it reads the file too.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import click
import pytest

from email_audit.cli import cli
from email_audit.deploy.secret_files import SECRETS
from email_audit.exchange.settings import ExchangeSettings
from email_audit.settings import Settings
from tests.deploy import compose
from tests.deploy.conftest import OWNER

REPOSITORY = Path(__file__).parents[2]
COMPOSE = REPOSITORY / "docker-compose.yml"
EXCHANGE, OUTSIDE, OUTSIDE_SEARCH = OVERRIDES = [
    REPOSITORY / "deploy" / name for name in ("exchange.yml", "outside.yml", "outside-search.yml")
]
IN_ENV = {
    "EXCHANGE_SERVER": "mail.city.example",
    "EXCHANGE_USERNAME": "audit",
    "ELASTICSEARCH_URL": "https://search.city.example:9200",
}
"""What the heads of those files ask for."""
PROFILES = ("laptop", "cluster", "tools")
NODES = {"elasticsearch", "es01", "es02", "es03"}
READS_MAIL = {"airflow-worker", "operator"}
ELASTIC_VERSION = "9.5.3"


def services(project: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from project["services"].items()


def is_once(service: dict[str, Any]) -> bool:
    return service["restart"] != "unless-stopped"


def secret_names(service: dict[str, Any]) -> set[str]:
    return {s if isinstance(s, str) else s["source"] for s in service.get("secrets", [])}


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Give what is mounted by its place, with `:ro` where it is read-only."""
    found = {}
    for volume in service.get("volumes", []):
        source, target, *mode = volume.split(":")
        found[target] = ":".join([source, *mode])
    return found


@pytest.mark.parametrize("path", [COMPOSE, *OVERRIDES], ids=lambda path: path.name)
def test_the_file_is_valid_by_the_published_schema(path: Path) -> None:
    tool = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [tool, "--builtin-schema", "vendor.compose-spec", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def plugin() -> list[str]:
    """Give the command of Docker's compose plugin."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            done = subprocess.run([*command, "version"], capture_output=True, check=False)
            if done.returncode == 0:
                return command
    pytest.skip("Docker's compose plugin is not installed")


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "files",
    [[COMPOSE], *([COMPOSE, path] for path in OVERRIDES), [COMPOSE, *OVERRIDES]],
    ids=["plain", "exchange", "outside", "outside-search", "all"],
)
def test_compose_itself_reads_every_profile(
    deployment: Path, profile: str, files: list[Path]
) -> None:
    config = ["config", "--format", "json"]
    named = [argument for file in files for argument in ("--file", str(file))]
    done = subprocess.run(
        [*plugin(), "--env-file", deployment / ".env", *named, "--profile", profile, *config],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **IN_ENV},
    )
    assert done.returncode == 0, done.stderr
    found = set(json.loads(done.stdout)["services"]) & NODES
    assert found == {"laptop": {"elasticsearch"}, "cluster": NODES - {"elasticsearch"}}.get(
        profile, set()
    )


def variables() -> set[str]:
    return set(re.findall(r"(?<!\$)\$\{(\w+)", COMPOSE.read_text()))


@pytest.mark.parametrize("variable", sorted(variables() - {"REQUESTS", "SCHEDULE"}))
def test_nothing_starts_before_the_set_up(variable: str) -> None:
    values = dict.fromkeys(variables(), "1")
    compose.load(COMPOSE, values)
    for wrong in ({variable: ""}, {}):
        incomplete = {name: value for name, value in values.items() if name != variable} | wrong
        with pytest.raises(compose.MissingVariableError, match="deploy set-up"):
            compose.load(COMPOSE, incomplete)


def test_the_set_up_gives_every_variable_and_no_other(deployment: Path) -> None:
    given = set(compose.environment(deployment / ".env"))
    assert given - {"COMPOSE_PROFILES"} == variables()


def test_every_image_is_pinned(project: dict[str, Any]) -> None:
    for name, service in services(project):
        assert re.search(r":\d+\.\d+(\.\d+)?(-bookworm)?$", service["image"]), name
    base = re.search(r"^FROM (\S+)$", (REPOSITORY / "deploy/Dockerfile").read_text(), re.MULTILINE)
    assert base is not None
    assert re.fullmatch(r"apache/airflow:slim-\d+\.\d+\.\d+-python3\.11", base[1])


def test_the_image_is_built_once_by_what_every_start_starts(project: dict[str, Any]) -> None:
    """Two services that build one tag at the same time fail; and no registry has the image."""
    (builder,) = (name for name, service in services(project) if "build" in service)
    assert "profiles" not in project["services"][builder]
    image = project["services"][builder]["image"]
    users = [service for _, service in services(project) if service["image"] == image]
    assert len(users) > 1
    assert {service["pull_policy"] for service in users} == {"never"}


def test_versions_are_those_of_the_locks(project: dict[str, Any]) -> None:
    dockerfile = (REPOSITORY / "deploy/Dockerfile").read_text()
    (airflow,) = set(re.findall(r"slim-([\d.]+)-python", dockerfile))
    for lock in ("lock.txt", "server.txt"):
        text = (REPOSITORY / "requirements" / lock).read_text()
        assert f"\napache-airflow=={airflow} " in text, lock
    elastic = {s["image"] for _, s in services(project) if "docker.elastic.co" in s["image"]}
    assert elastic == {
        f"docker.elastic.co/{name}/{name}:{ELASTIC_VERSION}" for name in ("elasticsearch", "kibana")
    }
    package = re.search(
        r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE
    )
    assert package is not None
    assert f"email-audit:{package[1]}" in {service["image"] for _, service in services(project)}
    assert f'image.version="{package[1]}"' in dockerfile


def test_every_service_is_confined(project: dict[str, Any]) -> None:
    writable = NODES | {"kibana"}  # the decision record says why
    for name, service in services(project):
        assert service["user"] == f"{OWNER.uid}:0", name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert not service.get("privileged"), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("read_only", False) == (name not in writable), name
        limits = service["deploy"]["resources"]["limits"]
        assert set(limits) == {"cpus", "memory", "pids"}, name
        assert not {"pid", "ipc", "network_mode", "devices"} & set(service), name
        assert "docker.sock" not in json.dumps(service), name


def test_the_containers_are_never_root() -> None:
    text = COMPOSE.read_text()
    assert 'user: "${RUN_AS:?' in text
    assert not re.search(r"user:\s*[\"']?(0|root)", text)


def test_every_service_is_watched(project: dict[str, Any]) -> None:
    for name, service in services(project):
        if is_once(service):
            assert service["restart"] in {"no", "on-failure:5"}, name
            assert service["healthcheck"] == {"disable": True}, name
        else:
            assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}, name
            assert {"interval", "timeout", "retries"} <= set(service["healthcheck"]), name


def test_only_kibana_and_airflow_are_published_and_only_on_this_machine(
    project: dict[str, Any],
) -> None:
    published = {
        name: service["ports"] for name, service in services(project) if "ports" in service
    }
    assert published == {
        "kibana": ["127.0.0.1:5601:5601"],
        "airflow-apiserver": ["127.0.0.1:8080:8080"],
    }


def test_who_reads_mail_has_no_way_out(project: dict[str, Any]) -> None:
    internal = {name for name, network in project["networks"].items() if network.get("internal")}
    assert internal == {"database", "search"}
    for name, service in services(project):
        networks = set(service["networks"])
        assert networks <= set(project["networks"]), name
        if name not in {"kibana", "airflow-apiserver"}:
            assert networks <= internal, name
    for name in READS_MAIL:
        assert set(project["services"][name]["networks"]) == {"database", "search"}


def test_evidence_keys_and_mail_are_where_they_are_needed_and_nowhere_else(
    project: dict[str, Any],
) -> None:
    for name, service in services(project):
        places = mounts(service)
        assert ("/evidence" in places) == (name in READS_MAIL), name
        assert ("/input" in places) == (name in READS_MAIL), name
        assert places.get("/input", "x:ro").endswith(":ro"), name
        assert ("pgpass" in secret_names(service)) == (name in READS_MAIL), name
        for key in ("writer", "set-up"):
            has_key = name in {*READS_MAIL, "search-access"}
            mode = "" if name == "search-access" else ":ro"
            expected = f"{key}-key{mode}" if has_key else None
            assert places.get(f"/keys/{key}") == expected, name
        allowed = {*NODES, "search-access", "kibana-set-up"}
        assert "elastic_password" not in secret_names(service) or name in allowed, name
        assert not secret_names(service) & {"ca.key"}, name


def test_every_reference_leads_somewhere(project: dict[str, Any]) -> None:
    used_volumes: set[str] = set()
    used_secrets: set[str] = set()
    for name, service in services(project):
        depends = service.get("depends_on", {})
        assert set(depends) <= set(project["services"]), name
        for other, how in depends.items():
            once = is_once(project["services"][other])
            expected = "service_completed_successfully" if once else "service_healthy"
            assert how["condition"] == expected, (name, other)
            if project["services"][other].get("profiles"):
                assert how["required"] is False, (name, other)
        used_secrets |= secret_names(service)
        for target, source in mounts(service).items():
            first = source.split(":")[0]
            if first.startswith(("/", ".")):
                assert (REPOSITORY / first).exists(), (name, target)
            else:
                used_volumes.add(first)
    assert used_volumes == set(project["volumes"])
    assert used_secrets == set(project["secrets"])


def test_every_secret_is_a_file_that_the_set_up_makes(
    project: dict[str, Any], deployment: Path
) -> None:
    for name, secret in project["secrets"].items():
        assert set(secret) == {"file"}, name
        path = Path(secret["file"])
        assert path.parent == deployment / "secrets", name
        assert path.read_bytes(), name


def test_no_secret_is_in_the_file_or_in_an_environment(
    project: dict[str, Any], deployment: Path
) -> None:
    written = json.dumps(project) + (deployment / ".env").read_text()
    for name in SECRETS:
        assert (deployment / "secrets" / name).read_text() not in written, name
    for name, service in services(project):
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|FERNET|TOKEN|API_KEY|_CONN|BROKER|BACKEND", variable):
                is_place = variable.endswith(("_FILE", "_CMD")) and "/run/secrets/" in value
                assert is_place, (name, variable)
    url = project["services"]["airflow-worker"]["environment"]["EMAIL_AUDIT_DATABASE_URL"]
    assert re.fullmatch(r"postgresql\+psycopg://email_audit@postgres:5432/email_audit", url)


def known_variables() -> set[str]:
    """List every EMAIL_AUDIT_... variable that some code reads."""
    known = {f"EMAIL_AUDIT_{name.upper()}" for name in Settings.model_fields}
    known |= {f"EMAIL_AUDIT_EXCHANGE_{name.upper()}" for name in ExchangeSettings.model_fields}
    for dag in (REPOSITORY / "dags").glob("*.py"):
        known |= set(re.findall(r"\"(EMAIL_AUDIT_\w+)\"", dag.read_text()))
    try:
        from email_audit.search.kibana.settings import KibanaSettings
    except ModuleNotFoundError:
        return known
    return known | {f"EMAIL_AUDIT_{name.upper()}" for name in KibanaSettings.model_fields}


def test_every_setting_is_one_that_exists(project: dict[str, Any], deployment: Path) -> None:
    overrides = [override(deployment, path) for path in OVERRIDES]
    known = known_variables()
    for name, service in chain.from_iterable(map(services, [project, *overrides])):
        given = {key for key in service.get("environment", {}) if key.startswith("EMAIL_AUDIT_")}
        targets = {s["target"] for s in service.get("secrets", []) if isinstance(s, dict)}
        given |= {target.upper() for target in targets if target.startswith("email_audit_")}
        assert given <= known, (name, given - known)


def override(deployment: Path, path: Path, **values: str) -> dict[str, Any]:
    return compose.load(path, compose.environment(deployment / ".env") | IN_ENV | values)


@pytest.mark.parametrize("path", [OUTSIDE, OUTSIDE_SEARCH], ids=lambda path: path.name)
def test_what_lies_outside_is_reached_by_those_who_read_mail_and_by_no_other(
    project: dict[str, Any], deployment: Path, path: Path
) -> None:
    outside = override(deployment, path)
    assert outside["networks"] == {"outside": {}}
    reaching = {name for name, service in services(outside) if "networks" in service}
    assert reaching == READS_MAIL
    first, second = (outside["services"][name] for name in sorted(READS_MAIL))
    assert first == second
    assert mounts(first) == {"/run/outside": f"{deployment / 'secrets' / 'outside'}:ro"}
    kept_inside = project["services"]["airflow-worker"]["environment"] | first["environment"]
    if path == OUTSIDE:  # a variable that is not set changes nothing
        assert kept_inside == project["services"]["airflow-worker"]["environment"] | {
            "AWS_CONFIG_FILE": "/run/outside/aws_config"
        }
        url = "postgresql+psycopg://email_audit@db.city.example/email_audit?sslmode=verify-full"
        values = {"CASE_DATABASE_URL": url, "CASE_EVIDENCE_URL": "s3://bucket/case-7"}
        given = override(deployment, path, **values)["services"]["operator"]["environment"]
        assert given["EMAIL_AUDIT_DATABASE_URL"] == url
        assert given["EMAIL_AUDIT_EVIDENCE_URL"] == "s3://bucket/case-7"


def test_with_a_search_server_outside_none_is_started_here(
    project: dict[str, Any], deployment: Path
) -> None:
    outside = override(deployment, OUTSIDE_SEARCH)["services"]
    started = {
        name
        for name, service in services(project)
        if not service.get("profiles") and not outside.get(name, {}).get("profiles")
    }
    assert not started & {*NODES, "kibana", "kibana-set-up"}
    for name in started:  # and nothing that is started waits for what is not
        for other, how in project["services"][name].get("depends_on", {}).items():
            assert other in started or how.get("required") is False, (name, other)
    assert outside["search-access"] == {"entrypoint": ["true"], "command": []}


def test_the_manual_names_every_override() -> None:
    manual = (REPOSITORY / "docs" / "deployment.md").read_text()
    for path in OVERRIDES:
        assert f"`deploy/{path.name}`" in manual


def test_the_agencys_requests_reach_the_audit_when_they_are_named(deployment: Path) -> None:
    values = compose.environment(deployment / ".env")
    for named in ("", "/input/requests.csv"):
        project = compose.load(COMPOSE, values | {"REQUESTS": named})
        for name in ("airflow-dag-processor", "airflow-worker"):
            environment = project["services"][name]["environment"]
            assert environment["EMAIL_AUDIT_REQUESTS"] == named


def test_every_command_is_one_that_exists(project: dict[str, Any]) -> None:
    for name, service in services(project):
        command = service.get("command", [])
        if command[:1] != ["email-audit"]:
            continue
        node: click.Command = cli
        for word in command[1:]:
            if word.startswith("-") or not isinstance(node, click.Group):
                break
            found = node.get_command(click.Context(node), word)
            assert found is not None, (name, word)
            node = found
        options = {option for parameter in node.params for option in parameter.opts}
        given = {word.split("=")[0] for word in command if word.startswith("-")}
        assert given <= options, (name, given - options)


def test_airflow_and_redis_are_one_deployment(project: dict[str, Any]) -> None:
    """The same keys everywhere: else tasks could not log in to the API server."""
    airflow = {name: s for name, s in services(project) if name.startswith("airflow-")}
    shared = list(airflow["airflow-apiserver"]["environment"])
    for name, service in airflow.items():
        for key in shared:
            expected = airflow["airflow-apiserver"]["environment"][key]
            assert service["environment"][key] == expected, (name, key)


def test_secrets_that_commands_read_are_mounted(project: dict[str, Any]) -> None:
    for name, service in services(project):
        there = {
            f"/run/secrets/{s}" if isinstance(s, str) else s["target"]
            for s in service.get("secrets", [])
        }
        there |= {f"/run/secrets/{place}" for place in there if not place.startswith("/")}
        body = {key: service.get(key) for key in ("command", "environment", "healthcheck")}
        read = set(re.findall(r"/run/secrets/[\w.]+", json.dumps(body)))
        assert read <= there, (name, read - there)
