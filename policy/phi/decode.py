"""Undo transfer encodings and charsets in every way a reader's program might (MP-02, MP-03, MP-04, MP-09).

Each decoder returns all plausible readings, most likely first, and a doubt: words that say why no single reading can
be trusted, or "" when one can. Nothing here raises, for any input.
"""

import base64
import binascii
import codecs
import quopri
import re
from functools import lru_cache
from typing import Final

IDENTITY: Final = frozenset({"", "7bit", "8bit", "binary"})
_COMMENT: Final = re.compile(r"\([^()]{0,200}\)")
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]")
_BLANK_INSIDE: Final = re.compile(rb"[A-Za-z0-9+/=][ \t]{1,100}[A-Za-z0-9+/=]")
_BASE64_STRICT: Final = re.compile(rb"[A-Za-z0-9+/\r\n]*={0,2}[\r\n \t]*")
_BAD_QP: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]{0,100}\r?\n|[ \t]{0,100}$)")
_PADDED_BREAK: Final = re.compile(rb"=[ \t]{1,100}\r?\n")  # RFC 2045 section 6.7 (3): such blanks must be ignored
# Charsets that shift between alphabets; with those that `_is_ascii_based` finds out, their bytes are read as well.
_SHIFTING: Final = re.compile(r"utf[-_]?7|iso[-_]?2022|hz")
_ASCII: Final = bytes(range(0x20, 0x7F))
# Names that mail uses and Python's codecs do not know, and labels that say nothing.
_ALIASES: Final = {
    "": "ascii",
    "x-unknown": "ascii",
    "unknown-8bit": "ascii",
    "x-user-defined": "ascii",
    "iso-8859-8-i": "iso-8859-8",
    "ansi_x3.4-1968": "ascii",
}
# Codecs of Python that turn bytes into text and are no charsets.
_NO_CHARSETS: Final = frozenset(
    {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}
)


def transfer_decode(body: bytes, encodings: tuple[str, ...]) -> tuple[tuple[bytes, ...], str]:
    """Undo a Content-Transfer-Encoding (RFC 2045 section 6).

    body: the part as it stands. encodings: every value of the field, () when there is none.
    Returns: the readings, and a doubt.
    """
    names = {_token(value) for value in encodings}
    doubts = []
    if len(encodings) > 1:
        doubts.append("the transfer encoding is declared twice")
    elif any(value.strip(" \t\r\n").lower() != _token(value) for value in encodings):
        doubts.append("the transfer encoding is not written as one word")
    views: list[bytes] = []
    for name in sorted(names) or [""]:
        readings, doubt = _decode_named(body, name)
        views.extend(readings)
        doubts.extend([doubt] if doubt else [])
    if doubts:
        views.append(body)
    return tuple(dict.fromkeys(views)), "; ".join(doubts)


def _token(value: str) -> str:
    """Return what a lenient program would see in the field: comments, quotes, blanks and what follows ";" dropped."""
    words = _COMMENT.sub(" ", value).replace('"', " ").split(";")[0].split()
    return words[0].lower() if words else ""


def _decode_named(body: bytes, name: str) -> tuple[tuple[bytes, ...], str]:
    if name in IDENTITY:
        return (body,), ""
    if name == "base64":
        return _base64(body)
    if name == "quoted-printable":
        return _quoted_printable(body)
    return (body, *_base64(body)[0], quopri.decodestring(body)), "the transfer encoding is unknown"


def _base64(body: bytes) -> tuple[tuple[bytes, ...], str]:
    """Read base64 strictly when it is well formed; otherwise as programs do that stop at a defect, and that skip it."""
    if _BASE64_STRICT.fullmatch(body):
        try:
            return (base64.b64decode(body),), ""
        except binascii.Error:
            pass  # length % 4 == 1 or missing padding: below
    clean = body.translate(None, b" \t\r\n")
    stops = _pad(_NOT_BASE64.split(clean, maxsplit=1)[0])
    skips = _pad(_NOT_BASE64.sub(b"", clean))
    url_safe = _pad(_NOT_BASE64.sub(b"", clean.translate(bytes.maketrans(b"-_", b"+/"))))
    pieces = b"".join(_pad(piece) for piece in clean.split(b"=") if piece)
    views = tuple(dict.fromkeys((skips, stops, pieces, url_safe)))
    is_doubtful = len(views) > 1 or len(clean.rstrip(b"=")) % 4 == 1 or _BLANK_INSIDE.search(body)
    return views, "the base64 is malformed" if is_doubtful else ""


def _pad(text: bytes) -> bytes:
    """Decode as many whole octets as the characters hold; characters outside the alphabet are ignored."""
    usable = _NOT_BASE64.sub(b"", text)
    usable = usable[:-1] if len(usable) % 4 == 1 else usable
    return base64.b64decode(usable + b"=" * (-len(usable) % 4))


def _quoted_printable(body: bytes) -> tuple[tuple[bytes, ...], str]:
    """Read quoted-printable; where "=" starts no escape, also read the body as it stands, and without such signs.

    RFC 2045 section 6.7 leaves the choice to the program.
    """
    views = [quopri.decodestring(body)]
    if _PADDED_BREAK.search(body):
        views.insert(0, quopri.decodestring(_PADDED_BREAK.sub(b"=\n", body)))
    if _BAD_QP.search(body):
        views += [body, quopri.decodestring(_BAD_QP.sub(b"", body))]
    return tuple(dict.fromkeys(views)), ""


def charset_decode(data: bytes, charset: str) -> tuple[tuple[str, ...], str]:
    """Read bytes as text.

    charset: as declared, any case, "" when not declared.
    Returns: the readings, and a doubt when the charset is unknown. Undeclared or wrongly declared bytes are read as
    UTF-8 when they are that, else as windows-1252, which is what programs do.
    """
    name = _ALIASES.get(charset.strip().lower(), charset.strip().lower())
    doubt = ""
    declared: tuple[str, ...]
    try:
        name = codecs.lookup(name).name
        if name.replace("-", "_") in _NO_CHARSETS:
            raise LookupError
        is_ascii_based = _is_ascii_based(name)  # raises for codecs of bytes, which an empty body would not show
        declared = (data.decode(name),)
    except UnicodeDecodeError:
        declared = (data.decode(name, errors="replace"),) if name != "ascii" else ()
    except (LookupError, ValueError):
        declared, doubt = (), "the charset is unknown"
    else:
        if is_ascii_based and not _shifts(data) and (data.isascii() or not _is_utf8(data)):
            return declared, ""
    return tuple(dict.fromkeys((*declared, *_sniff(data)))), doubt


def _shifts(data: bytes) -> bool:
    """Tell whether bytes may be more than one octet a character: NULs of UTF-16, escapes of ISO 2022."""
    return b"\x00" in data or b"\x1b" in data


def _sniff(data: bytes) -> tuple[str, ...]:
    """Read bytes without believing a label: by byte order mark, by NULs of UTF-16, as UTF-8, as windows-1252."""
    views = []
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            views.append(data.decode(name, errors="replace"))
    if b"\x1b$" in data or b"\x1b(" in data:  # programs know ISO 2022 by its escapes, whatever the label says
        views += [data.decode(name, errors="replace") for name in ("iso2022_jp_2", "iso2022_kr")]
    if b"\x00" in data:
        views += [data.decode(name, errors="replace") for name in ("utf-16-le", "utf-16-be")]
    try:
        views.append(data.decode("utf-8"))
    except UnicodeDecodeError:
        views.append(data.decode("cp1252", errors="replace"))
    return tuple(views)


@lru_cache(maxsize=64)
def _is_ascii_based(name: str) -> bool:
    """Tell whether ASCII bytes mean themselves in a charset, so that a program that does not know it shows the same.

    Raises: LookupError for a codec that is no charset.
    """
    return not _SHIFTING.search(name) and _ASCII.decode(name, errors="replace") == _ASCII.decode("ascii")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
