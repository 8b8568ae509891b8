"""How the server is reached: settings, secrets, certificates, tokens; and how answers are read."""

import base64
import ssl
import subprocess
import threading
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_audit.errors import RunError, UserError
from email_audit.exchange.client import Exchange, Patience
from email_audit.exchange.copies import batches
from email_audit.exchange.operations import TYPES
from email_audit.exchange.records import FolderId, ItemId, LoginRefusedError
from email_audit.exchange.settings import ExchangeSettings
from email_audit.exchange.soap import MIME_CONTENT, GarbledResponseError, read_response
from email_audit.ledger.live import WantedItem
from tests.exchange.conftest import ADDRESS, settings_for
from tests.exchange.server import PASSWORD, FakeExchange

COMPLETE = {"server": "mail.city.example", "username": "u", "password": "hush"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "set one of server and endpoint"),
        (COMPLETE | {"endpoint": "https://x/EWS"}, "set one of server and endpoint"),
        ({"server": "h", "password": "hush"}, "auth ntlm needs username"),
        ({"server": "h", "auth": "oauth", "client_id": "c"}, "needs client_secret and token_url"),
        (COMPLETE | {"auth": "magic"}, "auth: Input should be"),
        (COMPLETE | {"password_file": "f"}, "set one of password and password_file"),
        (
            {"endpoint": "http://mail.city.example/EWS", "username": "u", "password": "hush"},
            "endpoint must begin with https://",
        ),
        (COMPLETE | {"batch_items": "hush"}, "batch_items: Input should be a valid integer"),
    ],
)
def test_wrong_settings_are_named_and_no_value_is_repeated(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        ExchangeSettings.create(**values)
    assert "hush" not in str(caught.value)


def test_a_secret_may_lie_in_a_file_and_is_in_no_representation(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hush\n")
    values = {**COMPLETE, "password": None, "password_file": file}
    settings = ExchangeSettings.create(**values)
    assert settings.secret("password") == "hush"
    assert "hush" not in repr(ExchangeSettings.create(**COMPLETE))
    file.unlink()
    with pytest.raises(UserError, match="the password cannot be read"):
        settings.secret("password")


def test_kerberos_without_its_library_and_a_wrong_build_say_what_to_do() -> None:
    with pytest.raises(UserError, match="exchangelib\\[kerberos\\]"):
        Exchange(ExchangeSettings.create(server="h", auth="kerberos"))
    with pytest.raises(UserError, match="write it like 15.2.1544"):
        Exchange(ExchangeSettings.create(**COMPLETE, build="new"))


def test_waits_are_never_shorter_than_the_server_asks_and_spread() -> None:
    patience = Patience(100, Random(1))
    waits = set()
    for _ in range(20):
        patience.back_off_until = None
        patience.back_off(40)
        until = patience._back_off_until
        waits.add(until)
    assert len(waits) == 20
    assert (max(waits) - min(waits)).total_seconds() > 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "ca.pem")),
        ],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture
def encrypted(server: FakeExchange, certificate: Path) -> Iterator[str]:
    """The same server behind TLS with a certificate of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "ca.pem", certificate / "key.pem")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, body, _ = server.handle(self.headers.get("Authorization", ""), data)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as tls:
        tls.handle_error = lambda *_: None  # type: ignore[method-assign]
        tls.socket = context.wrap_socket(tls.socket, server_side=True)
        threading.Thread(target=tls.serve_forever, args=(0.01,), daemon=True).start()
        yield f"https://127.0.0.1:{tls.server_port}/EWS/Exchange.asmx"
        tls.shutdown()


def test_certificates_are_verified_and_an_own_authority_can_be_named(
    server: FakeExchange, encrypted: str, certificate: Path
) -> None:
    with pytest.raises(RunError, match="certificate is not trusted.*CA_FILE"):
        Exchange(settings_for(server, endpoint=encrypted)).open(ADDRESS)
    assert server.calls == []
    trusted = settings_for(server, endpoint=encrypted, ca_file=certificate / "ca.pem")
    Exchange(trusted).open(ADDRESS)
    assert server.calls == ["GetFolder"]


def test_the_server_is_asked_for_its_version_where_none_is_set(server: FakeExchange) -> None:
    mailbox = Exchange(settings_for(server, build="")).open(ADDRESS)
    assert server.calls == ["ConvertId", "GetFolder"]
    assert len(mailbox.folders().folders) == 8
    server.password = "changed"
    with pytest.raises(LoginRefusedError):
        Exchange(settings_for(server, build="")).open(ADDRESS)
    assert server.refused_logins == 1


def test_a_login_that_worked_before_does_not_make_another_client_try_again(
    server: FakeExchange,
) -> None:
    # exchangelib keeps one protocol for equal credentials, with the retry policy of the first.
    Exchange(settings_for(server)).open(ADDRESS)
    server.password = "changed"
    with pytest.raises(LoginRefusedError):
        Exchange(settings_for(server)).open(ADDRESS)
    assert server.refused_logins == 1


def test_oauth_client_credentials_ask_the_named_service_for_a_token(
    server: FakeExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    asked: list[str] = []
    handle = server.handle

    def with_token(authorization: str, data: bytes) -> Any:
        if data.startswith(b"grant_type") or b"grant_type=client_credentials" in data:
            asked.append(data.decode())
            return 200, {}, b'{"access_token": "tok", "token_type": "Bearer"}', None
        basic = base64.b64encode(f"CITY\\audit:{PASSWORD}".encode()).decode()
        return handle(f"Basic {basic}" if authorization == "Bearer tok" else authorization, data)

    monkeypatch.setattr(server, "handle", with_token)
    settings = settings_for(
        server,
        auth="oauth",
        username=None,
        password=None,
        client_id="client",
        client_secret="hush",
        token_url=server.url,
        scope="ews",
    )
    Exchange(settings).open(ADDRESS)
    assert len(asked) == 1
    assert "scope=ews" in asked[0]
    assert server.calls == ["GetFolder"]


def answer(content: str) -> bytes:
    return f'<?xml version="1.0"?><t:A xmlns:t="{TYPES}">{content}</t:A>'.encode()


@given(st.binary(max_size=400), st.integers(1, 50), st.booleans())
def test_mime_content_comes_through_whatever_it_is_and_however_it_is_cut(
    content: bytes, size: int, is_wrapped: bool
) -> None:
    encode = base64.encodebytes if is_wrapped else base64.b64encode
    data = answer(f"<t:MimeContent>{encode(content).decode()}</t:MimeContent><t:Size>7</t:Size>")
    blocks = [data[start : start + size] for start in range(0, len(data), size)]
    root, (mime,) = read_response(blocks)
    assert mime.read() == content
    assert root.find(MIME_CONTENT).text == "0"
    assert root.findtext(f"{{{TYPES}}}Size") == "7"


@given(st.binary(max_size=200))
def test_anything_else_is_one_kind_of_error(data: bytes) -> None:
    with pytest.raises(GarbledResponseError):
        read_response([b"<", data])


@pytest.mark.parametrize("text", ["QUJ", "QUJD=", "QQ==QQ==", "QU*D", "Q\u00dcJD"])
def test_broken_base64_is_an_error_and_never_a_shorter_message(text: str) -> None:
    with pytest.raises(GarbledResponseError):
        read_response([answer(f"<t:MimeContent>{text}</t:MimeContent>")])


def test_a_document_type_is_refused() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    with pytest.raises(GarbledResponseError, match="document type"):
        read_response([bomb])


def test_a_large_item_is_never_in_memory() -> None:
    piece = base64.b64encode(bytes(3 << 16))

    def blocks() -> Iterator[bytes]:
        yield answer("<t:MimeContent>|").partition(b"|")[0]
        for _ in range(160):
            yield piece
        yield b"</t:MimeContent></t:A>"

    tracemalloc.start()
    _, (mime,) = read_response(blocks())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert mime.seek(0, 2) == 160 * (3 << 16)  # 31 MB
    assert peak < 6 << 20


@given(st.lists(st.integers(0, 100), max_size=30), st.integers(1, 10), st.integers(1, 150))
def test_batches_hold_everything_once_in_order_and_only_single_items_are_too_large(
    sizes: list[int], max_items: int, max_bytes: int
) -> None:
    wanted = [
        WantedItem(number, ItemId(str(number)), size, "Inbox", FolderId("f"))
        for number, size in enumerate(sizes)
    ]
    found = list(batches(wanted, max_items=max_items, max_bytes=max_bytes))
    assert [item for batch in found for item in batch] == wanted
    for batch in found:
        assert 0 < len(batch) <= max_items
        assert len(batch) == 1 or sum(item.size_bytes for item in batch) <= max_bytes
