"""Tests each writer's messages on a pipeline built without them: `python scripts/strange_hands.py`.

Real mail comes from hands that training never saw, so this says more than a split by storylines.
"""

from corpus import PROJECT, read_corpus
from email_audit.tagging.components.lexicon import read_lexicon
from email_audit.tagging.tagger import SpacyTagger
from measures import precision, recall
from train import build


def main() -> None:
    """Build a pipeline without each writer in turn, and report."""
    corpus = read_corpus(PROJECT / "corpus")
    lexicon = read_lexicon(PROJECT / "lexicon" / "lexicon.jsonl")
    every_truth: list[bool] = []
    every_hit: list[bool] = []
    for writer in sorted({item.writer for item in corpus}):
        own = [item for item in corpus if item.writer == writer]
        others = [item for item in corpus if item.writer != writer]
        tagger = SpacyTagger(build(others, lexicon), f"without {writer}")
        truth = [item.enforcement for item in own]
        hits = [tag.enforcement for tag in tagger.tag(item.message for item in own)]
        every_truth += truth
        every_hit += hits
        print(f"{writer}  recall {recall(truth, hits)}  precision {precision(truth, hits)}")
    found, right = recall(every_truth, every_hit), precision(every_truth, every_hit)
    print(f"all recall {found}  precision {right}")


if __name__ == "__main__":
    main()
