"""Settings under Airflow: parameters of the run, connections they name, and one Variable.

In order: a parameter of the DAG run; a connection that one names; an EMAIL_AUDIT_... variable of
the worker; the worker's settings file; the Airflow Variable `email_audit_settings`; the default.
What is set on a machine so wins over what is set for all: a worker that sees the exports elsewhere,
or has less memory, says so itself.
"""

from typing import Any

from airflow.sdk import BaseHook, Connection, Variable
from sqlalchemy import URL

from email_audit.errors import UserError
from email_audit.exchange.settings import ExchangeSettings
from email_audit.settings import Settings
from email_audit.settings_sources import AIRFLOW_VARIABLE, load

_POSTGRES = "postgres"


def task_settings(values: dict[str, Any]) -> Settings:
    """Give the settings of a task: `values` from its parameters, the rest from every other source.

    Raises:
        UserError: naming every setting that is wrong and where it was set.
    """
    return load(Settings, values, variable=_variable(), is_quoting=True)


def server_settings() -> ExchangeSettings:
    """Give the Exchange server of a task whose parameters name no connection.

    Raises:
        UserError: naming every setting that is wrong and where it was set.
    """
    return load(ExchangeSettings, {}, variable=_variable())


def _variable() -> str | None:
    value = Variable.get(AIRFLOW_VARIABLE, default=None)
    return None if value is None else str(value)


def database_url(connection_id: str) -> str:
    """Give the case database's URL from an Airflow connection of type postgres.

    Raises:
        UserError: for a connection of another type, or without host or database.
    """
    return database_url_of(BaseHook.get_connection(connection_id))


def database_url_of(connection: Connection) -> str:
    """Read a connection of type postgres; its schema is the database's name, extras are libpq's.

    Raises:
        UserError: for a connection of another type, or without host or database.
    """
    name = connection.conn_id
    if connection.conn_type != _POSTGRES:
        raise UserError(f"connection {name}: is of type {connection.conn_type!r}, not {_POSTGRES}")
    if not connection.host or not connection.schema:
        raise UserError(f"connection {name}: needs a host and a database (schema)")
    return URL.create(
        "postgresql+psycopg",
        username=connection.login or None,
        password=connection.password or None,
        host=connection.host,
        port=connection.port,
        database=connection.schema,
        query={key: str(value) for key, value in connection.extra_dejson.items()},
    ).render_as_string(hide_password=False)
