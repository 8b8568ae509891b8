"""Counts hits in mail that is known to have none: `python scripts/false_hits.py PIPELINE MBOX.GZ`.

Such mail measures; it is never trained on. Prints the share of hits, what the gate lets through,
speeds, and where in the file the highest scores are: never their words.
"""

import argparse
import email.policy
import gzip
import mailbox
import tempfile
import time
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from baselines import keyword_hits, regression_hits
from corpus import PROJECT, of_parts, own_and_carried, read_corpus
from email_audit.tagging.components.gate import GATE_FACTORY, Gate
from email_audit.tagging.learning.measures import Share
from email_audit.tagging.reading import read_input
from email_audit.tagging.records import TagInput
from email_audit.tagging.tagger import load_pipeline, load_tagger


def read_mail(path: Path) -> list[TagInput]:
    """Read the plain text of every message of a gzip-compressed mbox."""
    with tempfile.NamedTemporaryFile(suffix=".mbox") as plain:
        plain.write(gzip.decompress(path.read_bytes()))
        plain.flush()
        box = mailbox.mbox(plain.name, create=False)
        parse = BytesParser(policy=email.policy.default).parsebytes
        return [_input(parse(box.get_bytes(key))) for key in box.iterkeys()]


def _input(message: EmailMessage) -> TagInput:
    body = message.get_body(("plain",))
    raw = (body.get_payload(decode=True) if body is not None else None) or b""
    text = raw.decode("latin-1") if isinstance(raw, bytes) else ""
    subject = str(message.get("subject") or "")
    own_text, context = own_and_carried(text.replace("\r\n", "\n"), subject)
    return TagInput(subject, own_text, context)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pipeline")
    parser.add_argument("mail", type=Path)
    arguments = parser.parse_args()
    inputs = read_mail(arguments.mail)
    tagger = load_tagger(arguments.pipeline)
    gate = load_pipeline(arguments.pipeline).get_pipe(GATE_FACTORY)
    assert isinstance(gate, Gate)
    texts = [window.text for item in inputs for window in read_input(item).own_windows()]
    begun = time.perf_counter()
    passed = sum(map(gate.passes, texts))
    gate_seconds = time.perf_counter() - begun
    begun = time.perf_counter()
    tags = list(tagger.tag(inputs))
    seconds = time.perf_counter() - begun
    print(f"{tagger.version}, threshold {tagger.threshold}, {len(inputs)} messages")
    print(
        f"gate: {len(texts) / gate_seconds:,.0f} texts/s, lets through {Share(passed, len(texts))}"
    )
    print(f"whole pipeline: {len(inputs) / seconds:,.0f} messages/s")
    train = of_parts(read_corpus(PROJECT / "corpus"), ["train", "dev"])
    print(f"false hits: {Share(sum(tag.enforcement for tag in tags), len(tags))}")
    print(f"false hits of the keyword list: {Share(sum(keyword_hits(inputs)), len(inputs))}")
    regression = regression_hits(train, inputs)
    print(f"false hits of the TF-IDF regression: {Share(sum(regression), len(inputs))}")
    highest = sorted(range(len(tags)), key=lambda number: -tags[number].score)[:20]
    print(
        "highest scores:", ", ".join(f"{number} ({tags[number].score:.2f})" for number in highest)
    )


if __name__ == "__main__":
    main()
