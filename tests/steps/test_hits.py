"""The hits are listed as of one moment, whatever others write meanwhile."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, text

from email_audit.steps.case import open_case
from email_audit.steps.hits import list_hits
from tests.audits import audit_in, mail, mbox
from tests.servers.databases import Backend


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_resolve_in_between_does_not_tear_the_list(tmp_path: Path, backend: Backend) -> None:
    audit = audit_in(tmp_path, P1="a.mbox")
    audit.write("a.mbox", mbox(mail("detainer 1", "Text 1."), mail("detainer 2", "Text 2.")))
    audit.run(threshold=0.0)
    others = create_engine(audit.settings().database_url)
    statements = 0

    def resolve_anew(connection: object, *_: object) -> None:
        nonlocal statements
        if getattr(connection, "engine", None) is others:
            return
        statements += 1
        if statements == 1:
            with others.begin() as other:
                other.execute(text("DELETE FROM tag"))
                other.execute(text("UPDATE item SET fate = 'pending'"))

    with open_case(audit.settings()) as case:
        before = list_hits(case)
        event.listen(Engine, "after_cursor_execute", resolve_anew)
        try:
            assert list_hits(case) == before
        finally:
            event.remove(Engine, "after_cursor_execute", resolve_anew)
        assert list_hits(case) == []
    others.dispose()
    assert len(before) == 2
    assert statements > 1
