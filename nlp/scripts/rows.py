"""What the encoder is trained on, as arrays in a file: any machine with JAX can train from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1.0
"""The truth of a label that nobody has checked."""


@dataclass(frozen=True, slots=True)
class Row:
    """An excerpt as word pieces, and the truth of each label.

    `types` says which of the two texts each piece belongs to, `importance` how many examples the
    row counts for.
    """

    ids: Sequence[int]
    types: Sequence[int]
    truth: NDArray[np.float32]
    importance: float = 1.0


def save_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows into a NumPy archive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        ids=np.concatenate([np.asarray(row.ids, np.uint16) for row in rows]),
        types=np.concatenate([np.asarray(row.types, np.uint8) for row in rows]),
        ends=np.cumsum([len(row.ids) for row in rows]),
        truth=np.stack([row.truth for row in rows]),
        importance=np.array([row.importance for row in rows], np.float32),
    )


def load_rows(path: Path) -> list[Row]:
    """Read what `save_rows` wrote."""
    with np.load(path) as stored:
        ids: NDArray[Any] = stored["ids"]
        types: NDArray[Any] = stored["types"]
        ends, truth, importance = stored["ends"], stored["truth"], stored["importance"]
    starts = [0, *ends[:-1]]
    return [
        Row(ids[start:end].tolist(), types[start:end].tolist(), true, float(weight))
        for start, end, true, weight in zip(starts, ends, truth, importance, strict=True)
    ]
