"""Who may do what in Elasticsearch: Kibana's own account and the two keys of the audit.

Sources: elastic/elasticsearch, `docs/reference/elasticsearch/security-privileges.md`, and the
security API of the official client. Index privileges do not cover an alias, so both are named.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elasticsearch import AuthenticationException, Elasticsearch

from email_audit.errors import RunError

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Grant:
    """One API key: its name in Elasticsearch, and whether it had to be made."""

    name: str
    is_new: bool


def privileges(alias: str) -> dict[str, JsonObject]:
    """Give the role of each key by its name.

    The writer fills the index behind the alias and can neither make nor drop one; the set-up key
    makes indices and their templates, and moves the alias. Neither sees any other index, user or
    key.
    """
    indices = [alias, f"{alias}-*"]
    write = ["read", "index", "create", "delete", "maintenance", "view_index_metadata"]
    return {
        f"{alias}-writer": {
            "cluster": ["monitor"],
            "indices": [{"names": indices, "privileges": write}],
        },
        f"{alias}-set-up": {
            "cluster": ["monitor", "manage_index_templates"],
            "indices": [{"names": indices, "privileges": [*write, "manage"]}],
        },
    }


def grant_access(
    client: Elasticsearch, *, alias: str, kibana_password: str, files: Mapping[str, Path]
) -> list[Grant]:
    """Give Kibana's account its password, and each file of `files` the key of its name.

    `client` is logged in as a superuser. A key that is in its file, works, and has the privileges
    of this version is left alone; of a new one the older ones of the same name become invalid.

    Raises:
        RunError: where a file of a key cannot be written; the key is invalid then.
    """
    client.security.change_password(username="kibana_system", password=kibana_password)
    return [
        Grant(name, _ensure_key(client, name, role, files[name]))
        for name, role in privileges(alias).items()
    ]


def _ensure_key(client: Elasticsearch, name: str, role: JsonObject, file: Path) -> bool:
    """See that the file holds a working key with this role; say whether a new one was made."""
    stamp = hashlib.sha256(json.dumps(role, sort_keys=True).encode()).hexdigest()
    if _is_current(client, file, stamp):
        return False
    earlier = [key["id"] for key in _valid_keys(client, name)]
    answer = client.security.create_api_key(
        name=name,
        role_descriptors={"audit": role},
        metadata={"privileges_sha256": stamp},
    )
    try:
        _write(file, str(answer["encoded"]))
    except OSError as error:
        client.security.invalidate_api_key(ids=[answer["id"]])
        raise RunError(
            f"{file}: the key cannot be written: {error.strerror or error}. Mend the cause "
            "(permissions, disk space) and run again"
        ) from error
    if earlier:
        client.security.invalidate_api_key(ids=earlier)
    return True


def _is_current(client: Elasticsearch, file: Path, stamp: str) -> bool:
    try:
        encoded = file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return False
    if not encoded:
        return False
    try:
        known = client.options(api_key=encoded).security.authenticate()
    except AuthenticationException:
        return False
    key = client.security.get_api_key(id=known["api_key"]["id"])["api_keys"][0]
    return bool(key["metadata"].get("privileges_sha256") == stamp)


def _valid_keys(client: Elasticsearch, name: str) -> list[JsonObject]:
    keys = client.security.get_api_key(name=name, active_only=True)["api_keys"]
    return list(keys)


def _write(file: Path, content: str) -> None:
    incoming = file.with_name(f".{file.name}.new")
    incoming.unlink(missing_ok=True)
    descriptor = os.open(incoming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(content)
    incoming.replace(file)
