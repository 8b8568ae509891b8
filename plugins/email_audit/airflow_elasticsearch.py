"""The Airflow connection of type `elasticsearch`: where the index's server and its secrets live."""

from typing import Any

from airflow.sdk import BaseHook, Connection

from email_audit.errors import UserError
from email_audit.settings import Settings

_EXTRAS = ("api_key", "setup_api_key", "ca_certs", "alias", "timeout_s")


class ElasticsearchHook(BaseHook):
    """Gives the settings of the Elasticsearch server that a connection describes.

    Host: the server's name or whole URL; schema: https unless set; port: 9200 unless set. Login
    and password: a user's; a password alone is an API key. Extra: api_key, setup_api_key,
    ca_certs, alias, timeout_s, as the settings elasticsearch_... .
    """

    conn_name_attr = "conn_id"
    default_conn_name = "elasticsearch_default"
    conn_type = "elasticsearch"
    hook_name = "Elasticsearch"

    def __init__(self, conn_id: str = default_conn_name) -> None:
        super().__init__()
        self._conn_id = conn_id

    def settings(self) -> dict[str, Any]:
        """Give the connection as values for `Settings.create`.

        Raises:
            UserError: for a connection of another type, or one that is not complete.
        """
        return settings_of(self.get_connection(self._conn_id))


def settings_of(connection: Connection) -> dict[str, Any]:
    """Read a connection of type `elasticsearch`. What it leaves out has its default.

    Nothing is asked elsewhere: a key from the environment must not travel to another server than
    it was meant for, nor the alias of one audit lead to another's there.

    Raises:
        UserError: for a connection of another type, or one that is not complete.
    """
    name = connection.conn_id
    if connection.conn_type != ElasticsearchHook.conn_type:
        raise UserError(
            f"connection {name}: is of type {connection.conn_type!r}, not elasticsearch"
        )
    extras: dict[str, Any] = {
        key: value for key, value in connection.extra_dejson.items() if value not in (None, "")
    }
    if unknown := sorted(extras.keys() - set(_EXTRAS)):
        raise UserError(f"connection {name}: unknown extra {', '.join(unknown)}")
    if not connection.host:
        raise UserError(f"connection {name}: has no host; it is the server's name or URL")
    login, password = connection.login or "", connection.password or ""
    if password and not login and "api_key" in extras:
        raise UserError(f"connection {name}: set the API key as password or as extra, not both")
    values = {
        "url": _url(connection),
        "username": login,
        "password": password if login else "",
        "api_key": password if not login else "",
        **extras,
    }
    return {**_defaults(), **{f"elasticsearch_{key}": value for key, value in values.items()}}


def _defaults() -> dict[str, Any]:
    """Give every setting of the server with its default; None would leave it to other sources."""
    return {
        name: "" if known.default is None else known.default
        for name, known in Settings.model_fields.items()
        if name.startswith("elasticsearch_")
    }


def _url(connection: Connection) -> str:
    host = connection.host or ""
    if "://" in host:
        return host
    return f"{connection.schema or 'https'}://{host}:{connection.port or 9200}"
