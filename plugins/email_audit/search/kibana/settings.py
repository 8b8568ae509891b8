"""How to reach Kibana and what its objects point to: from EMAIL_AUDIT_* variables.

Apart from `Settings`, so that secrets of an administrator never travel with a run to its workers,
and because setting Kibana up takes no workspace.
"""

import re
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from email_audit.errors import UserError
from email_audit.search.interface import INDEX_ALIAS
from email_audit.search.kibana.data_views import HASH_PLACE
from email_audit.server_urls import is_safe_for_secrets, url_fault

_SPACE = re.compile(r"[a-z0-9_-]+")
_ENCODED = re.compile(r"[A-Za-z0-9+/=_-]*")
_ALIAS = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class ObjectSettings(BaseSettings):
    """What the saved objects point to."""

    model_config = SettingsConfigDict(
        env_prefix="EMAIL_AUDIT_", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    elasticsearch_alias: str = Field(default=INDEX_ALIAS, description="Alias of the index.")
    review_url: str = Field(
        default="",
        description="Address of a message's page for reviewers, with {content_sha256} in it.",
    )

    @field_validator("elasticsearch_alias")
    @classmethod
    def _is_alias(cls, name: str) -> str:
        if not _ALIAS.fullmatch(name):
            raise ValueError("is no name for an alias: lower-case letters, digits, and . _ -")
        return name

    @field_validator("review_url")
    @classmethod
    def _is_template(cls, url: str) -> str:
        if not url:
            return url
        if url.count(HASH_PLACE) != 1:
            raise ValueError(f"must have {HASH_PLACE} in it once, where the message's hash belongs")
        if not re.match(r"https?://[^/\s]", url):
            raise ValueError("must begin with https:// or http:// and a host")
        if "{{" in url or "}}" in url:
            raise ValueError("has double braces, which Kibana would replace")
        return url

    @classmethod
    def create(cls, **values: Any) -> Self:
        """Make settings from `values` over the environment.

        Raises:
            UserError: naming every setting that is wrong, never its value.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            wrong = "; ".join(map(_told, error.errors(include_input=False, include_context=False)))
        raise UserError(
            f"settings: {wrong}. Set them as EMAIL_AUDIT_... variables (docs/investigator.md)"
        )


class KibanaSettings(ObjectSettings):
    """One Kibana, the space for investigators in it, and the account that sets it up."""

    kibana_url: str = Field(description="Kibana's address, with its base path if it has one.")
    kibana_space: str = Field(default="email-audit", description="Space for the investigators.")
    kibana_api_key: SecretStr = Field(
        default=SecretStr(""), description="API key (encoded) of an administrator."
    )
    kibana_username: str = Field(default="", description="User, instead of an API key.")
    kibana_password: SecretStr = Field(default=SecretStr(""), description="That user's password.")
    kibana_ca_certs: Path | None = Field(
        default=None, description="Certificates (PEM) to trust instead of the system's."
    )

    @field_validator("kibana_url")
    @classmethod
    def _is_server(cls, url: str) -> str:
        if fault := url_fault(url):
            raise ValueError(fault)
        if not is_safe_for_secrets(url):
            raise ValueError("must begin with https://: an administrator's secret goes there")
        return url.rstrip("/")

    @field_validator("kibana_space")
    @classmethod
    def _is_space(cls, space: str) -> str:
        if not _SPACE.fullmatch(space):
            raise ValueError("is no name for a space: lower-case letters, digits, _ and -")
        return space

    @field_validator("kibana_ca_certs")
    @classmethod
    def _is_file(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError(f"{path} is not a file")
        return path

    @field_validator("kibana_api_key")
    @classmethod
    def _is_encoded(cls, key: SecretStr) -> SecretStr:
        if not _ENCODED.fullmatch(key.get_secret_value()):
            raise ValueError("is not the encoded form of a key, which Kibana shows as one word")
        return key

    @field_validator("kibana_username")
    @classmethod
    def _can_be_sent(cls, username: str) -> str:
        if ":" in username:
            raise ValueError("has a colon in it, which basic authentication cannot carry")
        return username

    @model_validator(mode="after")
    def _has_one_account(self) -> Self:
        has_key = bool(self.kibana_api_key.get_secret_value())
        has_password = bool(self.kibana_password.get_secret_value())
        if bool(self.kibana_username) != has_password:
            missing = "kibana_username" if has_password else "kibana_password"
            raise ValueError(f"{missing} is missing: user and password go together")
        if has_key == has_password:
            raise ValueError("set one of kibana_api_key, and kibana_username with kibana_password")
        return self


def _told(fault: ErrorDetails) -> str:
    name = ".".join(map(str, fault["loc"])) or "kibana"
    if fault["type"] == "missing":
        return f"{name}: is not set"
    return f"{name}: {fault['msg'].removeprefix('Value error, ')}"
