"""DKIM signatures over the final bytes of everything that leaves (RFC 6376; RFC 8463 for Ed25519).

relaxed/relaxed, no `l=` (it lets anyone append), no `x=`; the fields that a reader sees are signed once more than they
occur, so that none can be added (oversigning, RFC 6376 section 8.15). What two verifiers could read differently is
refused, never signed (CR-10). dkimpy is the oracle: `self_test` at start and the tests.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import dkim
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519

from gateway.message.address import AddressError, domain_of, parse_from
from gateway.message.fields import Field, HeaderError, Parsed, split_message
from gateway.protect.canonical import SLICE, BareLineEnd, relaxed_body, relaxed_header
from gateway.protect.dkim_child import Wanted
from gateway.protect.dkim_desk import SigningDesk
from gateway.protect.dkim_fields import Canonical, Unsigned, unsigned_fields
from gateway.protect.dkim_keys import DkimKey
from gateway.protect.errors import DkimKeyError, SignError

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
class _Task:
    """A message about to be signed: split, checked, and with the keys of its domain."""

    parsed: Parsed
    keys: tuple[DkimKey, ...]
    der: Mapping[str, bytes] = field(repr=False)

    def unsigned(self, body_hash: bytes, now: int) -> tuple[Unsigned, ...]:
        return unsigned_fields(self.keys, _canonical_fields(self.parsed, body_hash), now=now)


class Signer:
    """Signs with every key of the domain in the From field, or of the nearest domain above it that has keys.

    desk: makes the signatures of `sign_async`; None: they are made here, as `sign` does.
    """

    def __init__(self, keys: tuple[DkimKey, ...], desk: SigningDesk | None = None) -> None:
        self._desk = desk
        self.use(keys)

    def use(self, keys: tuple[DkimKey, ...]) -> None:
        """Sign with these from the next message on, in place of all that were there."""
        by_domain: dict[str, tuple[DkimKey, ...]] = {}
        for key in keys:
            by_domain[key.domain] = (*by_domain.get(key.domain, ()), key)
        self._keys = by_domain
        self._der = {key.name: key.der for key in keys}

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
        for piece in _canonical_body(task.parsed):
            digest.update(piece)
        unsigned = task.unsigned(digest.digest(), now)
        return _on_top(message, unsigned, [one.key.sign(one.data) for one in unsigned])

    async def sign_async(self, message: bytes, *, now: int) -> bytes:
        """As `sign`, without holding the event loop: pauses between slices of the body, signatures by the desk.

        Raises: SignError, also when the desk makes none.
        """
        task = self._task(message)
        if task is None:
            return message
        digest = hashlib.sha256()
        is_long = len(task.parsed.body) > SLICE
        for piece in _canonical_body(task.parsed):
            digest.update(piece)
            if is_long:
                await asyncio.sleep(0)
        unsigned = task.unsigned(digest.digest(), now)
        if self._desk is None:
            return _on_top(message, unsigned, [one.key.sign(one.data) for one in unsigned])
        made = await self._desk.signatures([Wanted(task.der[one.key.name], one.data) for one in unsigned])
        return _on_top(message, unsigned, made)

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
        return _Task(parsed, keys, self._der) if keys else None


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


def _on_top(message: bytes, unsigned: Sequence[Unsigned], signatures: Sequence[bytes]) -> bytes:
    """Raises: SignError for a signature that cannot be one."""
    if any(len(made) != one.key.signature_octets for one, made in zip(unsigned, signatures, strict=True)):
        raise SignError("a signature has not the length of its key's")
    return b"".join(one.field(made) for one, made in zip(unsigned, signatures, strict=True)) + message


def _canonical_body(parsed: Parsed) -> Iterator[bytes]:
    try:
        yield from relaxed_body(parsed.body)
    except BareLineEnd:
        raise SignError("bare CR or LF in the body") from None


def _canonical_fields(parsed: Parsed, body_hash: bytes) -> Canonical:
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
    return Canonical(names=tuple(names), fields=b"".join(signed), body_hash=body_hash)
