"""S/MIME: a message becomes ciphertext for one recipient (RFC 8551 sections 3.3 and 3.4).

What servers need stays outside; everything else, the subject first, goes inside with the body, in the form that the
OpenPGP rung has too. Signed inside when the organisation has a certificate, so that the signature is under the
encryption; opaque (RFC 8551 section 3.5.2), since a clear one would not survive 8-bit bodies. It
runs in a sealer child.

CBC unless every certificate says GCM: RFC 8551 asks for AuthEnvelopedData, but Outlook and GnuPG 2.2 do not open it.
PKCS #1 v1.5 unless the certificate says OAEP: RFC 8551 section 2.3 has the former as must, the latter as should.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs7

from gateway.message import compose
from gateway.message.fields import HeaderError, Parsed, split_message
from gateway.protect.errors import CertificateError, NoUsableCertificate, SealError
from gateway.protect.openpgp import NEUTRAL_SUBJECT, OUTSIDE, Ciphertext, inner_entity
from gateway.protect.smime.chain import path_fault
from gateway.protect.smime.cms import Recipient, envelop
from gateway.protect.smime.judge import Capability, load, read_certificate

KINDS: Final = {False: "enveloped-data", True: "authEnveloped-data"}  # RFC 8551 section 3.2.2
SHOWN: Final = 16  # hexadecimal digits of a fingerprint in a reason


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recipient's certificate as it is on file, DER.

    path: its issuers up to an anchor that the caller trusts; empty where is_trusted, by a person's word.
    capabilities: what was given at import, beside what the certificate says. refused: why it may not be used whatever
    it says of itself; empty: nothing speaks against it.
    """

    certificate: bytes
    path: tuple[bytes, ...] = ()
    is_trusted: bool = False
    capabilities: frozenset[Capability] = frozenset()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """The organisation's certificate with its chain, and its private key, PEM."""

    certificate: bytes
    private_key: bytes = field(repr=False)


def encrypt(
    message: bytes,
    candidates: Sequence[Candidate],
    *,
    address: str,
    now: datetime,
    identity: Identity | None = None,
    neutral_subject: str = NEUTRAL_SUBJECT,
) -> Ciphertext:
    """Encrypt a message to one recipient.

    message: as it is kept, Bcc removed. candidates: all of that recipient: the serial numbers stand in the ciphertext,
    so another recipient's would show who else got it (CR-02). Unusable ones are passed over. identity: who signs;
    None: the message is not signed.
    Raises: NoUsableCertificate with the reasons; SealError when the message, its signature or its encryption fails.
    """
    usable = _usable(candidates, address.lower(), now)
    try:
        parsed = split_message(message)
    except HeaderError as why:
        raise SealError(str(why)) from None
    is_authenticated = all(Capability.AES256_GCM in capabilities for _, capabilities in usable)
    recipients = [Recipient(load(one.certificate), oaep=Capability.OAEP in able) for one, able in usable]
    try:
        inside = inner_entity(parsed)
        if identity is not None:
            inside = sign(inside, identity)
        sealed = envelop(inside, recipients, is_authenticated=is_authenticated)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SealError("encryption failed") from None
    outer = outer_message(parsed, sealed, is_authenticated=is_authenticated, neutral_subject=neutral_subject)
    fingerprints = (read_certificate(one.certificate, now=now).fingerprint for one, _ in usable)
    return Ciphertext(outer, tuple(fingerprints))


def outer_message(parsed: Parsed, sealed: bytes, *, is_authenticated: bool, neutral_subject: str) -> bytes:
    """The message that carries the envelope (RFC 8551 section 3.2)."""
    outside = [f.raw for f in parsed.fields if f.name in OUTSIDE]
    subject = compose.field("Subject", neutral_subject)
    return b"".join((*outside, subject, b"MIME-Version: 1.0\r\n", _p7m(sealed, KINDS[is_authenticated])))


def sign(entity: bytes, identity: Identity) -> bytes:
    """The entity inside SignedData (RFC 8551 section 3.5.2). Raises: ValueError, TypeError for a key that is none."""
    chain = x509.load_pem_x509_certificates(identity.certificate)
    key = load_pem_private_key(identity.private_key, None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise TypeError("neither RSA nor an elliptic curve")
    if key.public_key() != chain[0].public_key():
        raise ValueError("the private key is of another certificate")
    builder = pkcs7.PKCS7SignatureBuilder().set_data(entity).add_signer(chain[0], key, hashes.SHA256())
    for issuer in chain[1:]:
        builder = builder.add_certificate(issuer)
    return _p7m(builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary]), "signed-data")


def _p7m(data: bytes, kind: str) -> bytes:
    """An application/pkcs7-mime entity with its header."""
    header = (
        compose.field("Content-Type", f'application/pkcs7-mime; smime-type={kind}; name="smime.p7m"'),
        b"Content-Transfer-Encoding: base64\r\n",
        compose.field("Content-Disposition", 'attachment; filename="smime.p7m"'),
    )
    return b"".join((*header, b"\r\n", base64.encodebytes(data).replace(b"\n", b"\r\n")))


def _usable(
    candidates: Sequence[Candidate], address: str, now: datetime
) -> list[tuple[Candidate, frozenset[Capability]]]:
    usable: list[tuple[Candidate, frozenset[Capability]]] = []
    reasons: list[str] = []
    for candidate in candidates:
        try:
            facts = read_certificate(candidate.certificate, now=now)
            why_not = candidate.refused or facts.why_not
            if not why_not and address not in facts.addresses:
                why_not = "it is of another address"
            if not why_not and not candidate.is_trusted:
                path = candidate.path
                why_not = path_fault(candidate.certificate, path, now=now) if path else "its issuer is not trusted"
        except CertificateError as why:
            reasons.append(str(why))
            continue
        if why_not:
            reasons.append(f"certificate {facts.fingerprint[:SHOWN]}: {why_not}")
        else:
            usable.append((candidate, facts.capabilities | candidate.capabilities))
    if not usable:
        raise NoUsableCertificate("; ".join(reasons) or "there is no certificate on file")
    return usable
