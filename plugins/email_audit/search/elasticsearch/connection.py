"""The client of an Elasticsearch server, and its errors as one clear message each."""

import logging
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from elastic_transport import ConnectionError as ServerConnectionError
from elastic_transport import ConnectionTimeout, SerializationError, TlsError, TransportError
from elasticsearch import (
    ApiError,
    AuthenticationException,
    AuthorizationException,
    Elasticsearch,
    UnsupportedProductError,
)

from email_audit.errors import RunError, UserError
from email_audit.settings import Settings

MAJOR_VERSION = 9
_FLOOD_STAGE = "flood-stage"
_QUOTED = re.compile(r"Preview of field's value.*", re.DOTALL)


def connect(settings: Settings, *, is_setup: bool = False) -> Elasticsearch:
    """Make a client of the server that `settings` name; nothing is asked of it yet.

    With `is_setup` it uses the set-up key, where there is one. The client itself never repeats a
    request: who writes knows better than it what may be repeated, and for how long.

    Raises:
        UserError: where the file of certificates is none, or the address no server's.
    """
    options: dict[str, Any] = {
        "request_timeout": settings.elasticsearch_timeout_s,
        "max_retries": 0,
        "retry_on_timeout": False,
    }
    api_key = settings.elasticsearch_api_key.get_secret_value()
    setup_key = settings.elasticsearch_setup_api_key.get_secret_value()
    if is_setup and setup_key:
        options["api_key"] = setup_key
    elif api_key:
        options["api_key"] = api_key
    elif settings.elasticsearch_username:
        options["basic_auth"] = (
            settings.elasticsearch_username,
            settings.elasticsearch_password.get_secret_value(),
        )
    if settings.elasticsearch_ca_certs is not None:
        try:
            options["ssl_context"] = ssl.create_default_context(
                cafile=settings.elasticsearch_ca_certs
            )
        except OSError as error:
            raise UserError(
                f"elasticsearch_ca_certs: {settings.elasticsearch_ca_certs} holds no certificates "
                f"in PEM form ({error})"
            ) from error
    # It warns of every failed request; who repeats them says so, and why.
    logging.getLogger("elastic_transport.node_pool").setLevel(logging.ERROR)
    try:
        return Elasticsearch(_with_port(settings.elasticsearch_url), **options)
    except ValueError as error:
        raise UserError(
            f"elasticsearch_url: {settings.elasticsearch_url} is no address of a server ({error})"
        ) from error


def _with_port(url: str) -> str:
    """Name the scheme's own port (RFC 9110 4.2) where `url` has none: the client asks for one."""
    parts = urlsplit(url)
    if parts.port is not None:
        return url
    port = 443 if parts.scheme == "https" else 80
    return parts._replace(netloc=f"{parts.netloc.rstrip(':')}:{port}").geturl()


def check_version(client: Elasticsearch, url: str) -> None:
    """Refuse a server of another major version: its mappings and answers may mean other things.

    Raises:
        UserError: naming the versions.
        RunError: where the server cannot be asked.
    """
    with clear_errors(url):
        answer = client.nodes.info(filter_path="nodes.*.version")
    versions = sorted({node["version"] for node in answer.body.get("nodes", {}).values()})
    if wrong := [v for v in versions if int(v.partition(".")[0]) != MAJOR_VERSION]:
        raise _wrong_version(url, ", ".join(wrong))


@contextmanager
def clear_errors(url: str) -> Iterator[None]:
    """Turn every error of the client into a message that says what to mend.

    `url` is the server's, without credentials, as in the settings.

    Raises:
        UserError: for a wrong setting: credentials, certificates, or the server itself.
        RunError: for a server that cannot be reached or cannot do what was asked.
    """
    try:
        yield
    except (ApiError, TransportError) as error:
        raise _told(url, error) from error


def _told(url: str, error: ApiError | TransportError) -> UserError | RunError:
    if isinstance(error, UnsupportedProductError):
        return UserError(
            f"{url}: what answers there is not Elasticsearch, or a proxy takes its product header "
            "away; see elasticsearch_url"
        )
    if isinstance(error, TlsError):
        return UserError(
            f"{url}: no trusted TLS connection ({_cause(error)}); see elasticsearch_ca_certs, and "
            "the name in elasticsearch_url must be one in the server's certificate"
        )
    if isinstance(error, ConnectionTimeout):
        return RunError(
            f"{url}: Elasticsearch did not answer in time (elasticsearch_timeout_s). What it "
            "confirmed is kept; run again when it answers"
        )
    if isinstance(error, ServerConnectionError):
        return RunError(
            f"{url}: Elasticsearch cannot be reached ({_cause(error)}); see elasticsearch_url. "
            "What it confirmed is kept; run again when it answers"
        )
    if isinstance(error, SerializationError) or not isinstance(error, ApiError):
        return RunError(f"{url}: Elasticsearch gave an answer that is cut short or is not JSON")
    return _api_error(url, error)


def _api_error(url: str, error: ApiError) -> UserError | RunError:
    kind, reason = error_type(error.body), error_reason(error.body)
    if isinstance(error, AuthenticationException):
        return UserError(
            f"{url}: Elasticsearch does not accept the credentials; see elasticsearch_api_key, or "
            "elasticsearch_username and elasticsearch_password. A key may have run out"
        )
    if _FLOOD_STAGE in reason or "read-only" in reason:
        return RunError(full_disk(url))
    if isinstance(error, AuthorizationException):
        missing = re.search(r"action \[([\w:/*\[\]]+?)\]", reason)
        return UserError(
            f"{url}: the credentials do not allow {missing[1] if missing else 'that'}; "
            "docs/elasticsearch.md lists the privileges needed. Making indices and switching the "
            "alias takes elasticsearch_setup_api_key"
        )
    if kind in {"media_type_header_exception", "unsupported_media_type"} or (
        error.meta.status in {400, 406} and "compatible-with" in reason
    ):
        return _wrong_version(url, "another one")
    if kind == "index_not_found_exception":
        return UserError(f"{url}: there is no index yet; run `email-audit index` to build it")
    return RunError(
        f"{url}: Elasticsearch answered {error.meta.status} {kind}: {reason}".rstrip(": ")
    )


def full_disk(url: str) -> str:
    """Say what to do about an index that became read-only as its disk ran full."""
    return (
        f"{url}: Elasticsearch made the index read-only because its disk is nearly full (flood "
        "stage of the disk watermark). Free disk space there; it lifts the block by itself. What "
        "it confirmed is kept; run again then"
    )


def error_type(body: Any) -> str:
    """Give the kind of error that an answer names, as Elasticsearch calls it."""
    cause = body.get("error", body) if isinstance(body, dict) else {}
    return str(cause.get("type", "")) if isinstance(cause, dict) else ""


def error_reason(body: Any) -> str:
    """Give an answer's reason in its own words, without the value of a field it may quote."""
    cause = body.get("error", body) if isinstance(body, dict) else body
    reason = cause.get("reason", "") if isinstance(cause, dict) else cause
    return _QUOTED.sub("", str(reason or ""))[:500].strip()


def _wrong_version(url: str, seen: str) -> UserError:
    return UserError(
        f"{url}: Elasticsearch has version {seen}; this audit needs {MAJOR_VERSION}.x. "
        "elasticsearch_url must name such a server"
    )


def _cause(error: TransportError) -> str:
    """Give the last cause in a chain of errors, which says most."""
    cause: BaseException = error.errors[0] if error.errors else error
    while isinstance(deeper := getattr(cause, "reason", None) or cause.__cause__, BaseException):
        cause = deeper
    text = re.sub(r"<[^>]* at 0x[0-9a-f]+>:? ?", "", str(cause))
    return text or type(cause).__name__
