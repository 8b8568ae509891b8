"""The custody log's chain: every change to an entry is noticed."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from email_audit.evidence.custody import chain_faults, next_entry


def log_of(length: int) -> list[dict[str, Any]]:
    entries, previous = [], None
    for number in range(length):
        previous = next_entry(
            previous,
            at="2026-01-01T00:00:00Z",
            actor="operator",
            action="acquired",
            subject=f"{number:064x}",
            details={"bytes": number, "path": "ünïcode"},
        )
        entries.append(previous.as_json())
    return entries


def test_an_untouched_log_has_no_faults() -> None:
    assert list(chain_faults(log_of(5))) == []


@given(
    st.integers(0, 4),
    st.sampled_from(
        ["seq", "at", "actor", "action", "subject", "details", "previous_hash", "hash"]
    ),
)
def test_a_changed_field_is_noticed(position: int, field: str) -> None:
    entries = log_of(5)
    entries[position][field] = (
        {"bytes": -1} if field == "details" else 99 if field == "seq" else "x"
    )
    assert list(chain_faults(entries))


@given(st.integers(0, 3))
def test_a_removed_entry_is_noticed(position: int) -> None:
    entries = log_of(5)
    del entries[position]
    assert list(chain_faults(entries))


@given(st.permutations(range(5)).filter(lambda order: order != list(range(5))))
def test_another_order_is_noticed(order: list[int]) -> None:
    entries = log_of(5)
    assert list(chain_faults([entries[position] for position in order]))


def test_cutting_the_end_off_is_beyond_a_chain_and_said_so() -> None:
    assert list(chain_faults(log_of(5)[:3])) == []
    assert chain_faults.__module__
    from email_audit.evidence import custody

    assert "entries at its end were cut off" in " ".join((custody.__doc__ or "").split())
