"""The child process that makes DKIM signatures; started by `gateway.workers`.

Request: the header is an `Order` as MessagePack, the blob its messages, one after the other. Answer: a list of `Made`,
in their order.
"""

from functools import lru_cache
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from gateway.message.fields import split_message
from gateway.protect.dkim_keys import DkimKey, generate_key
from gateway.protect.dkim_signature import signature_fields
from gateway.protect.errors import SignError
from gateway.workers.child import serve

MOST_KEYS: Final = 256


class KeyParts(msgspec.Struct, frozen=True, array_like=True):
    """A `DkimKey` that can travel. der: PKCS #8."""

    domain: str
    selector: str
    der: bytes

    def __repr__(self) -> str:
        return "KeyParts()"  # it holds a private key


class Task(msgspec.Struct, frozen=True, array_like=True):
    """One message. octets: its length. keys: places in the order's list. now: seconds since 1970, for `t=`."""

    octets: int
    keys: list[int]
    now: int


class Order(msgspec.Struct, frozen=True, array_like=True):
    """What several messages need."""

    keys: list[KeyParts]
    tasks: list[Task]


class Made(msgspec.Struct, frozen=True, array_like=True):
    """The fields for a message, or why there are none."""

    fields: bytes = b""
    refused: str = ""


_DECODER: Final = msgspec.msgpack.Decoder(Order)
_ENCODER: Final = msgspec.msgpack.Encoder()


@lru_cache(maxsize=MOST_KEYS)
def _load(parts: KeyParts) -> DkimKey:
    key = load_der_private_key(parts.der, password=None)
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise TypeError("neither an RSA nor an Ed25519 key")
    return DkimKey(parts.domain, parts.selector, key)


def handle(header: bytes, blob: memoryview) -> bytes:
    """Answer one request."""
    order = _DECODER.decode(header)
    keys = [_load(parts) for parts in order.keys]
    made, at = [], 0
    for task in order.tasks:
        made.append(_made(bytes(blob[at : at + task.octets]), [keys[place] for place in task.keys], task.now))
        at += task.octets
    return _ENCODER.encode(made)


def _made(message: bytes, keys: list[DkimKey], now: int) -> Made:
    try:
        return Made(fields=signature_fields(split_message(message), keys, now=now))
    except SignError as why:
        return Made(refused=str(why))


if __name__ == "__main__":
    _made_once = load_pem_private_key(generate_key("ed25519"), password=None)  # loads what would come too late
    serve(handle)
