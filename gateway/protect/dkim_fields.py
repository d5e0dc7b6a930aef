"""DKIM-Signature fields around a signature that is made elsewhere (RFC 6376 section 3.5)."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.protect.canonical import relaxed_header
from gateway.protect.dkim_keys import DkimKey

BASE64_LINE: Final = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class Canonical:
    """What of a message is signed: names for `h=`, those fields in relaxed form, and the SHA-256 of its body."""

    names: tuple[str, ...]
    fields: bytes
    body_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsigned:
    """A field that lacks its signature: the one of `key` over `data`."""

    key: DkimKey
    value: bytes
    data: bytes

    def field(self, signature: bytes) -> bytes:
        """The complete field, with its CRLF."""
        text = base64.b64encode(signature).decode()
        lines = [text[at : at + BASE64_LINE] for at in range(0, len(text), BASE64_LINE)]
        return b"DKIM-Signature:" + self.value + "\r\n\t ".join(lines).encode("ascii") + b"\r\n"


def unsigned_fields(keys: Iterable[DkimKey], what: Canonical, *, now: int) -> tuple[Unsigned, ...]:
    """One for each key. now: seconds since 1970, for `t=`."""
    folded = _fold_names(what.names)
    return tuple(_unsigned(key, what, folded, now) for key in keys)


def _unsigned(key: DkimKey, what: Canonical, folded: str, now: int) -> Unsigned:
    value = (
        f" v=1; a={key.algorithm}; c=relaxed/relaxed;\r\n\td={key.domain}; s={key.selector}; t={now};\r\n"
        f"\th={folded};\r\n\tbh={base64.b64encode(what.body_hash).decode()};\r\n\tb="
    ).encode("ascii")
    own = relaxed_header("dkim-signature", value).removesuffix(b"\r\n")  # RFC 6376 section 3.7: b= empty, no CRLF
    return Unsigned(key=key, value=value, data=what.fields + own)


def _fold_names(names: tuple[str, ...]) -> str:
    """The list for `h=`, a few names a line."""
    return ":\r\n\t ".join(":".join(names[at : at + 6]) for at in range(0, len(names), 6))
