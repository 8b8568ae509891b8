"""A PST from acquisition to bundle: the ledger balances, damage is an exception, hits come out."""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from email_audit.ledger.models import ItemRow
from email_audit.pst.layout import UNICODE
from email_audit.steps.bundle import export_bundle
from email_audit.steps.case import open_case
from tests.audits import audit_in
from tests.pst.writer import PstWriter, message_properties, text, with_folder

HIT = "ERO asked us to hold Jose Perez on the ICE detainer until their officers pick him up."
NIDS = [0x200024 + 32 * n for n in range(40)]


def mailbox() -> bytes:
    writer = PstWriter(UNICODE)
    for nid in NIDS:
        body = HIT if nid == NIDS[7] else f"Roll call {nid:x} is at seven."
        properties = message_properties(f"message {nid:x}", text(0x1000, body))
        writer.node(nid, writer.block(properties), parent=0x8022)
    return with_folder(writer, NIDS).to_bytes()


def test_a_pst_balances_and_its_hits_go_into_a_bundle_that_verifies(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, ann="ann.pst")
    audit.write("ann.pst", mailbox())
    (balance,) = audit.run(chunk_items=9).balances
    assert (balance.declared, balance.found, balance.unreadable) == (40, 40, 0)
    with open_case(audit.settings()) as case:
        export_bundle(case, name="one", target=tmp_path / "bundle")
    originals = (tmp_path / "bundle" / "originals").glob("????.eml")
    assert any(HIT.encode() in original.read_bytes() for original in originals)
    done = subprocess.run([sys.executable, tmp_path / "bundle" / "verify.py"], check=False)
    assert done.returncode == 0


def test_a_destroyed_leaf_of_the_index_is_one_row_and_the_ledger_balances(tmp_path: Path) -> None:
    content = mailbox()
    root = int.from_bytes(content[224:232], "little")
    leaf = int.from_bytes(content[root + 40 : root + 48], "little")
    audit = audit_in(tmp_path, ann="ann.pst")
    audit.write("ann.pst", content[:leaf] + bytes(512) + content[leaf + 512 :])
    (balance,) = audit.run(chunk_items=9).balances
    assert balance.declared == balance.found
    assert balance.unreadable == 1
    with open_case(audit.settings()) as case, case.database.session() as session:
        rows = list(session.scalars(select(ItemRow)))
        (lost,) = [row for row in rows if row.status == "unreadable"]
        assert 1 < len(rows) < len(NIDS)
        assert lost.path_in_source == "index of the file"
        assert lost.reason.startswith("damaged: 1 page of the file's index")
