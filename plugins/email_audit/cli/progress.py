"""Progress of long work: a bar on a terminal, plain lines elsewhere."""

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from email_audit.steps.run import Progress

_LABELS = {
    "acquire": "Acquiring exports",
    "read": "Reading chunks",
    "tag": "Tagging chunks",
    "index": "Indexing hits",
    "backup": "Copying evidence",
    "restore": "Restoring evidence",
}

_OF_A_RUN = ("acquire", "read", "tag", "index")


@contextmanager
def show_progress() -> "Iterator[Progress]":
    """Give a function that shows progress on standard error."""
    if not sys.stderr.isatty():
        yield _print_line
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        tasks = {
            name: bar.add_task(label, total=None, visible=name in _OF_A_RUN)
            for name, label in _LABELS.items()
        }
        yield lambda step, done, total: bar.update(
            tasks[step], completed=done, total=total, visible=True
        )


def _print_line(step: str, done: int, total: int) -> None:
    """Print each tenth part: a log file should stay readable."""
    if done == total or done % max(1, total // 10) == 0:
        print(f"{_LABELS[step]}: {done} of {total}", file=sys.stderr, flush=True)  # noqa: T201
