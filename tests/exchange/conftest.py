"""A server, an audit of one officer, and a way to sync."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from email_audit.exchange.client import Exchange
from email_audit.exchange.settings import ExchangeSettings
from email_audit.settings import Settings
from email_audit.steps.acquire import acquire
from email_audit.steps.case import open_case
from email_audit.steps.read import read_chunk, unread_chunks
from email_audit.steps.register import register, register_mailboxes
from email_audit.steps.resolve import resolve
from email_audit.steps.sync import SyncReport, sync_mailbox
from tests.audits import Audit, audit_in, mail
from tests.conftest import REPOSITORY
from tests.exchange.server import PASSWORD, USER, FakeExchange, FakeMailbox, serving

ADDRESS = "ann@city.example"
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[FakeExchange]:
    """A server whose every request and response must be what Microsoft's schema allows."""
    folder = REPOSITORY.parent / "shared" / "data" / "ews-schema"
    with serving(folder if folder.is_dir() else None) as exchange:
        exchange.mailboxes[ADDRESS] = FakeMailbox()
        yield exchange
        assert exchange.violations == []


def settings_for(server: FakeExchange, **values: Any) -> ExchangeSettings:
    defaults = {
        "endpoint": server.url,
        "auth": "basic",
        "username": USER,
        "password": PASSWORD,
        "build": "15.2.1544",
        "range": "all",
        "first_wait_s": 0.001,
        "max_wait_s": 0.05,
        "timeout_s": 10,
    }
    return ExchangeSettings.create(**defaults | values)


@dataclass
class Live:
    """An audit of live mailboxes: each `sync` is a process of its own as far as state goes."""

    audit: Audit
    server: FakeExchange

    @property
    def mailbox(self) -> FakeMailbox:
        return self.server.mailboxes[ADDRESS]

    def settings(self) -> Settings:
        has_exports = self.audit.mail.is_dir()
        return self.audit.settings() if has_exports else self.audit.settings(mail=None)

    def read(self) -> None:
        """Register, read and resolve what was synced: an audit without the classifier."""
        with open_case(self.settings()) as case:
            for known in register(case).acquisition_ids:
                acquire(case, known)
            for chunk_id in unread_chunks(case):
                read_chunk(case, chunk_id)
            resolve(case, "no model")

    def sync(self, *, at: datetime = NOON, since: Any = None, **values: Any) -> SyncReport:
        (report,) = self.sync_all(at=at, since=since, **values)
        return report

    def sync_all(
        self, *, at: datetime = NOON, since: Any = None, **values: Any
    ) -> list[SyncReport]:
        settings = self.settings()
        exchange = Exchange(settings_for(self.server, **values), Random(1))
        with open_case(settings, create=True) as case:
            ids = register_mailboxes(case)
            return [sync_mailbox(case, exchange, i, since=since, now=lambda: at) for i in ids]


@pytest.fixture
def live(tmp_path: Path, server: FakeExchange) -> Live:
    return Live(audit_in(tmp_path, P1=ADDRESS), server)


def message(number: int, **fields: Any) -> bytes:
    """Give one message with CRLF line ends, as Exchange gives it."""
    text = mail(f"case {number}", f"Text {number}.", message_id=f"<{number}@x>", **fields)
    return text.replace("\n", "\r\n").encode()
