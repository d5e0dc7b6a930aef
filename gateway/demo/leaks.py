"""Is text of a message to be found in what went over a wire? Raw, quoted-printable, base64, decoded by MIME. Pure.

Not found would be: text under a compression or a cipher, and lines shorter than `SHORTEST`.
"""

import base64
import binascii
import email
import email.policy
import quopri
import re
from collections.abc import Iterator
from email.message import Message
from typing import Final

from gateway.demo.mailbox import leaves, subject

SHORTEST: Final = 12  # octets; shorter lines ("Dr. Weber") occur in mail that says nothing
BASE64: Final = re.compile(rb"(?:^[A-Za-z0-9+/]{4,}={0,2}[ \t]*\r?$\n?)+", re.MULTILINE)
LINE_END: Final = re.compile(rb"[\r\n]+")


def markers(data: bytes) -> frozenset[bytes]:
    """What would tell something of this message: its lines, decoded, those of attachments too; subject; file names."""
    found = {_squeeze(subject(data).encode())}
    for leaf in leaves(data):
        found |= {_squeeze(line) for line in LINE_END.split(leaf.content)}
    names = {leaf.name.encode() for leaf in leaves(data) if leaf.name}
    return frozenset({marker for marker in found if len(marker) >= SHORTEST} | names)


def leak(wanted: frozenset[bytes], content: bytes) -> bool:
    """Whether one of the markers can be read in a message as it was sent."""
    return any(marker in view for view in views(content) for marker in wanted)


def views(content: bytes) -> Iterator[bytes]:
    """The octets, and every reading of them that needs no key; blanks squeezed, so that folding hides nothing."""
    yield _squeeze(content)
    yield _squeeze(quopri.decodestring(content))
    for run in BASE64.findall(content):
        packed = b"".join(run.split())
        try:
            yield _squeeze(base64.b64decode(packed + b"=" * (-len(packed) % 4)))
        except binascii.Error:
            continue
    for part in _parts(email.message_from_bytes(content, policy=email.policy.default)):
        yield from map(_squeeze, part)


def _parts(message: Message) -> Iterator[tuple[bytes, ...]]:
    """Decoded header fields and content of each entity."""
    for part in message.walk():
        payload = None if part.is_multipart() else part.get_payload(decode=True)
        fields = "\n".join(str(value) for value in part.values())
        yield fields.encode("utf-8", "replace"), payload if isinstance(payload, bytes) else b""


def _squeeze(data: bytes) -> bytes:
    return b" ".join(data.split())
