"""The roster: what is accepted, and that every fault is named with file, row and field."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_audit.errors import UserError
from email_audit.roster import ROSTER_COLUMNS, read_requests, read_roster

HEADER = ",".join(ROSTER_COLUMNS)


def roster_file(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "roster.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_an_officer_may_have_several_assignments_with_open_ends(tmp_path: Path) -> None:
    path = roster_file(
        tmp_path,
        "P-1,Ann Lee,Det,ann.lee@city.example; backup/ann.mbox,TF,HSI,2024-01-01,2024-06-30",
        "P-1,Ann Lee,Detective,ann.lee@city.example,Fraud TF,FBI,2025-01-01,",
    )
    roster = read_roster(path)
    assert roster.officers == ("P-1",)
    assert roster.mailboxes("P-1") == ("ann.lee@city.example", "backup/ann.mbox")
    assert roster.assignments[0].assigned_to == date(2024, 6, 30)
    assert roster.assignments[1].assigned_to is None


def test_all_faults_are_reported_at_once_with_line_and_field(tmp_path: Path) -> None:
    path = roster_file(
        tmp_path,
        "P-1,Ann Lee,Det,a@c.example,Gang,HSI,01/02/2024,",
        ",No Id,Det,b@c.example,Gang,HSI,2024-01-01,2023-01-01",
        "P-3,Cy,Det,../secret,Gang,HSI,2024-01-01,2024-02-30",
    )
    with pytest.raises(UserError) as caught:
        read_roster(path)
    lines = str(caught.value).splitlines()
    assert f"{path}, line 2, assigned_from: is not a day written as YYYY-MM-DD" in lines[0]
    assert any(f"{path}, line 3, officer_id" in line for line in lines)
    assert any("line 4, mailboxes" in line for line in lines)
    assert any("line 4, assigned_to" in line for line in lines)


def test_an_assignment_cannot_end_before_it_begins(tmp_path: Path) -> None:
    path = roster_file(tmp_path, "P-1,Ann,Det,a@c.example,Gang,HSI,2024-05-01,2024-04-30")
    with pytest.raises(UserError, match="line 2, row: assigned_to 2024-04-30 is before"):
        read_roster(path)


def test_a_mailbox_has_one_custodian_and_an_officer_one_name(tmp_path: Path) -> None:
    path = roster_file(
        tmp_path,
        "P-1,Ann,Det,a@c.example,Gang,HSI,,",
        "P-2,Bob,Det,A@c.example,Gang,HSI,,",
        "P-1,Anna,Det,,Gang,HSI,,",
    )
    with pytest.raises(UserError) as caught:
        read_roster(path)
    assert "line 3, mailboxes: 'A@c.example' already belongs to officer P-1" in str(caught.value)
    assert "line 4, name: officer P-1 is 'Ann' in line 2 and 'Anna' here" in str(caught.value)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER.replace("rank,", ""), "missing: rank"),
        (HEADER + ",badge", "unknown: badge"),
        ("", "missing: officer_id"),
    ],
)
def test_wrong_columns_are_named(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_roster(roster_file(tmp_path, header=header))


def test_a_roster_that_is_missing_empty_or_not_utf8_is_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_roster(tmp_path / "none.csv")
    with pytest.raises(UserError, match="has no officers"):
        read_roster(roster_file(tmp_path))
    latin = tmp_path / "latin.csv"
    latin.write_bytes(HEADER.encode() + b"\nP-1,Jos\xe9,Det,,Gang,HSI,,\n")
    with pytest.raises(UserError, match="is not UTF-8; save the roster as UTF-8 CSV"):
        read_roster(latin)


def test_a_row_with_too_many_cells_is_named(tmp_path: Path) -> None:
    path = roster_file(tmp_path, "P-1,Ann,Det,a@c.example,Gang,HSI,,,extra")
    with pytest.raises(UserError, match="line 2, .*more cells than the header"):
        read_roster(path)


def test_a_spreadsheet_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = roster_file(tmp_path, "P-1,Ann,Det,a@c.example,Gang,HSI,,")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_roster(path).officers == ("P-1",)


def test_requests_are_read_and_checked_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "requests.csv"
    header = "date,requesting_agency,requested_of,description,response\n"
    path.write_text(header + "2025-03-01,HSI,Gang TF,alerts,declined\n")
    assert read_requests(path)[0].response == "declined"
    path.write_text(header + "soon,,x,y,z\n")
    with pytest.raises(UserError, match=r"line 2, date.*\n.*line 2, requesting_agency"):
        read_requests(path)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_roster_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("roster") / "roster.csv"
    path.write_bytes(HEADER.encode() + b"\n" + content)
    try:
        assert read_roster(path).assignments
    except UserError as error:
        assert str(path) in str(error)  # noqa: PT017 - either outcome is right
