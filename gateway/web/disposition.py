"""The Content-Disposition of a download (RFC 6266, RFC 8187), for a name that somebody else chose (PO-11)."""

from typing import Final
from urllib.parse import quote

_ATTR_CHAR: Final = "!#$&+-.^_`|~"  # RFC 8187 section 3.2.1, beside letters and digits


def attachment_disposition(name: str) -> str:
    """Offer the response as a file to keep, never to show.

    name: already without path and control characters; whatever else is in it cannot leave its quotes.
    """
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\%' else "_" for letter in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_ATTR_CHAR)}"
