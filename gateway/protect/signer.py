"""Our own private key: whether a recipient would believe what it signs today. PGPy signs; the judgement is ours."""

import warnings
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from pgpy import PGPKey
from pgpy.errors import PGPError

from gateway.protect.armour import PUBLIC_KEY, SECRET_KEYS, bodies, without_unknown
from gateway.protect.errors import CertificateError
from gateway.protect.facts import addresses_in
from gateway.protect.rfc9580.certificate import Certificate, end_of, read_packets
from gateway.protect.rfc9580.fields import SIGNATURE, SUBKEY, framed
from gateway.protect.rfc9580.judge import rsa_too_short
from gateway.protect.rfc9580.keys import PublicKey, public_body
from gateway.protect.rfc9580.signatures import SIGN

KNOWN_ALGORITHMS: Final = frozenset({1, 2, 3, 16, 17, 18, 19, 22})  # to PGPy; RFC 9580 section 9.1
SECRET_KEY: Final = 5  # packet types, RFC 9580 section 5
SECRET_SUBKEY: Final = 7
WHAT_PGPY_RAISES: Final = (  # on damaged or unknown input, found by fuzzing
    PGPError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    AttributeError,
    NotImplementedError,
    OverflowError,
    StopIteration,
    RuntimeError,
    UnsupportedAlgorithm,
)


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key that signs. key: PGPy's, the primary or a subkey. root: what a subkey refers to weakly.

    address: of the user id that the signature names, so that a reader can look the key up; empty for a subkey, for
    which PGPy cannot name one.
    """

    key: Any = field(repr=False)
    root: Any = field(repr=False)
    address: str


def open_signer(data: bytes, *, now: datetime) -> Signer:
    """The key that signs in a private key, binary: its newest subkey for signatures, or the primary.

    Raises: CertificateError when there is none that a recipient would believe today, or a passphrase is needed.
    """
    public = public_part(data)
    if public == data:
        raise CertificateError("this is a public key; the private one is needed (gpg --export-secret-keys)")
    read = read_packets(public)
    if read.primary.version != 4:
        raise CertificateError(f"it is a version {read.primary.version} key; version 4 is what can sign")
    chosen = _chosen(read, now)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PGPy warns of what it does not check; all of that is checked here
        root = PGPKey()
        try:
            root.parse(bytearray(without_unknown(data, KNOWN_ALGORITHMS)))
            found = {str(one.fingerprint).replace(" ", ""): one for one in (root, *root.subkeys.values())}
            key = found[chosen.fingerprint]
            is_protected = key.is_protected
        except WHAT_PGPY_RAISES:
            raise CertificateError(f"its key is of a kind that cannot sign here ({chosen.name})") from None
    if is_protected:
        raise CertificateError("it has a passphrase; take that away before the import, since nobody types it here")
    addresses = addresses_in(read.user_ids(now))
    return Signer(key, root, addresses[0] if addresses and key is root else "")


def public_part(data: bytes) -> bytes:
    """Of a private key, binary; a certificate as it is. Raises: CertificateError."""
    packets = bodies(data)
    if not packets or packets[0][0] not in (PUBLIC_KEY, SECRET_KEY):
        raise CertificateError("not an OpenPGP key that we can read")
    if packets[0][0] == PUBLIC_KEY:
        return data
    kept: list[bytes] = []
    is_dropped = False
    for kind, body in packets:
        if kind not in SECRET_KEYS:
            if kind != SIGNATURE or not is_dropped:
                kept.append(framed(kind, body))
            continue
        try:
            kept.append(framed(SUBKEY if kind == SECRET_SUBKEY else PUBLIC_KEY, public_body(body)))
            is_dropped = False
        except CertificateError:
            if kind != SECRET_SUBKEY:
                raise
            is_dropped = True  # a subkey of an unknown kind does not spoil the rest
    return b"".join(kept)


def _chosen(read: Certificate, now: datetime) -> PublicKey:
    if read.is_revoked:
        raise CertificateError("it was revoked")
    says = read.says_of_primary(now)
    if says is None:
        raise CertificateError("no user id is signed by its own key with SHA-2")
    subkeys = sorted(read.subkeys(now), key=lambda bound: bound[0].created_at, reverse=True)
    signing = [(key, one) for key, one in (*subkeys, (read.primary, says)) if one.flags & SIGN]
    for key, one in signing:
        ends = (end_of(read.primary, says), end_of(key, one))
        is_over = any(end is not None and end <= now for end in ends)
        if not (is_over or rsa_too_short(key) or rsa_too_short(read.primary)):
            return key
    raise CertificateError("it expired, or is too short" if signing else "it has no key for signatures")
