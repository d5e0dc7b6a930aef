"""Read header fields for what they tell: decoded text, addresses, marks of urgency and of bulk mail.

Values come from the parser as `str` with surrogate escapes for 8-bit bytes. Nothing here raises for any input.
"""

import base64
import binascii
import quopri
import re
from collections.abc import Sequence
from email.message import Message
from typing import Any, Final
from urllib.parse import unquote

from policy.phi.decode import charset_decode

# RFC 2047 section 2, but longer words than 75 characters are read too, since readers' programs do.
_ENCODED_WORD: Final = re.compile(r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,20})?\?([bBqQ])\?([^?]{0,20000})\?=")
_ENCODED_GAP: Final = re.compile(r"(?<=\?=)[ \t\r\n]{1,200}(?==\?)")
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")
_COMMENT_OR_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.){0,1000}"|\([^()]{0,1000}\)')
_ANGLE: Final = re.compile(r"<([^<>\s]{1,320})>")
_BARE: Final = re.compile(r"[^\s<>,;:\"()]{1,256}@[^\s<>,;:\"()]{1,256}")
_URGENT: Final = {
    "importance": {"high"},
    "priority": {"urgent"},
    "x-priority": {"1", "2"},
    "x-mailward-priority": {"urgent"},
}
_BULK_FIELDS: Final = ("list-id", "list-unsubscribe", "list-post", "list-help", "feedback-id")
_BULK_PRECEDENCE: Final = frozenset({"bulk", "list", "junk"})
_NAMES: Final = ("from", "sender", "reply-to", "to", "cc", "bcc", "resent-from", "resent-to", "resent-cc")
# Fields that programs write and read; whatever else stands in a header, people may have written.
_MACHINERY: Final = frozenset(
    """
    subject date message-id in-reply-to references received return-path delivered-to mime-version content-type
    content-transfer-encoding content-disposition content-id content-language content-md5 dkim-signature
    domainkey-signature authentication-results received-spf user-agent thread-index auto-submitted precedence
    importance priority x-priority resent-date resent-message-id reporting-mta arrival-date last-attempt-date
    """.split()
)
_MACHINERY_PREFIXES: Final = ("arc-", "dkim-", "x-google-", "x-ms-exchange-", "x-microsoft-antispam")


def decoded(value: str) -> str:
    """Return a header value as a reader sees it: unfolded, encoded words decoded (RFC 2047), 8-bit bytes guessed."""
    unfolded = _FOLD.sub("", value)
    if "=?" not in unfolded:
        return _bytes_to_text(unfolded, "")
    pieces, at, open_word = [], 0, ("", "", "")
    joined = _ENCODED_GAP.sub("", unfolded)  # RFC 2047 section 6.2: blanks between encoded words are not shown
    for word in _ENCODED_WORD.finditer(joined):
        charset, encoding, text = word[1].lower(), word[2].lower(), word[3]
        if word.start() == at and open_word[:2] == (charset, encoding) and not open_word[2].endswith("="):
            open_word = (charset, encoding, open_word[2] + text)  # a letter may be cut in two, as it may not be
        else:
            pieces += [_encoded_word(*open_word), _bytes_to_text(joined[at : word.start()], "")]
            open_word = (charset, encoding, text)
        at = word.end()
    return "".join((*pieces, _encoded_word(*open_word), _bytes_to_text(joined[at:], "")))


def _encoded_word(charset: str, encoding: str, text: str) -> str:
    raw = text.encode("utf-8", errors="surrogateescape")
    if encoding == "q":
        return _bytes_to_text(quopri.decodestring(raw, header=True), charset)
    try:
        return _bytes_to_text(base64.b64decode(raw + b"=" * (-len(raw) % 4)), charset)
    except binascii.Error:
        return text


def _bytes_to_text(chunk: str | bytes, charset: str) -> str:
    if isinstance(chunk, str) and chunk.isascii() and chunk.isprintable():
        return chunk
    raw = chunk if isinstance(chunk, bytes) else chunk.encode("utf-8", errors="surrogateescape")
    if not charset.lower().startswith(("utf-16", "utf-32", "utf16", "utf32")):
        raw = raw.replace(b"\x00", b"")  # else NULs would make the bytes look like UTF-16
    views, _ = charset_decode(raw, charset)
    return views[0]


def field(message: Message, name: str) -> tuple[str, ...]:
    """Return every value of a field, as it stands."""
    return tuple(map(str, message.get_all(name, ())))


def names(message: Message) -> tuple[str, ...]:
    """Return the decoded address fields."""
    return tuple(decoded(value) for name in _NAMES for value in field(message, name))


def texts(message: Message) -> tuple[str, ...]:
    """Return the decoded fields that are neither machinery nor addresses nor the Subject: people may write in them."""
    return tuple(
        unquote(decoded(str(value)))
        for name, value in message.items()
        if (lower := name.lower()) not in _MACHINERY
        and lower not in _NAMES
        and not lower.startswith(_MACHINERY_PREFIXES)
    )


def addresses(message: Message, name: str) -> tuple[str, ...]:
    """Return the addr-specs of all fields of that name, as written; a display name that looks like one is skipped."""
    found = []
    for value in field(message, name):
        text = value if value.isascii() else _bytes_to_text(value, "")  # RFC 6532, or bytes that no report can hold
        plain = _COMMENT_OR_QUOTED.sub(" ", _FOLD.sub("", text))
        for mailbox in plain.split(","):
            angle = _ANGLE.search(mailbox)
            bare = None if angle else _BARE.search(mailbox)
            if angle or bare:
                found.append(angle[1] if angle else bare[0] if bare else "")
    return tuple(dict.fromkeys(found))


def display_names(message: Message, names: Sequence[str]) -> tuple[str, ...]:
    """Return the display names of the mailboxes in these fields, decoded, without quotes; lower case."""
    found = []
    for name in names:
        for value in field(message, name):
            for mailbox in decoded(value).split(">"):
                words = mailbox.partition("<")[0].strip(' ,;"\t')
                if words and "@" not in words:
                    found.append(words.lower())
    return tuple(dict.fromkeys(found))


def is_urgent(message: Message) -> bool:
    """Tell whether the sender marked the message urgent (RFC 2156 Priority and Importance, X-Priority)."""
    return any(
        value.strip().lower().split(" ")[0] in words
        for name, words in _URGENT.items()
        for value in field(message, name)
    )


def is_bulk(message: Message) -> bool:
    """Tell whether the header marks a mailing list or a mass mailing (RFC 2369, RFC 2919, Precedence)."""
    precedence = {value.strip().lower() for value in field(message, "precedence")}
    return bool(precedence & _BULK_PRECEDENCE) or any(name in message for name in _BULK_FIELDS)


def parameters(part: Message, header: str, wanted: str = "") -> list[tuple[str, Any]]:
    """Return the parameters of a field, split only when it can hold one, and the one that is wanted.

    A value is a tuple when it says its charset (RFC 2231).
    """
    value = part.get(header, "")
    return part.get_params([], header=header)[1:] if ";" in value and wanted in value.lower() else []
