"""Which secrets docker-compose.yml mounts, how they are made, and what follows from them."""

import json
import secrets
from collections.abc import Callable, Mapping

from cryptography.fernet import Fernet

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_PASSWORD_CHARACTERS = 40  # of 62: 238 bits
_KEY_BYTES = 48
_MADE = "made by `email-audit deploy set-up` from the other files; changes are overwritten"


def _password() -> str:
    """Give a password that needs no quoting in an URL, a shell, a YAML file or a command."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_PASSWORD_CHARACTERS))


def _key() -> str:
    return secrets.token_urlsafe(_KEY_BYTES)


SECRETS: Mapping[str, Callable[[], str]] = {
    "elastic_password": _password,
    "kibana_system_password": _password,
    "kibana_encrypted_objects_key": _key,
    "kibana_reporting_key": _key,
    "kibana_security_key": _key,
    "postgres_password": _password,
    "airflow_database_password": _password,
    "case_database_password": _password,
    "redis_password": _password,
    "airflow_admin_password": _password,
    "airflow_fernet_key": lambda: Fernet.generate_key().decode(),
    "airflow_jwt_secret": _key,
    "airflow_secret_key": _key,
}
"""Every secret by the name of its file, and what makes a new one."""


def derived(known: Mapping[str, str]) -> dict[str, str]:
    """Give the files that hold secrets in the form that a program takes, by name.

    A program that reads only its environment or its command line would show them to everybody who
    may look at the container; so each gets a file.
    """
    airflow = f"airflow:{known['airflow_database_password']}@postgres:5432/airflow"
    return {
        "airflow_database_url": f"postgresql+psycopg2://{airflow}",
        "celery_result_backend": f"db+postgresql+psycopg2://{airflow}",
        "celery_broker_url": f"redis://:{known['redis_password']}@redis:6379/0",
        # https://www.postgresql.org/docs/current/libpq-pgpass.html
        "pgpass": f"postgres:5432:email_audit:email_audit:{known['case_database_password']}\n",
        "redis.conf": (
            f"# {_MADE}\n"
            "bind * -::*\n"
            f"requirepass {known['redis_password']}\n"
            "maxmemory-policy noeviction\n"
            # A queue of task ids only; Airflow queues again what is lost with it.
            'save ""\n'
            "appendonly no\n"
            "dir /tmp\n"
        ),
        "kibana.yml": _kibana(known),
    }


def _kibana(known: Mapping[str, str]) -> str:
    """Write kibana.yml. Its values are JSON strings, which YAML reads as they are."""
    settings = {
        "server.host": "0.0.0.0",  # noqa: S104 - inside the container; published on loopback
        "server.ssl.enabled": True,
        "server.ssl.certificate": "/run/secrets/kibana.crt",
        "server.ssl.key": "/run/secrets/kibana.key",
        "elasticsearch.hosts": ["https://elasticsearch:9200"],
        "elasticsearch.username": "kibana_system",
        "elasticsearch.password": known["kibana_system_password"],
        "elasticsearch.ssl.certificateAuthorities": ["/run/secrets/ca.crt"],
        "elasticsearch.ssl.verificationMode": "full",
        "xpack.encryptedSavedObjects.encryptionKey": known["kibana_encrypted_objects_key"],
        "xpack.reporting.encryptionKey": known["kibana_reporting_key"],
        "xpack.security.encryptionKey": known["kibana_security_key"],
        "telemetry.optIn": False,
        "telemetry.allowChangingOptInStatus": False,
    }
    lines = (f"{name}: {json.dumps(value)}\n" for name, value in settings.items())
    return f"# {_MADE}\n{''.join(lines)}"
