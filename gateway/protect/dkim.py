"""DKIM signatures over the final bytes of everything that leaves (RFC 6376; RFC 8463 for Ed25519).

dkimpy is the oracle: `self_test` at start and the tests.
"""

import asyncio
import hashlib
from typing import Final

import dkim
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519

from gateway.message.address import AddressError, domain_of, parse_from
from gateway.message.fields import HeaderError, Parsed, split_message
from gateway.protect.dkim_child import KeyParts
from gateway.protect.dkim_desk import SigningDesk
from gateway.protect.dkim_keys import DkimKey
from gateway.protect.dkim_signature import signature_fields
from gateway.protect.errors import DkimKeyError, SignError

FIELD_NAME: Final = "dkim-signature"


class Signer:
    """Signs with every key of the domain in the From field, or of the nearest domain above it that has keys.

    desk: makes the fields of `sign_async`; None: they are made here, in a thread.
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
        self._parts = {key.name: KeyParts(key.domain, key.selector, key.der) for key in keys}

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
        parsed, keys = self._author(message)
        return signature_fields(parsed, keys, now=now) + message if keys else message

    async def sign_async(self, message: bytes, *, now: int) -> bytes:
        """As `sign`, without holding the event loop: canonical form, hashes and signatures are the desk's.

        Raises: SignError, also when the desk makes none.
        """
        if self._desk is None:
            return await asyncio.to_thread(self.sign, message, now=now)
        _, keys = self._author(message)
        if not keys:
            return message
        made = await self._desk.fields(message, [self._parts[key.name] for key in keys], now=now)
        _check(made, len(keys))
        return made + message

    def _author(self, message: bytes) -> tuple[Parsed, tuple[DkimKey, ...]]:
        """The message in parts, and the keys of its author's domain. Raises: SignError."""
        try:
            parsed = split_message(message)
            (author,) = parsed.all("from")
            return parsed, self.keys_for(domain_of(parse_from(author.value, allows_utf8=True)))
        except HeaderError as why:
            raise SignError(str(why)) from None
        except AddressError as why:
            raise SignError(f"From: {why}") from None
        except ValueError:
            raise SignError("not exactly one From field") from None


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


def _check(made: bytes, wanted: int) -> None:
    """Nothing but so many signatures is put on top of a message. Raises: SignError."""
    try:
        names = [field.name for field in split_message(made).fields]
    except HeaderError:
        names = []
    if names != [FIELD_NAME] * wanted or b"\r\n\r\n" in made or not made.endswith(b"\r\n"):
        raise SignError("what was made is not one signature for each key")
