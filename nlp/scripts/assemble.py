"""Second half of the training: `python scripts/assemble.py UNREAD WEIGHTS OUTPUT`.

Puts the fine-tuned encoder, quantised, into the pipeline that `prepare` wrote. The part "dev", by
writers that nothing before has seen, with real everyday mail of other senders
(EMAIL_AUDIT_TRAINING_MAIL), decides how judge and encoder are put together, and the thresholds.
"""

import argparse
import shutil
from pathlib import Path

import spacy

from background import background
from bert import load_params
from command import run
from corpus import of_part, read_corpus
from email_audit.tagging.components.encoder import (
    ENCODER_FACTORY,
    MODEL_FILE,
    TOKENIZER_FILE,
    Encoder,
)
from email_audit.tagging.components.judge import JUDGE_FACTORY, Judge
from email_audit.tagging.learning.closing import fit_closing
from email_audit.tagging.tagger import SpacyTagger
from examples import LABELS
from fine_tuning import WEIGHTS_FILE, base_folder, with_learned
from onnx_graph import quantised
from parts import component

VERSION = "0.5.0"


def main() -> None:
    """Assemble, fit the closing models, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("unread", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("output", type=Path, help="folder of the pipeline; replaced")
    arguments = parser.parse_args()
    nlp = spacy.load(arguments.unread)
    folder = base_folder()
    network = with_learned(load_params(folder / WEIGHTS_FILE), arguments.weights)
    encoder = component(nlp, ENCODER_FACTORY, Encoder)
    encoder.labels = LABELS
    encoder.files = {
        MODEL_FILE: quantised(network),
        TOKENIZER_FILE: (folder / TOKENIZER_FILE).read_bytes(),
    }
    dev = [*of_part(read_corpus(), "dev"), *background()["dev"]]
    judge = component(nlp, JUDGE_FACTORY, Judge)
    opinions = SpacyTagger(nlp, VERSION, threshold=1.0).opinions(item.message for item in dev)
    judge.weights = fit_closing(judge.weights, dev, list(opinions))
    nlp.meta.update(
        name="email_audit",
        version=VERSION,
        description="Finds mentions of civil immigration enforcement in police e-mail",
        license="Apache-2.0",
    )
    shutil.rmtree(arguments.output, ignore_errors=True)
    nlp.to_disk(arguments.output)
    print(f"closed on {len(dev)} messages: {arguments.output}")


if __name__ == "__main__":
    run(main)
