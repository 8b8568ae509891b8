"""What can become of a found copy; apart from the tables, which take long to load."""

from enum import StrEnum


class Fate(StrEnum):
    """What became of one found copy of a message; every copy has exactly one in the end."""

    PENDING = "pending"
    HIT = "hit"
    NON_HIT = "non_hit"
    DUPLICATE = "duplicate"
    OUT_OF_SCOPE = "out_of_scope"
    UNREADABLE = "unreadable"
