"""Writes a fine-tuned BERT as an ONNX network with 8-bit weights, and reads it back."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from bert import EPSILON, HEADS, LAYER_PARTS, Params

_OPSET = 20
_IR_VERSION = 9
_FAR = np.float32(-1e9)


def quantised(params: Params) -> bytes:
    """Give the network with weights of eight bits, one scale a column.

    Seven of the eight bits are used (`reduce_range`): processors without VNNI saturate otherwise,
    and the same message must get the same score on any machine.
    """
    with tempfile.TemporaryDirectory() as scratch:
        whole, small = Path(scratch) / "whole.onnx", Path(scratch) / "small.onnx"
        onnx.save(network(params), whole)
        quantize_dynamic(
            whole, small, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True
        )
        return small.read_bytes()


def network(params: Params) -> onnx.ModelProto:
    """Give the network: inputs `ids`, `types`, `mask` (messages, tokens), output `odds`."""
    return _built(params).model(len(params["head"][1]))


def weights_of(content: bytes) -> Params:
    """Give the weights that `quantised` wrote, as near as eight bits tell."""
    model = onnx.load_from_string(content)
    stored = {part.name: numpy_helper.to_array(part) for part in model.graph.initializer}
    depth = sum(node.op_type == "Gelu" for node in model.graph.node)

    def pair() -> tuple[NDArray[Any], NDArray[Any]]:
        return np.zeros(1), np.zeros(1)

    like: Params = {name: np.zeros((1, HEADS)) for name in ("words", "places", "types")}
    like |= {"norm": pair(), "head": pair()}
    like["layers"] = [{part: pair() for part in LAYER_PARTS} for _ in range(depth)]
    # The constants' names follow from the order of building alone, so building anew tells them.
    names = _built(like).names
    return jax.tree.map(lambda leaf: _whole(stored, names[id(leaf)]), like)


def _whole(stored: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.float32]:
    if name in stored:
        return stored[name].astype(np.float32)
    small = stored[f"{name}_quantized"].astype(np.float32)
    return (small - stored[f"{name}_zero_point"]) * stored[f"{name}_scale"]


def _built(params: Params) -> "_Builder":
    build = _Builder()
    width = params["words"].shape[1]
    length = build.add("Gather", build.add("Shape", "ids"), build.constant(np.int64(1)))
    count = build.add("Range", build.constant(np.int64(0)), length, build.constant(np.int64(1)))
    words = build.add("Gather", build.constant(params["words"]), "ids")
    places = build.add("Gather", build.constant(params["places"]), count)
    types = build.add("Gather", build.constant(params["types"]), "types")
    states = build.normal(build.add("Add", build.add("Add", words, places), types), params["norm"])
    mask = build.add("Cast", "mask", to=TensorProto.FLOAT)
    hidden = build.add("Sub", build.constant(np.float32(1)), mask)
    far = build.add("Mul", hidden, build.constant(_FAR))
    far = build.add("Unsqueeze", far, build.constant(np.array([1, 2])))
    for layer in params["layers"]:
        states = build.layer(layer, states, far, width)
    weight = build.add("Unsqueeze", mask, build.constant(np.array([2])))
    tokens = build.constant(np.array([1]))
    total = build.add("ReduceSum", build.add("Mul", states, weight), tokens, keepdims=0)
    mean = build.add("Div", total, build.add("ReduceSum", weight, tokens, keepdims=0))
    head, bias = params["head"]
    build.add("Gemm", mean, build.constant(head), build.constant(bias), result="odds")
    return build


class _Builder:
    """Collects nodes and constants of one graph."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        """The constants' names by the identity of the arrays they were made of."""
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, value: ArrayLike) -> str:
        name = f"constant{len(self._constants)}"
        self.names[id(value)] = name
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, result: str = "", **attributes: object) -> str:
        result = result or f"value{len(self._nodes)}"
        node = helper.make_node(kind, inputs, [result], f"{kind}{len(self._nodes)}", **attributes)
        self._nodes.append(node)
        return result

    def linear(self, states: str, pair: tuple[ArrayLike, ArrayLike]) -> str:
        product = self.add("MatMul", states, self.constant(pair[0]))
        return self.add("Add", product, self.constant(pair[1]))

    def normal(self, states: str, pair: tuple[ArrayLike, ArrayLike]) -> str:
        weights = map(self.constant, pair)
        return self.add("LayerNormalization", states, *weights, axis=-1, epsilon=EPSILON)

    def layer(self, layer: Params, states: str, far: str, width: int) -> str:
        split = self.constant(np.array([0, 0, HEADS, width // HEADS]))
        scale = self.constant(np.float32(1 / np.sqrt(width // HEADS)))

        def heads(name: str, order: list[int]) -> str:
            linear = self.linear(states, layer[name])
            return self.add("Transpose", self.add("Reshape", linear, split), perm=order)

        match = self.add("MatMul", heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]))
        match = self.add("Add", self.add("Mul", match, scale), far)
        share = self.add("Softmax", match, axis=-1)
        mixed = self.add("MatMul", share, heads("value", [0, 2, 1, 3]))
        mixed = self.add("Transpose", mixed, perm=[0, 2, 1, 3])
        mixed = self.add("Reshape", mixed, self.constant(np.array([0, 0, width])))
        mixed = self.linear(mixed, layer["mix"])
        states = self.normal(self.add("Add", states, mixed), layer["mix_norm"])
        narrow = self.linear(self.add("Gelu", self.linear(states, layer["widen"])), layer["narrow"])
        return self.normal(self.add("Add", states, narrow), layer["norm"])

    def model(self, labels: int) -> onnx.ModelProto:
        integers = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["messages", "tokens"])
            for name in ("ids", "types", "mask")
        ]
        odds = helper.make_tensor_value_info("odds", TensorProto.FLOAT, ["messages", labels])
        graph = helper.make_graph(self._nodes, "encoder", integers, [odds], self._constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
        )
        onnx.checker.check_model(model)
        return model
