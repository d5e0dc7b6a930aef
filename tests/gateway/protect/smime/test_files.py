"""gateway.protect.smime.files: PEM, DER, P7B; anchors."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from gateway.protect.errors import CertificateError
from gateway.protect.smime.files import MAX_FILE, load_anchors, split_certificates
from tests.gateway.protect.smime.authority import Authority, key_pem, make_key, pem

ROOT = Authority()
LEAF = ROOT.issue(make_key("p256"))
BOTH = [x509.load_der_x509_certificate(one) for one in (LEAF, ROOT.der)]


@pytest.mark.parametrize(
    "data",
    [
        b"Bag Attributes\n" + pem(LEAF) + b"text\n" + pem(ROOT.der) + pem(LEAF),
        pkcs7.serialize_certificates(BOTH, Encoding.PEM),
        pkcs7.serialize_certificates(BOTH, Encoding.DER),
    ],
)
def test_several(data: bytes) -> None:
    assert set(split_certificates(data)) == {LEAF, ROOT.der}


def test_one_in_der() -> None:
    assert split_certificates(LEAF) == (LEAF,)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no X.509 certificate"),
        (b"junk", "no X.509 certificate"),
        (pem(LEAF)[:-40], "no X.509 certificate"),
        (key_pem(make_key("p256")) + pem(LEAF), "holds a private key"),
        (b" " * (MAX_FILE + 1), "larger than"),
    ],
)
def test_refused(data: bytes, why: str) -> None:
    with pytest.raises(CertificateError, match=why):
        split_certificates(data)


def test_anchors(tmp_path: Path) -> None:
    """smime.ca_file stands beside the system's; a damaged certificate in it is no anchor."""
    path = tmp_path / "ca.pem"
    path.write_bytes(pem(ROOT.der))
    assert load_anchors(path) - load_anchors(None) == {ROOT.der}
    path.write_bytes(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
    with pytest.raises(CertificateError):
        load_anchors(path)
