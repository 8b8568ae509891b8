"""A Kibana in miniature: real HTTP, and state that requests change as Kibana's routes say.

Requests and answers are both checked against the published API (api.py); what does not fit is in
`violations`. It refuses what Kibana refuses: a change without `kbn-xsrf`, a file of another
ending, an object that does not fit its version's schema, a reference that leads nowhere.
"""

import base64
import copy
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.search.kibana.api import ALWAYS, OPERATIONS, Operation
from tests.search.kibana.json_schema import Json, faults_of
from tests.search.kibana.shapes import shape_faults

KEY = "a2V5OnNlY3JldA=="
USER, PASSWORD = "elastic", "pässword:with colon"
_KNOWN_VERSIONS = {
    "tag": (8, 0, 0),
    "index-pattern": (8, 0, 0),
    "search": (10, 15, 0),
    "lens": (10, 1, 0),
    "dashboard": (10, 3, 0),
}
ALL = frozenset({"spaces", "roles", "objects"})


@dataclass
class FakeKibana:
    """What a Kibana holds, and how it is at the moment."""

    version: str = "9.5.3"
    level: str = "available"
    may: frozenset[str] = ALL
    spaces: dict[str, Json] = field(
        default_factory=lambda: {
            "default": {
                "id": "default",
                "name": "Default",
                "disabledFeatures": [],
                "_reserved": True,
            }
        }
    )
    roles: dict[str, Json] = field(default_factory=dict)
    objects: dict[tuple[str, str, str], Json] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    """Answers of something else (a proxy, a fault) by method and path; each as long as it stays."""


class _RefusedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


_NAMES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kibana: FakeKibana

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.kibana.log.append(f"{self.command} {path}")
        if (planned := self.kibana.answers.get(f"{self.command} {path}")) is not None:
            self._send(*planned)
            return
        operation = next(
            (
                known
                for known in OPERATIONS
                if known.method == self.command and known.path.fullmatch(path)
            ),
            None,
        )
        try:
            if operation is None:
                raise _RefusedError(404, "Not Found")
            status, answer = self._answer(operation, path, parse_qs(parts.query), body)
        except _RefusedError as refusal:
            status = refusal.status
            answer = {
                "statusCode": status,
                "error": _NAMES[status],
                "message": str(refusal),
            }
        self._check(operation, status, answer)
        content = b"" if answer is None else json.dumps(answer).encode()
        self._send(status, {"Content-Type": "application/json"}, content)

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _check(self, operation: Operation | None, status: int, answer: Json | None) -> None:
        if operation is None:
            return
        known: dict[int, Json | None] = {**ALWAYS, **operation.answers}
        if status not in known:
            self.kibana.violations.append(f"{self.command} {self.path} never answers {status}")
            return
        schema = known[status]
        if schema is None:
            if answer is not None:
                self.kibana.violations.append(f"{self.command} {self.path} answers nothing")
            return
        self.kibana.violations += [
            f"answer to {self.command} {self.path}: {fault}" for fault in faults_of(answer, schema)
        ]

    def _answer(
        self, operation: Operation, path: str, query: dict[str, list[str]], body: bytes
    ) -> tuple[int, Json | None]:
        match = operation.path.fullmatch(path)
        assert match is not None
        is_known = self._is_known()
        if path == "/api/status":
            return self._status(is_known=is_known)
        if not is_known:
            raise _RefusedError(401, "[security_exception]: unable to authenticate")
        if self.command != "GET" and "kbn-xsrf" not in self.headers:
            raise _RefusedError(400, "Request must contain a kbn-xsrf header.")
        if unknown := set(query) - set(operation.query):
            raise _RefusedError(
                400, f"[request query.{min(unknown)}]: definition for this key is missing"
            )
        content: Json = {}
        if operation.body is not None:
            content = json.loads(body)
            if faults := faults_of(content, operation.body):
                self.kibana.violations += [f"request {self.path}: {fault}" for fault in faults]
                raise _RefusedError(400, f"[request body]: {faults[0]}")
        groups = match.groupdict()
        if "id" in groups or path == "/api/spaces/space":
            return self._space(groups.get("id"), content)
        if "name" in groups:
            return self._role(groups["name"], content)
        return self._import(groups["space"] or "default", query, body)

    def _is_known(self) -> bool:
        scheme, _, secret = self.headers.get("Authorization", "").partition(" ")
        if scheme == "ApiKey":
            return secret == KEY
        return scheme == "Basic" and base64.b64decode(secret).decode() == f"{USER}:{PASSWORD}"

    def _status(self, *, is_known: bool) -> tuple[int, Json]:
        level = self.kibana.level
        status = 503 if level in ("unavailable", "critical") else 200
        if not is_known:
            return status, {"status": {"overall": {"level": level}}}
        service = {"level": level, "summary": "All services are so", "meta": {}}
        return status, {
            "name": "kibana",
            "uuid": "5b2de169-2785-441b-ae8c-186a1936b17d",
            "version": {
                "number": self.kibana.version,
                "build_hash": "0" * 40,
                "build_number": 1,
                "build_snapshot": False,
                "build_flavor": "traditional",
                "build_date": "2026-01-01T00:00:00.000Z",
            },
            "status": {
                "overall": service,
                "core": {"elasticsearch": service, "savedObjects": service},
                "plugins": {},
            },
            "metrics": {
                "elasticsearch_client": {},
                "last_updated": "2026-01-01T00:00:00.000Z",
                "collection_interval_in_millis": 5000,
            },
        }

    def _space(self, space_id: str | None, content: Json) -> tuple[int, Json]:
        spaces = self.kibana.spaces
        if "spaces" not in self.kibana.may:
            doing = {"GET": "get", "POST": "create", "PUT": "update"}[self.command]
            raise _RefusedError(403, f"Unauthorized to {doing} {space_id or 'spaces'} space")
        if self.command == "POST":
            if content["id"] in spaces:
                raise _RefusedError(
                    409, f"A space with the identifier {content['id']} already exists."
                )
            space_id = content["id"]
        elif space_id not in spaces:
            raise _RefusedError(404, "Not Found")
        if self.command != "GET":
            spaces[space_id] = {"disabledFeatures": [], **content}
        return 200, spaces[space_id]

    def _role(self, name: str, content: Json) -> tuple[int, Json | None]:
        if "roles" not in self.kibana.may:
            action = "get" if self.command == "GET" else "put"
            raise _RefusedError(
                403,
                f"action [cluster:admin/xpack/security/role/{action}] is unauthorized for user "
                "[intern], this action is granted by the cluster privileges [manage_security,all]",
            )
        if self.command == "PUT":
            self.kibana.roles[name] = content
            return 204, None
        if name not in self.kibana.roles:
            raise _RefusedError(404, "Not Found")
        return 200, _as_elasticsearch_keeps_it(name, self.kibana.roles[name])

    def _import(self, space: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Json]:
        if "objects" not in self.kibana.may:
            raise _RefusedError(
                403, "Unable to bulk_create dashboard,index-pattern,lens,search,tag"
            )
        if space not in self.kibana.spaces:
            raise _RefusedError(404, "Not Found")
        name, content = _uploaded(self.headers["Content-Type"], body)
        if not name.lower().endswith(".ndjson"):
            raise _RefusedError(400, f"Invalid file extension .{name.rpartition('.')[2]}")
        incoming = [json.loads(line) for line in content.decode().splitlines() if line]
        overwrite = query.get("overwrite") == ["true"]
        return 200, _imported(self.kibana, space, incoming, overwrite=overwrite)


def _as_elasticsearch_keeps_it(name: str, role: Json) -> Json:
    """A role read back: defaults are filled in, lists come in another order."""
    kept = copy.deepcopy(role)
    kept["elasticsearch"] = {"cluster": [], "indices": [], "run_as": [], **kept["elasticsearch"]}
    for entry in kept["elasticsearch"]["indices"]:
        entry["privileges"] = sorted(entry["privileges"])
        entry["allow_restricted_indices"] = False
    kept["kibana"] = [{"base": [], "feature": {}, **entry} for entry in kept.get("kibana", [])]
    return {
        "metadata": {},
        **kept,
        "name": name,
        "transient_metadata": {"enabled": True},
        "_transform_error": [],
        "_unrecognized_applications": [],
    }


def _uploaded(content_type: str, body: bytes) -> tuple[str, bytes]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message: Any = BytesParser().parsebytes(head + body)
    [part] = message.get_payload()
    assert part.get_param("name", header="content-disposition") == "file"
    return part.get_filename(), part.get_payload(decode=True)


def _imported(kibana: FakeKibana, space: str, incoming: list[Json], *, overwrite: bool) -> Json:
    there = {(saved["type"], saved["id"]) for saved in incoming}
    there |= {(type_, id_) for where, type_, id_ in kibana.objects if where == space}
    errors: list[Json] = []
    done: list[Json] = []
    for saved in incoming:
        type_, id_ = saved["type"], saved["id"]
        title = saved["attributes"].get("title") or saved["attributes"].get("name")
        is_there = (space, type_, id_) in kibana.objects
        error = _import_error(saved, there)
        if error is None and is_there and not overwrite:
            error = {"type": "conflict"}
        result: Json = {"type": type_, "id": id_, "meta": {"title": title}}
        if is_there and overwrite:
            result["overwrite"] = True
        if error is None:
            done.append({**result, "managed": saved["managed"]})
        else:
            errors.append({**result, "error": error, "managed": False})
    if any(error["error"]["type"] in ("conflict", "missing_references") for error in errors):
        done = []  # nothing is written before the importer has decided on these
    written = {(result["type"], result["id"]) for result in done}
    for saved in incoming:
        if (saved["type"], saved["id"]) in written:
            kibana.objects[space, saved["type"], saved["id"]] = saved
    answer: Json = {"successCount": len(done), "success": not errors, "warnings": []}
    return {
        **answer,
        **({"successResults": done} if done else {}),
        **({"errors": errors} if errors else {}),
    }


def _import_error(saved: Json, there: set[tuple[str, str]]) -> Json | None:
    version = tuple(int(part) for part in saved["typeMigrationVersion"].split("."))
    if version > _KNOWN_VERSIONS[saved["type"]]:
        return {
            "type": "unknown",
            "statusCode": 400,
            "error": "Bad Request",
            "message": f'Document "{saved["id"]}" belongs to a more recent version of Kibana',
        }
    if faults := shape_faults(saved):
        return {
            "type": "unknown",
            "statusCode": 400,
            "error": "Bad Request",
            "message": f"[attributes]: {faults[0]}",
        }
    missing = [
        {"type": link["type"], "id": link["id"]}
        for link in saved["references"]
        if (link["type"], link["id"]) not in there
    ]
    return {"type": "missing_references", "references": missing} if missing else None


@contextmanager
def serving(kibana: FakeKibana, certificate: Path | None = None) -> Iterator[str]:
    """Serve a Kibana on a port of this machine; give its address."""
    handler = type("Handler", (_Handler,), {"kibana": kibana})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"{scheme}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
