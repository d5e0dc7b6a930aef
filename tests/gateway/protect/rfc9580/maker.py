"""Certificates of version 6 and 4 (RFC 9580) with whatever is wrong with them, of Ed25519 and X25519."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ed25519, x25519

from tests.gateway.protect.keys import CREATED

CERTIFY_SIGN, ENCRYPT = b"\x1b\x03", b"\x1b\x0c"  # subpackets: key flags
READS_SEIPD_2: Final = b"\x1e\x09"
SALTS: Final = {"sha256": (8, 16), "sha512": (10, 32), "sha1": (2, 16), "sha3_256": (12, 16)}


def packet(kind: int, body: bytes) -> bytes:
    return bytes((0xC0 | kind, 0xFF)) + len(body).to_bytes(4, "big") + body


def lasting(days: int) -> bytes:
    """A subpacket: the key's lifetime."""
    return b"\x09" + (days * 86_400).to_bytes(4, "big")


@dataclass(frozen=True)
class Key:
    """One pair. private: None for what only encrypts."""

    version: int
    body: bytes
    private: ed25519.Ed25519PrivateKey | None = None

    @property
    def signed(self) -> bytes:
        head = (b"\x9b", 4) if self.version == 6 else (b"\x99", 2)
        return head[0] + len(self.body).to_bytes(head[1], "big") + self.body


def make_key(
    algorithm: int, point: bytes, *, version: int = 6, private: ed25519.Ed25519PrivateKey | None = None
) -> Key:
    head = bytes((version,)) + int(CREATED.timestamp()).to_bytes(4, "big") + bytes((algorithm,))
    return Key(version, head + (len(point).to_bytes(4, "big") if version == 6 else b"") + point, private)


def primary(version: int = 6) -> Key:
    private = ed25519.Ed25519PrivateKey.generate()
    return make_key(27, private.public_key().public_bytes_raw(), version=version, private=private)


def subkey(version: int = 6, point: bytes | None = None) -> Key:
    return make_key(25, point or x25519.X25519PrivateKey.generate().public_key().public_bytes_raw(), version=version)


def user_id(text: str = "B <b@example.org>") -> bytes:
    return text.encode()


def over(text: bytes) -> bytes:
    """What a certification is computed over, after the key."""
    return b"\xb4" + len(text).to_bytes(4, "big") + text


def signature(
    by: Key, kind: int, content: bytes = b"", *subpackets: bytes, at: datetime = CREATED, digest: str = "sha512",
    salt_octets: int | None = None, version: int | None = None, unhashed: Sequence[bytes] = (),
) -> bytes:  # fmt: skip
    """A signature's packet, over the key that makes it and the content."""
    number, salt_size = SALTS[digest]
    version = version or by.version
    hashed = area((b"\x02" + int(at.timestamp()).to_bytes(4, "big"), *subpackets))
    width = 4 if version == 6 else 2
    head = bytes((version, kind, 27, number)) + len(hashed).to_bytes(width, "big") + hashed
    salt = b"s" * (salt_size if salt_octets is None else salt_octets) if version == 6 else b""
    trailer = bytes((version, 0xFF)) + len(head).to_bytes(4, "big")
    value = hashlib.new(digest, salt + by.signed + content + head + trailer).digest()
    assert by.private is not None
    loose = area(unhashed)
    salted = bytes((len(salt),)) + salt if version == 6 else b""
    body = head + len(loose).to_bytes(width, "big") + loose + value[:2] + salted + by.private.sign(value)
    return packet(2, body)


def area(subpackets: Sequence[bytes]) -> bytes:
    return b"".join(bytes((len(one),)) + one for one in subpackets)


@dataclass(frozen=True)
class Maker:
    """Its parts, so that each can be left out, doubled or put somewhere else."""

    primary: Key
    subkey: Key

    @classmethod
    def new(cls, version: int = 6) -> "Maker":
        return cls(primary(version), subkey(version))

    def head(self, *subpackets: bytes, **options: object) -> bytes:
        """The primary key and its direct signature."""
        return packet(6, self.primary.body) + self.direct(*(subpackets or (CERTIFY_SIGN, READS_SEIPD_2)))

    def direct(self, *subpackets: bytes, at: datetime = CREATED, digest: str = "sha512") -> bytes:
        return signature(self.primary, 0x1F, b"", *subpackets, at=at, digest=digest)

    def named(self, text: str = "B <b@example.org>") -> bytes:
        return packet(13, text.encode()) + signature(self.primary, 0x13, over(text.encode()))

    def bound(self, *subpackets: bytes, at: datetime = CREATED) -> bytes:
        """The subkey and its binding."""
        return packet(14, self.subkey.body) + self.binding(*(subpackets or (ENCRYPT,)), at=at)

    def binding(self, *subpackets: bytes, at: datetime = CREATED) -> bytes:
        return signature(self.primary, 0x18, self.subkey.signed, *subpackets, at=at)

    def revocation(self, *, of_subkey: bool = False, at: datetime = CREATED + timedelta(days=1)) -> bytes:
        if of_subkey:
            return signature(self.primary, 0x28, self.subkey.signed, at=at)
        return signature(self.primary, 0x20, at=at)

    def whole(self) -> bytes:
        return self.head() + self.named() + self.bound()
