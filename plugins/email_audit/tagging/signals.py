"""Signals: the spans that speak for a hit, with exact places in the message's own parts."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from spacy.tokens import Doc, Span

from email_audit.tagging.components.lexicon import Entry, Stance
from email_audit.tagging.components.rules import RULES
from email_audit.tagging.reading import Reading, Window
from email_audit.tagging.records import Kind, Signal

MAX_SIGNALS = 50
"""A list of a thousand names need not give a thousand signals."""

CARRIES = {
    Kind.REQUEST: "carries the decision: asks for help",
    Kind.ASSISTANCE: "carries the decision: gives, promises or reports help",
    Kind.ALERT: "carries the decision: sets or delivers an alert",
    Kind.INFORMATION: "carries the decision: passes information about a person",
    Kind.CUSTODY: "carries the decision: holding, release or hand-over",
    Kind.OPERATION: "carries the decision: a joint or supporting action",
    Kind.REFUSAL: "carries the decision: declines, stops or questions help",
    Kind.POLICY: "carries the decision: rules, training or advice",
    Kind.NEWS: "carries the decision: press or public statement",
}
AGREES = "agrees to the quoted request"
DECLINES = "declines or questions the quoted request"
ANSWERS = "answers a text about immigration enforcement"
WHOLE = "the text as a whole"

_ANSWER_LABELS = {Stance.AGREES: AGREES, Stance.DECLINES: DECLINES}


def find_signals(
    reading: Reading,
    windows: Sequence[Window],
    docs: Sequence[Doc],
    lexicon: Mapping[str, Entry],
    carrying: Callable[[], Sequence[tuple[Span, Kind]]],
    *,
    is_convinced: bool,
    by_context: bool,
) -> tuple[Signal, ...]:
    """Give the signals of a hit, in order of parts and places; at least one.

    Args:
        reading: What was read of the message.
        windows: The windows of its own content that were judged.
        docs: Their Docs, in the same order.
        lexicon: Entries by concept.
        carrying: Gives the passages that convince the encoder most, and what each does.
        is_convinced: Whether the encoder takes the message for a hit; if it does not, the lexicon's
            concepts decided, and its passages are only asked for where there are none.
        by_context: Whether the text that the message answers decided.
    """
    found = {
        signal
        for window, doc in zip(windows, docs, strict=True)
        for signal in _in_window(reading, window, doc, lexicon, by_context=by_context)
    }
    if is_convinced or not found:
        passages = carrying()
        found |= {
            signal
            for window, doc in zip(windows, docs, strict=True)
            for passage, kind in passages
            if passage.doc is doc
            and (signal := _signal(reading, window, passage, CARRIES[kind])) is not None
        }
    order = {part: number for number, part in enumerate(reading.parts)}
    ordered = sorted(
        found, key=lambda signal: (order[signal.part], signal.start, signal.end, signal.label)
    )
    if ordered:
        return tuple(ordered[:MAX_SIGNALS])
    return (_whole_part(reading, ANSWERS if by_context else WHOLE),)


def _in_window(
    reading: Reading, window: Window, doc: Doc, lexicon: Mapping[str, Entry], *, by_context: bool
) -> Iterator[Signal]:
    for span in doc.spans[RULES]:
        entry = lexicon[span.label_]
        label = entry.label if entry.stance is Stance.FOR else None
        if by_context:
            label = _ANSWER_LABELS.get(entry.stance, label)
        if label is not None:
            signal = _signal(reading, window, span, label)
            if signal is not None:
                yield signal


def _signal(reading: Reading, window: Window, span: Span, label: str) -> Signal | None:
    place = window.locate(span.start_char, span.end_char)
    if place is None:
        return None
    part, start, end = place
    return Signal(reading.parts[part][start:end], start, end, part, label)


def _whole_part(reading: Reading, label: str) -> Signal:
    """Point at the author's own words (else the subject, else nothing there is) as a whole."""
    part = next((name for name in ("own_text", "subject") if name in reading.parts), "own_text")
    text = reading.parts.get(part, "")
    start = len(text) - len(text.lstrip())
    end = len(text.rstrip())
    return Signal(text[start:end], start, max(start, end), part, label)
