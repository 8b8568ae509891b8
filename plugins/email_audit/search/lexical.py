"""Makes ordinary input acceptable to luqum's lexer, and remembers where each character came from.

luqum 1.0 reads Lucene syntax but not `&&`, `||` and `!`, splits no word before a quotation mark,
and stops at an apostrophe, a bracketed address, a path or a time zone. Here these are rewritten
with its own means: operators in words, and backslashes before what is meant literally.
"""

import re
from dataclasses import dataclass

from email_audit.errors import UserError

_PHRASE = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_REGEX = re.compile(r"/(?:[^/\\]|\\.)*/(?=[\s)\]}^]|\Z)", re.DOTALL)
_BRACKETED = re.compile(r"<[^\s<>()\"]*@[^\s<>()\"]*>")
_TIMESTAMP = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?(?=[\s)\]}^]|\Z)"
)
_CONNECTIVE = re.compile(r"(?:&&|\|\|)(?=[\s(\"]|\Z)")
_RANGE_SIGN = re.compile(r"[<>]=?")
_WORDS = {"&&": "AND", "||": "OR"}


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A query for luqum; `origins[i]` is where character `i` came from, `origins[-1]` the end."""

    text: str
    origins: tuple[int, ...]


class _Scanner:
    def __init__(self, query: str) -> None:
        self.query = query
        self.at = 0
        self.text: list[str] = []
        self.origins: list[int] = []
        self.starts_word = True
        self.follows_colon = False

    def emit(self, text: str, *, consumed: int = 0) -> None:
        self.text.extend(text)
        step = 1 if consumed == len(text) else 0
        self.origins.extend(self.at + step * index for index in range(len(text)))
        self.at += consumed

    def emit_literally(self, text: str) -> None:
        for char in text:
            if not (char.isalnum() or char.isspace()):
                self.emit("\\")
            self.emit(char, consumed=1)

    def run(self) -> Rewritten:
        while self.at < len(self.query):
            if not self._special():
                self._plain()
        return Rewritten("".join(self.text), (*self.origins, len(self.query)))

    def _special(self) -> bool:
        char = self.query[self.at]
        if char == "\\":
            self.emit(self.query[self.at : self.at + 2], consumed=len(self.query[self.at :][:2]))
        elif char == '"':
            self._phrase()
        elif self.starts_word:
            return self._word_start(char)
        else:
            return False
        self.starts_word = self.follows_colon = False
        return True

    def _phrase(self) -> None:
        match = _PHRASE.match(self.query, self.at)
        if match is None:
            raise UserError(
                f"query, position {self.at + 1}: this quotation mark is not closed "
                '(a literal one is written \\")'
            )
        if not self.starts_word:
            self.emit(" ")
        self.emit(match.group(), consumed=len(match.group()))

    def _word_start(self, char: str) -> bool:
        """Rewrite what stands at the start of a word; False leaves it to `_plain`."""
        for pattern in (_TIMESTAMP, _BRACKETED):
            if match := pattern.match(self.query, self.at):
                self.emit_literally(match.group())
                break
        else:
            if match := _CONNECTIVE.match(self.query, self.at):
                self.emit(_WORDS[match.group()])
                self.at += 2
            elif char == "!":
                self.emit("NOT ")
                self.at += 1
                return True
            elif char == "/":
                regex = _REGEX.match(self.query, self.at)
                if regex:
                    self.emit(regex.group(), consumed=len(regex.group()))
                else:
                    self.emit_literally(char)
            elif char == "'" or (char in "<>" and not self.follows_colon):
                self.emit_literally(char)
            elif char in "<>":
                sign = _RANGE_SIGN.match(self.query, self.at)
                assert sign is not None
                self.emit(sign.group(), consumed=len(sign.group()))
                self.follows_colon = False
                return True
            elif char in "+-":
                self._sign(char)
                return True
            else:
                return False
        self.starts_word = self.follows_colon = False
        return True

    def _sign(self, char: str) -> None:
        following = self.query[self.at + 1 : self.at + 2]
        if not following or following.isspace():
            raise UserError(
                f"query, position {self.at + 1}: {char} must touch the word it applies to "
                f"(a literal one is written \\{char})"
            )
        self.emit(char, consumed=1)

    def _plain(self) -> None:
        char = self.query[self.at]
        self.starts_word = char.isspace() or char in "()[]{}:"
        if not char.isspace():
            self.follows_colon = char == ":"
        self.emit(char, consumed=1)


def rewrite(query: str) -> Rewritten:
    """Give `query` in the form that luqum reads.

    Raises:
        UserError: for a quotation mark that is not closed or a sign that stands alone.
    """
    return _Scanner(query).run()
