"""PGP/MIME: a message becomes ciphertext for one recipient (RFC 3156, RFC 9580).

What servers need stays outside; everything else, the subject first, goes inside with the body as protected headers
(RFC 9788, in the form that today's readers know: `protected-headers="v1"`). AES-256 with integrity protection,
no compression. Signed inside when the organisation has a key, in the same OpenPGP message (RFC 3156 section
6.2). An `engine` does the packets, `gateway.protect.armour` the text; it runs in a sealer child.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.message import compose
from gateway.message.compose import Part, multipart
from gateway.message.fields import Field, HeaderError, Parsed, split_message
from gateway.protect.armour import armour_message
from gateway.protect.engine import Engine
from gateway.protect.errors import SealError
from gateway.protect.own_engine import OwnEngine

NEUTRAL_SUBJECT: Final = "..."  # what Thunderbird and GnuPG's plug-ins write; says nothing about the message

OUTSIDE: Final = (
    frozenset(  # what servers and readers need before decryption; an allow-list, so that nothing leaks by name
        {
            "received",
            "from",
            "sender",
            "reply-to",
            "to",
            "cc",
            "date",
            "message-id",
            "in-reply-to",
            "references",
            "auto-submitted",
            "importance",
            "priority",
            "resent-from",
            "resent-to",
            "resent-cc",
            "resent-date",
            "resent-message-id",
        }
    )
)
DROPPED: Final = frozenset(  # about the way of the clear message, or signatures that encryption breaks
    {
        "received",
        "return-path",
        "bcc",
        "resent-bcc",
        "mime-version",
        "dkim-signature",
        "authentication-results",
        "arc-seal",
        "arc-message-signature",
        "arc-authentication-results",
    }
)
VERSION_PART: Final = Part(  # RFC 3156 section 4
    (
        compose.field("Content-Type", "application/pgp-encrypted"),
        compose.field("Content-Description", "PGP/MIME version identification"),
    ),
    b"Version: 1\r\n",
)

ENGINE: Final[Engine] = OwnEngine()


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """message: what to send, not yet DKIM-signed. fingerprints: of the certificates that open it, for the evidence."""

    message: bytes = field(repr=False)
    fingerprints: tuple[str, ...]


def encrypt(
    message: bytes,
    certificates: Sequence[bytes],
    *,
    now: datetime,
    address: str = "",
    signer: bytes | None = None,
    neutral_subject: str = NEUTRAL_SUBJECT,
    engine: Engine = ENGINE,
) -> Ciphertext:
    """Encrypt a message to one recipient.

    message: as it is kept, Bcc removed. certificates: binary, all of the same recipient: the ids of the keys stand in
    the ciphertext, so another recipient's would show who else got it (CR-02). Unusable ones are passed over. address:
    the recipient's, in lower case, that they must be of; empty: they are. signer: the organisation's private key; None:
    the message is not signed.
    Raises: NoUsableCertificate with the reasons; SealError when the message, its signature or its encryption fails.
    """
    try:
        parsed = split_message(message)
    except HeaderError as why:
        raise SealError(str(why)) from None
    packets = engine.encrypt(inner_entity(parsed), certificates, now=now, address=address, signer=signer)
    armoured = armour_message(packets.data, has_checksum=not packets.is_seipd_2)
    outer = outer_message(parsed, armoured, neutral_subject=neutral_subject)
    return Ciphertext(outer, packets.fingerprints)


def inner_entity(parsed: Parsed) -> bytes:
    """What is encrypted: the MIME entity as it was, its body octet for octet, under all header fields worth keeping."""
    fields = [f for f in parsed.fields if f.name not in DROPPED]
    if not parsed.all("content-type"):
        fields.append(Field("content-type", b"Content-Type: text/plain; charset=us-ascii\r\n"))  # RFC 2045 section 5.2
    is_marked = False
    raws = []
    for f in fields:
        if f.name == "content-type" and not is_marked:
            is_marked = True
            raws.append(f.raw.rstrip(b"\r\n\t ;") + b';\r\n protected-headers="v1"\r\n')
        else:
            raws.append(f.raw)
    return b"".join((*raws, b"\r\n", parsed.body))


def outer_message(parsed: Parsed, armoured: bytes, *, neutral_subject: str) -> bytes:
    """The message that carries the ciphertext (RFC 3156 section 4)."""
    encrypted = Part(
        (
            compose.field("Content-Type", 'application/octet-stream; name="encrypted.asc"'),
            compose.field("Content-Description", "OpenPGP encrypted message"),
            compose.field("Content-Disposition", 'inline; filename="encrypted.asc"'),
        ),
        armoured,
    )
    parameters = 'protocol="application/pgp-encrypted"; '
    root = multipart("encrypted", (VERSION_PART, encrypted), seed=os.urandom(16).hex(), parameters=parameters)
    outside = [f.raw for f in parsed.fields if f.name in OUTSIDE]
    subject = compose.field("Subject", neutral_subject)
    return b"".join((*outside, subject, b"MIME-Version: 1.0\r\n", *root.headers, b"\r\n", root.body))
