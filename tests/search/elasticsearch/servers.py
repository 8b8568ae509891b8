"""Servers that misbehave: one that gives prepared answers, one that cuts connections."""

import http.server
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = tuple[int, dict[str, str], Any]

PRODUCT = {"X-Elastic-Product": "Elasticsearch"}


@contextmanager
def answering(
    answer: Callable[[str, bytes], Answer], *, certificate: Path | None = None
) -> Iterator[str]:
    """Serve what `answer` gives for a path and body: status, headers, JSON. Yields the address.

    Stands in for what the test node has not got: security, other versions, other products.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            given = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = answer(self.path, given)
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def self_signed(path: Path, address: str) -> Path:
    """Write a new key and a certificate for an IP address that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test server")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + certificate.public_bytes(pem))
    return path


class CuttingProxy:
    """Passes bytes to a server; cuts some connections in the middle of a bulk's answer.

    `cuts` is how many bulk requests still lose their answer after they reached the server.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._guard = threading.Lock()
        self.cuts = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(self._target)
        is_bulk = threading.Event()

        def forward() -> None:
            while data := _received(client):
                if b"/_bulk" in data:
                    is_bulk.set()
                server.sendall(data)
            _shut(server)

        threading.Thread(target=forward, daemon=True).start()
        while data := _received(server):
            if is_bulk.is_set() and self._is_cut():
                client.sendall(data[: len(data) // 2])
                break
            is_bulk.clear()
            client.sendall(data)
        _shut(client)
        client.close()
        server.close()

    def _is_cut(self) -> bool:
        with self._guard:
            if not self.cuts:
                return False
            self.cuts -= 1
            return True


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1 << 16)
    except OSError:
        return b""


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # it is closed already
        connection.shutdown(socket.SHUT_RDWR)
