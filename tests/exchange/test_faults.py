"""A busy, broken or refusing server, a process that dies: nothing lost, nothing hammered."""

import logging
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from email_audit.errors import RunError, UserError
from email_audit.ledger.models import AcquisitionRow, LiveItemRow
from email_audit.search.embedded import EmbeddedIndex
from email_audit.steps.case import open_case
from tests.audits import audit_in, everything
from tests.exchange.conftest import ADDRESS, NOON, Live, message
from tests.exchange.server import PASSWORD, USER, FakeExchange, Fault


@pytest.fixture
def filled(live: Live) -> Live:
    """A mailbox of a dozen messages in two folders."""
    box = live.mailbox
    for number in range(12):
        box.add(box.folder("Inbox" if number % 3 else "Sent Items"), message(number))
    return live


TRANSIENT = [
    Fault("GetItem", code="ErrorServerBusy", back_off_ms=2),
    Fault("GetItem", code="ErrorServerBusy", back_off_ms=2, is_soap_fault=False),
    Fault("GetItem", code="ErrorTooManyObjectsOpened", is_soap_fault=False),
    Fault("GetItem", code="ErrorInternalServerTransientError"),
    Fault("GetItem", code="ErrorMailboxStoreUnavailable"),
    Fault("GetItem", code="ErrorTimeoutExpired"),
    Fault("GetItem", status=500, body=b"<html>Server Error in '/EWS' Application.</html>"),
    Fault("GetItem", status=500, body=b"oops"),
    Fault("GetItem", status=503),
    Fault("GetItem", status=502, body=b"bad gateway"),
    Fault("GetItem", status=429),
    Fault("GetItem", cut_after=900),
    Fault("GetItem", status=200, body=b"<?xml version='1.0'?><s:Envelope><not closed"),
    Fault("GetItem", status=200, body=b""),
    Fault("GetItem", status=200, body=b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"),
    Fault("SyncFolderItems", cut_after=500),
    Fault("SyncFolderItems", status=503),
    Fault("FindFolder", status=503),
    Fault("GetFolder", code="ErrorServerBusy", back_off_ms=2),
    Fault("GetItem", status=401),
]


@pytest.mark.parametrize("fault", TRANSIENT, ids=lambda f: f"{f.operation} {f.code or f.status}")
def test_a_fault_that_passes_costs_one_more_request_and_nothing_else(
    filled: Live, fault: Fault
) -> None:
    filled.server.faults.append(Fault(**vars(fault)))
    report = filled.sync(batch_items=8)
    assert filled.server.faults == []
    assert (report.taken, report.server, report.findings) == (12, 12, ())


def test_a_hint_longer_than_allowed_ends_the_sync_and_says_so(filled: Live) -> None:
    filled.server.faults.append(Fault("GetItem", code="ErrorServerBusy", back_off_ms=3_600_000))
    with pytest.raises(RunError, match="next wait would be 3600 s.*What was taken is kept"):
        filled.sync()
    assert len([call for call in filled.server.calls if call == "GetItem"]) == 1
    filled.server.faults.append(Fault("GetItem", status=429, headers={"Retry-After": "1800"}))
    with pytest.raises(RunError, match="next wait would be 1800 s"):
        filled.sync()
    filled.server.faults.append(Fault("GetItem", status=503, headers={"Retry-After": "900"}))
    with pytest.raises(RunError, match="next wait would be 900 s"):
        filled.sync()
    assert filled.sync().taken == 12


def test_a_server_that_stays_busy_is_asked_ever_more_slowly_and_then_left_alone(
    filled: Live,
) -> None:
    filled.server.faults += [Fault("GetItem", status=503) for _ in range(50)]
    with pytest.raises(RunError, match="run again when the server is well"):
        filled.sync(first_wait_s=0.001, max_wait_s=0.02)
    asked = len([call for call in filled.server.calls if call == "GetItem"])
    assert asked == 6  # waits of 1, 2, 4, 8 and 16 ms are allowed, 32 is not


def test_a_wrong_password_is_tried_once(filled: Live) -> None:
    with pytest.raises(UserError, match="login of the service account is refused") as caught:
        filled.sync(password="wrong horse")
    assert filled.server.refused_logins == 1
    assert "wrong horse" not in str(caught.value)


def test_a_password_that_expires_during_the_run_is_tried_twice_and_the_next_run_goes_on(
    filled: Live,
) -> None:
    def expire() -> None:
        filled.server.password = "new"

    filled.server.faults.append(Fault("GetItem", before=expire))
    with pytest.raises(UserError, match="is refused"):
        filled.sync(batch_items=4)
    assert filled.server.refused_logins == 2
    report = filled.sync(batch_items=4, password="new")
    assert (report.taken, report.findings) == (8, ())
    filled.read()


def test_missing_rights_and_unknown_mailboxes_say_what_to_do(filled: Live) -> None:
    filled.server.may_impersonate = False
    with pytest.raises(RunError, match="role ApplicationImpersonation"):
        filled.sync()
    filled.server.may_impersonate = True
    del filled.server.mailboxes[ADDRESS]
    with pytest.raises(RunError, match="correct the address in the roster"):
        filled.sync()


def test_a_folder_that_may_not_be_listed_is_an_error_and_not_silence(filled: Live) -> None:
    filled.server.faults.append(
        Fault("SyncFolderItems", code="ErrorAccessDenied", is_soap_fault=False)
    )
    with pytest.raises(RunError, match="ErrorAccessDenied"):
        filled.sync()


def test_a_failed_sync_is_named_by_the_ledger_until_one_succeeds(filled: Live) -> None:
    filled.server.faults.append(Fault("GetItem", before=lambda: filled.server.faults.extend(BUSY)))
    with pytest.raises(RunError):
        filled.sync(batch_items=4)
    assert [row.state for row in acquisitions(filled)] == ["failed"]
    filled.server.faults.clear()
    report = filled.sync(at=NOON + timedelta(days=1))
    assert report.acquisition == "exchange:ann@city.example@2026-11-25T12:00Z"
    assert [(row.state, row.problem, row.declared) for row in acquisitions(filled)] == [
        ("acquired", "", 12)
    ]


BUSY = [Fault("GetItem", status=503) for _ in range(50)]


def acquisitions(live: Live) -> list[AcquisitionRow]:
    with open_case(live.settings()) as case, case.database.session() as session:
        rows = list(session.scalars(select(AcquisitionRow)))
        session.expunge_all()
        return rows


def test_neither_password_nor_mail_nor_address_is_logged_at_any_level(
    filled: Live, caplog: pytest.LogCaptureFixture
) -> None:
    filled.server.faults.append(Fault("GetItem", status=503))
    with caplog.at_level(logging.DEBUG):
        filled.sync()
    text = caplog.text
    assert "server not ready: operation=GetItem" in text
    for secret in (PASSWORD, USER, "case 1", "Text 1", ADDRESS):
        assert secret not in text
    database = (filled.audit.workspace / "case.db").read_bytes()
    assert PASSWORD.encode() not in database


def command(live: Live, *arguments: str) -> subprocess.Popen[str]:
    environment: Mapping[str, Any] = {
        **os.environ,
        "EMAIL_AUDIT_EXCHANGE_ENDPOINT": live.server.url,
        "EMAIL_AUDIT_EXCHANGE_AUTH": "basic",
        "EMAIL_AUDIT_EXCHANGE_USERNAME": USER,
        "EMAIL_AUDIT_EXCHANGE_PASSWORD": live.server.password,
        "EMAIL_AUDIT_EXCHANGE_BUILD": "15.2.1544",
        "EMAIL_AUDIT_EXCHANGE_BATCH_ITEMS": "5",
        "EMAIL_AUDIT_ACTOR": "tester",
    }
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "email_audit", "sync", "--json", "--all"),
            *("--roster", str(live.audit.roster), "--out", str(live.audit.workspace)),
            *arguments,
        ],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_killed_again_and_again_the_last_sync_ends_where_an_undisturbed_one_would(
    filled: Live, tmp_path: Path
) -> None:
    undisturbed = Live(audit_in(tmp_path / "undisturbed", P1=ADDRESS), filled.server)
    undisturbed.sync(batch_items=5)
    started: list[subprocess.Popen[str]] = []
    for operation in ("SyncFolderItems", "GetItem"):
        # The second request of its kind: what came of the first is written by then.
        filled.server.faults += [
            Fault(operation, before=lambda: None),
            Fault(operation, before=lambda: started[-1].kill()),
        ]
        started.append(command(filled))
        started[-1].communicate()
        assert filled.server.faults == []
    with open_case(filled.settings()) as case, case.database.session() as session:
        states = list(session.scalars(select(LiveItemRow.state)))
    assert set(states) == {"taken", "wanted"}
    report = filled.sync(batch_items=5)
    assert 0 < report.taken < 12
    assert report.findings == ()
    for live in (filled, undisturbed):
        live.read()
        EmbeddedIndex(live.settings().index_folder).synchronise(())  # nothing was tagged
    assert without_moment(everything(filled.settings())) == without_moment(
        everything(undisturbed.settings())
    )


def without_moment(ledger: Mapping[str, Any]) -> str:
    return re.sub(r"@\d{4}-\d\d-\d\dT\d\d:\d\dZ", "@moment", repr(ledger))


def test_the_command_prints_one_json_line_a_mailbox_and_fails_for_what_is_missing(
    live: Live, server: FakeExchange
) -> None:
    live.mailbox.add(live.mailbox.folder("Inbox"), message(1), is_lost=True)
    done = command(live)
    out, errors = done.communicate()
    assert done.returncode == 1
    assert '"server": 1, "known": 0' in out
    assert "the server counts 1 items in Inbox, 0 are taken" in errors
    assert "Traceback" not in errors
    server.password = "changed"
    done = command(live, "--mailbox", "nobody@city.example")
    assert "no officer has the mailbox nobody@city.example" in done.communicate()[1]
    assert done.returncode == 2
