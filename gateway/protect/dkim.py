"""DKIM signatures over the final bytes of everything that leaves (RFC 6376; RFC 8463 for Ed25519).

relaxed/relaxed, no `l=` (it lets anyone append), no `x=`; the fields that a reader sees are signed once more than they
occur, so that none can be added (oversigning, RFC 6376 section 8.15). What two verifiers could read differently is
refused, never signed (CR-10). dkimpy is the oracle: `self_test` at start and the tests.
"""

import asyncio
import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import dkim
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.message.address import AddressError, domain_of, parse_from
from gateway.message.fields import Field, HeaderError, Parsed, split_message
from gateway.protect.canonical import SLICE, BareLineEnd, relaxed_body, relaxed_header
from gateway.protect.errors import DkimKeyError, SignError

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

MIN_RSA_BITS: Final = 2048  # RFC 8301 section 3.2: signers SHOULD use at least this
BASE64_LINE: Final = 72

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


@dataclass(frozen=True, slots=True)
class DkimKey:
    """One signing key, published at `<selector>._domainkey.<domain>`."""

    domain: str
    selector: str
    private_key: PrivateKey = field(repr=False)

    @classmethod
    def load(cls, domain: str, selector: str, pem: bytes) -> "DkimKey":
        """Read an unencrypted PEM private key (PKCS #8 or PKCS #1).

        Raises: DkimKeyError when it is none, or RSA below 2048 bits, or neither RSA nor Ed25519.
        """
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise DkimKeyError("not an unencrypted private key in PEM form") from None
        if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
            raise DkimKeyError("neither an RSA nor an Ed25519 key")
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
            raise DkimKeyError(f"RSA key of {key.key_size} bits; at least {MIN_RSA_BITS} are needed")
        return cls(domain.lower(), selector, key)

    @property
    def name(self) -> str:
        """Where the public key is in DNS (RFC 6376 section 3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def algorithm(self) -> str:
        return "rsa-sha256" if isinstance(self.private_key, rsa.RSAPrivateKey) else "ed25519-sha256"

    def sign(self, data: bytes) -> bytes:
        """The signature over canonical header fields."""
        if isinstance(self.private_key, rsa.RSAPrivateKey):
            return self.private_key.sign(data, padding.PKCS1v15(), SHA256())
        return self.private_key.sign(hashlib.sha256(data).digest())  # RFC 8463 section 3

    def dns_record(self) -> str:
        """The TXT record to publish (RFC 6376 section 3.6.1, RFC 8463 section 4.2)."""
        public = self.private_key.public_key()
        if isinstance(public, ed25519.Ed25519PublicKey):
            return f"v=DKIM1; k=ed25519; p={base64.b64encode(public.public_bytes_raw()).decode()}"
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


def generate_key(algorithm: str) -> bytes:
    """A fresh private key as PKCS #8 PEM. algorithm: `rsa` (2048 bits, which fits every DNS server) or `ed25519`."""
    key: PrivateKey = (
        ed25519.Ed25519PrivateKey.generate()
        if algorithm == "ed25519"
        else rsa.generate_private_key(public_exponent=65537, key_size=MIN_RSA_BITS)
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@dataclass(frozen=True, slots=True)
class _Task:
    """A message about to be signed: split, checked, and with the keys of its domain."""

    parsed: Parsed
    keys: tuple[DkimKey, ...]

    def fields(self, body_hash: bytes, now: int) -> bytes:
        """One DKIM-Signature field for each key. Slow with RSA: about a millisecond of OpenSSL."""
        names, signed = _signed_fields(self.parsed)
        return b"".join(_signature(key, names, signed, body_hash, now) for key in self.keys)


class Signer:
    """Signs with every key of the domain in the From field, or of the nearest domain above it that has keys."""

    def __init__(self, keys: tuple[DkimKey, ...]) -> None:
        # One thread signs more than a thousand messages a second. Several would wait for the interpreter's lock and for
        # each other, at a tenth of the gateway's processor time.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dkim")
        self._keys: dict[str, tuple[DkimKey, ...]] = {}
        for key in keys:
            self._keys[key.domain] = (*self._keys.get(key.domain, ()), key)

    def keys_for(self, domain: str) -> tuple[DkimKey, ...]:
        """The keys that sign for a domain, its own or a parent's (RFC 7489 section 3.1.1); none: it is not signed."""
        while domain and domain not in self._keys:
            domain = domain.partition(".")[2]
        return self._keys.get(domain, ())

    def sign(self, message: bytes, *, now: int) -> bytes:
        """The message with its signatures on top; as it came when its domain has no keys.

        message: final bytes, CRLF lines. now: seconds since 1970, for `t=`.
        Raises: SignError for an unclear header, not exactly one From with one plain address, or a bare CR or LF.
        """
        task = self._task(message)
        if task is None:
            return message
        digest = hashlib.sha256()
        for piece in _canonical(task.parsed):
            digest.update(piece)
        return task.fields(digest.digest(), now) + message

    async def sign_async(self, message: bytes, *, now: int) -> bytes:
        """As `sign`, without holding the event loop: pauses between slices of the body, RSA in the thread for it."""
        task = self._task(message)
        if task is None:
            return message
        digest = hashlib.sha256()
        is_long = len(task.parsed.body) > SLICE
        for piece in _canonical(task.parsed):
            digest.update(piece)
            if is_long:
                await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, task.fields, digest.digest(), now) + message

    def _task(self, message: bytes) -> _Task | None:
        try:
            parsed = split_message(message)
            (author,) = parsed.all("from")
            keys = self.keys_for(domain_of(parse_from(author.value, allows_utf8=True)))
        except HeaderError as why:
            raise SignError(str(why)) from None
        except AddressError as why:
            raise SignError(f"From: {why}") from None
        except ValueError:
            raise SignError("not exactly one From field") from None
        return _Task(parsed, keys) if keys else None


def self_test(key: DkimKey) -> None:
    """Sign a sample and have it verified by other code than ours, so that a bad key shows at start.

    Raises: DkimKeyError. RSA goes through dkimpy; dkimpy cannot do Ed25519 without a library that we do not need
    otherwise, so there only the key pair itself is tried.
    """
    sample = f"From: a@{key.domain}\r\nSubject: sample \t of a  signature\r\n\r\nBody  \r\n\r\n".encode()
    if isinstance(key.private_key, ed25519.Ed25519PrivateKey):
        try:
            key.private_key.public_key().verify(key.sign(sample), hashlib.sha256(sample).digest())
        except InvalidSignature:
            raise DkimKeyError("its signatures do not verify") from None
        return
    record = key.dns_record().encode()
    if not dkim.verify(Signer((key,)).sign(sample, now=0), dnsfunc=lambda *_args, **_options: record):
        raise DkimKeyError("its signatures do not verify")


def _canonical(parsed: Parsed) -> Iterator[bytes]:
    try:
        yield from relaxed_body(parsed.body)
    except BareLineEnd:
        raise SignError("bare CR or LF in the body") from None


def _signed_fields(parsed: Parsed) -> tuple[list[str], bytes]:
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
    return names, b"".join(signed)


def _signature(key: DkimKey, names: list[str], signed: bytes, body_hash: bytes, now: int) -> bytes:
    """One complete DKIM-Signature field (RFC 6376 section 3.5)."""
    value = (
        f" v=1; a={key.algorithm}; c=relaxed/relaxed;\r\n\td={key.domain}; s={key.selector}; t={now};\r\n"
        f"\th={_fold_names(names)};\r\n\tbh={base64.b64encode(body_hash).decode()};\r\n\tb="
    ).encode("ascii")
    own = relaxed_header("dkim-signature", value).removesuffix(b"\r\n")  # RFC 6376 section 3.7: b= empty, no CRLF
    text = base64.b64encode(key.sign(signed + own)).decode()
    lines = [text[at : at + BASE64_LINE] for at in range(0, len(text), BASE64_LINE)]
    return b"DKIM-Signature:" + value + "\r\n\t ".join(lines).encode("ascii") + b"\r\n"


def _fold_names(names: list[str]) -> str:
    """The list for `h=`, a few names a line."""
    return ":\r\n\t ".join(":".join(names[at : at + 6]) for at in range(0, len(names), 6))
