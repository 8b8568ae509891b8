"""Fine-tunes the encoder: `python scripts/fine_tuning.py ROWS WEIGHTS`.

Learns from the rows that `prepare` wrote and writes the weights that changed. It needs JAX, NumPy
and the weights to begin with only, so that it can run where an accelerator is. Deterministic on one
machine.

The word pieces' vectors keep their published values: the corpus shows few of them.
"""

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from bert import Params, embed, head_odds, load_params, new_head, run_layer
from rows import UNKNOWN, Row, load_rows

_LENGTHS = (48, 80, 112, 160)
_BATCH = 32
_POOL = 16
_KIND_SHARE = 0.5
_HEAD_FACTOR = 10.0
_WARM_UP = 0.06
_DECAY = 0.01
_CLIP = 1.0
WEIGHTS_FILE, TOKENIZER_FILE = "model.safetensors", "tokenizer.json"
BASE_FOLDER = Path(__file__).parents[1] / "training" / "base"

Batch = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train.

    `rate` is the highest learning rate (it warms up, then falls in a line), `drop` the share of
    states that are dropped.
    """

    epochs: int
    rate: float
    frozen_layers: int
    drop: float = 0.1
    seed: int = 7


FROM_PUBLISHED = Plan(epochs=4, rate=7e-5, frozen_layers=0)
"""All twelve layers: for an accelerator."""

GOING_ON = Plan(epochs=2, rate=7e-5, frozen_layers=0)
"""From an encoder that knows the task already."""


def base_folder() -> Path:
    """Find the weights to begin with: EMAIL_AUDIT_TRAINING_BASE, else what `base_weights` wrote."""
    folder = Path(os.environ.get("EMAIL_AUDIT_TRAINING_BASE", BASE_FOLDER))
    if not (folder / WEIGHTS_FILE).is_file():
        raise SystemExit(f"{folder}: no base weights are there; run `make model-environment`")
    return folder


def fine_tune(rows: Sequence[Row], base: Params, plan: Plan) -> Params:
    """Give the weights that learned: the layers above the frozen ones, and the head."""
    lower = {**base, "layers": base["layers"][: plan.frozen_layers]}
    head = base.get("head") or new_head(base["words"].shape[1], len(rows[0].truth), plan.seed)
    layers = jax.tree.map(lambda *parts: jnp.stack(parts), *base["layers"][plan.frozen_layers :])
    upper = {"layers": layers, "head": jax.tree.map(jnp.copy, head)}  # `_step` consumes it
    states = _Lower(lower, rows)
    order = np.random.default_rng(plan.seed)
    steps = plan.epochs * sum(1 for _ in _batches(rows, np.random.default_rng(0)))
    momentum = jax.tree.map(jnp.zeros_like, upper)
    spread = jax.tree.map(jnp.zeros_like, upper)
    key, taken, started = jax.random.PRNGKey(plan.seed), 0, time.monotonic()
    for epoch in range(plan.epochs):
        losses = []
        for numbers, length in _batches(rows, order):
            key, dropping = jax.random.split(key)
            batch = states.batch(numbers, length)
            rate = plan.rate * min(taken / (_WARM_UP * steps), 1.0) * (1 - taken / steps)
            upper, momentum, spread, loss = _step(
                upper, momentum, spread, taken, rate, batch, dropping, drop=plan.drop
            )
            losses.append(loss)
            taken += 1
        minutes = (time.monotonic() - started) / 60
        print(
            f"epoch {epoch + 1}: loss {float(np.mean(losses)):.4f}, {minutes:.1f} min", flush=True
        )
    depth = len(layers["norm"][0])
    learned = [jax.tree.map(itemgetter(number), upper["layers"]) for number in range(depth)]
    return {"layers": learned, "head": upper["head"]}


class _Lower:
    """The frozen layers' states of every row, computed once."""

    def __init__(self, params: Params, rows: Sequence[Row]) -> None:
        self._rows = rows
        self._states: list[NDArray[np.float16]] = [np.zeros(0, np.float16)] * len(rows)
        for numbers, length in _batches(rows, None):
            padded = _padded([rows[number] for number in numbers], length)
            states = np.asarray(_run_lower(params, padded["ids"], padded["types"], padded["mask"]))
            for place, number in enumerate(numbers):
                self._states[number] = states[place, : len(rows[number].ids)].astype(np.float16)

    def batch(self, numbers: Sequence[int], length: int) -> Batch:
        """Give the states, padded, with the truths."""
        padded = _padded([self._rows[number] for number in numbers], length)
        width = self._states[0].shape[1]
        states = np.zeros((_BATCH, length, width), np.float32)
        for place, number in enumerate(numbers):
            states[place, : len(self._states[number])] = self._states[number]
        return {"states": states} | {name: padded[name] for name in ("mask", "truth", "importance")}


@jax.jit
def _run_lower(params: Params, ids: jax.Array, types: jax.Array, mask: jax.Array) -> jax.Array:
    states = embed(params, ids, types)
    for layer in params["layers"]:
        states = run_layer(layer, states, mask, None, 0.0)
    return states


def _batches(
    rows: Sequence[Row], order: np.random.Generator | None
) -> Iterator[tuple[list[int], int]]:
    """Yield row numbers of about the same length, and the length to pad to."""
    numbers = np.arange(len(rows))
    if order is not None:
        order.shuffle(numbers)
    chunks = []
    for start in range(0, len(numbers), _BATCH * _POOL):
        pool = sorted(numbers[start : start + _BATCH * _POOL], key=lambda n: len(rows[n].ids))
        chunks += [pool[at : at + _BATCH] for at in range(0, len(pool), _BATCH)]
    if order is not None:
        order.shuffle(chunks)
    for chunk in chunks:
        longest = max(len(rows[number].ids) for number in chunk)
        yield [int(n) for n in chunk], next(length for length in _LENGTHS if length >= longest)


def _padded(rows: Sequence[Row], length: int) -> Batch:
    batch: Batch = {
        "ids": np.zeros((_BATCH, length), np.int32),
        "types": np.zeros((_BATCH, length), np.int32),
        "mask": np.zeros((_BATCH, length), np.float32),
        "truth": np.zeros((_BATCH, len(rows[0].truth)), np.float32),
        "importance": np.zeros(_BATCH, np.float32),
    }
    batch["mask"][:, 0] = 1.0
    for place, row in enumerate(rows):
        batch["ids"][place, : len(row.ids)] = row.ids
        batch["types"][place, : len(row.ids)] = row.types
        batch["mask"][place, : len(row.ids)] = 1.0
        batch["truth"][place] = row.truth
        batch["importance"][place] = row.importance
    return batch


def _loss(upper: Params, batch: Batch, key: jax.Array, rate: float) -> jax.Array:
    def through(states: jax.Array, part: tuple[Params, jax.Array]) -> tuple[jax.Array, None]:
        layer, dropping = part
        return run_layer(layer, states, batch["mask"], dropping, rate), None

    # Layers in a loop of the compiler's: written out one by one they take it minutes.
    keys = jax.random.split(key, len(upper["layers"]["norm"][0]))
    states, _ = jax.lax.scan(through, batch["states"], (upper["layers"], keys))
    odds = head_odds(upper["head"], states, batch["mask"])
    truth, importance = batch["truth"], batch["importance"]
    losses = jnp.maximum(odds, 0) - odds * truth + jnp.log1p(jnp.exp(-jnp.abs(odds)))
    mention = (losses[:, 0] * importance).sum() / importance.sum()
    hits = importance * truth[:, 0] * (truth[:, -1] != UNKNOWN)
    kinds = (losses[:, 1:].mean(1) * hits).sum() / (hits.sum() + 1e-6)
    return mention + _KIND_SHARE * kinds


@partial(jax.jit, static_argnames="drop", donate_argnames=("upper", "momentum", "spread"))
def _step(
    upper: Params,
    momentum: Params,
    spread: Params,
    taken: jax.Array,
    rate: jax.Array,
    batch: Batch,
    key: jax.Array,
    *,
    drop: float,
) -> tuple[Params, Params, Params, jax.Array]:
    """Take one step of AdamW (Loshchilov and Hutter 2019)."""
    loss, slope = jax.value_and_grad(_loss)(upper, batch, key, drop)
    size = jnp.sqrt(sum(jnp.sum(part**2) for part in jax.tree.leaves(slope)))
    slope = jax.tree.map(lambda part: part * jnp.minimum(1.0, _CLIP / (size + 1e-6)), slope)
    momentum = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, momentum, slope)
    spread = jax.tree.map(lambda old, new: 0.999 * old + 0.001 * new**2, spread, slope)

    def move(factor: float, weight: jax.Array, first: jax.Array, second: jax.Array) -> jax.Array:
        first = first / (1 - 0.9 ** (taken + 1))
        second = second / (1 - 0.999 ** (taken + 1))
        return weight - rate * factor * (first / (jnp.sqrt(second) + 1e-8) + _DECAY * weight)

    moved = {
        "layers": jax.tree.map(
            partial(move, 1.0), upper["layers"], momentum["layers"], spread["layers"]
        ),
        "head": jax.tree.map(
            partial(move, _HEAD_FACTOR), upper["head"], momentum["head"], spread["head"]
        ),
    }
    return moved, momentum, spread, loss


def save_learned(path: Path, learned: Params) -> None:
    """Write what `fine_tune` gave, in half precision: they become eight-bit weights later."""
    flat = {
        f"{number}.{name}.{place}": np.asarray(array, np.float16)
        for number, layer in enumerate(learned["layers"])
        for name, pair in layer.items()
        for place, array in enumerate(pair)
    }
    flat |= {f"head.{place}": np.asarray(part) for place, part in enumerate(learned["head"])}
    np.savez(path, **flat)


def with_learned(base: Params, path: Path) -> Params:
    """Put the weights of a file into the published ones, from the last layer down."""
    with np.load(path) as stored:
        count = 1 + max(int(name.split(".")[0]) for name in stored if not name.startswith("head"))
        layers = [
            {
                name: tuple(
                    stored[f"{number}.{name}.{place}"].astype(np.float32) for place in (0, 1)
                )
                for name in base["layers"][0]
            }
            for number in range(count)
        ]
        head = (stored["head.0"], stored["head.1"])
    return {**base, "layers": [*base["layers"][:-count], *layers], "head": head}


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("weights", type=Path)
    arguments = parser.parse_args()
    rows = load_rows(arguments.rows)
    print(f"{len(rows)} examples on {jax.devices()[0].device_kind}", flush=True)
    base = load_params(base_folder() / WEIGHTS_FILE)
    plan = GOING_ON if "head" in base else FROM_PUBLISHED
    save_learned(arguments.weights, fine_tune(rows, base, plan))


if __name__ == "__main__":
    main()
