"""How to reach an Exchange server: from EMAIL_AUDIT_EXCHANGE_* variables, files, or Airflow.

Apart from `Settings`, so that secrets never travel with them to worker processes or into a report.
"""

from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from email_audit.errors import UserError
from email_audit.server_urls import is_safe_for_secrets
from email_audit.settings_sources import load

_PREFIX = "EMAIL_AUDIT_EXCHANGE_"


class AuthType(StrEnum):
    """How the service account proves who it is."""

    BASIC = "basic"
    NTLM = "ntlm"
    KERBEROS = "kerberos"
    OAUTH = "oauth"


class Range(StrEnum):
    """Which items are taken from a mailbox."""

    ASSIGNMENT = "assignment"
    ALL = "all"


class ExchangeSettings(BaseSettings):
    """One Exchange server and the service account that may impersonate the officers."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    server: str = Field(default="", description="Host name; EWS is at /EWS/Exchange.asmx there.")
    endpoint: str = Field(default="", description="Whole URL of the service, instead of server.")
    auth: AuthType = Field(default=AuthType.NTLM, description="basic, ntlm, kerberos or oauth.")
    username: str = Field(default="", description="DOMAIN\\account or UPN (basic, ntlm).")
    password: SecretStr = Field(default=SecretStr(""), description="The account's password.")
    password_file: Path | None = Field(default=None, description="File that holds it instead.")
    client_id: str = Field(default="", description="OAuth: the application's id.")
    client_secret: SecretStr = Field(default=SecretStr(""), description="OAuth: its secret.")
    client_secret_file: Path | None = Field(default=None, description="File that holds it instead.")
    token_url: str = Field(default="", description="OAuth: where tokens are given out.")
    scope: str = Field(default="", description="OAuth: the scope to ask for.")
    ca_file: Path | None = Field(
        default=None, description="Certificates (PEM) to trust instead of the system's."
    )
    build: str = Field(
        default="", description="Server build such as 15.2.1544; empty: asked from the server."
    )
    range: Range = Field(
        default=Range.ASSIGNMENT,
        description="assignment: items of the officer's assignments; all: everything.",
    )
    range_margin_days: int = Field(
        default=7, ge=0, le=3660, description="Days around each assignment that are taken too."
    )
    skip_folders: tuple[str, ...] = Field(
        default=("Recoverable Items/Audits",), description="Paths of folders that are not taken."
    )
    batch_items: int = Field(default=50, ge=1, le=500, description="Items asked for at once.")
    batch_bytes: int = Field(
        default=16 << 20, ge=1, description="Bytes asked for at once, unless one item has more."
    )
    first_wait_s: float = Field(
        default=10, gt=0, description="First wait of a busy server without a hint; then doubled."
    )
    max_wait_s: float = Field(
        default=900, gt=0, description="Longest single wait; a server that asks for more fails."
    )
    timeout_s: float = Field(default=300, gt=0, description="Silence after which a call fails.")

    @property
    def url(self) -> str:
        """The URL of the service."""
        return self.endpoint or f"https://{self.server}/EWS/Exchange.asmx"

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if bool(self.server) == bool(self.endpoint):
            raise ValueError("set one of server and endpoint")
        for name, url in (("endpoint", self.url), ("token_url", self.token_url)):
            if url and not is_safe_for_secrets(url):
                raise ValueError(f"{name} must begin with https://")
        if self.password.get_secret_value() and self.password_file:
            raise ValueError("set one of password and password_file")
        if self.client_secret.get_secret_value() and self.client_secret_file:
            raise ValueError("set one of client_secret and client_secret_file")
        missing = [name for name in _NEEDED[self.auth] if not self._is_given(name)]
        if missing:
            raise ValueError(f"auth {self.auth} needs {' and '.join(missing)}")
        return self

    def _is_given(self, name: str) -> bool:
        value = getattr(self, name)
        if isinstance(value, SecretStr):
            return bool(value.get_secret_value() or getattr(self, f"{name}_file"))
        return bool(value)

    def secret(self, name: str) -> str:
        """Give `password` or `client_secret`, from its file where that is set.

        Raises:
            UserError: where the file cannot be read.
        """
        file: Path | None = getattr(self, f"{name}_file")
        if file is None:
            value: SecretStr = getattr(self, name)
            return value.get_secret_value()
        try:
            return file.read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{file}: the {name} cannot be read: {error}") from error

    @classmethod
    def create(cls, **values: Any) -> Self:
        """Make settings from `values` and every other source (`settings_sources`).

        Raises:
            UserError: naming every setting that is wrong and where it was set, never its value.
        """
        hint = "An Airflow connection of type exchange can hold them too (docs/exchange.md)"
        return load(cls, values, hint=hint)


_NEEDED: dict[AuthType, tuple[str, ...]] = {
    AuthType.BASIC: ("username", "password"),
    AuthType.NTLM: ("username", "password"),
    AuthType.KERBEROS: (),
    AuthType.OAUTH: ("client_id", "client_secret", "token_url", "scope"),
}
