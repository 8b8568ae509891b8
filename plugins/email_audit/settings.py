"""Every setting of a run, in one place; `settings_sources` says where they come from.

A workspace folder fills in what is not set: `evidence/`, `case.db`, `index/` and `bundles/` below
it. Any of them can be an URL instead (fsspec for evidence, SQLAlchemy for the database), so that
workers on several machines share them.
"""

import getpass
import re
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from email_audit.archives.bounded import ArchiveLimits
from email_audit.documents.limits import DocumentLimits
from email_audit.search.interface import INDEX_ALIAS
from email_audit.server_urls import is_safe_for_secrets, url_fault
from email_audit.settings_sources import load


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not a time zone of the IANA database")
    return name


class Settings(BaseSettings):
    """What a run works on and its limits. Sizes are bytes unless the name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="EMAIL_AUDIT_",
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        validate_default=True,
        hide_input_in_errors=True,
    )

    workspace: Path = Field(description="Folder that holds what has no setting of its own.")
    roster: Path | None = Field(default=None, description="roster.csv")
    mail: Path | None = Field(default=None, description="Folder of mailbox exports.")
    requests: Path | None = Field(default=None, description="requests.csv, the agency's own log.")
    database_url: str = Field(
        default="", repr=False, description="SQLAlchemy URL; empty: case.db in the workspace."
    )
    evidence_url: str = Field(
        default="", description="fsspec URL; empty: evidence/ in the workspace."
    )
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        default="America/New_York", description="Time zone of the roster's days."
    )
    margin_days: int = Field(
        default=0, ge=0, le=3660, description="Days added before and after each assignment."
    )
    model: str = Field(
        default="en_email_audit", description="spaCy pipeline: package name or folder."
    )
    threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Score from which a message is a hit; empty: the model's own.",
    )
    actor: str = Field(
        default_factory=getpass.getuser, description="Who acts, as written in the custody log."
    )
    chunk_items: int = Field(default=1000, ge=1, description="Messages read by one task, at most.")
    chunk_bytes: int = Field(
        default=64 << 20, ge=1, description="Bytes read by one task, about, at most."
    )
    map_limit: int = Field(
        default=500, ge=1, le=1024, description="Mapped tasks of one kind in a DAG run, at most."
    )
    max_message_bytes: int = Field(
        default=512 << 20,
        ge=1 << 10,
        description="A larger message is not read; reading takes about 8 times its size.",
    )
    max_reader_bytes: int = Field(
        default=6 << 30, ge=512 << 20, description="Address space of a process that reads mail."
    )
    max_item_seconds: float = Field(
        default=7200, gt=0, description="Time to read one message in, all its attachments included."
    )
    max_archive_depth: int = Field(
        default=16, ge=0, le=100, description="Archives within archives of an export."
    )
    max_archive_members: int = Field(
        default=1_000_000, ge=1, description="Files in all archives of an export."
    )
    max_archive_bytes: int = Field(
        default=1 << 40, ge=1, description="What all archives of an export expand to."
    )
    max_archive_ratio: int = Field(
        default=250,
        ge=1,
        description="What a file over 32 MiB in an archive expands to, times its size.",
    )
    attachment_max_bytes: int = Field(
        default=100 << 20, ge=1, description="A larger attachment is not read but accounted for."
    )
    attachment_seconds: int = Field(
        default=60, ge=1, le=3600, description="Time for one attachment, recognition apart."
    )
    attachment_memory_bytes: int = Field(
        default=1 << 30, ge=256 << 20, description="Memory of the process that reads attachments."
    )
    attachment_archive_bytes: int = Field(
        default=1 << 30, ge=1, description="Expanded bytes of one attached archive, at most."
    )
    attachment_archive_members: int = Field(
        default=10_000, ge=1, description="Members of one attached archive, at most."
    )
    attachment_archive_depth: int = Field(
        default=8, ge=0, le=100, description="Archives and documents within one, at most."
    )
    ocr_languages: str = Field(
        default="eng+spa",
        description="Languages of text recognition, tesseract's names; missing ones left out.",
    )
    ocr_seconds: int = Field(
        default=30, ge=1, le=3600, description="Time for one page's text recognition."
    )
    ocr_pages: int = Field(
        default=100, ge=0, description="Pages of one attachment whose text is recognised, at most."
    )
    elasticsearch_url: str = Field(
        default="", repr=False, description="Elasticsearch server; empty: the embedded index."
    )
    elasticsearch_api_key: SecretStr = Field(
        default=SecretStr(""), description="API key (encoded) that may read and write the index."
    )
    elasticsearch_username: str = Field(
        default="", repr=False, description="User, instead of an API key."
    )
    elasticsearch_password: SecretStr = Field(
        default=SecretStr(""), description="That user's password."
    )
    elasticsearch_setup_api_key: SecretStr = Field(
        default=SecretStr(""),
        description="API key that may make indices and switch the alias; empty: the same one.",
    )
    elasticsearch_ca_certs: Path | None = Field(
        default=None, description="Certificates (PEM) to trust; empty: the system's."
    )
    elasticsearch_alias: str = Field(
        default=INDEX_ALIAS, description="Alias of the index; a second audit needs another one."
    )
    elasticsearch_timeout_s: float = Field(
        default=60, gt=0, le=3600, description="Silence after which a request to it is repeated."
    )

    @field_validator("elasticsearch_url")
    @classmethod
    def _is_server(cls, url: str) -> str:
        if url and (wrong := url_fault(url)):
            raise ValueError(wrong)
        return url.rstrip("/")

    @field_validator("elasticsearch_password")
    @classmethod
    def _is_one_way_in(cls, password: SecretStr, info: ValidationInfo) -> SecretStr:
        """Judge the credentials together; the fields before this one are in `info` if valid."""
        known = info.data
        has_key = bool(_value(known.get("elasticsearch_api_key")))
        username, has_password = known.get("elasticsearch_username", ""), bool(_value(password))
        faults = []
        if has_key and (username or has_password):
            faults.append("set either elasticsearch_api_key or username and password, not both")
        if bool(username) != has_password:
            missing = "elasticsearch_username" if has_password else "elasticsearch_password"
            faults.append(f"{missing} is missing: username and password go together")
        url = known.get("elasticsearch_url")
        if (has_key or has_password or username) and url is not None:
            if not url:
                faults.append("elasticsearch_url is not set, but credentials for it are")
            elif not is_safe_for_secrets(url):
                faults.append("credentials would travel unencrypted: elasticsearch_url needs https")
        if faults:
            raise ValueError("; ".join(faults))
        return password

    @field_validator("elasticsearch_setup_api_key")
    @classmethod
    def _is_safe_setup(cls, key: SecretStr, info: ValidationInfo) -> SecretStr:
        url = info.data.get("elasticsearch_url")
        if _value(key) and url is not None and not (url and is_safe_for_secrets(url)):
            raise ValueError("needs an elasticsearch_url that begins with https://")
        return key

    @field_validator("elasticsearch_ca_certs", mode="before")
    @classmethod
    def _is_maybe_empty(cls, path: object) -> object:
        return None if path == "" else path

    @field_validator("elasticsearch_ca_certs")
    @classmethod
    def _is_certificate_file(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path is None:
            return None
        faults = []
        if not path.is_file():
            faults.append(f"{path} is not a file")
        url = info.data.get("elasticsearch_url")
        if url is not None and not url.startswith("https://"):
            faults.append("certificates need an elasticsearch_url that begins with https://")
        if faults:
            raise ValueError("; ".join(faults))
        return path

    @field_validator("elasticsearch_alias")
    @classmethod
    def _is_alias(cls, name: str) -> str:
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,99}", name):
            raise ValueError(
                f"{name!r} is no name for an alias: lower-case letters, digits, and . _ -"
            )
        return name

    @property
    def document_limits(self) -> DocumentLimits:
        """How much of one attachment is read."""
        return DocumentLimits(
            seconds=self.attachment_seconds,
            memory_bytes=self.attachment_memory_bytes,
            max_bytes=self.attachment_max_bytes,
            ocr_seconds=self.ocr_seconds,
            ocr_pages=self.ocr_pages,
            ocr_languages=self.ocr_languages,
            archive=ArchiveLimits(
                max_members=self.attachment_archive_members,
                max_bytes=self.attachment_archive_bytes,
                max_depth=self.attachment_archive_depth,
            ),
        )

    @property
    def zone(self) -> ZoneInfo:
        """The roster's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def database(self) -> str:
        """The case database's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.workspace.resolve() / 'case.db'}"

    @property
    def evidence(self) -> str:
        """The evidence store's fsspec URL or path."""
        return self.evidence_url or str(self.workspace.resolve() / "evidence")

    @property
    def index_folder(self) -> Path:
        """The embedded search index's folder."""
        return self.workspace / "index"

    @property
    def bundles_folder(self) -> Path:
        """Where bundles go unless a folder is named."""
        return self.workspace / "bundles"

    @classmethod
    def create(cls, **values: Any) -> Self:
        """Make settings from `values` and every other source (`settings_sources`).

        Raises:
            UserError: naming every setting that is wrong, where it was set and what is wrong.
        """
        return load(cls, values, is_quoting=True)


def _value(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()
