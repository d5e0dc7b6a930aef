"""Text of XML: character data, comments and attribute values, a line each, in order.

No DTD is read, and no entity but the predefined ones and character references is resolved: nothing can expand (AB-07).
"""

import html
import re
from typing import Final

_CDATA: Final = re.compile(r"<!\[CDATA\[|\]\]>")
_COMMENT: Final = re.compile(r"<!--|-->")
_TAG: Final = re.compile(r"<[^<>]{0,20000}>")
_VALUE: Final = re.compile(r"[\w:.-]{1,60}\s{0,4}=\s{0,4}(?:\"([^\"<>]{1,500})\"|'([^'<>]{1,500})')")
_MACHINERY: Final = re.compile(r"\s*<[?!]|\s*xmlns")
_NAMESPACE: Final = ("http:", "https:", "urn:")


def xml_text(markup: str) -> str:
    """Return what a document says, a line for each run of text and for each tag with values. Never fails."""
    plain = _COMMENT.sub("\n", _CDATA.sub("\n", markup))
    lines = html.unescape(_TAG.sub(_values, plain)).split("\n")
    return "\n".join(line for line in map(str.strip, lines) if line)


def _values(tag: re.Match[str]) -> str:
    """Return the attribute values of one tag between line ends; declarations and namespaces say nothing."""
    if _MACHINERY.match(tag[0]):
        return "\n"
    values = (double or single for double, single in _VALUE.findall(tag[0]))
    return "\n" + " ".join(value for value in values if not value.startswith(_NAMESPACE)) + "\n"
