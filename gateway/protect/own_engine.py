"""The OpenPGP engine that the gateway has: `rfc9580` judges certificates and encrypts the session key to them, PGPy
signs, and makes the container that every program reads.

SEIPD version 2 when every certificate says that its owner reads it, or is of version 6 and says nothing; version 1
otherwise, since each of them must open it (RFC 9580 section 13.7). A key of version 6 gets a session key packet of
version 3 then, since packets of different versions must not be mixed (section 10.3.2.1).
"""

import os
import warnings
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pgpy import PGPMessage, PGPSignature
from pgpy.constants import CompressionAlgorithm, HashAlgorithm, SignatureType, SymmetricKeyAlgorithm
from pgpy.packet.packets import IntegrityProtectedSKEDataV1

from gateway.protect.certificates import open_certificate
from gateway.protect.engine import Packets
from gateway.protect.errors import CertificateError, NoUsableCertificate, SealError
from gateway.protect.rfc9580 import container
from gateway.protect.rfc9580.judge import Judged
from gateway.protect.rfc9580.session import pkesk
from gateway.protect.signer import WHAT_PGPY_RAISES, Signer, open_signer

NOT_OURS: Final = "its owner has taken back the user id with this address, or it never had one"


class OwnEngine:
    """`engine.Engine`."""

    def encrypt(
        self,
        data: bytes,
        certificates: Sequence[bytes],
        *,
        now: datetime,
        address: str = "",
        signer: bytes | None = None,
    ) -> Packets:
        usable = _usable(certificates, address, now)
        try:
            packets = _encrypt(data, usable, signer, now)
        except CertificateError as why:
            raise SealError(f"our OpenPGP key cannot sign: {why}") from None
        except WHAT_PGPY_RAISES:
            raise SealError("encryption failed") from None
        return Packets(packets, tuple(to.facts.fingerprint for to in usable), is_seipd_2=_reads_seipd_2(usable))


def self_test(signer: bytes, *, now: datetime) -> None:
    """Sign something, and verify it with the public half. Raises: CertificateError when a message could not be signed.

    signer: as `Engine.encrypt` has it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as below
        key = open_signer(signer, now=now)
        try:
            message = PGPMessage.new(b"test", format="b", compression=CompressionAlgorithm.Uncompressed)
            message |= _signature(message, key, (), now)
            is_good = bool(key.root.pubkey.verify(message))
        except WHAT_PGPY_RAISES:
            is_good = False
    if not is_good:
        raise CertificateError("what it signs cannot be verified")


def _usable(certificates: Sequence[bytes], address: str, now: datetime) -> list[Judged]:
    usable: list[Judged] = []
    reasons: list[str] = []
    for data in certificates:
        try:
            certificate = open_certificate(data, now=now)
        except CertificateError as why:
            reasons.append(str(why))
            continue
        facts = certificate.facts
        why_not = facts.why_not or ("" if not address or address in facts.addresses else NOT_OURS)
        if why_not:
            reasons.append(f"key {facts.key_id}: {why_not}")
        else:
            usable.append(certificate)
    if not usable:
        raise NoUsableCertificate("; ".join(reasons) or "there is no key on file")
    return usable


def _encrypt(data: bytes, certificates: Sequence[Judged], signer: bytes | None, now: datetime) -> bytes:
    session_key = SymmetricKeyAlgorithm.AES256.gen_key()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # AES-256 is used whatever the certificate prefers; every reader has it
        message = PGPMessage.new(data, format="b", compression=CompressionAlgorithm.Uncompressed)
        if signer is not None:  # RFC 3156 section 6.2: signed and encrypted in one message
            message |= _signature(message, open_signer(signer, now=now), certificates, now)
        version, contain = (6, _seipd_2) if _reads_seipd_2(certificates) else (3, _seipd_1)
        packets = [pkesk(key, session_key, version=version) for to in certificates for key in to.keys]
        return b"".join((*packets, contain(bytes(message), session_key)))


def _reads_seipd_2(certificates: Sequence[Judged]) -> bool:
    return container.is_able() and all(certificate.reads_seipd_2 for certificate in certificates)


def _seipd_2(data: bytes, session_key: bytes) -> bytes:
    return container.seipd_2(data, session_key, salt=os.urandom(container.SALT))


def _seipd_1(data: bytes, session_key: bytes) -> bytes:
    packet = IntegrityProtectedSKEDataV1()
    packet.encrypt(session_key, SymmetricKeyAlgorithm.AES256, data)
    return bytes(packet.__bytes__())


def _signature(message: PGPMessage, signer: Signer, certificates: Sequence[Judged], now: datetime) -> Any:
    """Over the message as octets. It names whom it is for: one who passes it on cannot make it look meant for another
    (RFC 9580 section 5.2.3.36).
    """
    options: dict[str, Any] = {"user": signer.address} if signer.address else {}
    kind, key = SignatureType.BinaryDocument, signer.key
    signature = PGPSignature.new(kind, key.key_algorithm, HashAlgorithm.SHA512, key.fingerprint.keyid, created=now)
    for facts in (certificate.facts for certificate in certificates):
        signature._signature.subpackets.addnew(  # noqa: SLF001 - `sign` itself knows version 4 alone
            "IntendedRecipient", hashed=True, version=facts.version, intended_recipient=facts.fingerprint
        )
    return key._sign(message.message, signature, **options)  # noqa: SLF001
