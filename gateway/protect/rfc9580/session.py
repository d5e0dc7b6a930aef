"""The session key for one recipient's key: PKESK packets of version 3 and 6 (RFC 9580 section 5.1).

Version 3 stands before SEIPD version 1, version 6 before version 2, never otherwise (section 10.3.2.1).
"""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x448, x25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from gateway.protect.errors import SealError
from gateway.protect.rfc9580 import keys
from gateway.protect.rfc9580.fields import PKESK, framed, mpi
from gateway.protect.rfc9580.keys import PublicKey

AES_256: Final = b"\x09"  # section 9.3
KDF_HASHES: Final[dict[int, hashes.HashAlgorithm]] = {8: hashes.SHA256(), 9: hashes.SHA384(), 10: hashes.SHA512()}
KEY_OCTETS: Final = {7: 16, 8: 24, 9: 32}  # of AES, by its number
SENDER: Final = b"Anonymous Sender    "  # section 11.5


def pkesk(key: PublicKey, session_key: bytes, *, version: int) -> bytes:
    """The packet that gives an AES-256 session key to whoever has the private half. Raises: SealError."""
    try:
        encrypted = _encrypt(key, session_key, cipher=AES_256 if version == 3 else b"")
    except (ValueError, UnsupportedAlgorithm):
        raise SealError("encryption failed") from None
    if version == 3:
        head = b"\x03" + key.key_id
    else:
        to = bytes((key.version,)) + bytes.fromhex(key.fingerprint)
        head = bytes((6, len(to))) + to
    return framed(PKESK, head + bytes((key.algorithm,)) + encrypted)


def is_able(key: PublicKey) -> bool:
    """Whether there is anything to encrypt to: the kind is one of ours, and the numbers are a key."""
    try:
        pkesk(key, bytes(32), version=6)
    except SealError:
        return False
    return True


def _encrypt(key: PublicKey, session_key: bytes, *, cipher: bytes) -> bytes:
    """cipher: its number where the packet has to tell it, else nothing. Raises: ValueError, UnsupportedAlgorithm."""
    if key.algorithm == keys.X25519:
        return _x25519(key, x25519.X25519PrivateKey.generate(), session_key, cipher)
    if key.algorithm == keys.X448:
        return _x448(key, session_key, cipher)
    checked = cipher + session_key + (sum(session_key) % 65536).to_bytes(2, "big")
    if key.algorithm in keys.RSA_ENCRYPTS:
        modulus, exponent = key.material.numbers
        public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        return mpi(public.encrypt(checked, padding.PKCS1v15()))  # section 5.1.3
    if key.algorithm == keys.ECDH:
        return _ecdh(key, checked)
    raise ValueError(key.name)


def _x25519(key: PublicKey, ephemeral: x25519.X25519PrivateKey, session_key: bytes, cipher: bytes) -> bytes:
    """Section 5.1.6."""
    ours = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(x25519.X25519PublicKey.from_public_bytes(key.material.point))
    kdf = HKDF(hashes.SHA256(), 16, None, b"OpenPGP X25519")
    wrapped = cipher + aes_key_wrap(kdf.derive(ours + key.material.point + shared), session_key)
    return ours + bytes((len(wrapped),)) + wrapped


def _x448(key: PublicKey, session_key: bytes, cipher: bytes) -> bytes:
    """Section 5.1.7."""
    ephemeral = x448.X448PrivateKey.generate()
    ours = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(x448.X448PublicKey.from_public_bytes(key.material.point))
    kdf = HKDF(hashes.SHA512(), 32, None, b"OpenPGP X448")
    wrapped = cipher + aes_key_wrap(kdf.derive(ours + key.material.point + shared), session_key)
    return ours + bytes((len(wrapped),)) + wrapped


def _ecdh(key: PublicKey, checked: bytes) -> bytes:
    """Sections 5.1.5, 11.4 and 11.5."""
    hash_id, cipher_id = key.material.kdf
    if hash_id not in KDF_HASHES or cipher_id not in KEY_OCTETS:
        raise ValueError(key.name)
    ours, shared = _agreed(key)
    derived = hashes.Hash(KDF_HASHES[hash_id])
    oid = bytes((len(key.material.oid),)) + key.material.oid
    about = oid + bytes((keys.ECDH, 3, 1, hash_id, cipher_id)) + SENDER + bytes.fromhex(key.fingerprint)
    derived.update(b"\x00\x00\x00\x01" + shared + about)
    pad = 8 - len(checked) % 8
    wrapped = aes_key_wrap(derived.finalize()[: KEY_OCTETS[cipher_id]], checked + bytes((pad,)) * pad)
    return mpi(ours) + bytes((len(wrapped),)) + wrapped


def _agreed(key: PublicKey) -> tuple[bytes, bytes]:
    """Our ephemeral point as it is written, and what both sides can compute (section 11.2)."""
    if key.material.curve == "Curve25519" and key.material.point[:1] == b"\x40":
        mine = x25519.X25519PrivateKey.generate()
        shared = mine.exchange(x25519.X25519PublicKey.from_public_bytes(key.material.point[1:]))
        return b"\x40" + mine.public_key().public_bytes_raw(), shared
    curve = keys.PRIME.get(key.material.curve)
    if curve is None:
        raise ValueError(key.name)
    private = ec.generate_private_key(curve)
    public = private.public_key().public_numbers()
    size = (curve.key_size + 7) // 8
    point = b"\x04" + public.x.to_bytes(size, "big") + public.y.to_bytes(size, "big")
    return point, private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve, key.material.point))
