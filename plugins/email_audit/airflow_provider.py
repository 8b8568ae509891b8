"""What Airflow learns of this package: its connection types and their forms."""

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Give the record that Airflow asks providers for (entry point `apache_airflow_provider`)."""
    text = {"type": ["string", "null"]}
    return {
        "package-name": "email-audit",
        "name": "Email audit",
        "description": "Audit officers' e-mail for civil immigration enforcement.",
        "connection-types": [
            {
                "connection-type": "exchange",
                "hook-class-name": "email_audit.airflow_exchange.ExchangeHook",
                "hook-name": "Microsoft Exchange (EWS)",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "port", "extra"],
                    "relabeling": {
                        "host": "Server or URL of the service",
                        "login": "Service account or client id",
                        "password": "Password or client secret",
                    },
                    "placeholders": {
                        "host": "mail.city.example",
                        "login": "CITY\\email-audit",
                    },
                },
                "conn-fields": {
                    "auth": {
                        "label": "Authentication",
                        "schema": text
                        | {"default": "ntlm", "enum": ["basic", "ntlm", "kerberos", "oauth"]},
                    },
                    "ca_file": {"label": "CA file", "schema": text},
                    "token_url": {"label": "OAuth: token URL", "schema": text},
                    "scope": {"label": "OAuth: scope", "schema": text},
                    "build": {"label": "Server build", "schema": text},
                },
            },
            {
                "connection-type": "elasticsearch",
                "hook-class-name": "email_audit.airflow_elasticsearch.ElasticsearchHook",
                "hook-name": "Elasticsearch",
                "ui-field-behaviour": {
                    "hidden-fields": ["extra"],
                    "relabeling": {
                        "host": "Server or URL",
                        "schema": "Scheme",
                        "login": "User (none: API key)",
                        "password": "Password or API key",
                    },
                    "placeholders": {
                        "host": "search.city.example",
                        "schema": "https",
                        "port": "9200",
                    },
                },
                "conn-fields": {
                    "setup_api_key": {
                        "label": "API key for making indices",
                        "schema": text | {"format": "password"},
                    },
                    "ca_certs": {"label": "CA file", "schema": text},
                    "alias": {"label": "Alias", "schema": text},
                },
            },
        ],
    }
