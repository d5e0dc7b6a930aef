"""Text of HTML, as a reader sees it and as it hides from one (MP-10).

The walk knows blocks: inline tags join ("S<b></b>SN" is "SSN"), blocks and table cells part. Comments, attributes,
styles and scripts are gathered apart, because what is not shown may carry an identifier all the same. Where styles hide
elements the page is read twice, with and without them. Character references are resolved by the parser (Lexbor).
Never fails; broken HTML is what browsers make of it, and what this cannot read is a doubt in words.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser, LexborNode

from policy.phi.normalise import may_hold
from policy.phi.text_csv import is_header, labelled
from policy.phi.text_xml import xml_text

DEPTH: Final = 1_000  # open elements; the parser's time grows with the square of them
_NESTED: Final = 3  # pages inside pages: conditional comments, srcdoc, data: URIs

_BLOCKS: Final = frozenset(
    """
    address article aside blockquote body br center dd details dialog div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 head header hr html legend li main nav ol option p pre section select
    summary table tbody tfoot thead title tr ul
    """.split()
)
_CELLS: Final = frozenset({"td", "th"})
_UNSEEN: Final = frozenset({"script", "style", "template", "noscript", "title", "head"})
# Attributes that are machinery; every other one may speak to a reader or carry what was put there.
_MUTE: Final = frozenset(
    """
    class id width height align valign border cellpadding cellspacing bgcolor color colspan rowspan dir lang xmlns
    target rel type role face size charset http-equiv media
    """.split()
)
_OPEN_OR_CLOSE: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,40})")
_SELF_CLOSING: Final = frozenset(  # void elements, and those whose next sibling ends them (HTML 13.1.2)
    "area base br col embed hr img input link meta source track wbr p li dt dd td th tr option tbody thead".split()
)
_DATA_URI: Final = re.compile(r"data:([a-z/+.-]{0,60})((?:;[^,;\"']{0,60}){0,4}),([^\"')]{1,200000})", re.IGNORECASE)
_PLACEHOLDER: Final = 120  # characters of a data: URI that draw a blank picture at most
_BLANKS: Final = re.compile(r"(?: (?=[ \t\r\n\f])|[\t\r\n\f])[ \t\r\n\f]*")  # all but what is one space already
_STYLED_AWAY: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|font-size\s*:\s*0(?![.\d]*[1-9])|opacity\s*:\s*0(?![.\d]*[1-9])"
    r"|mso-hide\s*:\s*all",
    re.IGNORECASE,
)
_SELECTOR: Final = 120  # characters at the end of a selector that are read
_LAST_WORD: Final = re.compile(r"([.#]?[\w-]{1,80})(?:::?[\w-]{1,30})?\s{0,20}\Z")
_CSS_ESCAPE: Final = re.compile(r"\\([0-9a-fA-F]{1,6})\s?")
_OVERRIDE: Final = re.compile(r"unicode-bidi\s*:\s*(?:bidi|isolate)-override|<bdo\b", re.IGNORECASE)
_OVERRIDING_WORDS: Final = ("unicode-bidi", "<bdo")
_END: Final = "\ue0e0\ue0e1\ue0e0"  # private use; put behind a page to see whether its end is still read


@dataclass(frozen=True, slots=True)
class Page:
    """A page in words.

    shown: all its text, one line a block. apparent: the same without what styles hide, "" when they hide nothing.
    hidden: comments, attributes, title, script and style. doubts: why it cannot be read for sure.
    """

    shown: str
    apparent: str = ""
    hidden: str = ""
    doubts: tuple[str, ...] = ()


@dataclass(slots=True)
class _Walk:
    """What was gathered so far; `shown` holds (text, whether a style hides it)."""

    level: int
    styled_away: frozenset[str]  # names of tags, classes and ids
    shown: list[tuple[str, bool]] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def add_page(self, markup: str) -> None:
        """Read a page inside the page."""
        if self.level >= _NESTED:
            self.doubts.append("pages are nested too deep")
            return
        page = html_text(markup, level=self.level + 1)
        self.hidden += [page.shown, page.apparent, page.hidden]
        self.doubts += page.doubts

    def add_hidden(self, text: str) -> None:
        """Keep a comment, an attribute or a style, and what its data: URIs hold (RFC 2397)."""
        for uri in _DATA_URI.finditer(text):
            kind, is_base64, body = uri[1].lower(), "base64" in uri[2].lower(), unquote(uri[3])
            if kind and not kind.startswith("text/") and "svg" not in kind and "xml" not in kind:
                if len(body) > _PLACEHOLDER:
                    self.doubts.append("a picture or file stands inside the page")
                continue
            content = _from_base64(body) if is_base64 else body
            if kind in {"", "text/plain"}:
                self.hidden.append(content)
            else:
                self.add_page(content)
        self.hidden.append(unquote(_DATA_URI.sub(" ", text)) if "%" in text else _DATA_URI.sub(" ", text))


def html_text(markup: str, *, level: int = 0) -> Page:
    """Return the text of a page. level: how many pages it stands in."""
    if _is_too_deep(markup):
        return Page(xml_text(markup), doubts=(f"more than {DEPTH} elements are open at once",))
    parser = LexborHTMLParser(markup.replace(_END, "") + _END)
    if parser.root is None:
        return Page("")
    walk = _Walk(level, _styled_away(parser))
    if may_hold(markup, _OVERRIDING_WORDS) and _OVERRIDE.search(markup):
        walk.doubts.append("the page is written against its reading direction")
    _walk(parser.root, walk)
    shown = _lines("".join(text for text, _ in walk.shown))
    is_styled = any(text.strip() and is_away for text, is_away in walk.shown)
    apparent = _lines("".join(text for text, is_away in walk.shown if not is_away)) if is_styled else ""
    hidden = "\n".join(piece for piece in walk.hidden if piece.strip())
    if _END not in shown and _END not in hidden:
        walk.doubts.append("the page ends inside a tag")  # which parsers drop with all that it holds
    doubts = tuple(dict.fromkeys(walk.doubts))
    return Page(shown.replace(_END, ""), apparent.replace(_END, ""), hidden.replace(_END, ""), doubts)


def _is_too_deep(markup: str) -> bool:
    depth = 0
    for tag in _OPEN_OR_CLOSE.finditer(markup):
        if tag[2].lower() not in _SELF_CLOSING:
            depth += -1 if tag[1] else 1
            if depth > DEPTH:
                return True
            depth = max(depth, 0)
    return False


def _styled_away(parser: LexborHTMLParser) -> frozenset[str]:
    """Return the tags, ".classes" and "#ids" that the page's own style sheets hide: the last word of each selector."""
    found: set[str] = set()
    for style in parser.css("style"):
        for rule in style.text(deep=True).split("}"):
            selectors, _, body = rule.rpartition("{")
            if _STYLED_AWAY.search(body):
                words = (_LAST_WORD.search(selector[-_SELECTOR:]) for selector in selectors.split(","))
                found.update(word[1] for word in words if word)
    return frozenset(found)


def _is_named(node: LexborNode, names: frozenset[str]) -> bool:
    if not names:
        return False
    classes = (node.attributes.get("class") or "").split()
    return bool(names & {node.tag or "", f"#{node.attributes.get('id')}", *(f".{name}" for name in classes)})


def _lines(text: str) -> str:
    return "\n".join(_labelled_rows([_BLANKS.sub(" ", line).strip(" |") for line in text.split("\n")]))


def _labelled_rows(lines: list[str]) -> list[str]:
    """Write tables as `text_csv` does: under a row of headers, each value beside its header."""
    written: list[str] = []
    header: list[str] = []
    for line in lines:
        cells = line.split(" | ")
        if len(cells) > 1 and len(cells) == len(header):
            line = labelled(header, cells)
        elif len(cells) > 1:
            header = cells if is_header(cells) else []
        elif line:
            header = []
        written.append(line)
    return written


def _walk(root: LexborNode, walk: _Walk) -> None:
    """Visit every node in document order without recursion: depth is the sender's choice.

    Comments may stand beside the root element, and Outlook reads conditional ones there too.
    """
    stack: list[tuple[LexborNode | None, str, bool, bool]] = [
        (node, "", False, False) for node in reversed(_beside(root))
    ]
    while stack:
        node, closing, is_unseen, is_away = stack.pop()
        if node is None:
            walk.shown.append((closing, False))
            continue
        tag = node.tag or ""
        if tag == "-text":
            _add_text(node.text_content or "", walk, is_unseen=is_unseen, is_away=is_away)
            continue
        if tag == "-comment":
            comment = node.comment_content or ""
            walk.add_hidden(comment)
            if "<" in comment or "&" in comment:  # conditional comments are pages to Outlook
                walk.add_page(comment)
            continue
        is_away = _read_attributes(node, walk) or is_away or _is_named(node, walk.styled_away)
        if tag == "template":  # its content is not in the tree
            walk.hidden.append(xml_text(node.html or ""))
        is_unseen = is_unseen or tag in _UNSEEN
        edge = "\n" if tag in _BLOCKS else " | " if tag in _CELLS else ""
        if edge and not is_unseen:
            walk.shown.append(("\n" if edge == "\n" else "", False))
            stack.append((None, edge, False, False))
        children = list(node.iter(include_text=True))
        stack.extend((child, "", is_unseen, is_away) for child in reversed(children))


def _beside(root: LexborNode) -> list[LexborNode]:
    """The root element with everything before and after it, in document order."""
    first = root
    while first.prev is not None:
        first = first.prev
    nodes = [first]
    while (after := nodes[-1].next) is not None:
        nodes.append(after)
    return nodes


def _add_text(text: str, walk: _Walk, *, is_unseen: bool, is_away: bool) -> None:
    if not is_unseen:
        walk.shown.append((text.replace("\n", " "), is_away))
        return
    walk.add_hidden(_BLANKS.sub(" ", text))
    if "\\" in text:  # CSS 2.1 section 4.1.3: content:"\\4d" is shown as a letter
        walk.hidden.append(_CSS_ESCAPE.sub(lambda escape: chr(min(int(escape[1], 16), 0xFFFD)), text))


def _read_attributes(node: LexborNode, walk: _Walk) -> bool:
    """Gather what the attributes say; returns whether they hide the element."""
    attributes = node.attributes or {}
    for name, value in attributes.items():
        if not value or name in _MUTE or value.startswith(("cid:", "#")):
            continue
        if name == "srcdoc":
            walk.add_page(value)
        elif value.startswith(("http:", "https:")):
            walk.hidden.append(unquote(value.partition("?")[2]))
        elif name != "style" or "data:" in value or "content" in value:
            walk.add_hidden(value)
    return "hidden" in attributes or bool(_STYLED_AWAY.search(attributes.get("style") or ""))


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", errors="replace")
    except (binascii.Error, ValueError):
        return text
