"""What strangers publish as OpenPGP keys, and what an operator imports as ours."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from gateway.protect.armour import PUBLIC_KEY, SECRET_KEYS, bodies, split_certificates
from gateway.protect.certificates import open_certificate, revocations
from gateway.protect.errors import CertificateError
from gateway.protect.found import openpgp_in
from gateway.protect.rfc9580.merge import merge
from gateway.protect.rfc9580.session import pkesk
from gateway.protect.signer import open_signer, public_part
from tests.fuzz.target import Target
from tests.gateway.protect.conformance.samples import VERSION_6
from tests.gateway.protect.keys import certificate_of, make_key
from tests.gateway.protect.rfc9580.maker import ENCRYPT, Maker, packet

NOW: Final = datetime(2026, 11, 24, tzinfo=UTC)
SIX: Final = Maker.new()
OLDER: Final = SIX.whole()
NEWER: Final = SIX.head() + SIX.bound() + SIX.revocation(of_subkey=True)
FOUR: Final = certificate_of(make_key())
OWN: Final = bytes(make_key())
ADDRESS: Final = "b@example.org"


def certificates(data: bytes) -> None:
    """CR-01, CR-03: CertificateError, or of each certificate a reason not to use it, or keys that a session key can be
    encrypted to; what a look-up files may be used, or its owner has revoked something.
    """
    try:
        parts = split_certificates(data)
    except CertificateError:
        return
    for part in parts:
        try:
            judged = open_certificate(part, now=NOW)
            revoked = revocations(part)
        except CertificateError:
            continue
        facts = judged.facts
        assert bool(facts.why_not) != bool(judged.keys)
        assert len(facts.fingerprint) == (64 if facts.version == 6 else 40)
        assert not facts.is_revoked or facts.fingerprint in revoked
        assert all(pkesk(key, bytes(32), version=version) for key in judged.keys for version in (3, 6))
    fingerprint = open_certificate(OLDER, now=NOW).facts.fingerprint
    for one in openpgp_in(data, address=ADDRESS, now=NOW, on_file={fingerprint: OLDER}):
        found = open_certificate(one.certificate, now=NOW).facts
        assert found.usable or found.is_revoked or revocations(one.certificate)
        assert one.is_revoked or ADDRESS in found.addresses


def copies(data: bytes) -> None:
    """CR-03: of a newer copy of a key CertificateError, or one that has every address of the older, or took it back,
    and revokes all that the older did.
    """
    try:
        merged = merge(data, OLDER)
    except CertificateError:
        return
    facts, revoked = open_certificate(merged, now=NOW).facts, revocations(merged)
    assert revoked >= revocations(OLDER)
    assert ADDRESS in facts.addresses or revoked


def own(data: bytes) -> None:
    """CR-13: CertificateError, or a key that signs, and a public half without a private packet."""
    try:
        public = public_part(data)
    except CertificateError:
        return
    kinds = [kind for kind, _ in bodies(public)]
    assert kinds[0] == PUBLIC_KEY
    assert public == data or not SECRET_KEYS & set(kinds)
    try:
        signer = open_signer(data, now=NOW)
    except CertificateError:
        return
    assert signer.key.is_protected is False


WORDS: Final = (SIX.bound(), SIX.named(), SIX.revocation(), SIX.binding(ENCRYPT), packet(60, b"?"), b"\x06", b"\xff")
TARGETS: Final[Mapping[str, Target]] = {
    "pgp-certificates": Target(run=certificates, seeds=(OLDER, NEWER, FOUR, VERSION_6, FOUR + OLDER), words=WORDS),
    "pgp-copies": Target(run=copies, seeds=(OLDER, NEWER, FOUR), words=WORDS),
    "pgp-own-key": Target(run=own, seeds=(OWN, FOUR, OLDER), words=(FOUR, b"\x05", b"\x07")),
}
