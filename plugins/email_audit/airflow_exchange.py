"""The Airflow connection of type `exchange`: where the service account's secret lives."""

from typing import Any

from airflow.sdk import BaseHook, Connection

from email_audit.errors import UserError
from email_audit.exchange.settings import AuthType, ExchangeSettings

_EXTRAS = frozenset(ExchangeSettings.model_fields) - {"username", "password", "client_secret"}


class ExchangeHook(BaseHook):
    """Gives the Exchange server that a connection describes.

    Host: the server's name, or the whole URL of the service. Login and password: the service
    account's, or with auth `oauth` the client's id and secret. Extra: any other setting of
    `ExchangeSettings` by its name.
    """

    conn_name_attr = "conn_id"
    default_conn_name = "exchange_default"
    conn_type = "exchange"
    hook_name = "Microsoft Exchange (EWS)"

    def __init__(self, conn_id: str = default_conn_name) -> None:
        super().__init__()
        self._conn_id = conn_id

    def settings(self) -> ExchangeSettings:
        """Give the connection as settings; what it leaves out comes from the environment.

        Raises:
            UserError: for a connection of another type, or one that is not complete.
        """
        return settings_of(self.get_connection(self._conn_id))


def settings_of(connection: Connection) -> ExchangeSettings:
    """Read a connection of type `exchange`.

    Raises:
        UserError: for a connection of another type, or one that is not complete.
    """
    if connection.conn_type != ExchangeHook.conn_type:
        raise UserError(
            f"connection {connection.conn_id}: is of type {connection.conn_type!r}, not exchange"
        )
    extras: dict[str, Any] = {
        name: value for name, value in connection.extra_dejson.items() if value not in (None, "")
    }
    if unknown := sorted(extras.keys() - _EXTRAS):
        raise UserError(f"connection {connection.conn_id}: unknown extra {', '.join(unknown)}")
    is_oauth = extras.get("auth") == AuthType.OAUTH
    host = connection.host or None
    values = {
        "endpoint" if host and "://" in host else "server": host,
        "client_id" if is_oauth else "username": connection.login or None,
        "client_secret" if is_oauth else "password": connection.password or None,
    }
    return ExchangeSettings.create(**extras | values)
