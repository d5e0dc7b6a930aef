"""Reading what arrived as the people it is for would: links, PINs, codes, and the content of a copy."""

import email
import email.policy
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Final

from gateway.demo.destination import Arrival

LINK: Final = re.compile(r"https://\S+/m/\S+")
PIN: Final = re.compile(r"PIN (\d{4}-\d{4})")
CODE: Final = re.compile(r"^(\d{6})\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One part of a message that is no container: media type, file name, decoded content with LF line ends if text."""

    media_type: str
    name: str
    content: bytes


def leaves(data: bytes) -> tuple[Leaf, ...]:
    """The parts of a message, decoded: what has to be the same at both ends."""
    return tuple(_leaf(part) for part in email.message_from_bytes(data).walk() if not part.is_multipart())


def _leaf(part: Message) -> Leaf:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    if part.get_content_maintype() == "text":
        content = content.replace(b"\r\n", b"\n").rstrip()
    return Leaf(part.get_content_type(), part.get_filename() or "", content)


def header(data: bytes) -> bytes:
    """Everything before the first empty line."""
    return data.partition(b"\r\n\r\n")[0]


def subject(data: bytes) -> str:
    return str(email.message_from_bytes(header(data), policy=email.policy.default)["Subject"] or "")


def text(data: bytes) -> str:
    """The plain text that a reader shows."""
    body = email.message_from_bytes(data, policy=email.policy.default).get_body(("plain",))
    content = body.get_content() if body else ""
    return content if isinstance(content, str) else ""


def copies(arrivals: Iterable[Arrival], *, queue_id: str, recipient: str) -> Iterator[Arrival]:
    """The message itself, in whatever form, as it came for one recipient: its header names the queue id."""
    return (one for one in arrivals if recipient in one.recipients and queue_id.encode() in header(one.content))


def link_in(arrivals: Iterable[Arrival], notice_id: str) -> str:
    """The portal's address in a notice; empty when the notice has not come."""
    for one in arrivals:
        found = LINK.search(text(one.content)) if notice_id.encode() in header(one.content) else None
        if found:
            return found[0]
    return ""


def pin_in(arrivals: Iterable[Arrival], *, queue_id: str, recipient: str) -> str:
    """The PIN that the sender was told for one recipient; empty when no notice has one."""
    for one in arrivals:
        words = text(one.content)
        found = PIN.search(words)
        if found and queue_id in words and recipient in words:
            return found[1]
    return ""


def code_in(arrival: Arrival) -> str:
    """The one-time code; empty when this is another mail."""
    found = CODE.search(text(arrival.content))
    return found[1] if found else ""
