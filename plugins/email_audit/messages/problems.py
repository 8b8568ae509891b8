"""The problems met while one message is read, each kind once."""

from email_audit.messages.records import (
    INCOMPLETE_PROBLEMS,
    LOSSY_PROBLEMS,
    Problem,
    ProblemCode,
    ReadStatus,
)


class Problems:
    """Collects problems in the order met; the first sentence of each code stands."""

    __slots__ = ("_found",)

    def __init__(self, container: tuple[Problem, ...] = ()) -> None:
        self._found = {problem.code: problem for problem in container}

    def add(self, code: ProblemCode, detail: str) -> None:
        """Note a problem; `detail` is a sentence without mail content."""
        if code not in self._found:
            self._found[code] = Problem(code, detail)

    def merge(self, problems: tuple[Problem, ...], where: str) -> None:
        """Take over the lossy problems of an embedded message: what it lost, this one lost."""
        for problem in problems:
            if problem.code in LOSSY_PROBLEMS:
                self.add(problem.code, f"{where}: {problem.detail}")

    def found(self) -> tuple[Problem, ...]:
        """Give the problems in the order met."""
        return tuple(self._found.values())

    def status(self) -> ReadStatus:
        """Give `partial` where some content was not seen or there was no header, else `ok`."""
        is_whole = INCOMPLETE_PROBLEMS.isdisjoint(self._found)
        return ReadStatus.OK if is_whole else ReadStatus.PARTIAL
