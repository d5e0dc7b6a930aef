"""Text of HTML and XML, as a reader sees it and as it hides from one (MP-10).

The walk knows blocks: inline tags join ("S<b></b>SN" is "SSN"), blocks and table cells part. Comments, attributes,
styles and scripts are gathered apart, because what is not shown may carry an identifier all the same. Character
references are resolved by the parser (Lexbor). Never fails; broken HTML is what browsers make of it.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser, LexborNode

from policy.phi.text_csv import is_header, labelled

_BLOCKS: Final = frozenset(
    """
    address article aside blockquote body br center dd details dialog div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 head header hr html legend li main nav ol option p pre section select
    summary table tbody tfoot thead title tr ul
    """.split()
)
_CELLS: Final = frozenset({"td", "th"})
_UNSEEN: Final = frozenset({"script", "style", "template", "noscript", "title", "head"})
_ATTRIBUTES: Final = (
    "alt",
    "title",
    "value",
    "content",
    "placeholder",
    "summary",
    "label",
    "aria-label",
    "href",
    "src",
    "data",
)
_DATA_URI: Final = re.compile(
    r"data:(text/[a-z]{1,20})?[^,]{0,100}?(;base64)?,(.{1,200000})", re.IGNORECASE | re.DOTALL
)
_BLANKS: Final = re.compile(r"[ \t\r\n\f]+")
_XML_TAG: Final = re.compile(r"<[^<>]{0,20000}>")
_XML_VALUE: Final = re.compile(r"\b(?:displayName|value|extension|title)=\"([^\"<>]{1,500})\"")


def html_text(markup: str) -> tuple[str, str]:
    """Return the text of a page: what is shown, and what is not (comments, attributes, title, script and style)."""
    root = LexborHTMLParser(markup).root
    if root is None:
        return "", ""
    shown: list[str] = []
    hidden: list[str] = []
    _walk(root, shown, hidden)
    lines = [_BLANKS.sub(" ", line).strip(" |") for line in "".join(shown).split("\n")]
    return "\n".join(_labelled_rows(lines)), "\n".join(piece for piece in hidden if piece.strip())


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


def _walk(root: LexborNode, shown: list[str], hidden: list[str]) -> None:
    """Visit every node in document order without recursion: depth is the sender's choice."""
    stack: list[tuple[LexborNode | None, str, bool]] = [(root, "", False)]
    while stack:
        node, closing, unseen = stack.pop()
        if node is None:
            shown.append(closing)
            continue
        tag = node.tag or ""
        if tag == "-text":
            text = _BLANKS.sub(" ", node.text_content or "")
            (hidden if unseen else shown).append(text)
            continue
        if tag == "-comment":
            hidden.append(node.comment_content or "")
            continue
        hidden.extend(_attribute_text(node))
        if tag == "template":  # its content is not in the tree
            hidden.append(xml_text(node.html or ""))
        unseen = unseen or tag in _UNSEEN
        edge = "\n" if tag in _BLOCKS else " | " if tag in _CELLS else ""
        if edge and not unseen:
            shown.append("\n" if edge == "\n" else "")
            stack.append((None, edge, False))
        children = list(node.iter(include_text=True))
        stack.extend((child, "", unseen) for child in reversed(children))


def _attribute_text(node: LexborNode) -> Iterator[str]:
    attributes = node.attributes
    for name in _ATTRIBUTES if attributes else ():
        value = attributes.get(name)
        if value and not value.startswith(("http:", "https:", "cid:", "#")):
            yield _data_uri(value) if value[:5].lower() == "data:" else value
        elif value and "?" in value:
            yield unquote(value.partition("?")[2])


def _data_uri(value: str) -> str:
    """Return the text inside a data: URI of a text type (RFC 2397), else nothing."""
    match = _DATA_URI.match(value)
    if not match or not match[1]:
        return ""
    if not match[2]:
        return unquote(match[3])
    try:
        return base64.b64decode(match[3] + "=" * (-len(match[3]) % 4)).decode("utf-8", errors="replace")
    except (binascii.Error, ValueError):
        return match[3]


def xml_text(markup: str) -> str:
    """Return the character data of XML and the values of the attributes that speak (displayName, value), a line each.

    No DTD is read and no entity but the five of XML is resolved, so nothing can expand (AB-07).
    """
    spoken = _XML_TAG.sub(lambda tag: "\n" + " ".join(_XML_VALUE.findall(tag[0])) + "\n", markup)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        spoken = spoken.replace(entity, character)
    return "\n".join(line for line in map(str.strip, spoken.split("\n")) if line)
