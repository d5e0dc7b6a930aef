"""Write CMS envelopes: EnvelopedData (RFC 5652 section 6) and AuthEnvelopedData (RFC 5083), DER.

AES-256 always. RSA recipients get the content key by RSAES-PKCS1-v1_5 or RSAES-OAEP (RFC 3560), those with elliptic
curves by ephemeral-static ECDH (RFC 5753). Whether a certificate may be used has been judged before (`judge`).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from gateway.protect.smime import der

DATA: Final = "1.2.840.113549.1.7.1"
ENVELOPED_DATA: Final = "1.2.840.113549.1.7.3"
AUTH_ENVELOPED_DATA: Final = "1.2.840.113549.1.9.16.1.23"  # RFC 5083 section 2.1
AES256_CBC: Final = "2.16.840.1.101.3.4.1.42"  # RFC 3565 section 4.1
AES256_WRAP: Final = "2.16.840.1.101.3.4.1.45"  # RFC 3565 section 4.2; no parameters
AES256_GCM: Final = "2.16.840.1.101.3.4.1.46"  # RFC 5084 section 3.2
RSA_V15: Final = "1.2.840.113549.1.1.1"
RSA_OAEP: Final = "1.2.840.113549.1.1.7"
MGF1: Final = "1.2.840.113549.1.1.8"
SHA256: Final = "2.16.840.1.101.3.4.2.1"
EC_PUBLIC_KEY: Final = "1.2.840.10045.2.1"
ECDH_SHA256_KDF: Final = "1.3.132.1.11.1"  # dhSinglePass-stdDH-sha256kdf-scheme, RFC 5753 section 7.1.4
CURVES: Final = {"secp256r1": "1.2.840.10045.3.1.7", "secp384r1": "1.3.132.0.34", "secp521r1": "1.3.132.0.35"}
KEY_OCTETS: Final = 32
BLOCK_OCTETS: Final = 16
NONCE_OCTETS: Final = 12  # RFC 5084 section 3.2: recommended
TAG_OCTETS: Final = 16


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom to encrypt to. oaep: by RSAES-OAEP with SHA-256 rather than PKCS #1 v1.5; only RSA keys ask."""

    certificate: x509.Certificate
    oaep: bool = False


def envelop(content: bytes, recipients: Sequence[Recipient], *, is_authenticated: bool) -> bytes:
    """Encrypt a MIME entity.

    recipients: at least one; each opens it. is_authenticated: AES-256-GCM as AuthEnvelopedData, else AES-256-CBC.
    Returns: ContentInfo, DER. Raises: ValueError, TypeError for a key that `judge` would have refused.
    """
    if not recipients:
        raise ValueError("nobody to encrypt to")
    key = os.urandom(KEY_OCTETS)
    infos = [_recipient_info(recipient, key) for recipient in recipients]
    has_agreement = any(info[0] == der.CONTEXT_1 for info in infos)
    if is_authenticated:
        nonce = os.urandom(NONCE_OCTETS)
        sealed = AESGCM(key).encrypt(nonce, content, None)  # no authAttrs: RFC 5083 section 2.2 has then no AAD
        parameters = der.sequence(der.octets(nonce), der.integer(TAG_OCTETS))  # RFC 5084 section 3.2
        body = der.sequence(
            der.integer(0),  # RFC 5083 section 2.1
            der.set_of(*infos),
            _content_info(der.algorithm(AES256_GCM, parameters), sealed[:-TAG_OCTETS]),
            der.octets(sealed[-TAG_OCTETS:]),
        )
        return der.sequence(der.oid(AUTH_ENVELOPED_DATA), der.element(der.CONTEXT_0, body))
    iv = os.urandom(BLOCK_OCTETS)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    fill = BLOCK_OCTETS - len(content) % BLOCK_OCTETS  # RFC 5652 section 6.3
    sealed = encryptor.update(content + bytes((fill,)) * fill) + encryptor.finalize()
    body = der.sequence(
        der.integer(2 if has_agreement else 0),  # RFC 5652 section 6.1
        der.set_of(*infos),
        _content_info(der.algorithm(AES256_CBC, der.octets(iv)), sealed),
    )
    return der.sequence(der.oid(ENVELOPED_DATA), der.element(der.CONTEXT_0, body))


def issuer_and_serial(certificate: x509.Certificate) -> bytes:
    """RFC 5652 section 10.2.4; the issuer octet for octet, since readers compare it so."""
    fields = list(der.read_all(der.read(certificate.tbs_certificate_bytes, der.SEQUENCE).content))
    if fields[0].tag == der.CONTEXT_0:  # the version, absent in version 1 (RFC 5280 section 4.1)
        fields = fields[1:]
    serial, _signature, issuer = fields[:3]
    return der.sequence(issuer.raw, serial.raw)


def _content_info(cipher: bytes, sealed: bytes) -> bytes:
    return der.sequence(der.oid(DATA), cipher, der.element(der.PRIMITIVE_0, sealed))


def _recipient_info(recipient: Recipient, key: bytes) -> bytes:
    public = recipient.certificate.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return _key_transport(recipient, public, key)
    if isinstance(public, ec.EllipticCurvePublicKey):
        return _key_agreement(recipient, public, key)
    raise TypeError("neither RSA nor an elliptic curve")


def _key_transport(recipient: Recipient, public: rsa.RSAPublicKey, key: bytes) -> bytes:
    """KeyTransRecipientInfo (RFC 5652 section 6.2.1)."""
    if recipient.oaep:
        hashed = der.algorithm(SHA256, der.NULL)
        parameters = der.sequence(  # RFC 4055 section 4.1
            der.element(der.CONTEXT_0, hashed), der.element(der.CONTEXT_1, der.algorithm(MGF1, hashed))
        )
        method = der.algorithm(RSA_OAEP, parameters)
        sealed = public.encrypt(key, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    else:
        method = der.algorithm(RSA_V15, der.NULL)  # RFC 3370 section 4.2.1
        sealed = public.encrypt(key, padding.PKCS1v15())
    return der.sequence(der.integer(0), issuer_and_serial(recipient.certificate), method, der.octets(sealed))


def _key_agreement(recipient: Recipient, public: ec.EllipticCurvePublicKey, key: bytes) -> bytes:
    """KeyAgreeRecipientInfo with a new key of ours for this message alone (RFC 5753 section 3.1.1)."""
    ours = ec.generate_private_key(public.curve)
    wrap = der.algorithm(AES256_WRAP)
    shared_info = der.sequence(  # ECC-CMS-SharedInfo, RFC 5753 section 7.2
        wrap, der.element(der.CONTEXT_2, der.octets((KEY_OCTETS * 8).to_bytes(4, "big")))
    )
    secret = ours.exchange(ec.ECDH(), public)
    wrapping = X963KDF(algorithm=hashes.SHA256(), length=KEY_OCTETS, sharedinfo=shared_info).derive(secret)
    point = ours.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    originator = der.element(  # originatorKey, [1] in the choice
        der.CONTEXT_1,
        der.algorithm(EC_PUBLIC_KEY, der.oid(CURVES[public.curve.name])),
        der.element(der.BIT_STRING, b"\x00", point),
    )
    sealed = der.sequence(issuer_and_serial(recipient.certificate), der.octets(aes_key_wrap(wrapping, key)))
    return der.element(
        der.CONTEXT_1,
        der.integer(3),  # RFC 5652 section 6.2.2
        der.element(der.CONTEXT_0, originator),
        der.algorithm(ECDH_SHA256_KDF, wrap),
        der.sequence(sealed),
    )
