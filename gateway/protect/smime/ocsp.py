"""One certificate's status, as its issuer says it when asked (RFC 6960), and whether that answer counts.

Pure: `ask` awaits what it is given. No nonce is sent: most responders sign their answers in advance (RFC 9654 section
2.1, RFC 5019 section 4); an old one is good for as long as it says and `MAX_AGE` allows. Whatever is wrong with an
answer makes it none, and says nothing about the certificate.
"""

import asyncio
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from gateway.protect.errors import CertificateError
from gateway.protect.smime.judge import STRONG, WHAT_X509_RAISES, common_faults, extension, load, signature_fault
from tls.errors import FetchError
from tls.web import WebPlace

ASKED: Final = "application/ocsp-request"  # RFC 6960 appendix A.1
ANSWERED: Final = "application/ocsp-response"
MAX_OCTETS: Final = 32 * 1024  # of an answer, with the responder's certificate; usual are 0.5 to 3 kB
DEADLINE_S: Final = 10.0  # for all its responders together, names and connections included
MAX_PLACES: Final = 2  # responders of one certificate that are asked
SKEW: Final = timedelta(minutes=5)  # their clock may be ahead of ours
MAX_AGE: Final = timedelta(days=10)  # of any answer, whatever it says of itself (the Baseline Requirements' bound)
WITHOUT_END: Final = timedelta(days=1)  # RFC 6960 section 4.2.2.1: no nextUpdate means that newer ones are always there
FIRST_FREE_PORT: Final = 1024
WEB_PORTS: Final = {"http": 80, "https": 443}


class Status(StrEnum):
    """RFC 6960 section 2.2. UNKNOWN: the responder does not know the certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the issuer says, and until when that may be relied on."""

    status: Status
    good_until: datetime


class NoAnswer(CertificateError):
    """There is no answer that counts; the text says why in words, without a final stop."""


class TooSlow(NoAnswer):
    """No responder gave any in time. Whoever asks the same ones next would wait as long."""


class Poster(Protocol):
    """What is asked of the web; `tls.web.WebReader` is one."""

    async def post(self, place: WebPlace, body: bytes, *, sent: str, kind: str, limit: int) -> bytes:
        """The page. Raises: FetchError."""


def responders(certificate: bytes) -> tuple[WebPlace, ...]:
    """Where its status can be asked for (RFC 5280 section 4.2.2.1); empty when the issuer offers nothing that we ask.

    Ports below 1024 other than those of the web are left out: a certificate must not make us talk to other services.
    """
    try:
        access = extension(load(certificate), x509.AuthorityInformationAccess)
        return tuple(_places(access))[:MAX_PLACES] if access is not None else ()
    except WHAT_X509_RAISES:
        return ()


def _places(access: x509.AuthorityInformationAccess) -> Iterator[WebPlace]:
    for one in access:
        if one.access_method != AuthorityInformationAccessOID.OCSP:
            continue
        if not isinstance(one.access_location, x509.UniformResourceIdentifier):
            continue
        try:
            parts = urlsplit(one.access_location.value)
            port = parts.port or WEB_PORTS[parts.scheme]
        except (ValueError, KeyError):
            continue
        target = parts.path or "/"
        if parts.query:
            target += f"?{parts.query}"
        is_plain = target.isascii() and target.isprintable() and " " not in target
        if parts.hostname and is_plain and not parts.username and _may_ask(port):
            yield WebPlace(host=parts.hostname.lower(), port=port, target=target, is_tls=parts.scheme == "https")


def _may_ask(port: int) -> bool:
    return port in WEB_PORTS.values() or port >= FIRST_FREE_PORT


def request_for(certificate: bytes, issuer: bytes) -> bytes:
    """The question, DER. SHA-1 names the issuer and no more: RFC 5019 section 2.1.1 has it so for all to understand."""
    return _request(certificate, issuer, hashes.SHA1()).public_bytes(serialization.Encoding.DER)  # noqa: S303


def _request(certificate: bytes, issuer: bytes, algorithm: hashes.HashAlgorithm) -> ocsp.OCSPRequest:
    return ocsp.OCSPRequestBuilder().add_certificate(load(certificate), load(issuer), algorithm).build()


async def fetch(web: Poster, certificate: bytes, issuer: bytes) -> bytes:
    """An answer, unread, of the first responder that gives one. Raises: NoAnswer, TooSlow."""
    reason = "its issuer names no responder that may be asked"
    try:
        question = request_for(certificate, issuer)
    except (CertificateError, *WHAT_X509_RAISES):
        raise NoAnswer("the certificate or its issuer's cannot be read") from None
    try:
        async with asyncio.timeout(DEADLINE_S):
            for place in responders(certificate):
                try:
                    return await web.post(place, question, sent=ASKED, kind=ANSWERED, limit=MAX_OCTETS)
                except FetchError as why:
                    reason = str(why)
    except TimeoutError:
        raise TooSlow("its responder took too long") from None
    raise NoAnswer(reason)


def read_answer(data: bytes, *, certificate: bytes, issuer: bytes, now: datetime) -> Answer:
    """What an answer says of a certificate, when it counts (RFC 6960 section 3.2).

    data: DER. certificate, issuer: DER; the issuer is one that the caller trusts.
    Raises: NoAnswer with the reason.
    """
    if len(data) > MAX_OCTETS:
        raise NoAnswer("the answer is too large")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd serial numbers
            return _read(data, certificate, issuer, now)
    except (InvalidSignature, *WHAT_X509_RAISES):
        raise NoAnswer("the answer cannot be read") from None


def _read(data: bytes, certificate: bytes, issuer: bytes, now: datetime) -> Answer:
    answer = ocsp.load_der_ocsp_response(data)
    if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise NoAnswer(f"the responder refuses ({answer.response_status.name.lower()})")
    if any(one.critical for one in answer.extensions):
        raise NoAnswer("the answer has a critical extension that we do not know")  # RFC 6960 section 4.4
    _check_signature(answer, load(issuer), now)
    if answer.produced_at_utc > now + SKEW:
        raise NoAnswer("the answer is of the future")
    ours = [one for one in answer.responses if _is_about(one, certificate, issuer)]
    if not ours:
        raise NoAnswer("the answer is about another certificate")  # section 3.2, number 1
    read = [(_status(one), _good_until(one, now)) for one in ours]
    worst = next((pair for pair in read if pair[0] is Status.REVOKED), read[0])
    return Answer(*worst)


def _is_about(one: ocsp.OCSPSingleResponse, certificate: bytes, issuer: bytes) -> bool:
    """Whether its CertID is ours: the serial number alone does not tell one authority's certificate from another's."""
    if not isinstance(one.hash_algorithm, hashes.SHA1 | hashes.SHA256):
        return False
    wanted = _request(certificate, issuer, one.hash_algorithm)
    return (wanted.serial_number, wanted.issuer_name_hash, wanted.issuer_key_hash) == (
        one.serial_number, one.issuer_name_hash, one.issuer_key_hash,
    )  # fmt: skip


def _status(one: ocsp.OCSPSingleResponse) -> Status:
    return Status(one.certificate_status.name.lower())


def _good_until(one: ocsp.OCSPSingleResponse, now: datetime) -> datetime:
    """RFC 6960 section 3.2, numbers 5 and 6; `MAX_AGE` bounds how long an old answer can be played again."""
    began, ends = one.this_update_utc, one.next_update_utc
    if began > now + SKEW:
        raise NoAnswer("the answer is of the future")
    until = min(ends, began + MAX_AGE) if ends is not None else began + WITHOUT_END
    if until < now:
        raise NoAnswer("the answer is out of date")
    return until


def _check_signature(answer: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> None:
    """RFC 6960 section 4.2.2.2: the issuer's own, or of a responder that this issuer appointed. Raises: NoAnswer."""
    algorithm = answer.signature_hash_algorithm
    if not isinstance(algorithm, STRONG):
        raise NoAnswer("the answer has a weak signature")
    reason = "the answer is not signed by the certificate's issuer"
    for signer in (issuer, *answer.certificates):
        if not _is_named(answer, signer):
            continue
        if signer != issuer and (fault := _delegation_fault(signer, issuer, now)):
            reason = fault
        elif _is_signed_by(answer, signer, algorithm):
            return
        else:
            reason = "the answer's signature is false"
    raise NoAnswer(reason)


def _is_named(answer: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    """ResponderID (RFC 6960 section 4.2.1): a name, or SHA-1 of the key."""
    if answer.responder_name is not None:
        return answer.responder_name == signer.subject
    key_id = x509.SubjectKeyIdentifier.from_public_key(signer.public_key()).digest  # the same hash of the same bits
    return answer.responder_key_hash == key_id


def _delegation_fault(signer: x509.Certificate, issuer: x509.Certificate, now: datetime) -> str:
    """RFC 6960 section 4.2.2.2. Whether the delegation itself was revoked is not asked: that would go in circles, and
    authorities give such certificates days to live instead (section 4.2.2.2.1).
    """
    purposes = extension(signer, x509.ExtendedKeyUsage)
    usage = extension(signer, x509.KeyUsage)
    if purposes is None or ExtendedKeyUsageOID.OCSP_SIGNING not in purposes:
        return "the answer is signed by a certificate that is not for that (extended key usage without OCSPSigning)"
    if usage is not None and not usage.digital_signature:
        return "the responder's certificate may not sign"
    if not signer.not_valid_before_utc <= now <= signer.not_valid_after_utc:
        return "the responder's certificate is out of date"
    if fault := next(common_faults(signer, now), ""):
        return f"the responder's certificate does not count: {fault}"
    if signature_fault(signer):
        return "the responder's certificate has a weak signature"
    try:
        signer.verify_directly_issued_by(issuer)
    except (InvalidSignature, *WHAT_X509_RAISES):
        return "the responder was not appointed by the certificate's issuer"
    return ""


def _is_signed_by(answer: ocsp.OCSPResponse, signer: x509.Certificate, algorithm: hashes.HashAlgorithm) -> bool:
    key = signer.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(algorithm))
        else:
            return False
    except InvalidSignature:
        return False
    return True
