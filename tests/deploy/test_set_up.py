"""What `email-audit deploy set-up` leaves: strong secrets, private files, nothing overwritten."""

import json
import os
import socket
import ssl
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.fernet import Fernet

from email_audit.deploy import certificates
from email_audit.deploy.folder import SERVERS, Owner, SetUp, set_up
from email_audit.deploy.secret_files import SECRETS
from email_audit.errors import UserError
from tests.deploy.conftest import OWNER


def contents(folder: Path) -> dict[str, bytes]:
    files = [folder / ".env", *(folder / "secrets").iterdir()]
    return {file.name: file.read_bytes() for file in files}


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "email_audit", "deploy", "set-up", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_secret_is_long_and_its_own(deployment: Path, tmp_path: Path) -> None:
    set_up(tmp_path, OWNER)
    values = [(folder / "secrets" / name).read_text() for folder in (deployment, tmp_path)
              for name in SECRETS]  # fmt: skip
    assert len(set(values)) == len(values)
    assert all(len(value) >= 40 for value in values)
    Fernet((deployment / "secrets" / "airflow_fernet_key").read_text())


def test_only_the_account_itself_may_read_them(deployment: Path) -> None:
    assert stat.S_IMODE((deployment / "secrets").stat().st_mode) == 0o700
    for file in (deployment / ".env", *(deployment / "secrets").iterdir()):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        assert file.stat().st_uid == OWNER.uid


def test_a_second_set_up_changes_nothing(tmp_path: Path) -> None:
    set_up(tmp_path, OWNER)
    (tmp_path / ".env").write_text("SCHEDULE=@daily\n")
    (tmp_path / "secrets" / "redis_password").write_text("chosen-by-hand")
    before = contents(tmp_path)
    done = set_up(tmp_path, OWNER)
    after = contents(tmp_path)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"redis.conf", "celery_broker_url"} == set(done.renewed)
    assert done.made == []
    assert b"chosen-by-hand" in after["redis.conf"]
    assert b":chosen-by-hand@redis" in after["celery_broker_url"]
    assert set_up(tmp_path, OWNER).renewed == []


def test_a_removed_secret_is_made_anew_with_all_that_follows_from_it(tmp_path: Path) -> None:
    set_up(tmp_path, OWNER)
    before = contents(tmp_path)
    (tmp_path / "secrets" / "kibana_system_password").unlink()
    done = set_up(tmp_path, OWNER)
    after = contents(tmp_path)
    assert (done.made, done.renewed) == (["kibana_system_password"], ["kibana.yml"])
    settings = yaml.safe_load(after["kibana.yml"])
    assert settings["elasticsearch.password"] == after["kibana_system_password"].decode()
    assert after["kibana_system_password"] != before["kibana_system_password"]
    assert len(settings["xpack.encryptedSavedObjects.encryptionKey"]) >= 32


def test_nothing_secret_is_printed(tmp_path: Path) -> None:
    for arguments in ([tmp_path], [tmp_path, "--json"]):
        done = call(*arguments, *(["--uid", 4242] if os.geteuid() == 0 else []))
        assert done.returncode == 0, done.stderr
        for name in SECRETS:
            secret = (tmp_path / "secrets" / name).read_text()
            assert secret not in done.stdout + done.stderr
    assert json.loads(done.stdout)["made"] == []


def test_root_must_name_an_account(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can try it")
    done = call(tmp_path)
    assert (done.returncode, "must not run as root" in done.stderr) == (2, True)
    assert not (tmp_path / ".env").exists()
    assert call(tmp_path, "--uid", 4242).returncode == 0
    assert {file.stat().st_uid for file in (tmp_path / "secrets").iterdir()} == {4242}
    assert "RUN_AS=4242" in (tmp_path / ".env").read_text()


def test_wrong_folders_and_half_key_pairs_are_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file"):
        set_up(tmp_path / "file", OWNER)
    set_up(tmp_path / "set", OWNER)
    (tmp_path / "set" / "secrets" / "ca.key").unlink()
    with pytest.raises(UserError, match=r"ca\.key: is not there, but ca\.crt is"):
        set_up(tmp_path / "set", OWNER)
    (tmp_path / "set" / "secrets" / "redis_password").write_text("")
    with pytest.raises(UserError, match="redis_password: is empty"):
        set_up(tmp_path / "set", OWNER)


def test_files_that_others_can_read_are_warned_of(tmp_path: Path) -> None:
    set_up(tmp_path, OWNER)
    (tmp_path / "secrets" / "ca.key").chmod(0o644)
    (warning,) = set_up(tmp_path, OWNER).warnings
    assert warning.startswith("ca.key can be read by others")


@pytest.mark.parametrize("server", sorted(SERVERS))
def test_a_client_that_trusts_the_authority_reaches_every_server(
    deployment: Path, server: str
) -> None:
    """A real TLS handshake, by the server's name; no other name and no other authority will do."""
    secrets = deployment / "secrets"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(secrets / "ca.crt"))
    context.load_cert_chain(secrets / f"{server}.crt", secrets / f"{server}.key")
    context.verify_mode = ssl.CERT_REQUIRED  # nodes are each other's clients
    own = ssl.create_default_context(cafile=str(secrets / "ca.crt"))
    own.load_cert_chain(secrets / f"{server}.crt", secrets / f"{server}.key")
    for name in SERVERS[server]:
        assert handshake(context, own, name) == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(context, own, "postgres")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(context, ssl.create_default_context(), server)


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> str | None:
    one, other = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(one, server_side=True) as wrapped:
                wrapped.recv(1)
        except OSError:  # the client refused it
            one.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(other, server_hostname=name) as wrapped:
            wrapped.sendall(b"x")
            return wrapped.version()
    finally:
        other.close()
        thread.join(10)


def test_certificates_are_renewed_by_the_same_authority(tmp_path: Path) -> None:
    set_up(tmp_path, OWNER)
    before = contents(tmp_path)
    done = set_up(tmp_path, OWNER, hosts=("audit.city.example", "10.0.0.7"))
    assert done.renewed == ["kibana.crt, kibana.key"]
    names = certificates.names((tmp_path / "secrets" / "kibana.crt").read_bytes())
    assert {"audit.city.example", "10.0.0.7", "kibana"} <= names
    done = set_up(tmp_path, OWNER, renew_certificates=True)
    after = contents(tmp_path)
    assert len(done.renewed) == len(SERVERS)
    assert after["ca.crt"] == before["ca.crt"]
    assert certificates.names(after["kibana.crt"]) == names, "a renewal keeps the names"


@pytest.mark.parametrize("interrupted", ["kibana.crt", "ca.crt"])
def test_a_renewal_that_was_interrupted_is_noticed_and_made_again(
    tmp_path: Path, interrupted: str
) -> None:
    set_up(tmp_path, OWNER, hosts=("audit.city.example",))
    certificate = tmp_path / "secrets" / interrupted
    old = certificate.read_bytes()
    if interrupted == "ca.crt":
        for file in (*certificate.parent.glob("*.crt"), *certificate.parent.glob("*.key")):
            file.unlink()
        set_up(tmp_path, OWNER)
    else:
        set_up(tmp_path, OWNER, renew_certificates=True)
    certificate.write_bytes(old)  # the new key is there, its certificate is not
    with pytest.raises(UserError, match=rf"\.key: does not belong to {interrupted}"):
        set_up(tmp_path, OWNER)
    if interrupted == "ca.crt":
        return  # nothing can be renewed by it
    assert "kibana.crt, kibana.key" in set_up(tmp_path, OWNER, renew_certificates=True).renewed
    assert "audit.city.example" in certificates.names(certificate.read_bytes())
    assert set_up(tmp_path, OWNER).renewed == []


def test_what_ends_soon_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "CERTIFICATE_DAYS", 30)
    warnings = set_up(tmp_path, OWNER).warnings + set_up(tmp_path, OWNER).warnings
    assert [w.split(" ")[0] for w in warnings] == [f"{server}.crt" for server in SERVERS]
    assert "--renew-certificates" in warnings[0]


def test_certificates_say_what_they_are_for() -> None:
    authority = certificates.make_authority("test")
    pair = certificates.make_certificate(authority, "es01", ("es01", "127.0.0.1"))
    certificate = x509.load_pem_x509_certificate(pair.certificate)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate))
    end = certificates.expires(pair.certificate)
    assert end - datetime.now(UTC) > timedelta(days=800)
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert not constraints.value.ca


def test_the_profile_decides_the_cluster(tmp_path: Path) -> None:
    assert isinstance(set_up(tmp_path, Owner(OWNER.uid, "x"), profile="cluster"), SetUp)
    assert "COMPOSE_PROFILES=cluster\n" in (tmp_path / ".env").read_text()
