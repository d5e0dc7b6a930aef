"""The DKIM-Signature fields of one message (RFC 6376 section 3.5): pure, from final octets and keys.

relaxed/relaxed, no `l=` (it lets anyone append), no `x=`; the fields that a reader sees are signed once more than they
occur, so that none can be added (oversigning, RFC 6376 section 8.15). What two verifiers could read differently is
refused, never signed (CR-10).
"""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.message.fields import Field, Parsed
from gateway.protect.canonical import BareLineEnd, relaxed_body, relaxed_header
from gateway.protect.dkim_keys import DkimKey
from gateway.protect.errors import SignError

OVERSIGNED: Final = ("from", "to", "cc", "subject", "date", "message-id", "reply-to", "mime-version", "content-type")
SIGNED_WHEN_PRESENT: Final = (  # RFC 6376 section 5.4.1
    "sender",
    "content-transfer-encoding",
    "content-disposition",
    "in-reply-to",
    "references",
    "auto-submitted",
    "resent-from",
    "resent-to",
    "resent-date",
    "resent-message-id",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "tls-report-domain",  # RFC 8460 section 5.3
    "tls-report-submitter",
)
SIGNED: Final = OVERSIGNED + SIGNED_WHEN_PRESENT

BASE64_LINE: Final = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class _Canonical:
    """What of a message is signed: names for `h=`, those fields in relaxed form, and the SHA-256 of its body."""

    names: tuple[str, ...]
    fields: bytes
    body_hash: bytes


def signature_fields(parsed: Parsed, keys: Iterable[DkimKey], *, now: int) -> bytes:
    """The complete fields, one for each key, to be put on top of the message.

    now: seconds since 1970, for `t=`. Raises: SignError for a bare CR or LF in the body.
    """
    what = _canonical(parsed)
    folded = _fold_names(what.names)
    return b"".join(_field(key, what, folded, now) for key in keys)


def _field(key: DkimKey, what: _Canonical, folded: str, now: int) -> bytes:
    value = (
        f" v=1; a={key.algorithm}; c=relaxed/relaxed;\r\n\td={key.domain}; s={key.selector}; t={now};\r\n"
        f"\th={folded};\r\n\tbh={base64.b64encode(what.body_hash).decode()};\r\n\tb="
    ).encode("ascii")
    own = relaxed_header("dkim-signature", value).removesuffix(b"\r\n")  # RFC 6376 section 3.7: b= empty, no CRLF
    text = base64.b64encode(key.sign(what.fields + own)).decode()
    lines = [text[at : at + BASE64_LINE] for at in range(0, len(text), BASE64_LINE)]
    return b"DKIM-Signature:" + value + "\r\n\t ".join(lines).encode("ascii") + b"\r\n"


def _canonical(parsed: Parsed) -> _Canonical:
    """What `h=` lists, and those fields in relaxed form: of a repeated name the lowest first (RFC 6376 5.4.2)."""
    by_name: defaultdict[str, list[Field]] = defaultdict(list)
    for one in parsed.fields:
        by_name[one.name].append(one)
    names: list[str] = []
    signed: list[bytes] = []
    for name in SIGNED:
        found = by_name.get(name, [])
        names += [name] * (len(found) + (name in OVERSIGNED))
        signed += [relaxed_header(name, one.value) for one in reversed(found)]
    return _Canonical(names=tuple(names), fields=b"".join(signed), body_hash=_body_hash(parsed.body))


def _body_hash(body: memoryview) -> bytes:
    digest = hashlib.sha256()
    try:
        for piece in relaxed_body(body):
            digest.update(piece)
    except BareLineEnd:
        raise SignError("bare CR or LF in the body") from None
    return digest.digest()


def _fold_names(names: tuple[str, ...]) -> str:
    """The list for `h=`, a few names a line."""
    return ":\r\n\t ".join(":".join(names[at : at + 6]) for at in range(0, len(names), 6))
