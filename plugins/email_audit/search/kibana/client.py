"""The client of Kibana's public API, and its errors as one clear message each.

Source: elastic/kibana, `oas_docs/output/kibana.yaml` and the routes it is made from.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from email_audit.errors import EmailAuditError, RunError, UserError
from email_audit.search.kibana.objects import Json
from email_audit.search.kibana.settings import KibanaSettings

_CONNECT_S = 10
_ANSWER_S = 120
_MESSAGE_LENGTH = 500
_DEFAULT_SPACE = "default"
_FILE_NAME = "email-audit.ndjson"  # Kibana refuses a file of another ending


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """One object that Kibana did not take, and why."""

    type: str
    id: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What came of an import; `overwritten` were there before, under the same ids."""

    written: int
    overwritten: int
    failures: tuple[ImportFailure, ...]


class _ApiKey(AuthBase):
    """Sends an API key; as `auth`, so that no .netrc of the machine replaces it."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"ApiKey {self._key}"
        return request


class Kibana:
    """One Kibana and the account that sets it up.

    Every method may raise UserError (a setting or the account's privileges are wrong) or RunError
    (Kibana cannot be reached, is not ready, or failed).
    """

    def __init__(self, settings: KibanaSettings) -> None:
        self.url = settings.kibana_url
        self._verify = str(settings.kibana_ca_certs) if settings.kibana_ca_certs else True
        key = settings.kibana_api_key.get_secret_value()
        self._auth: AuthBase = (
            _ApiKey(key)
            if key
            else HTTPBasicAuth(
                settings.kibana_username.encode(),
                settings.kibana_password.get_secret_value().encode(),
            )
        )

    def version(self) -> str:
        """Give Kibana's version, when it is ready to work."""
        answer = self._send("GET", "/api/status", "asking for its status")
        status = self._read(answer)
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            level = status.get("status", {}).get("overall", {}).get("level", "unavailable")
            raise RunError(
                f"{self.url}: Kibana is not ready (its status is {level}); nothing was changed, "
                "run again when it is"
            )
        self._refuse(answer, "asking for its status", "")
        if "status" not in status:
            raise UserError(f"{self.url}: what answers there is not Kibana; see kibana_url")
        if "version" not in status:  # what strangers are told
            raise self._wrong_account()
        number: str = status["version"]["number"]
        return number

    def space(self, space: str) -> Json | None:
        """Give a space, None where there is none."""
        doing = f"looking for space {space}"
        answer = self._send("GET", f"/api/spaces/space/{quote(space)}", doing)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        self._refuse(answer, doing, _MANAGES_SPACES)
        return self._read(answer)

    def create_space(self, space: Json) -> None:
        """Make a space."""
        self._change("POST", "/api/spaces/space", space, "making the space", _MANAGES_SPACES)

    def update_space(self, space: Json) -> None:
        """Replace what a space is."""
        path = f"/api/spaces/space/{quote(space['id'])}"
        self._change("PUT", path, space, "changing the space", _MANAGES_SPACES)

    def role(self, name: str) -> Json | None:
        """Give a role, None where there is none."""
        doing = f"looking for role {name}"
        answer = self._send("GET", f"/api/security/role/{quote(name)}", doing)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        self._refuse(answer, doing, _MANAGES_ROLES)
        return self._read(answer)

    def put_role(self, name: str, role: Json) -> None:
        """Make a role, or replace it."""
        path = f"/api/security/role/{quote(name)}"
        self._change("PUT", path, role, f"writing role {name}", _MANAGES_ROLES)

    def import_objects(self, space: str, ndjson: bytes) -> ImportResult:
        """Write saved objects into a space, over those with the same ids."""
        prefix = "" if space == _DEFAULT_SPACE else f"/s/{quote(space)}"
        doing = f"importing into space {space}"
        answer = self._send(
            "POST",
            f"{prefix}/api/saved_objects/_import",
            doing,
            params={"overwrite": "true"},
            files={"file": (_FILE_NAME, ndjson, "application/ndjson")},
        )
        self._refuse(answer, doing, _WRITES_OBJECTS)
        result = self._read(answer)
        try:
            return _import_result(result)
        except (KeyError, TypeError, AttributeError) as error:
            raise self._no_kibana_answer(doing) from error

    def _change(self, method: str, path: str, body: Json, doing: str, needs: str) -> None:
        self._refuse(self._send(method, path, doing, json=body), doing, needs)

    def _send(self, method: str, path: str, doing: str, **content: Any) -> requests.Response:
        try:
            answer = requests.request(
                method,
                self.url + path,
                auth=self._auth,
                headers={"kbn-xsrf": "email-audit", "Accept": "application/json"},
                timeout=(_CONNECT_S, _ANSWER_S),
                verify=self._verify,
                allow_redirects=False,  # a secret goes to the address in the settings only
                **content,
            )
        except requests.exceptions.SSLError as error:
            raise UserError(
                f"{self.url}: no trusted TLS connection ({_cause(error)}); see kibana_ca_certs, "
                "and the name in kibana_url must be one in the server's certificate"
            ) from error
        except requests.exceptions.Timeout as error:
            raise RunError(
                f"{self.url}: Kibana did not answer in time while {doing}; run again, what is "
                "done is not done twice"
            ) from error
        except (requests.exceptions.RequestException, OSError) as error:
            raise RunError(
                f"{self.url}: Kibana cannot be reached while {doing} ({_cause(error)}); see "
                "kibana_url and kibana_ca_certs, and run again"
            ) from error
        if answer.is_redirect:
            raise UserError(
                f"{self.url}: it sends on to {answer.headers['Location']!r}; kibana_url must be "
                "the address that answers itself, with Kibana's base path"
            )
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            raise self._wrong_account()
        return answer

    def _refuse(self, answer: requests.Response, doing: str, needs: str) -> None:
        """Raise the error that an answer tells of, if it does."""
        if answer.ok:
            return
        said = self._said(answer)
        if answer.status_code == HTTPStatus.FORBIDDEN:
            raise UserError(
                f"{self.url}: the account may not do this: {doing}. It needs {needs}. Kibana "
                f"said: {said}"
            )
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise UserError(
                f"{self.url}: there is nothing of Kibana at this address ({doing}); see "
                "kibana_url, which includes Kibana's base path"
            )
        raise RunError(
            f"{self.url}: Kibana answered {answer.status_code} while {doing}: {said}. What was "
            "done before is kept; run again"
        )

    def _read(self, answer: requests.Response) -> Json:
        try:
            content = answer.json()
        except ValueError as error:  # no JSON, or no text
            if not answer.ok:
                return {}
            raise self._no_kibana_answer("reading its answer") from error
        if not isinstance(content, dict):
            raise self._no_kibana_answer("reading its answer")
        return content

    def _said(self, answer: requests.Response) -> str:
        content = self._read(answer)
        message = content.get("message") or answer.reason or "nothing"
        return str(message)[:_MESSAGE_LENGTH]

    def _no_kibana_answer(self, doing: str) -> EmailAuditError:
        return RunError(
            f"{self.url}: the answer while {doing} is not one of Kibana's: is there a proxy "
            "before it? See kibana_url"
        )

    def _wrong_account(self) -> EmailAuditError:
        return UserError(
            f"{self.url}: Kibana does not accept the credentials; see kibana_api_key, or "
            "kibana_username and kibana_password. A key may have run out"
        )


_MANAGES_SPACES = "the Kibana privilege All in all spaces (for instance role kibana_admin)"
_MANAGES_ROLES = "the Elasticsearch cluster privilege manage_security"
_WRITES_OBJECTS = (
    "the Kibana privilege Saved Objects Management: All in this space (for instance role "
    "kibana_admin)"
)


def _import_result(answer: Json) -> ImportResult:
    """Read an import's result: the status alone says nothing of it."""
    failures = tuple(_failure(error) for error in answer.get("errors", ()))
    written: int = answer["successCount"]
    if not answer["success"] and not failures:
        failures = (ImportFailure("", "", "", "Kibana names no reason"),)
    overwritten = sum(bool(done.get("overwrite")) for done in answer.get("successResults", ()))
    return ImportResult(written, overwritten, failures)


def _failure(error: Json) -> ImportFailure:
    told: Json = error["error"]
    parts = [str(told["type"])]
    if told.get("message"):
        parts.append(str(told["message"])[:_MESSAGE_LENGTH])
    if told.get("references"):
        parts.append(", ".join(f"{link['type']} {link['id']}" for link in told["references"]))
    title = (error.get("meta") or {}).get("title") or error.get("title") or ""
    return ImportFailure(error["type"], error["id"], title, ": ".join(parts))


def _cause(error: BaseException) -> str:
    """Give the innermost reason of a connection's failure, without addresses of objects."""
    cause: object = error
    while True:
        inner = getattr(cause, "reason", None)
        if not isinstance(inner, BaseException):
            arguments = getattr(cause, "args", ())
            inner = arguments[0] if arguments and isinstance(arguments[0], BaseException) else None
        if inner is None:
            break
        cause = inner
    text = re.sub(r"^<?\w+\(.*?\)>?: ", "", str(cause))  # the connection's own name and address
    return text or type(cause).__name__
