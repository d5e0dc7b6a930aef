"""Certificates put together at random from good and bad words of an owner: what Sequoia refuses, we refuse (CR-01)."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

import pysequoia
import pytest

from gateway.protect.certificates import open_certificate
from gateway.protect.errors import CertificateError
from tests.gateway.protect.keys import CREATED
from tests.gateway.protect.rfc9580.maker import CERTIFY_SIGN, ENCRYPT, Maker, lasting, over, packet, signature, subkey

NOW: Final = datetime.now(UTC)  # Sequoia's, too
DAY: Final = timedelta(days=1)
TIMES: Final = (*(CREATED + days * DAY for days in range(4)),) * 5 + (CREATED - DAY, NOW + 10 * DAY)
USAGES: Final = (ENCRYPT, ENCRYPT, ENCRYPT, b"\x1b\x04", b"\x1b\x02", b"\x1b\x00")
NAMES: Final = ("B <b@example.org>", "C <c@example.org>")
SEEDS: Final = 8
EACH: Final = 60  # certificates of a seed
LEAST_USED: Final = 4  # of them: else nothing would be compared


class Owner:
    """Whatever an owner might have signed of one key with two subkeys, each with its chance."""

    def __init__(self, chance: Random, version: int) -> None:
        self._chance = chance
        self._made = Maker.new(version)
        self._subkeys = (self._made.subkey, subkey(version))
        self._digests = ("sha512",) * 6 + (("sha1",) if version == 4 else ())

    def certificate(self) -> bytes:
        choice = self._chance.choice
        out = [packet(6, self._made.primary.body)]
        out += [self._direct() for _ in range(choice((0, 1, 1, 1, 2)))]
        for _ in range(choice((1, 1, 2, 3))):
            text = choice(NAMES).encode()
            out += [self._stray(), packet(13, text)]
            out += [self._word(0x13, over(text), *self._usage(), *self._ends()) for _ in range(choice((0, 1, 1, 2)))]
        for _ in range(choice((1, 1, 2, 3))):
            one = choice(self._subkeys)
            out += [self._stray(), packet(14, one.body)]
            out += [self._word(0x18, one.signed, choice(USAGES), *self._ends()) for _ in range(choice((0, 1, 1, 2)))]
        return b"".join((*out, self._stray()))

    def _word(self, kind: int, content: bytes, *subpackets: bytes) -> bytes:
        at, digest = self._chance.choice(TIMES), self._chance.choice(self._digests)
        return signature(self._made.primary, kind, content, *subpackets, at=at, digest=digest)

    def _direct(self) -> bytes:
        return self._word(0x1F, b"", CERTIFY_SIGN, *self._ends())

    def _usage(self) -> tuple[bytes, ...]:
        return (CERTIFY_SIGN,) if self._happens(0.7) else ()

    def _ends(self) -> list[bytes]:
        ended = (86_400 * self._chance.choice((1, 9999))).to_bytes(4, "big")
        rare = ((0.3, lasting(self._chance.choice((1, 9999)))), (0.1, b"\x03" + ended), (0.05, b"\xe3?"))
        return [subpacket for chance, subpacket in rare if self._happens(chance)]

    def _stray(self) -> bytes:
        """What stands anywhere, mostly nothing."""
        one = self._chance.choice(self._subkeys)
        words = [self._word(0x28, one.signed)] if self._happens(0.1) else []
        words += [self._word(0x20, b"")] if self._happens(0.05) else []
        words += [self._word(0x30, over(NAMES[0].encode()))] if self._happens(0.1) else []
        words += [self._direct()] if self._happens(0.1) else []
        return b"".join(words)

    def _happens(self, chance: float) -> bool:
        return self._chance.random() < chance


def by_sequoia(data: bytes) -> tuple[bool, set[str]]:
    """Whether it encrypts to the certificate, and the user ids that it believes."""
    try:
        certificate = pysequoia.Cert.from_bytes(data)
        pysequoia.encrypt(b"", recipients=[certificate])
        return not certificate.is_revoked, {str(one) for one in certificate.user_ids}
    except Exception:  # what it raises is anyhow's
        return False, set()


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_sequoia_refuses_is_refused(seed: int, version: int) -> None:
    """CR-01: twice, misplaced, contradicting, weak, ended, to come: never more than it allows."""
    chance, used = Random(seed), 0  # noqa: S311 - no secret
    for _ in range(EACH):
        data = Owner(chance, version).certificate()
        try:
            facts = open_certificate(data, now=NOW).facts
        except CertificateError:
            continue
        if facts.usable:
            used += 1
            is_used, names = by_sequoia(data)
            assert is_used, data.hex()
            assert all(any(address in name for name in names) for address in facts.addresses), data.hex()
    assert used >= LEAST_USED
