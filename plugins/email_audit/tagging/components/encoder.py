"""The encoder: a small BERT that reads one excerpt of a message, and the text that it answers.

Only messages that the judge does not clear for sure reach it, because it reads some thirty a
second. It runs quantised to eight bits, one message at a time: in a batch, the messages beside it
would change the scale of its activations and with it the answer.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

ENCODER_FACTORY = "email_audit_encoder"
MODEL_FILE = "encoder.onnx"
TOKENIZER_FILE = "tokenizer.json"

MAX_TOKENS = 160
"""Word pieces read of a message and the text that it answers together."""

_CLS, _SEP = 101, 102
_FRAME = 3


def token_ids(tokenizer: "Tokenizer", own: str, context: str) -> tuple[list[int], list[int]]:
    """Give the word pieces of both texts in one row, and which of the two each belongs to.

    `[CLS] own [SEP] context [SEP]` (Devlin et al. 2019, 3.1). The context gets half of the room,
    more where the own text is shorter.
    """
    first = tokenizer.encode(own, add_special_tokens=False).ids
    second = tokenizer.encode(context, add_special_tokens=False).ids if context else []
    room = MAX_TOKENS - _FRAME
    second = second[: max(room // 2, room - len(first))]
    first = first[: room - len(second)]
    ids = [_CLS, *first, _SEP]
    types = [0] * len(ids)
    if second:
        ids += [*second, _SEP]
        types += [1] * (len(second) + 1)
    return ids, types


class Encoder:
    """Gives the log-odds of a mention and of each kind; inside `nlp` it leaves the Doc as it is.

    Args:
        labels: What the columns of the network's output mean; the first is the mention.
        files: The network (ONNX) and the tokenizer (Hugging Face's JSON), by file name.
    """

    def __init__(
        self, labels: Sequence[str] = (), files: Mapping[str, bytes] | None = None
    ) -> None:
        self.labels = tuple(labels)
        self.files = dict(files or {})
        self._loaded: tuple[InferenceSession, Tokenizer] | None = None

    def odds(self, own: str, context: str) -> dict[str, float]:
        """Give the log-odds of each label for one message."""
        if self._loaded is None:
            self._loaded = _load(self.files)
        session, tokenizer = self._loaded
        ids, types = token_ids(tokenizer, own, context)
        (rows,) = session.run(
            None,
            {
                "ids": np.array([ids], np.int64),
                "types": np.array([types], np.int64),
                "mask": np.ones((1, len(ids)), np.int64),
            },
        )
        return dict(zip(self.labels, rows[0].tolist(), strict=True))

    def __call__(self, doc: Doc) -> Doc:
        """Leave the Doc as it is: a message is read whole, with what it answers."""
        return doc

    def to_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> None:  # noqa: ARG002
        """Write network, tokenizer and labels into a folder."""
        path = Path(path)
        path.mkdir(parents=True, exist_ok=True)
        (path / "labels.txt").write_text("".join(f"{label}\n" for label in self.labels), "utf-8")
        for name, content in self.files.items():
            (path / name).write_bytes(content)

    def from_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> Self:  # noqa: ARG002
        """Read what `to_disk` wrote."""
        path = Path(path)
        self.labels = tuple((path / "labels.txt").read_text("utf-8").split())
        self.files = {
            name: (path / name).read_bytes()
            for name in (MODEL_FILE, TOKENIZER_FILE)
            if (path / name).is_file()
        }
        self._loaded = None
        return self


def _load(files: Mapping[str, bytes]) -> "tuple[InferenceSession, Tokenizer]":
    # Imported late: both take time, and a mailbox without a doubtful message needs neither.
    from onnxruntime import InferenceSession, SessionOptions
    from tokenizers import Tokenizer

    options = SessionOptions()
    # Audits run one process a core.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = InferenceSession(files[MODEL_FILE], options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_buffer(files[TOKENIZER_FILE])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return session, tokenizer


@Language.factory(ENCODER_FACTORY)
def make_encoder(nlp: Language, name: str) -> Encoder:  # noqa: ARG001
    """Make an untrained encoder."""
    return Encoder()
