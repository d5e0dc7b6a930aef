"""A certificate path to one trust anchor, for usage 2.

OpenSSL could do it only before the handshake, when the anchor may still be unknown: most records hold the digest of a
certificate that the server itself sends. So the path is checked afterwards, by the verifier of `cryptography`, with
rules for extensions that private authorities can meet: what the web's rules add to RFC 5280 is not asked.
Left out: keys other than RSA and ECDSA, which that verifier refuses, and names in the common name: both fail closed.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

LAST_DAY: Final = datetime(9999, 12, 30, tzinfo=UTC)  # "never" is 99991231235959Z (RFC 5280 section 4.1.2.5)
DEPTH_LIMIT: Final = 8  # authorities between server and anchor


def _signs_certificates(_policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    """RFC 5280 section 4.2.1.3."""
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("the key of an issuer is not for certificates")


def _serves(_policy: Policy, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    """RFC 5280 section 4.2.1.12."""
    if usage is not None and not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & {
        *usage
    }:
        raise ValueError("the certificate is not for servers")


ISSUERS: Final = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _signs_certificates)
)
SERVERS: Final = (
    ExtensionPolicy.permit_all()
    .require_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _serves)
)


def proves(
    certificates: Sequence[x509.Certificate], anchor: x509.Certificate, names: Sequence[str], *, now: datetime
) -> bool:
    """Whether a server's certificate leads to the anchor and carries one of the names.

    certificates: the server's own first. names: A-labels; `*.` in a certificate stands for one label (RFC 7672 section
    3.2.3). Raises: ValueError for certificates that cannot be read.
    """
    builder = (
        PolicyBuilder()
        .store(Store([anchor]))
        .time(now)
        .max_chain_depth(DEPTH_LIMIT)
        .extension_policies(ca_policy=ISSUERS, ee_policy=SERVERS)
    )
    for name in names:
        try:
            builder.build_server_verifier(x509.DNSName(name)).verify(certificates[0], list(certificates[1:]))
        except VerificationError:
            continue
        return True
    return False


def anchor_for_key(key: PublicKeyTypes, issued: x509.Certificate) -> x509.Certificate:
    """An anchor made of nothing but a key, under the name that issued a certificate.

    The signature on an anchor is never looked at, so any key may make it. Raises: ValueError for a key of another kind.
    """
    if not isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
        raise ValueError("not a key of an authority")
    return (
        x509.CertificateBuilder()
        .subject_name(issued.issuer)
        .issuer_name(issued.issuer)
        .public_key(key)
        .serial_number(1)
        .not_valid_before(issued.not_valid_before_utc - timedelta(days=1))
        .not_valid_after(min(issued.not_valid_after_utc, LAST_DAY) + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
