"""The child process that makes DKIM signatures; started by `gateway.workers`. It reads no mail and keeps only keys.

Request: the blob is a list of `Wanted` as MessagePack. Answer: the signatures, in their order.
"""

from functools import lru_cache
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from gateway.protect.dkim_keys import PrivateKey, generate_key, sign_with
from gateway.workers.child import serve

MOST_KEYS: Final = 256


class Wanted(msgspec.Struct, frozen=True):
    """One signature: `dkim_keys.sign_with` the key (PKCS #8) over the data."""

    der: bytes
    data: bytes

    def __repr__(self) -> str:
        return "Wanted()"  # it holds a private key


_DECODER: Final = msgspec.msgpack.Decoder(list[Wanted])
_ENCODER: Final = msgspec.msgpack.Encoder()


@lru_cache(maxsize=MOST_KEYS)
def _load(der: bytes) -> PrivateKey:
    key = load_der_private_key(der, password=None)
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise TypeError("neither an RSA nor an Ed25519 key")
    return key


def handle(_header: bytes, blob: memoryview) -> bytes:
    """Answer one request."""
    return _ENCODER.encode([sign_with(_load(one.der), one.data) for one in _DECODER.decode(blob)])


if __name__ == "__main__":
    _made = load_pem_private_key(generate_key("ed25519"), password=None)  # loads what would otherwise come too late
    serve(handle)
