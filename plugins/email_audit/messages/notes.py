"""The words with which a bare forward sends something on: a closed list (annotation guide 3)."""

import re

from email_audit.messages.signatures import is_signature

_PHRASES = (
    r"fy[iar]|f\.y\.i\.?|fwd|fw|forwarding(?: this)?|below|attached",
    r"(?:just )?for your (?:info(?:rmation)?|review|records?|awareness|reference|eyes(?: only)?)",
    r"for (?:info(?:rmation)?|awareness|review)",
    (
        r"(?:please |pls\.? |plz )?(?:see|read|note)(?: the)?(?: (?:below|attached|above|thread"
        r"|chain|email|e-mail|message))*"
    ),
    r"as (?:discussed|requested|promised)|(?:as )?per our (?:call|conversation|discussion|talk)",
    r"in case you missed (?:it|this)",
    r"para (?:tu|su|vuestra) (?:informaci[oó]n|conocimiento)|ver (?:m[aá]s )?(?:abajo|adjunto)",
    r"(?:te |le |les )?reenv[ií]o(?: esto)?|pa(?:ra)? que sepas|adjunto",
    r"seg[uú]n lo (?:hablado|acordado)",
)
_PHRASE = f"(?i:{'|'.join(_PHRASES)})"
_GREETING = r"(?i:hi|hello|hey|hola|dear|all|team|folks|sir|boss|sarge|sgt|lt|det|loo?t?|cap)"
_NAME = r"[A-Z][a-z'.]+(?: [A-Z][a-z'.]+)?"
_FILLER = r"(?i:thanks|thank you|thx|gracias|and|y|from)"
_NOTE = re.compile(
    rf"\W*(?:{_GREETING}\W+)?(?:{_NAME}\s*[,:-]+\s*)?{_PHRASE}"
    rf"(?:\W+(?:{_FILLER}|{_PHRASE})\b)*(?:\W+[A-Z][\w.]{{0,15}}){{0,2}}\W*"
)
_LONGEST = 120


def is_forwarding_note(text: str) -> bool:
    """Say whether an author's words only send on what is below them, or only sign it.

    A few words of the closed list, a greeting and a name are allowed; anything else is a comment,
    and the message is then judged by it.
    """
    if not text or is_signature(text):
        return True
    return len(text) <= _LONGEST and _NOTE.fullmatch(text) is not None
