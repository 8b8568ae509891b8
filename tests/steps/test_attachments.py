"""Attachments in an audit: read once, able to make a hit, and named where they were not read."""

import base64
import json
import os
from email.message import EmailMessage
from pathlib import Path

from click.testing import CliRunner
from sqlalchemy import select

from email_audit.cli import cli
from email_audit.ledger.exceptions import unread
from email_audit.ledger.models import AttachmentRow, Fate, ItemRow
from email_audit.steps.case import open_case
from tests.audits import Audit, audit_in, everything
from tests.documents.files import docx, odf, paragraph, pdf, shown_text, zipped

REQUEST = (
    "ICE ERO asks us to hold Juan Perez on the immigration detainer (Form I-247A) past his release "
    "so that they can take him into custody for deportation. Please notify ERO before release."
)
RANGE = "The range is closed on Friday for repairs."
ENCIPHERED = odf("", **{"META-INF/manifest.xml": "<manifest><encryption-data/></manifest>"})


def letter(subject: str, **attachments: bytes) -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "ann@city.example", "bob@city.example"
    message["Subject"], message["Date"] = subject, "Mon, 03 Mar 2025 10:00:00 -0500"
    message["Message-ID"] = f"<{subject.replace(' ', '-')}@city.example>"
    message.set_content("See attached.")
    for name, data in attachments.items():
        message.add_attachment(
            data, maintype="application", subtype="octet-stream", filename=name.replace("_", ".")
        )
    return message.as_bytes()


def audited(folder: Path) -> Audit:
    audit = audit_in(folder, A="box")
    audit.write("box/1.eml", letter("a form", form_docx=docx(paragraph(REQUEST))))
    audit.write("box/2.eml", letter("form a", form_docx=docx(paragraph(RANGE))))
    audit.write(
        "box/3.eml",
        letter("files", secret_odt=ENCIPHERED, both_zip=zipped({"s.odt": ENCIPHERED, "n": "note"})),
    )
    audit.write("box/4.pdf", pdf([shown_text(RANGE.encode())]))
    return audit


def test_what_is_in_an_attachment_can_make_a_hit(tmp_path: Path) -> None:
    audit = audited(tmp_path)
    audit.run()
    with open_case(audit.settings()) as case, case.database.session() as session:
        fates = dict(session.execute(select(ItemRow.path_in_source, ItemRow.fate)).all())
    assert fates["1.eml"] == Fate.HIT
    assert fates["2.eml"] == Fate.NON_HIT


def test_what_was_not_read_is_in_the_exceptions_with_its_name(tmp_path: Path) -> None:
    audit = audited(tmp_path)
    audit.run()
    with open_case(audit.settings()) as case, case.database.session() as session:
        found = [(line["what"], line["status"], line["reason"]) for line in unread(session)]
        names = session.scalars(select(AttachmentRow.filename)).all()
    assert found == [
        ("secret.odt", "encrypted", "it is encrypted"),
        ("both.zip", "encrypted", "s.odt: it is encrypted"),
    ]
    # The names of attachments that were read are nobody's business.
    assert sorted(filter(None, names)) == ["both.zip", "secret.odt"]


def test_a_document_among_the_mail_is_an_item_of_its_own(tmp_path: Path) -> None:
    audit = audited(tmp_path)
    audit.run()
    with open_case(audit.settings()) as case, case.database.session() as session:
        item = session.scalars(select(ItemRow).where(ItemRow.path_in_source == "4.pdf")).one()
        (attachment,) = session.scalars(
            select(AttachmentRow).where(AttachmentRow.item_id == item.id)
        )
        assert (item.item_class, item.status, item.sent_at) == ("Document", "ok", None)
        assert item.fate == Fate.NON_HIT
        assert (attachment.content_type, attachment.status) == ("application/pdf", "ok")


def test_every_document_is_read_once_for_all_steps_and_processes(tmp_path: Path) -> None:
    audit = audited(tmp_path / "one")
    audit.run()
    kept = sorted((audit.workspace / "evidence" / "derived").rglob("*.json"))
    assert len(kept) == 5
    before = [file.stat().st_mtime_ns for file in kept]
    audit.run()
    assert [file.stat().st_mtime_ns for file in kept] == before
    second = audited(tmp_path / "two")
    second.run(processes=2, chunk_items=1)
    assert (
        everything(second.settings())["attachments"] == everything(audit.settings())["attachments"]
    )


def test_kept_texts_are_no_evidence_and_can_be_deleted(tmp_path: Path) -> None:
    audit = audited(tmp_path)
    audit.run()
    before = everything(audit.settings())
    for file in (audit.workspace / "evidence" / "derived").rglob("*.json"):
        file.unlink()
    audit.run()
    assert everything(audit.settings()) == before
    verify = ["ledger", "--out", str(audit.workspace), "--verify-evidence"]
    assert CliRunner().invoke(cli, verify).exit_code == 0


def test_a_document_beyond_its_limits_is_accounted_for(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, A="box")
    audit.write("box/1.eml", letter("bomb", zeros_zip=zipped({"zeros": bytes(40 << 20)})))
    audit.write("box/2.eml", letter("large", noise_bin=os.urandom(2000)))
    report = audit.run(attachment_max_bytes=1500)
    assert report is not None
    with open_case(audit.settings()) as case, case.database.session() as session:
        assert {line["what"]: line["status"] for line in unread(session)} == {
            "zeros.zip": "too_large",
            "noise.bin": "too_large",
        }


def test_the_command_reads_attachments_too(tmp_path: Path) -> None:
    file = tmp_path / "x.eml"
    file.write_bytes(letter("x", list_docx=docx(paragraph("the list"))))
    found = CliRunner().invoke(cli, ["read", str(file)])
    (attachment,) = json.loads(found.stdout)["attachments"]
    assert (attachment["status"], attachment["text"]) == ("ok", "the list")


def test_a_pdf_that_is_sent_as_text_is_read_as_what_it_is(tmp_path: Path) -> None:
    content = base64.encodebytes(pdf([shown_text(b"typed page")])).decode()
    file = tmp_path / "x.eml"
    file.write_text(
        "From: a@x.example\nMIME-Version: 1.0\nContent-Type: text/plain; name=scan.txt\n"
        "Content-Disposition: attachment; filename=scan.txt\n"
        f"Content-Transfer-Encoding: base64\n\n{content}"
    )
    found = CliRunner().invoke(cli, ["read", str(file)])
    (attachment,) = json.loads(found.stdout)["attachments"]
    assert (attachment["status"], attachment["text"]) == ("ok", "typed page")
