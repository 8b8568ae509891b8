"""Whether a process has ended, also where nobody has asked for its exit code yet."""

from pathlib import Path


def is_gone(pid: int) -> bool:
    """Wait, and say whether it ended."""
    return any(_has_ended(pid) for _ in range(1_000_000))


def _has_ended(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
