"""Which lines can belong to a signature, and which say something that must stay own text."""

import re

ROLE = re.compile(
    r"\b(?:P\.?O\.?|Det(?:ective)?|Sgt|Sergeant|Lt|Lieutenant|Capt(?:ain)?|Insp(?:ector)?"
    r"|Chief|Officer|Agent|S/?A|SSA|GS|DO|SDDO|TFO|Deputy|Supervis(?:or|ory)|Commander"
    r"|Director|Coordinator|Analyst|Attorney|AUSA|Counsel|Assistant|Manager|Vice President"
    r"|President|Specialist|Secretary|Precinct|Pct|Sq(?:ua)?d|Unit|Division|Bureau|Department|Dept"
    r"|Office|Command|Task Force|Section|Detail|Tour|ICE|ERO|HSI|DHS|FBI|DEA|ATF|CBP|USMS|NYPD"
    r"|Homeland|Immigration|Enforcement|Operations|Police|Narcotics|Homicide|Corp|Inc|LLC"
    r"|Company|Group|Ext|Shield|Tax)\b\.?"
)
CONTACT = re.compile(
    r"@|\bwww\.|https?://|\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}|\b(?:tel|phone|cell|fax|mobile|office"
    r"|desk|direct|o|c|f|m|ext)\b\.?\s*[:.#]?\s*\(?\d",
    re.IGNORECASE,
)
_CONTACT_HINT = re.compile(r"[0-9@#]|[Ww][Ww][Ww]|[Hh][Tt][Tt][Pp]")
_FACTS = re.compile(
    r"\bA[-# ]{0,2}\d{3}[- ]?\d{3}[- ]?\d{2,3}\b|\bA#|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}"
    r"|\bFBI ?#|\bI-?2\d\d\b",
    re.IGNORECASE,
)
_FACT_STEMS = (
    "a#", "apt", "born", "d.o.b", "deport", "detain", "dob", "ewi", "hold", "migra", "nacid",
    "nysid", "placa", "plate", "ssn", "warrant",
)  # fmt: skip
_FACT_PHRASES = ("final order", "removal order", "orden de")
_JOB_TITLE = re.compile(
    r"\b(?:detention (?:and|&) )?deportation (?:officer|assistant|specialist)s?\b"
    r"|\boficial(?:es)? de (?:detenci[oó]n y )?deportaci[oó]n\b"
)
"""Who signs so says nothing about a person to be deported."""
_SENTENCE_WORDS = frozenset((
    "is", "are", "was", "were", "will", "can", "could", "would", "should", "he", "she", "they",
    "him", "them", "his", "her", "you", "your", "we", "if", "when", "need", "needs", "has",
    "have", "had", "let", "lets", "pls", "please", "who", "what", "where", "this", "that", "it",
    "its", "my", "me", "not", "don't", "can't", "won't", "he's", "she's", "it's", "i'm", "i'll",
    "es", "está", "son", "favor", "necesito", "puede", "si", "cuando", "lo", "ella", "Please",
    "Pls", "Can", "Could", "Will", "If", "When", "Let", "Need", "He", "She", "They", "It", "We",
    "You", "This", "That", "Hold", "Pick", "Call", "I",
))  # fmt: skip
"""Words of sentences; capitals count, since "US", "IT" and "Me" stand in names and units."""
_PUNCTUATION = ",.;:!()\"'*"
_MOST_WORDS = 14
_MIN_CAPITALS = 0.6
LONGEST_LINE = 100


def is_signature_line(text: str) -> bool:
    """Say whether a line can belong to a signature: short, no sentence, no facts of a person."""
    stripped = text.strip()
    words = stripped.split()
    # The cheap tests first: most last lines of a body are sentences.
    if len(words) > _MOST_WORDS or len(stripped) > LONGEST_LINE:
        return False
    if len(words) > 3 and not (_CONTACT_HINT.search(stripped) and CONTACT.search(stripped)):
        if stripped[-1] in ".!" and len(words) > 4:
            return False
        long_words = [word for word in words if len(word) > 3 and word[0].isalpha()]
        capitals = sum(1 for word in long_words if word[0].isupper())
        if capitals < _MIN_CAPITALS * len(long_words):
            return False
    return not _says_something(stripped, words)


def has_identifier(text: str) -> bool:
    """Say whether an A-number, a date, a form number or the like is in the text."""
    return _CONTACT_HINT.search(text) is not None and _FACTS.search(text) is not None


def says_fact(text: str) -> bool:
    """Say whether an identifier, a date of birth, a plate, a hold or the like is mentioned."""
    lowered = text.lower()
    if "deporta" in lowered:
        lowered = _JOB_TITLE.sub(" ", lowered)
    return (
        has_identifier(text)
        or any(phrase in lowered for phrase in _FACT_PHRASES)
        or any(word.strip(_PUNCTUATION).startswith(_FACT_STEMS) for word in lowered.split())
    )


def _says_something(text: str, words: list[str]) -> bool:
    """Say whether a line has a word of a sentence, or a fact about a person."""
    if "?" in text or any(word.strip(_PUNCTUATION) in _SENTENCE_WORDS for word in words):
        return True
    return says_fact(text)
