"""The OpenPGP engine that the gateway has: PGPy for the packets, `certificates` for the judgement.

Version 4 keys alone, and SEIPD version 1 whatever a certificate advertises: PGPy knows neither version 6 keys nor SEIPD
version 2, and everybody who reads the latter reads the former too (RFC 9580 section 5.13).
"""

import warnings
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pgpy import PGPMessage
from pgpy.constants import CompressionAlgorithm, HashAlgorithm, SymmetricKeyAlgorithm

from gateway.protect.certificates import (
    WHAT_PGPY_RAISES,
    Certificate,
    Signer,
    open_certificate,
    open_signer,
)
from gateway.protect.engine import Packets
from gateway.protect.errors import CertificateError, NoUsableCertificate, SealError


class PgpyEngine:
    """`engine.Engine` by PGPy."""

    def encrypt(
        self, data: bytes, certificates: Sequence[bytes], *, now: datetime, signer: bytes | None = None
    ) -> Packets:
        usable = _usable(certificates, now)
        try:
            packets = _encrypt(data, usable, signer, now)
        except CertificateError as why:
            raise SealError(f"our OpenPGP key cannot sign: {why}") from None
        except WHAT_PGPY_RAISES:
            raise SealError("encryption failed") from None
        return Packets(packets, tuple(certificate.facts.fingerprint for certificate in usable))


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


def _usable(certificates: Sequence[bytes], now: datetime) -> list[Certificate]:
    usable: list[Certificate] = []
    reasons: list[str] = []
    for data in certificates:
        try:
            certificate = open_certificate(data, now=now)
        except CertificateError as why:
            reasons.append(str(why))
            continue
        if certificate.facts.usable:
            usable.append(certificate)
        else:
            reasons.append(f"key {certificate.facts.fingerprint[-16:]}: {certificate.facts.why_not}")
    if not usable:
        raise NoUsableCertificate("; ".join(reasons) or "there is no key on file")
    return usable


def _encrypt(data: bytes, certificates: Sequence[Certificate], signer: bytes | None, now: datetime) -> bytes:
    cipher = SymmetricKeyAlgorithm.AES256
    session_key = cipher.gen_key()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # AES-256 is used whatever the certificate prefers; every reader has it
        message = PGPMessage.new(data, format="b", compression=CompressionAlgorithm.Uncompressed)
        if signer is not None:  # RFC 3156 section 6.2: signed and encrypted in one message
            message |= _signature(message, open_signer(signer, now=now), certificates, now)
        for to in (to for certificate in certificates for to in certificate.encryption_keys):
            message = to.encrypt(message, cipher=cipher, sessionkey=session_key)
    return bytes(message)


def _signature(message: PGPMessage, signer: Signer, certificates: Sequence[Certificate], now: datetime) -> Any:
    """Over the message as octets. It names whom it is for: one who passes it on cannot make it look meant for another
    (RFC 9580 section 5.2.3.36).
    """
    options: dict[str, Any] = {"user": signer.address} if signer.address else {}
    options["intended_recipients"] = [certificate.key for certificate in certificates]
    return signer.key.sign(message, hash=HashAlgorithm.SHA512, created=now, **options)
