"""gateway.protect.signer: what of our own key is given away, and what cannot sign (CR-13)."""

import pytest

from gateway.protect.armour import SECRET_KEYS, bodies
from gateway.protect.certificates import read_certificate
from gateway.protect.errors import CertificateError
from gateway.protect.rfc9580.fields import framed
from gateway.protect.signer import open_signer, public_part
from tests.gateway.protect.keys import NOW, certificate_of, make_key

OWN = bytes(make_key())
SECRET_SUBKEY = 7


def test_the_public_half() -> None:
    """No private packet, and every signature as it was; a certificate stays what it is."""
    public = public_part(OWN)
    assert not SECRET_KEYS & {kind for kind, _ in bodies(public)}
    assert read_certificate(public, now=NOW) == read_certificate(certificate_of(make_key()), now=NOW)
    assert public_part(public) == public


def test_a_subkey_of_an_unknown_kind_does_not_spoil_the_rest() -> None:
    """It and its signatures are left out of the public half, since nobody can tell where its private half begins."""
    strange = framed(SECRET_SUBKEY, b"\x04" + bytes(4) + b"\x63" + b"secret")
    _, binding = bodies(OWN)[-2:]
    spoilt = OWN + strange + framed(*binding)
    assert public_part(spoilt) == public_part(OWN)
    assert open_signer(spoilt, now=NOW).address == "b@example.org"


def test_what_is_no_key() -> None:
    """A private subkey alone is none: found by fuzzing."""
    subkey = next(framed(kind, body) for kind, body in bodies(OWN) if kind == SECRET_SUBKEY)
    for data in (b"", b"nonsense", subkey):
        with pytest.raises(CertificateError, match="not an OpenPGP key"):
            public_part(data)


@pytest.mark.parametrize(
    ("options", "why"),
    [({"is_revoked": True}, "it was revoked"), ({"rsa_bits": 1024}, "it expired, or is too short")],
)
def test_what_nobody_would_believe(options: dict[str, object], why: str) -> None:
    with pytest.raises(CertificateError, match=why):
        open_signer(bytes(make_key(**options)), now=NOW)
