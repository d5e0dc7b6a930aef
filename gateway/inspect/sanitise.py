"""HTML from mail made harmless: nothing runs, nothing loads, nothing leaves its frame (PO-09, PO-10).

The list says what is kept; all else goes. There is no image, no style and no id in it: a picture would be fetched from
its sender, a style can cover our own words. A second wall stands around it: the frame's sandbox and policy.
"""

from typing import Final

import nh3

_TAGS: Final = set(
    "a abbr b bdi bdo blockquote br caption center cite code col colgroup dd del details dfn div dl dt em figcaption"
    " figure h1 h2 h3 h4 h5 h6 hr i ins kbd li mark ol p pre q s samp small span strike strong sub summary sup table"
    " tbody td tfoot th thead tr tt u ul var wbr".split()
)
_DROPPED_WITH_CONTENT: Final = set(
    "script style title head template noscript noframes noembed iframe frame frameset object embed applet svg math"
    " select option textarea button xmp plaintext video audio canvas".split()
)
_ATTRIBUTES: Final = {
    "*": {"dir", "lang"},
    "a": {"href"},
    "ol": {"start", "type"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align", "scope"},
}

_CLEANER: Final = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags=_DROPPED_WITH_CONTENT,
    attributes=_ATTRIBUTES,
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},  # a link opens beside the message, never inside it
    url_schemes={"http", "https", "mailto", "tel"},
    url_relative="deny",
    strip_comments=True,
)


def harmless(html: str) -> str:
    """A fragment of HTML with only what the list above names; well formed, whatever comes in."""
    return _CLEANER.clean(html)
