"""Our Received field (RFC 5321 section 4.4)."""

import re
from email.utils import format_datetime
from typing import Final

from gateway.message.envelope import Envelope

HELO: Final = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")


def received_field(envelope: Envelope, *, hostname: str, queue_id: str) -> bytes:
    """The field to prepend to an accepted message.

    Returns: one folded field with its final CRLF. The recipient is named only when there is one (the others would show
    who got blind copies, RFC 5321 section 7.2); a HELO name with odd octets becomes `unknown` (SM-12).
    """
    client = envelope.client
    helo = client.helo if HELO.fullmatch(client.helo) else "unknown"
    literal = f"IPv6:{client.ip}" if ":" in client.ip else client.ip
    # RFC 3848: S for TLS, A for AUTH; RFC 6531 section 4.3
    protocol = (
        ("UTF8SMTP" if envelope.smtputf8 else "ESMTP") + "S" * bool(client.tls_version) + "A" * bool(client.login)
    )
    lines = [f"Received: from {helo} ([{literal}])", f"by {hostname} with {protocol} id {queue_id}"]
    if len(envelope.recipients) == 1:
        lines.append(f"for <{envelope.recipients[0].address}>")
    if client.tls_cipher:
        lines.append(f"tls {client.tls_cipher}")  # RFC 8314 section 4.3
    lines[-1] += ";"
    lines.append(format_datetime(envelope.received_at))
    return "\r\n\t".join(lines).encode() + b"\r\n"  # UTF-8 in an address that came by SMTPUTF8 (RFC 6532 section 3.2)


def came_by_smtputf8(data: bytes) -> bool:
    """Whether a message that we keep came with SMTPUTF8: our own Received field is its first (RFC 6531 4.3)."""
    return data.startswith(b"Received: ") and b" with UTF8SMTP" in data[: data.find(b" id ")]
