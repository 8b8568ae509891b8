"""The index step on both back ends: refusals reach the ledger, removals hold for ever."""

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from sqlalchemy import select

from email_audit.bundles.verifier import verify
from email_audit.errors import RunError, UserError
from email_audit.ledger import custody_log
from email_audit.ledger.exceptions import unread
from email_audit.ledger.models import CustodyRow, IndexErrorRow, StateRow
from email_audit.ledger.state import IDENTITY_STATE
from email_audit.search.embedded import EmbeddedIndex
from email_audit.search.opening import open_index
from email_audit.settings import Settings
from email_audit.steps.bundle import export_bundle
from email_audit.steps.case import Case, open_case
from email_audit.steps.hits import list_hits
from email_audit.steps.index import index_hits
from email_audit.steps.removal import Removal, remove_from_index
from email_audit.steps.resolve import resolve
from email_audit.steps.run import run_audit
from email_audit.steps.taking_over import take_index_over
from tests.audits import Audit, audit_in, mail, mbox, silent
from tests.elasticsearch_node.node import ask
from tests.search.elasticsearch.servers import PRODUCT, answering

REASON = "request 17 of the subject"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """An audit of four hits, in the embedded index."""
    audit = audit_in(tmp_path_factory.mktemp("index"), P1="a.mbox", P2="b.mbox")
    audit.write("a.mbox", mbox(*(mail(f"detainer {n}", f"Text {n}.") for n in range(3))))
    audit.write("b.mbox", mbox(mail("detainer 3", "Text 3."), mail("detainer 0", "Text 0.")))
    audit.run(threshold=0.0)
    return audit


@pytest.fixture
def audit(finished: Audit, tmp_path: Path) -> Audit:
    """A copy of it for one test."""
    copytree(finished.folder, tmp_path / "audit")
    return Audit(tmp_path / "audit")


def hashes(case: Case) -> list[str]:
    return sorted(hit.item.content_sha256 for hit in list_hits(case))


def server(url: str, alias: str) -> dict[str, Any]:
    return {"elasticsearch_url": url, "elasticsearch_alias": alias}


def test_hits_are_the_same_in_both_indices(
    audit: Audit, elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    settings = audit.settings(**server(elasticsearch_url, elasticsearch_alias))
    with open_case(settings) as case:
        assert index_hits(case).written == 4
        assert index_hits(case).unchanged == 4
    assert list(open_index(settings).ids()) == list(EmbeddedIndex(settings.index_folder).ids())
    with open_case(settings) as case:
        assert index_hits(case, is_anew=True).written == 4
    assert open_index(settings).status().documents == 4


def test_what_the_index_refuses_is_an_exception_until_it_takes_it(
    audit: Audit, elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    custom = f"_component_template/{alias}@custom"
    wrong = {"template": {"mappings": {"properties": {"custodians": {"type": "integer"}}}}}
    ask(url, custom, method="PUT", body=wrong)
    with open_case(audit.settings(**server(url, alias))) as case:
        assert len(index_hits(case).refused) == 4
        with case.database.session() as session:
            exceptions = [line for line in unread(session) if line["status"] == "not_indexed"]
        assert [(line["custodian"], line["source"], line["what"]) for line in exceptions] == [
            *[("P1", "a.mbox", "message")] * 3,
            ("P2", "b.mbox", "message"),
        ]
        assert {line["reason"] for line in exceptions} == {
            "document_parsing_exception < number_format_exception in field custodians"
        }
        with pytest.raises(RunError, match="4 hits could not be indexed.*ledger --exceptions"):
            audit.run(threshold=0.0, **server(url, alias))
        ask(url, custom, method="PUT", body={"template": {}})
        assert index_hits(case, is_anew=True).written == 4
        with case.database.session() as session:
            assert session.scalars(select(IndexErrorRow)).all() == []


def test_a_removed_message_stays_out_of_both_indices(
    audit: Audit, elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    settings = audit.settings(**server(elasticsearch_url, elasticsearch_alias))
    with open_case(settings) as case:
        index_hits(case)
        gone, *kept = hashes(case)
        assert remove_from_index(case, gone, reason=REASON) == Removal(is_new=True, documents=2)
        assert list(open_index(settings).ids()) == kept
        assert list(EmbeddedIndex(settings.index_folder).ids()) == kept
        assert index_hits(case).written == 0
        assert index_hits(case, is_anew=True).written == 3
        assert list(open_index(settings).ids()) == kept
        again = remove_from_index(case, gone, reason="another")
        assert again == Removal(is_new=False, documents=0)
        with case.database.session() as session:
            entries = session.scalars(
                select(CustodyRow).where(CustodyRow.action == "removed_from_index")
            ).all()
            assert [(entry.actor, entry.subject, entry.details) for entry in entries] == [
                ("tester", gone, {"reason": REASON})
            ]
    audit.run(threshold=0.0)
    assert list(EmbeddedIndex(settings.index_folder).ids()) == kept


def test_a_bundle_of_a_query_says_how_many_hits_no_query_finds(
    audit: Audit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_case(audit.settings()) as case:
        gone, lost, *kept = hashes(case)
        everyone = export_bundle(case, name="c", target=tmp_path / "all", query="detainer")
        assert (everyone.messages, caplog.records) == (4, [])
        remove_from_index(case, gone, reason=REASON)
        EmbeddedIndex(case.settings.index_folder).remove([lost])  # as if it was never written
        summary = export_bundle(case, name="c", target=tmp_path / "bundle", query="detainer")
        with pytest.raises(UserError, match="no hit to export .*2 hits not searched"):
            export_bundle(case, name="c", target=tmp_path / "none", query="nonsense")
    assert summary.messages == len(kept) == 2
    told = (
        "2 hits not searched, as the index does not hold them: 1 kept out of it on request, "
        "1 refused by it or not written yet"
    )
    assert told in caplog.text
    assert told in json.loads((tmp_path / "bundle" / "bundle.json").read_text())["scope"]
    assert verify(tmp_path / "bundle") == []


def test_a_removal_holds_although_the_server_is_away(audit: Audit) -> None:
    away = audit.settings(elasticsearch_url="http://127.0.0.1:1")
    with open_case(away) as case:
        (gone, *kept) = hashes(case)
        with pytest.raises(RunError, match="written down.*cannot be reached.*email-audit index"):
            remove_from_index(case, gone, reason=REASON)
    assert list(EmbeddedIndex(away.index_folder).ids()) == kept
    with open_case(audit.settings()) as case:
        assert index_hits(case).removed == 0
        assert list(EmbeddedIndex(away.index_folder).ids()) == kept


def test_a_left_over_index_that_cannot_be_changed_is_named_with_what_helps(
    audit: Audit, elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    settings = audit.settings(**server(elasticsearch_url, elasticsearch_alias))
    (meta,) = settings.index_folder.glob("v*/meta.json")
    with open_case(settings) as case:
        index_hits(case)
        gone, *kept = hashes(case)
        whole = meta.read_bytes()
        meta.write_bytes(b"")
        told = f"is damaged.*writes to the server: delete the folder {settings.index_folder}, or"
        with pytest.raises(RunError, match=told):
            remove_from_index(case, gone, reason=REASON)
        assert list(open_index(settings).ids()) == kept
        index_hits(case)
        meta.write_bytes(whole)
        assert remove_from_index(case, gone, reason=REASON) == Removal(is_new=False, documents=1)
    assert list(EmbeddedIndex(settings.index_folder).ids()) == kept


@pytest.mark.parametrize("is_anew", [False, True])
def test_the_index_in_use_keeps_hits_that_are_not_tagged_again_yet(
    audit: Audit, *, is_anew: bool
) -> None:
    index = EmbeddedIndex(audit.settings().index_folder)
    before = list(index.ids())
    with open_case(audit.settings()) as case:
        resolve(case, "another model")
        with pytest.raises(RunError, match="4 messages in scope wait .*run the audit again"):
            index_hits(case, is_anew=is_anew)
    assert list(index.ids()) == before
    audit.run(threshold=0.0)
    assert list(index.ids()) == before


def test_a_run_whose_tagging_fails_leaves_the_index_and_names_both(audit: Audit) -> None:
    settings = audit.settings(threshold=0.0001)  # another threshold: all is to be tagged anew
    index = EmbeddedIndex(settings.index_folder)
    before = list(index.ids())
    moved = audit.workspace / "elsewhere"
    evidence = audit.workspace / "evidence" / "sha256"
    evidence.rename(moved)
    for blob in moved.rglob("*"):
        if blob.is_file() and b"Text 3." in blob.read_bytes():
            kept = evidence / blob.relative_to(moved)
            kept.parent.mkdir(parents=True)
            kept.write_bytes(blob.read_bytes())
    with pytest.raises(RunError, match=r"(?s)is missing.*3 messages in scope wait.*a.mbox"):
        audit.run(threshold=0.0001)
    assert list(index.ids()) == before


def test_a_server_that_will_not_do_is_told_before_anything_is_read(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, P1="a.mbox")
    audit.write("a.mbox", mbox(mail("detainer")))
    no = (401, PRODUCT, {"error": {"type": "security_exception", "reason": "no"}})
    with answering(lambda *_: no) as url, pytest.raises(UserError, match="elasticsearch_api_key"):
        audit.run(elasticsearch_url=url)
    assert not audit.workspace.exists()


def test_another_audits_index_is_told_before_anything_is_read(
    audit: Audit, tmp_path: Path, elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    on_server = server(elasticsearch_url, elasticsearch_alias)
    with open_case(audit.settings(**on_server)) as case:
        index_hits(case)
        kept = hashes(case)
    other = audit_in(tmp_path / "other", P9="a.mbox")
    other.write("a.mbox", mbox(mail("another detainer")))
    with pytest.raises(UserError, match="another audit.*elasticsearch_alias"):
        other.run(threshold=0.0, **on_server)
    with open_case(other.settings()) as case, case.database.session() as session:
        assert session.scalars(select(CustodyRow)).all() == []
    other.run(threshold=0.0)
    with open_case(other.settings(**on_server)) as case:
        with pytest.raises(UserError, match="another audit"):
            index_hits(case)
        with pytest.raises(UserError, match="another audit"):
            export_bundle(case, name="x", target=tmp_path / "bundle", query="detainer")
        (hit,) = hashes(case)
        with pytest.raises(RunError, match="written down.*another audit"):
            remove_from_index(case, hit, reason=REASON)
    assert not (tmp_path / "bundle").exists()
    assert list(open_index(audit.settings(**on_server)).ids()) == kept


def test_an_audit_that_goes_on_in_a_new_workspace_takes_the_index_over(
    audit: Audit, tmp_path: Path, elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    on_server = server(elasticsearch_url, elasticsearch_alias)
    with open_case(audit.settings(**on_server)) as case:
        index_hits(case)
        kept, before = hashes(case), case.identity
    new = Settings.create(
        workspace=tmp_path / "new", roster=audit.roster, mail=audit.mail, threshold=0.0, **on_server
    )
    with pytest.raises(UserError, match="give `email-audit index take-over`"):
        run_audit(new, processes=1, progress=silent)
    with open_case(new) as case:
        with pytest.raises(UserError, match="--reason is empty"):
            take_index_over(case, reason=" ")
        assert take_index_over(case, reason="tesseract was installed") == before
        assert take_index_over(case, reason="again") is None
        with case.database.session() as session:
            (entry,) = custody_log.entries(session)
        assert (entry.action, entry.subject) == ("index_taken_over", elasticsearch_alias)
        assert entry.details["reason"] == "tesseract was installed"
    assert run_audit(new, processes=1, progress=silent).index.unchanged == len(kept)
    assert list(open_index(new).ids()) == kept
    with (
        open_case(audit.settings(**on_server)) as case,
        pytest.raises(UserError, match="another audit"),
    ):
        index_hits(case)


def test_an_audit_of_an_earlier_version_says_how_it_is_brought_up(audit: Audit) -> None:
    with open_case(audit.settings()) as case:
        with case.database.session() as session:
            session.delete(session.get_one(StateRow, IDENTITY_STATE))
        with pytest.raises(UserError, match="earlier version; `email-audit index`"):
            export_bundle(case, name="x", target=audit.folder / "bundle", query="detainer")


def test_a_copy_of_an_audit_is_the_same_audit(
    audit: Audit, tmp_path: Path, elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    on_server = server(elasticsearch_url, elasticsearch_alias)
    with open_case(audit.settings(**on_server)) as case:
        index_hits(case)
    copytree(audit.folder, tmp_path / "restored")
    with open_case(Audit(tmp_path / "restored").settings(**on_server)) as case:
        assert index_hits(case).unchanged == 4


@pytest.mark.parametrize(
    ("content_sha256", "reason", "told"),
    [
        ("A" * 64, REASON, "is no content hash"),
        ("0" * 64, REASON, "no message of this audit has this content"),
        ("0" * 64, " ", "--reason is empty"),
    ],
)
def test_a_removal_of_nothing_known_is_refused(
    audit: Audit, content_sha256: str, reason: str, told: str
) -> None:
    with open_case(audit.settings()) as case, pytest.raises(UserError, match=told):
        remove_from_index(case, content_sha256, reason=reason)
