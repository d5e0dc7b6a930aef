"""A stored message as the portal shows it: header lines, one body, attachments. Pure; runs in a child.

The message is hostile. It is counted before it is parsed, parsed once by the standard library, and its HTML leaves only
through `harmless`. Where a reader may see two things in a message, this shows the better part of an alternative and
lists everything else as an attachment, so that nothing is lost.
"""

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.generator import BytesGenerator
from email.message import Message
from email.utils import parsedate_to_datetime
from io import BytesIO
from pathlib import PurePath
from typing import Final

import msgspec

from gateway.inspect.sanitise import harmless
from policy.phi.decode import charset_decode
from policy.phi.headers import decoded
from policy.phi.structure import scan

SHOWN_LETTERS: Final = 2_000_000  # of a body, markup included; more is for a program of one's own
NAME_LETTERS: Final = 120
ENDING_LETTERS: Final = 11  # of them, the ending with its dot
LINE_LETTERS: Final = 1000
_PATH: Final = re.compile(r"[/\\]")
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f"*:<>?|;]')


class Attachment(msgspec.Struct, frozen=True):
    """One file of a message. number: from 1, in the order of the message. size: octets when decoded."""

    number: int
    name: str
    size: int


class Rendered(msgspec.Struct, frozen=True, tag=True):
    """What is shown. html: harmless markup, or "" and then text holds the body. The header lines are decoded."""

    sender: str
    to: str
    cc: str
    date: str
    subject: str
    html: str
    text: str
    attachments: tuple[Attachment, ...]


class Attached(msgspec.Struct, frozen=True, tag=True):
    """One attachment's octets, under the name that it is listed with."""

    name: str
    content: bytes


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The message is built in a way that no program should try to show, or has no such attachment."""

    why: str


@dataclass(slots=True)
class _Sorted:
    """The parts of a message by what is done with them."""

    shown: list[Message] = field(default_factory=list)
    files: list[Message] = field(default_factory=list)


def render_message(data: bytes) -> Rendered | Refused:
    """Make a message ready to be shown. data: the message as stored, CRLF lines."""
    limits = scan(data).limits
    if limits:
        return Refused(limits[0])
    message = message_from_bytes(data, policy=policy.compat32)
    parts = _sort(message)
    if sum(len(_content(part)) for part in parts.shown) > SHOWN_LETTERS:
        return Refused("the text is too long to be shown")
    is_html = any(part.get_content_type() == "text/html" for part in parts.shown)
    return Rendered(
        sender=_line(message, "from"),
        to=_line(message, "to"),
        cc=_line(message, "cc"),
        date=_when(_line(message, "date")),
        subject=_line(message, "subject"),
        html="\n".join(map(_as_html, parts.shown)) if is_html else "",
        text="" if is_html else "\n".join(map(_text, parts.shown)),
        attachments=tuple(
            Attachment(number=number, name=_name(part, number), size=len(_content(part)))
            for number, part in enumerate(parts.files, start=1)
        ),
    )


def attachment(data: bytes, number: int) -> Attached | Refused:
    """One attachment, decoded. number: as `render_message` listed it."""
    limits = scan(data).limits
    if limits:
        return Refused(limits[0])
    files = _sort(message_from_bytes(data, policy=policy.compat32)).files
    if not 1 <= number <= len(files):
        return Refused("there is no such attachment")
    return Attached(_name(files[number - 1], number), _content(files[number - 1]))


def _sort(message: Message) -> _Sorted:
    parts = _Sorted()
    for part in _leaves(message):
        is_body = part.get_content_type() in {"text/plain", "text/html"}
        (parts.shown if is_body and not _is_file(part) else parts.files).append(part)
    return parts


def _leaves(part: Message) -> Iterator[Message]:
    """Parts that are no multipart, in order; of an alternative the best text and whatever is no text."""
    if not _is_multipart(part):
        yield part
        return
    children = _children(part)
    best = _best(children) if part.get_content_type() == "multipart/alternative" else None
    for child in children:
        if best is None or child is best or not _is_text(child):
            yield from _leaves(child)


def _best(children: list[Message]) -> Message | None:
    """The last text of an alternative is the richest (RFC 2046 section 5.1.4)."""
    return next((child for child in reversed(children) if _is_text(child)), None)


def _is_text(part: Message) -> bool:
    """Is the part, or anything below it, a body that can be shown."""
    if _is_multipart(part):
        return any(_is_text(child) for child in _children(part))
    return part.get_content_type() in {"text/plain", "text/html"} and not _is_file(part)


def _is_multipart(part: Message) -> bool:
    return part.get_content_maintype() == "multipart" and part.is_multipart()


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _is_file(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(_declared_name(part))


def _content(part: Message) -> bytes:
    """The decoded octets; of an attached message its own octets."""
    if part.is_multipart():
        out = BytesIO()
        generator = BytesGenerator(out, mangle_from_=False, policy=policy.compat32.clone(linesep="\r\n"))
        for child in _children(part):
            generator.flatten(child)
        return out.getvalue()
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: Message) -> str:
    charset = part.get_param("charset", "")
    views, _doubt = charset_decode(_content(part), charset if isinstance(charset, str) else "")
    return views[0].replace("\r\n", "\n").replace("\x00", "")


def _as_html(part: Message) -> str:
    text = _text(part)
    if part.get_content_type() == "text/html":
        return harmless(text)
    return f'<div class="plain">{html.escape(text)}</div>'


def _line(message: Message, name: str) -> str:
    """A header field as one line to show, its fields joined when there are several."""
    value = ", ".join(decoded(str(raw)) for raw in message.get_all(name, []))
    return " ".join(_visible(value).split())[:LINE_LETTERS]


def _visible(text: str) -> str:
    """Without control characters and without marks that turn the direction of writing (PO-11, PO-19)."""
    return "".join(" " if letter in "\r\n\t" else letter for letter in text if _is_shown(letter) or letter in "\r\n\t")


def _is_shown(letter: str) -> bool:
    return unicodedata.category(letter) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _when(value: str) -> str:
    """The date as people write it, with the sender's zone; as it stands when it cannot be read."""
    try:
        date = parsedate_to_datetime(value)
        return f"{date.day} {date:%B %Y, %H:%M} {date.tzname() or 'UTC'}"
    except (ValueError, TypeError, IndexError, OverflowError):
        return value


def _declared_name(part: Message) -> str:
    try:
        return part.get_filename("") or ""
    except (LookupError, ValueError, TypeError):  # odd RFC 2231 charsets
        return "attachment"


def _name(part: Message, number: int) -> str:
    """A file name that is only a name: no path, no control or direction marks, no leading dot, bounded (PO-11)."""
    last = _PATH.split(decoded(_declared_name(part)))[-1]
    clean = _UNSAFE.sub("_", unicodedata.normalize("NFC", " ".join(_visible(last).split()))).strip(" .")
    if len(clean) > NAME_LETTERS:
        clean = clean[: NAME_LETTERS - ENDING_LETTERS] + PurePath(clean).suffix[:ENDING_LETTERS]
    return clean or f"attachment-{number}{'.eml' if part.get_content_maintype() == 'message' else ''}"
