"""Which OpenPGP certificates we encrypt to, and why not (CR-01). PGPy reads them; the judgement is ours.

Only what the primary key signed with SHA-2 counts: a user id, an expiry or a subkey without such a signature could have
been added by anyone. Where PGPy's own view is more lenient (expiry, revocation, key flags), it is not asked.
"""

import functools
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from pgpy import PGPKey
from pgpy.constants import EllipticCurveOID, HashAlgorithm, KeyFlags, PubKeyAlgorithm, SignatureType
from pgpy.errors import PGPError

from gateway.protect.armour import first_key, without_unknown
from gateway.protect.errors import CertificateError
from gateway.protect.facts import CertificateFacts, addresses_in, first_end, too_short
from gateway.protect.rfc9580 import judge as rfc9580
from gateway.protect.rfc9580.keys import ED448, ED25519, PublicKey

MAX_OCTETS: Final = 32_768  # of one certificate; it travels to the sealer with every message
STRONG: Final = {
    HashAlgorithm.SHA224: hashes.SHA224,
    HashAlgorithm.SHA256: hashes.SHA256,
    HashAlgorithm.SHA384: hashes.SHA384,
    HashAlgorithm.SHA512: hashes.SHA512,
}
WEAK: Final = {HashAlgorithm.SHA1: hashes.SHA1, HashAlgorithm.MD5: hashes.MD5}
CERTIFICATIONS: Final = frozenset(
    {
        SignatureType.Generic_Cert,
        SignatureType.Persona_Cert,
        SignatureType.Casual_Cert,
        SignatureType.Positive_Cert,
    }
)
ENCRYPTION: Final = frozenset({KeyFlags.EncryptCommunications, KeyFlags.EncryptStorage})
CURVES: Final = frozenset(  # brainpool curves and ElGamal are beyond PGPy
    {
        EllipticCurveOID.Curve25519,
        EllipticCurveOID.NIST_P256,
        EllipticCurveOID.NIST_P384,
        EllipticCurveOID.NIST_P521,
    }
)
RSA: Final = frozenset({PubKeyAlgorithm.RSAEncryptOrSign, PubKeyAlgorithm.RSAEncrypt})
KNOWN_ALGORITHMS: Final = frozenset({1, 2, 3, 16, 17, 18, 19, 22})  # to PGPy; RFC 9580 section 9.1
BEYOND_PGPY: Final = {  # RFC 9580 section 9.1
    16: "ElGamal", 17: "DSA", 25: "X25519", 26: "X448", 27: "Ed25519 in its new form", 28: "Ed448",
}  # fmt: skip
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate that was read.

    encryption_keys: PGPy subkeys to encrypt to, empty unless usable. key: PGPy's primary key; subkeys refer to it
    weakly, so it must live as long as they are used. Where PGPy cannot read the certificate, there is neither.

    keys: the same for `rfc9580`; of a certificate that PGPy reads only when reads_seipd_2.
    """

    facts: CertificateFacts
    key: Any = field(repr=False, default=None)
    encryption_keys: tuple[Any, ...] = field(repr=False, default=())
    keys: tuple[PublicKey, ...] = field(repr=False, default=())
    reads_seipd_2: bool = False


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key that signs. key: PGPy's, the primary or a subkey. root: what a subkey refers to weakly.

    address: of the user id that the signature names, so that a reader can look the key up; empty for a subkey, for
    which PGPy cannot name one.
    """

    key: Any = field(repr=False)
    root: Any = field(repr=False)
    address: str


@dataclass(frozen=True, slots=True)
class _Key:
    """A primary key or subkey, and what its newest valid self-signature says of it."""

    key: Any
    flags: frozenset[Any]
    expires_at: datetime | None


def read_certificate(data: bytes, *, now: datetime) -> CertificateFacts:
    """Read one binary certificate, as `split_certificates` gives it.

    now: aware; decides expiry.
    Raises: CertificateError when it is no certificate that can be read at all; one that may not be used has `why_not`.
    """
    return open_certificate(data, now=now).facts


def open_certificate(data: bytes, *, now: datetime) -> Certificate:
    """As `read_certificate`, with the keys to encrypt to."""
    if len(data) > MAX_OCTETS:
        raise CertificateError("too large; export it with `gpg --export-options export-minimal --export`")
    if is_beyond_pgpy(data):
        judged = rfc9580.judge(data, now=now)
        return Certificate(facts=judged.facts, keys=judged.keys, reads_seipd_2=judged.reads_seipd_2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PGPy warns of what it does not check; all of that is checked here
        try:
            certificate = _judge(_parse(data), now)
        except WHAT_PGPY_RAISES:
            raise CertificateError(_why_unreadable(data)) from None
    found = [rfc9580.key_for_seipd_2(data, one.fingerprint, now=now) for one in certificate.encryption_keys]
    keys = tuple(key for key in found if key)
    return replace(certificate, keys=keys, reads_seipd_2=bool(keys))


def revocations(data: bytes) -> frozenset[str]:
    """The subkeys and user ids of a certificate that its primary key has revoked, by name. Raises: CertificateError."""
    if is_beyond_pgpy(data):
        return rfc9580.revoked_parts(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        try:
            key = _parse(data)
            subkeys = {str(one.fingerprint) for one in key.subkeys.values() if _is_subkey_revoked(key, one)}
            return frozenset(subkeys | {str(uid.hashdata) for uid in key.userids if _is_taken_back(key, uid)})
        except WHAT_PGPY_RAISES:
            raise CertificateError(_why_unreadable(data)) from None


def is_beyond_pgpy(data: bytes) -> bool:
    """Whether `rfc9580` judges a certificate: version 6, and version 4 with a primary key that PGPy does not know."""
    version, algorithm = first_key(data)
    return version == 6 or (version == 4 and algorithm in (ED25519, ED448))


def open_signer(data: bytes, *, now: datetime) -> Signer:
    """The key that signs in a private key, binary: its newest subkey for signatures, or the primary.

    Raises: CertificateError when there is none that a recipient would believe today, or a passphrase is needed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        try:
            private = _read(data)
            public = None if private.is_public else _parse(bytes(private.pubkey))
            if public is not None:
                return _signer(private, public, now)
        except WHAT_PGPY_RAISES:
            raise CertificateError(_why_unreadable(data)) from None
    raise CertificateError("this is a public key; the private one is needed (gpg --export-secret-keys)")


def public_part(data: bytes) -> bytes:
    """Of a private key, binary; a certificate as it is. Raises: CertificateError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            private = _read(data)
            return data if private.is_public else bytes(private.pubkey)
        except WHAT_PGPY_RAISES:
            raise CertificateError(_why_unreadable(data)) from None


def _signer(private: Any, public: Any, now: datetime) -> Signer:
    primary = _primary(public)
    if _is_revoked(public):
        raise CertificateError("it was revoked")
    if primary is None:
        raise CertificateError("no user id is signed by its own key with SHA-2")
    ours = {str(private.fingerprint): private} | {str(one.fingerprint): one for one in private.subkeys.values()}
    subkeys = [found for subkey in public.subkeys.values() if (found := _subkey(public, subkey)) is not None]
    subkeys.sort(key=lambda one: one.key.created, reverse=True)
    signing = [one for one in (*subkeys, primary) if KeyFlags.Sign in one.flags]
    for one in signing:
        ends = [end for end in (primary.expires_at, one.expires_at) if end is not None]
        if any(end <= now for end in ends) or _too_short(one.key) or _too_short(public):
            continue
        key = ours[str(one.key.fingerprint)]
        if key.is_protected:
            raise CertificateError("it has a passphrase; take that away before the import, since nobody types it here")
        addresses = _addresses(public)
        return Signer(key, private, addresses[0] if addresses and key is private else "")
    raise CertificateError("it expired, or is too short" if signing else "it has no key for signatures")


def _why_unreadable(data: bytes) -> str:
    """What it is that PGPy does not read, as far as its first packet tells."""
    version, algorithm = first_key(data)
    if version not in (0, 4, 6):
        return f"it is a version {version} key; versions 4 and 6 are what can be used"
    if version == 6:
        return "a private key of version 6 cannot be used"
    if kind := BEYOND_PGPY.get(algorithm):
        return f"its key is of a kind that we cannot use ({kind})"
    return "not an OpenPGP version 4 certificate that we can read"


def _read(data: bytes) -> Any:
    key = PGPKey()
    key.parse(bytearray(without_unknown(data, KNOWN_ALGORITHMS)))
    return key


@functools.lru_cache(maxsize=512)
def _parse(data: bytes) -> Any:
    """PGPy's object; 3 to 6 ms, hence the cache."""
    key = _read(data)
    if key.fingerprint is None or not key.is_primary or not key.is_public:
        raise ValueError("no public primary key")
    return key


def _judge(key: Any, now: datetime) -> Certificate:
    primary = _primary(key)
    subkeys = [found for subkey in key.subkeys.values() if (found := _subkey(key, subkey)) is not None]
    good = [k for k in subkeys if not _subkey_fault(k, now)]
    good.sort(key=lambda k: k.key.created, reverse=True)
    if not good and primary is not None and primary.flags & ENCRYPTION and not _subkey_fault(primary, now):
        good = [primary]
    why_not = _fault(key, primary, subkeys, good, now)
    facts = CertificateFacts(
        version=4,
        fingerprint=str(key.fingerprint).replace(" ", ""),
        addresses=_addresses(key),
        algorithm=_algorithm(good[0].key if good else key),
        created_at=key.created,
        expires_at=first_end(primary.expires_at if primary else None, [k.expires_at for k in good]),
        why_not=why_not,
        is_revoked=_is_revoked(key),
    )
    return Certificate(facts=facts, key=key, encryption_keys=tuple(k.key for k in good[:1]) if not why_not else ())


def _fault(key: Any, primary: _Key | None, subkeys: list[_Key], good: list[_Key], now: datetime) -> str:
    """The first reason not to use the certificate, or nothing."""
    if _is_revoked(key):
        return "it was revoked by its owner"
    if primary is None:
        weak = any(_verifies(key, sig, uid, WEAK) for uid in key.userids for sig in _of_type(uid, *CERTIFICATIONS))
        return "its self-signatures use SHA-1 only" if weak else "no user id is signed by its own key"
    if primary.expires_at is not None and primary.expires_at <= now:
        return f"it expired on {primary.expires_at:%Y-%m-%d}"
    if (short := _too_short(key)) or good:
        return short
    faults = [_subkey_fault(subkey, now) for subkey in subkeys if subkey.flags & ENCRYPTION]
    return faults[0] if faults else "it has no key for encryption"


def _is_revoked(key: Any) -> bool:
    return any(_verifies(key, sig, key, STRONG | WEAK) for sig in _of_type(key, SignatureType.KeyRevocation))


def _subkey_fault(subkey: _Key, now: datetime) -> str:
    if not subkey.flags & ENCRYPTION:
        return "it has no key for encryption"
    if subkey.expires_at is not None and subkey.expires_at <= now:
        return f"its encryption key expired on {subkey.expires_at:%Y-%m-%d}"
    algorithm = subkey.key.key_algorithm
    if algorithm in RSA:
        return _too_short(subkey.key)
    if algorithm is PubKeyAlgorithm.ECDH and subkey.key.key_size in CURVES:
        return ""
    return f"its encryption key is of a kind that we cannot use ({_algorithm(subkey.key)})"


def _too_short(key: Any) -> str:
    is_counted = key.key_algorithm in RSA | {PubKeyAlgorithm.RSASign, PubKeyAlgorithm.DSA}
    return too_short(key.key_size) if is_counted else ""


def _primary(key: Any) -> _Key | None:
    """The primary key by its newest valid signature, on itself or on a user id; None when there is none."""
    valid = [sig for sig in _of_type(key, SignatureType.DirectlyOnKey) if _verifies(key, sig, key)]
    for uid in _valid_user_ids(key):
        valid += [sig for sig in _of_type(uid, *CERTIFICATIONS) if _verifies(key, sig, uid)]
    return _newest(key, valid)


def _subkey(key: Any, subkey: Any) -> _Key | None:
    """A subkey by its newest valid binding; None when it has none or was revoked."""
    if _is_subkey_revoked(key, subkey):
        return None
    return _newest(subkey, [s for s in _of_type(subkey, SignatureType.Subkey_Binding) if _verifies(key, s, subkey)])


def _is_subkey_revoked(key: Any, subkey: Any) -> bool:
    revoking = _of_type(subkey, SignatureType.SubkeyRevocation)
    return any(_verifies(key, one, subkey, STRONG | WEAK) for one in revoking)


def _is_taken_back(key: Any, uid: Any) -> bool:
    revoking = _of_type(uid, SignatureType.CertRevocation)
    return any(_verifies(key, one, uid, STRONG | WEAK) for one in revoking)


def _newest(key: Any, signatures: list[Any]) -> _Key | None:
    if not signatures:
        return None
    newest = max(signatures, key=lambda sig: sig.created)
    lifetime: timedelta | None = newest.key_expiration
    return _Key(key, frozenset(newest.key_flags), key.created + lifetime if lifetime else None)


def _valid_user_ids(key: Any) -> list[Any]:
    """User ids that the key certified and did not take back."""
    return [
        uid
        for uid in key.userids
        if any(_verifies(key, sig, uid) for sig in _of_type(uid, *CERTIFICATIONS)) and not _is_taken_back(key, uid)
    ]


def _addresses(key: Any) -> tuple[str, ...]:
    return addresses_in(str(uid.userid) for uid in _valid_user_ids(key))


def _of_type(subject: Any, *types: Any) -> Iterable[Any]:
    return [signature for signature in subject.__sig__ if signature.type in types]


def _verifies(key: Any, signature: Any, subject: Any, accepted: dict[Any, Any] = STRONG) -> bool:
    """Whether the primary key made this signature over the subject, with an accepted hash."""
    make_hash = accepted.get(signature.hash_algorithm)
    if make_hash is None:
        return False
    return key.__key__.verify(signature.hashdata(subject), signature.__sig__, make_hash()) is True


def _algorithm(key: Any) -> str:
    """A name for people: `RSA 3072`, `ECDH NIST_P256`."""
    size = key.key_size
    name = str(key.key_algorithm.name).removesuffix("EncryptOrSign")
    return f"{name} {size if isinstance(size, int) else size.name}"
