"""What a handshake proved, or why it failed. Chain and name are checked by OpenSSL; here is only what that means."""

import hashlib
import ssl
from collections.abc import Sequence
from typing import Final

from tls.evidence import TlsEvidence
from tls.failures import TlsFailure
from tls.levels import TlsLevel

# openssl-verification-options(1), X509_V_ERR_*: numbers are part of OpenSSL's ABI.
VERIFY_CODES: Final = {
    2: TlsFailure.UNKNOWN_CA,  # UNABLE_TO_GET_ISSUER_CERT
    9: TlsFailure.NOT_YET_VALID,  # CERT_NOT_YET_VALID
    10: TlsFailure.EXPIRED,  # CERT_HAS_EXPIRED
    18: TlsFailure.SELF_SIGNED,  # DEPTH_ZERO_SELF_SIGNED_CERT
    19: TlsFailure.UNKNOWN_CA,  # SELF_SIGNED_CERT_IN_CHAIN
    20: TlsFailure.UNKNOWN_CA,  # UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    21: TlsFailure.UNKNOWN_CA,  # UNABLE_TO_VERIFY_LEAF_SIGNATURE
    62: TlsFailure.WRONG_NAME,  # HOSTNAME_MISMATCH
    64: TlsFailure.WRONG_NAME,  # IP_ADDRESS_MISMATCH
}
NO_CIPHER: Final = ("(NONE)", "TLSv1.2")  # SSL_CIPHER_get_name(3) of none
# Library reasons and alerts that mean "no version or cipher in common".
OUTDATED: Final = frozenset(
    {
        "UNSUPPORTED_PROTOCOL",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "NO_PROTOCOLS_AVAILABLE",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "NO_SHARED_CIPHER",
        "TLSV1_ALERT_INSUFFICIENT_SECURITY",
        "DH_KEY_TOO_SMALL",
        "EE_KEY_TOO_SMALL",
    }
)


def classify_failure(error: Exception) -> TlsFailure:
    """Why a handshake failed; what is not known to be an answer of the peer counts as an accident.

    Errors that OpenSSL did not raise itself lack `reason` and `verify_code`.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return VERIFY_CODES.get(getattr(error, "verify_code", 0), TlsFailure.UNTRUSTED)
    if isinstance(error, ssl.SSLError) and getattr(error, "reason", None) in OUTDATED:
        return TlsFailure.OLD_VERSION
    return TlsFailure.BROKEN_HANDSHAKE


def peer_chain(session: ssl.SSLObject) -> tuple[bytes, ...]:
    """The certificates that the peer sent, DER, its own first; nothing of them is checked. Empty before a handshake."""
    public = getattr(session, "get_unverified_chain", None)  # from Python 3.13
    if public is not None:
        return tuple(public() or ())
    certificates = session._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined]  # noqa: SLF001
    return tuple(ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in certificates)


class Witness(ssl.SSLObject):
    """A client's session that keeps what it saw of a certificate that it refuses: the error goes on with it."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as error:
            error.evidence = _refused(self, classify_failure(error))  # type: ignore[attr-defined]  # for evidence_of
            raise


def evidence_of(error: Exception) -> TlsEvidence | None:
    """What a `Witness` saw before this error; None when it was not one, or there was no certificate."""
    evidence = getattr(error, "evidence", None)
    return evidence if isinstance(evidence, TlsEvidence) else None


def _refused(session: ssl.SSLObject, failure: TlsFailure) -> TlsEvidence | None:
    """Facts of a handshake that ended at the certificate, when `version` does not answer yet.

    The cipher is there already in TLS 1.3 and not in TLS 1.2, and our contexts speak nothing else.
    """
    cipher, chain = session.cipher() or NO_CIPHER, peer_chain(session)
    if not chain:
        return None
    return TlsEvidence(
        level=TlsLevel.ENCRYPTED,
        version=cipher[1],
        cipher=cipher[0],
        fingerprint=hashlib.sha256(chain[0]).hexdigest(),
        verification=failure.value,
        chain=tuple(hashlib.sha256(above).hexdigest() for above in chain[1:]),
    )


def gather_evidence(session: ssl.SSLObject, level: TlsLevel, chain: Sequence[bytes] = ()) -> TlsEvidence:
    """The facts of a session whose handshake is done.

    level: what its context proved, at least ENCRYPTED. chain: of `peer_chain`.
    Raises: ValueError when the session has no version, cipher or certificate: then it proves nothing.
    """
    version, cipher, certificate = session.version(), session.cipher(), session.getpeercert(binary_form=True)
    if version is None or cipher is None or certificate is None:
        raise ValueError("a TLS session without version, cipher or certificate")
    return TlsEvidence(
        level=level,
        version=version,
        cipher=cipher[0],
        fingerprint=hashlib.sha256(certificate).hexdigest(),
        verification="webpki" if level is TlsLevel.VERIFIED else "unauthenticated",
        chain=tuple(hashlib.sha256(above).hexdigest() for above in chain[1:]),
    )
