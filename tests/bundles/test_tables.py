"""Cells come back as they were, and no spreadsheet program runs them."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_audit.bundles.tables import csv_line, offset, safe_cell


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1"]
)
def test_a_cell_that_would_be_run_gets_an_apostrophe(cell: str) -> None:
    assert safe_cell(cell).startswith("'")


def test_an_ordinary_cell_stays_as_it_is() -> None:
    assert safe_cell('Ruiz, "Dana" <a@b.example>; ñ') == 'Ruiz, "Dana" <a@b.example>; ñ'


def test_what_utf8_or_csv_cannot_hold_is_written_out() -> None:
    assert safe_cell("a\x00b\udc80c\x1b") == "a\\x00b\\udc80c\\x1b"


@given(st.lists(st.text(st.characters(codec=None), max_size=20), min_size=2, max_size=5))
def test_every_line_comes_back_with_its_cells(cells: list[str]) -> None:
    [row] = csv.reader(io.StringIO(csv_line(cells).decode(), newline=""), strict=True)
    assert row == [safe_cell(cell) for cell in cells]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in row)


@pytest.mark.parametrize(
    ("minutes", "shown"),
    [(-300, "UTC-05:00"), (0, "UTC+00:00"), (345, "UTC+05:45"), (99_999, "UTC+1666:39")],
)
def test_an_offset_never_starts_like_a_formula(minutes: int, shown: str) -> None:
    assert offset(minutes) == shown
