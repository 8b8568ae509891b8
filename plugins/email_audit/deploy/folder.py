"""Write what docker-compose.yml needs to start: `.env`, and a folder of secrets."""

import os
import secrets as random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from cryptography import x509

from email_audit.deploy import certificates
from email_audit.deploy.certificates import KeyPair, make_authority, make_certificate
from email_audit.deploy.secret_files import SECRETS, derived
from email_audit.errors import UserError

_Fact = TypeVar("_Fact")

SERVERS = {
    "elasticsearch": ("elasticsearch", "localhost", "127.0.0.1"),
    "es01": ("es01", "elasticsearch", "localhost", "127.0.0.1"),
    "es02": ("es02", "elasticsearch", "localhost", "127.0.0.1"),
    "es03": ("es03", "elasticsearch", "localhost", "127.0.0.1"),
    "kibana": ("kibana", "localhost", "127.0.0.1"),
}
"""Who gets a certificate, and the names it is called by."""
_AUTHORITY = "ca"
_RENEW_BEFORE = timedelta(days=60)

ENVIRONMENT = """\
# Written by `email-audit deploy set-up`, read by docker-compose.yml. There is no secret in here:
# they lie in the folder below. Change what you like, then `docker compose up -d`.

# laptop: one node of Elasticsearch. cluster: three, with an index of their own that is written anew
# (`email-audit index`). `docker compose down` before you change it, or the old nodes go on beside.
COMPOSE_PROFILES={profile}
# The account that owns the secrets; every container runs as it.
RUN_AS={uid}
SECRETS={secrets}
# roster.csv and the folder mail/ of mailbox exports; mounted read-only as /input.
INPUT={input}
# The agency's own log of requests, by its place in the container: /input/requests.csv for the file
# requests.csv in the folder above; empty: there is none.
REQUESTS=
# Where `docker compose run --rm operator email-audit backup --to /backups` writes.
BACKUPS={backups}
# Where case bundles go: the folder bundles/ of the workspace.
BUNDLES={bundles}
# Who acts, as written in the custody log.
ACTOR={actor}
# Where people reach Kibana and Airflow: on this machine only. docs/deployment.md says what to do
# before they are opened to others.
KIBANA_ADDRESS=127.0.0.1:5601
KIBANA_URL=https://localhost:5601
AIRFLOW_ADDRESS=127.0.0.1:8080
AIRFLOW_URL=http://localhost:8080
# Memory of one node of Elasticsearch and of one worker, and processes of a worker.
ELASTICSEARCH_MEMORY={elasticsearch_memory}
WORKER_MEMORY=8g
WORKER_PROCESSES=2
# When the audit runs: a cron expression or @daily; empty: by hand.
SCHEDULE=
"""


@dataclass(slots=True)
class SetUp:
    """What a set-up made, renewed, left as it was, and what the operator should know."""

    made: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Owner:
    """The account that containers run as, and that alone may read the secrets."""

    uid: int
    name: str


def set_up(
    folder: Path,
    owner: Owner,
    *,
    profile: str = "laptop",
    hosts: tuple[str, ...] = (),
    renew_certificates: bool = False,
) -> SetUp:
    """Write `.env` and `secrets/` into `folder`; nothing that is there is replaced.

    Files that follow from secrets are written anew where those changed. `hosts` are further names
    or addresses by which people reach Kibana. With `renew_certificates` all certificates are made
    anew by the same authority; the authority itself, only where its files were removed.

    Raises:
        UserError: where the folder cannot be written, or holds half of a key pair, or a key and a
            certificate that do not belong together.
    """
    done = SetUp()
    secrets = folder / "secrets"
    try:
        _make_private(secrets, owner)
        for name in ("input", "input/mail", "backups", "bundles"):
            _make_private(folder / name, owner)
        known = _secrets(secrets, owner, done)
        for name, content in derived(known).items():
            _write_derived(secrets / name, content, owner, done)
        _certificates(secrets, owner, done, hosts, renew=renew_certificates)
        environment = ENVIRONMENT.format(
            profile=profile,
            uid=owner.uid,
            secrets=secrets.resolve(),
            input=(folder / "input").resolve(),
            backups=(folder / "backups").resolve(),
            bundles=(folder / "bundles").resolve(),
            actor=owner.name,
            elasticsearch_memory="4g" if profile == "laptop" else "8g",
        )
        _write_new(folder / ".env", lambda: environment, owner, done)
        _check_modes(secrets.iterdir(), owner, done)
    except OSError as error:
        raise UserError(f"{error.filename or folder}: {error.strerror or error}") from error
    return done


def _secrets(folder: Path, owner: Owner, done: SetUp) -> dict[str, str]:
    known = {}
    for name, make in SECRETS.items():
        path = folder / name
        _write_new(path, make, owner, done)
        known[name] = path.read_text(encoding="utf-8").strip()
        if not known[name]:
            raise UserError(f"{path}: is empty; put the secret into it, or remove it for a new one")
    return known


def _certificates(
    folder: Path, owner: Owner, done: SetUp, hosts: tuple[str, ...], *, renew: bool
) -> None:
    authority = _pair(folder, _AUTHORITY)
    if authority is None:
        authority = make_authority(f"email-audit {random.token_hex(4)}")
        _write_pair(folder, _AUTHORITY, authority, owner)
        done.made.append(f"{_AUTHORITY}.crt, {_AUTHORITY}.key")
        renew = True  # those of another authority are of no use
    elif not _is_whole(folder / f"{_AUTHORITY}.crt", authority):
        raise UserError(
            f"{folder / _AUTHORITY}.key: does not belong to {_AUTHORITY}.crt; bring the right one "
            "back, or remove all .crt and .key files for a new authority"
        )
    for name, names in SERVERS.items():
        wanted = {*names, *hosts} if name == "kibana" else set(names)
        path, known = folder / f"{name}.crt", _pair(folder, name)
        label = f"{name}.crt, {name}.key"
        if known and not renew and not _is_whole(path, known):
            raise UserError(
                f"{folder / name}.key: does not belong to {path.name}, as after a renewal that was "
                "interrupted; renew again (--renew-certificates), or bring the right one back"
            )
        if known is None or renew or not wanted <= _read(path, known, certificates.names):
            # Names given once stay: a renewal need not be told of them again.
            kept = _read(path, known, certificates.names) if known else set()
            try:
                pair = make_certificate(authority, name, tuple(sorted(wanted | kept)))
            except ValueError as error:
                raise UserError(f"{folder / _AUTHORITY}.key: {error}") from error
            _write_pair(folder, name, pair, owner)
            (done.made if known is None else done.renewed).append(label)
            continue
        done.kept.append(label)
        end = _read(path, known, certificates.expires)
        if end - datetime.now(UTC) < _RENEW_BEFORE:
            done.warnings.append(
                f"{path.name} is valid until {end:%Y-%m-%d}: renew it with --renew-certificates"
            )


def _read(path: Path, pair: KeyPair, look: Callable[[bytes], _Fact]) -> _Fact:
    try:
        return look(pair.certificate)
    except (ValueError, x509.ExtensionNotFound) as error:
        raise UserError(
            f"{path}: it or its key is none of this deployment; remove both for a new pair"
        ) from error


def _is_whole(path: Path, pair: KeyPair) -> bool:
    return _read(path, pair, partial(certificates.is_for, key=pair.key))


def _pair(folder: Path, name: str) -> KeyPair | None:
    """Read a key and its certificate; None where neither is there."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
    if key.exists() != certificate.exists():
        missing, there = (certificate, key) if key.exists() else (key, certificate)
        raise UserError(
            f"{missing}: is not there, but {there.name} is; bring it back, or remove the other "
            "for a new pair"
        )
    return KeyPair(key.read_bytes(), certificate.read_bytes()) if key.exists() else None


def _write_pair(folder: Path, name: str, pair: KeyPair, owner: Owner) -> None:
    # Killed between the two, this leaves a pair that the next set-up refuses: half of one, or a new
    # key with the certificate of the old one.
    _replace(folder / f"{name}.key", pair.key, owner)
    _replace(folder / f"{name}.crt", pair.certificate, owner)


def _write_new(path: Path, make: Callable[[], str], owner: Owner, done: SetUp) -> None:
    """Write a file unless there is one."""
    if path.exists():
        done.kept.append(path.name)
        return
    _replace(path, make().encode(), owner)
    done.made.append(path.name)


def _write_derived(path: Path, content: str, owner: Owner, done: SetUp) -> None:
    if not path.exists():
        done.made.append(path.name)
    elif path.read_text(encoding="utf-8") != content:
        done.renewed.append(path.name)
    else:
        done.kept.append(path.name)
        return
    _replace(path, content.encode(), owner)


def _replace(path: Path, content: bytes, owner: Owner) -> None:
    """Write a file that only its owner may read, whole or not at all.

    A mounted file is bound to its inode: containers see a new one when they are made anew.
    """
    incoming = path.with_name(f".{path.name}.new")
    incoming.unlink(missing_ok=True)
    descriptor = os.open(incoming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    _give(incoming, owner)
    incoming.replace(path)


def _make_private(folder: Path, owner: Owner) -> None:
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        _give(folder, owner)


def _give(path: Path, owner: Owner) -> None:
    if path.stat().st_uid != owner.uid:
        os.chown(path, owner.uid, -1)


def _check_modes(paths: Iterable[Path], owner: Owner, done: SetUp) -> None:
    for path in sorted(paths):
        status = path.stat()
        if status.st_mode & 0o077 or status.st_uid != owner.uid:
            done.warnings.append(
                f"{path.name} can be read by others, or is not the account's own: "
                f"chmod 600 and chown {owner.uid} it"
            )
