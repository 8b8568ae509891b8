"""What was wrong while one thing was read, and how much reading was done for it."""

from email_audit.messages.records import Problem, ProblemCode

_NAMED_MAX = 6


class DamagedError(Exception):
    """A structure cannot be read; what is wrong is in the damage already noted."""


class LimitError(Exception):
    """Reading took more work than one item may cost."""


class Damage:
    """Collects what was wrong, each thing once: `lost` content is not there, `bad` may be false."""

    __slots__ = ("bad_places", "lost_places", "too_deep")

    def __init__(self) -> None:
        self.bad_places: dict[str, None] = {}
        self.lost_places: dict[str, None] = {}
        self.too_deep = False
        """Whether embedded items were left out because they lie too deep."""

    def bad(self, what: str) -> None:
        """Note a checksum that does not hold, or a structure that contradicts itself."""
        self.bad_places[what] = None

    def lost(self, what: str) -> None:
        """Note something that lies beyond the end of the file."""
        self.lost_places[what] = None

    def include(self, other: "Damage") -> None:
        """Take over what was wrong with something this one depends on."""
        self.bad_places |= other.bad_places
        self.lost_places |= other.lost_places
        self.too_deep = self.too_deep or other.too_deep

    def __bool__(self) -> bool:
        return bool(self.bad_places or self.lost_places)

    def problems(self) -> tuple[Problem, ...]:
        """Give what was wrong as problems, the places named."""
        found = []
        if self.bad_places:
            found.append(Problem(ProblemCode.DAMAGED, _listed(self.bad_places)))
        if self.lost_places:
            found.append(Problem(ProblemCode.TRUNCATED, _listed(self.lost_places)))
        if self.too_deep:
            detail = "embedded items deeper than the limit are left out"
            found.append(Problem(ProblemCode.TOO_DEEP, detail))
        return tuple(found)


def _listed(things: dict[str, None]) -> str:
    named = list(things)[:_NAMED_MAX]
    more = len(things) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")


class Budget:
    """Bounds the work one item may cost, in bytes read or produced.

    A small hostile file can say that one block belongs to a message a million times over.
    """

    __slots__ = ("_left",)

    def __init__(self, size_bytes: int) -> None:
        self._left = size_bytes

    def spend(self, size_bytes: int) -> None:
        """Count work done.

        Raises:
            LimitError: where it is too much.
        """
        self._left -= size_bytes
        if self._left < 0:
            raise LimitError
