"""BERT (Devlin et al. 2019) as functions of its weights, in JAX: what fine-tuning differentiates.

The weights are those of `BAAI/bge-small-en-v1.5` (MIT), twelve layers of 384.
"""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

HEADS = 12
EPSILON = 1e-12
_FAR = -1e9

Params = dict[str, Any]


def _multiplies_halves() -> bool:
    """Say whether there are units for tiles of bfloat16 (AMX, or an accelerator's)."""
    if jax.default_backend() != "cpu":
        return True
    cpu = Path("/proc/cpuinfo")
    return cpu.is_file() and "amx_bf16" in cpu.read_text("ascii", "replace")


_FACTOR = jnp.bfloat16 if _multiplies_halves() else jnp.float32


@jax.custom_vjp
def product(left: jax.Array, right: jax.Array) -> jax.Array:
    """Multiply states (messages, tokens, inputs) by a matrix (inputs, outputs).

    Where the processor has units for it, factors are rounded to sixteen bits (bfloat16) and sums
    kept in thirty-two, forth and back (Micikevicius et al. 2018): five times as fast.
    """
    return _sum(left.astype(_FACTOR), right.astype(_FACTOR), ((2,), (0,)))


def _sum(left: jax.Array, right: jax.Array, over: tuple[Any, Any]) -> jax.Array:
    return jax.lax.dot_general(left, right, (over, ((), ())), preferred_element_type=jnp.float32)


def _forth(left: jax.Array, right: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return product(left, right), (left.astype(_FACTOR), right.astype(_FACTOR))


def _back(factors: tuple[jax.Array, jax.Array], slope: jax.Array) -> tuple[jax.Array, jax.Array]:
    left, right = factors
    slope = slope.astype(_FACTOR)
    inputs, outputs = right.shape
    flat, flat_slope = left.reshape(-1, inputs), slope.reshape(-1, outputs)
    gained = (
        _turned_product(flat, flat_slope)
        if inputs <= outputs
        else jax.lax.optimization_barrier(_turned_product(flat_slope, flat)).T
    )
    return _sum(slope, right, ((2,), (1,))), gained


def _turned_product(left: jax.Array, right: jax.Array) -> jax.Array:
    """Multiply the turned `left` by `right`; written out, or XLA would take the slow way."""
    turned = jax.lax.optimization_barrier(left.T.reshape(-1))
    return _sum(turned.reshape(left.shape[::-1]), right, ((1,), (0,)))


product.defvjp(_forth, _back)

LAYER_PARTS = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "mix": "attention.output.dense",
    "mix_norm": "attention.output.LayerNorm",
    "widen": "intermediate.dense",
    "narrow": "output.dense",
    "norm": "output.LayerNorm",
}
"""Our names of a layer's pairs of weight and bias, and those of the Transformers library."""

_EMBEDDINGS = {
    "words": "embeddings.word_embeddings.weight",
    "places": "embeddings.position_embeddings.weight",
    "types": "embeddings.token_type_embeddings.weight",
}
_HEAD = "classifier"


def load_params(path: Path) -> Params:
    """Read the weights of a BERT from a safetensors file, and its head if it has one.

    Matrices come out as (inputs, outputs).
    """
    stored = {name.removeprefix("bert."): value for name, value in load_file(path).items()}

    def array(value: NDArray[np.floating[Any]]) -> jax.Array:
        return jnp.asarray(value, jnp.float32)

    def pair(name: str) -> tuple[jax.Array, jax.Array]:
        weight = stored[f"{name}.weight"]
        is_norm = weight.ndim == 1
        return array(weight if is_norm else weight.T), array(stored[f"{name}.bias"])

    depth = 1 + max(int(name.split(".")[2]) for name in stored if name.startswith("encoder.layer."))
    params: Params = {name: array(stored[their]) for name, their in _EMBEDDINGS.items()}
    params["norm"] = pair("embeddings.LayerNorm")
    params["layers"] = [
        {part: pair(f"encoder.layer.{number}.{name}") for part, name in LAYER_PARTS.items()}
        for number in range(depth)
    ]
    return params | ({"head": pair(_HEAD)} if f"{_HEAD}.weight" in stored else {})


def save_params(path: Path, params: Params) -> None:
    """Write what `load_params` reads."""
    stored = {their: np.asarray(params[name]) for name, their in _EMBEDDINGS.items()}
    pairs = {"embeddings.LayerNorm": params["norm"]}
    for number, layer in enumerate(params["layers"]):
        pairs |= {
            f"encoder.layer.{number}.{name}": layer[part] for part, name in LAYER_PARTS.items()
        }
    pairs |= {_HEAD: params["head"]} if "head" in params else {}
    for name, (weight, bias) in pairs.items():
        stored |= {
            f"{name}.weight": np.ascontiguousarray(np.asarray(weight).T),
            f"{name}.bias": np.asarray(bias),
        }
    save_file(stored, path)


def embed(params: Params, ids: jax.Array, types: jax.Array) -> jax.Array:
    """Give the first layer's input, (messages, tokens, width)."""
    places = params["places"][: ids.shape[1]][None]
    return _normal(params["words"][ids] + places + params["types"][types], params["norm"])


def run_layer(
    layer: Params, states: jax.Array, mask: jax.Array, key: jax.Array | None, rate: float
) -> jax.Array:
    """Give a layer's output; with a `key`, parts of both sums are dropped at `rate` (training)."""
    messages, tokens, width = states.shape
    keys = (None, None) if key is None else jax.random.split(key, 2)

    def heads(name: str) -> jax.Array:
        weight, bias = layer[name]
        split = (product(states, weight) + bias).reshape(messages, tokens, HEADS, width // HEADS)
        return split.transpose(0, 2, 1, 3)

    # Written out, the turned keys multiply three times as fast: XLA would fold the turn away.
    turned = jax.lax.optimization_barrier(heads("key").transpose(0, 1, 3, 2))
    match = heads("query") @ turned / math.sqrt(width // HEADS)
    share = jax.nn.softmax(match + (1 - mask[:, None, None, :]) * _FAR, -1)
    mixed = share @ heads("value")
    mixed = mixed.transpose(0, 2, 1, 3).reshape(messages, tokens, width)
    mixed = product(mixed, layer["mix"][0]) + layer["mix"][1]
    states = _normal(states + _drop(mixed, keys[0], rate), layer["mix_norm"])
    wide = jax.nn.gelu(product(states, layer["widen"][0]) + layer["widen"][1], approximate=False)
    narrow = product(wide, layer["narrow"][0]) + layer["narrow"][1]
    return _normal(states + _drop(narrow, keys[1], rate), layer["norm"])


def head_odds(head: tuple[jax.Array, jax.Array], states: jax.Array, mask: jax.Array) -> jax.Array:
    """Give the labels' log-odds from the mean of a message's tokens."""
    mean = (states * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
    return mean @ head[0] + head[1]


def new_head(width: int, labels: int, seed: int) -> tuple[jax.Array, jax.Array]:
    """Give a head of small random weights."""
    weights = np.random.default_rng(seed).normal(0, 0.02, (width, labels))
    return jnp.asarray(weights, jnp.float32), jnp.zeros(labels)


def _normal(states: jax.Array, norm: tuple[jax.Array, jax.Array]) -> jax.Array:
    centred = states - states.mean(-1, keepdims=True)
    deviation = jnp.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
    return centred / deviation * norm[0] + norm[1]


def _drop(states: jax.Array, key: jax.Array | None, rate: float) -> jax.Array:
    if key is None:
        return states
    kept = jax.random.bernoulli(key, 1 - rate, states.shape)
    return jnp.where(kept, states / (1 - rate), 0)
