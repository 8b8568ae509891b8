"""HTML bodies to text: blocks to lines, links kept, quoted history marked (RFC 3676 `> `).

The document tree is lexbor's; the walk is our own and iterative, because a library's text either
splits words at inline tags, keeps scripts, or drops hidden text. Hidden text is content here: a
reader of an audit must see what `display:none` hid.
"""

import re
from html import unescape

from selectolax.lexbor import LexborHTMLParser, LexborNode

from email_audit.messages.html_guard import is_hostile

_DROPPED = frozenset({"head", "script", "style", "title", "noframes", "frameset"})
_PARAGRAPHS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table"})
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details",
    "dialog", "dir", "div", "dt", "fieldset", "figcaption", "figure", "footer", "form",
    "header", "hr", "legend", "li", "main", "menu", "nav", "option", "p", "pre", "section",
    "summary", "tbody", "tfoot", "thead", "tr",
)).union(_PARAGRAPHS)  # fmt: skip
_ELEMENTS = _BLOCKS | _DROPPED | frozenset({"a", "br", "img", "td", "th"})
_QUOTE_CLASSES = ("gmail_quote", "protonmail_quote", "yahoo_quoted", "moz-cite")
_LINK = re.compile(r"(?:https?:|mailto:)", re.IGNORECASE)
_LINK_FRAME = re.compile(r"^(?:https?://(?:www\.)?|mailto:)|/+$", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\n\r\f]+")
_BLANK_RUN = re.compile(r"\n(?:[ \t]*\n){2,}")
_ANY_TAG = re.compile(r"<[^<>]*>")


def html_text(html: str) -> str:
    """Give the text a reader of the HTML sees, and what was hidden from one; never raises."""
    if is_hostile(html):
        return unescape(_ANY_TAG.sub(" ", html))
    root = LexborHTMLParser(html).root
    if root is None:
        return ""
    writer = _Writer()
    node: LexborNode | None = root
    while node is not None:
        child = writer.enter(node)
        if child is not None:
            node = child
            continue
        while node is not None:
            if node.tag in _ELEMENTS:
                writer.leave(node)
            if node.mem_id == root.mem_id:
                node = None
                break
            following = node.next
            if following is not None:
                node = following
                break
            node = node.parent
    return writer.text()


class _Writer:
    """Builds text from the enter and leave events of a walk."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._breaks = 0  # line breaks owed before the next text
        self._at_start = True
        self._space = False
        self._is_after_bullet = False  # the item's first block begins on the bullet's line
        self._depth = 0  # of quotation
        self._pre = 0
        self._lists: list[int] = []
        self._links: list[tuple[str, int]] = []

    def enter(self, node: LexborNode) -> LexborNode | None:
        """Take a node on the way down; give its first child, None to go on beside it."""
        tag = node.tag
        if tag == "-text":
            self._write(node.text_content or "")
            return None
        if tag in _ELEMENTS:
            if tag in _DROPPED:
                return None
            self._open(tag, node)
        return node.child

    def _open(self, tag: str, node: LexborNode) -> None:
        if tag == "br":
            self._hard_break()
        elif tag == "a":
            href = node.attributes.get("href") or ""
            self._links.append((href.strip() if _LINK.match(href.strip()) else "", len(self._out)))
        elif tag == "img":
            self._image(node)
        elif tag in ("td", "th"):
            if not self._at_start and not self._breaks:
                self._out.append("\t")
                self._space = False
        elif tag == "hr":
            self._break(1)
        else:
            self._break(2 if _is_paragraph(tag, node) else 1)
            if tag == "blockquote" and _is_quotation(node):
                self._depth += 1
            elif tag == "pre":
                self._pre += 1
            elif tag in ("ul", "ol"):
                self._lists.append(0 if tag == "ul" else 1)
            elif tag == "li":
                self._bullet()

    def leave(self, node: LexborNode) -> None:
        """Take a node on the way up."""
        tag = node.tag
        if tag == "a":
            self._end_link()
        elif tag in _BLOCKS:
            if tag == "li":
                self._is_after_bullet = False
            self._break(2 if _is_paragraph(tag, node) else 1)
            if tag == "blockquote" and _is_quotation(node):
                self._depth -= 1
            elif tag == "pre":
                self._pre -= 1
            elif tag in ("ul", "ol"):
                self._lists.pop()

    def text(self) -> str:
        """Give all that was written."""
        text = "".join(self._out)
        text = "\n".join(line.rstrip() for line in text.split("\n")) if " \n" in text else text
        return _BLANK_RUN.sub("\n\n", text).strip("\n")

    def _write(self, text: str) -> None:
        if self._pre:
            for rank, line in enumerate(text.replace("\xa0", " ").split("\n")):
                if rank:
                    self._hard_break()
                if line:
                    self._emit(line)
            return
        words = _SPACES.sub(" ", text)
        if words in ("", " "):
            self._space = self._space or (bool(words) and not self._at_start)
            return
        if "\xa0" in words:
            words = words.replace("\xa0", " ")
            if not words.strip():
                # A paragraph of a no-break space is how Outlook writes an empty line.
                if self._at_start or self._breaks:
                    self._emit("")
                else:
                    self._space = True
                return
        starts, ends = words[0] == " ", words[-1] == " "
        is_inside = not (self._at_start or self._breaks or self._is_after_bullet)
        if (starts or self._space) and is_inside:
            self._out.append(" ")
        self._space = False
        self._emit(words.strip(" "))
        self._space = ends

    def _emit(self, text: str) -> None:
        if self._breaks and self._out:
            blank = "\n" + "> " * self._depth
            self._out.append("\n" if self._breaks == 1 else blank.rstrip(" ") + "\n")
            self._at_start = True
        if self._at_start and self._depth:
            self._out.append("> " * self._depth)
        self._breaks = 0
        self._at_start = self._is_after_bullet = False
        self._out.append(text)

    def _break(self, lines: int) -> None:
        self._space = False
        if not (self._at_start or self._is_after_bullet):
            self._breaks = max(self._breaks, lines)

    def _hard_break(self) -> None:
        """End the line even where it is empty."""
        if self._breaks or self._at_start:
            self._emit("")
        self._breaks = 1
        self._space = False

    def _bullet(self) -> None:
        number = self._lists[-1] if self._lists else 0
        self._emit(f"{number}. " if number else "- ")
        if number:
            self._lists[-1] = number + 1
        self._is_after_bullet = True
        self._space = False

    def _image(self, node: LexborNode) -> None:
        attributes = node.attributes
        if attributes.get("width") in ("0", "1") or attributes.get("height") in ("0", "1"):
            return
        alternative = (attributes.get("alt") or "").strip()
        if alternative:
            self._write(alternative)

    def _end_link(self) -> None:
        if not self._links:
            return
        href, start = self._links.pop()
        if not href:
            return
        shown = "".join(self._out[start:]).strip()
        if shown and _bare(shown) != _bare(href):
            self._write(f" <{href}>")


def _bare(link: str) -> str:
    return _LINK_FRAME.sub("", _LINK_FRAME.sub("", link.strip())).casefold()


def _is_paragraph(tag: str, node: LexborNode) -> bool:
    """Say whether a blank line stands around the block; Outlook's paragraphs are lines."""
    if tag == "p":
        return not (node.attributes.get("class") or "").startswith("Mso")
    return tag in _PARAGRAPHS


def _is_quotation(node: LexborNode) -> bool:
    """Tell quoted history from a block that an author indented (Gmail, Outlook on the web)."""
    attributes = node.attributes
    if (attributes.get("type") or "").lower() == "cite" or attributes.get("cite"):
        return True
    classes = attributes.get("class") or ""
    if any(name in classes for name in _QUOTE_CLASSES):
        return True
    style = (attributes.get("style") or "").lower()
    return "border-left" in style and "border-left:none" not in style.replace(" ", "")
