"""gateway.protect.smime: S/MIME by the book; the real openssl opens it (CR-06, CR-08)."""

import email
import email.policy
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.message.fields import split_message
from gateway.protect.errors import NoUsableCertificate, SealError
from gateway.protect.openpgp import inner_entity
from gateway.protect.smime import der, mail
from gateway.protect.smime.judge import Capability
from gateway.protect.smime.mail import Candidate, Identity, encrypt
from tests.gateway.protect.smime.authority import ADDRESS, NOW, YEAR, Authority, key_pem, make_key, pem
from tests.gateway.protect.smime.gpgsm import Gpgsm, gpgsm
from tests.gateway.protect.test_openpgp import MAIL
from tests.tools import need

__all__ = ["gpgsm"]  # a fixture
ROOT = Authority()
KEY = make_key("p256")
LEAF = ROOT.issue(KEY)
MODERN = frozenset(Capability)


def candidate(key: Any = KEY, *, able: frozenset[Capability] = frozenset(), **options: Any) -> Candidate:
    return Candidate(ROOT.issue(key, **options), (ROOT.der,), capabilities=able)


def seal(*candidates: Candidate, identity: Identity | None = None, message: bytes = MAIL) -> bytes:
    return encrypt(message, candidates, address=ADDRESS, now=NOW, identity=identity).message


def openssl(folder: Path, *arguments: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [need("openssl"), *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=False, timeout=60, cwd=folder)


def opened(folder: Path, sealed: bytes, key: Any, certificate: bytes) -> subprocess.CompletedProcess[bytes]:
    """What `openssl cms -decrypt` makes of a message."""
    (folder / "key.pem").write_bytes(key_pem(key))
    (folder / "cert.pem").write_bytes(pem(certificate))
    arguments = ("cms", "-decrypt", "-inform", "SMIME", "-inkey", "key.pem", "-recip", "cert.pem", "-binary")
    return openssl(folder, *arguments, data=sealed)


def ciphertext_of(sealed: bytes) -> bytes:
    """The CMS in a message."""
    data = email.message_from_bytes(sealed).get_payload(decode=True)
    assert isinstance(data, bytes)
    return data


def test_only_the_envelope_stays_outside() -> None:
    """CR-08: a neutral subject, one part, and nothing of the message."""
    sealed = seal(candidate())
    assert b"Jane" not in sealed
    assert [f.name for f in split_message(sealed).fields] == [
        "received",
        "from",
        "to",
        "message-id",
        "date",
        "subject",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "content-disposition",
    ]
    message = email.message_from_bytes(sealed, policy=email.policy.default)
    assert message["Subject"] == "..."
    assert message.get_content_type() == "application/pkcs7-mime"
    assert message.get_param("smime-type") == "enveloped-data"
    assert message.get_filename() == "smime.p7m"


@pytest.mark.parametrize("able", [frozenset(), MODERN], ids=["plain", "modern"])
@pytest.mark.parametrize("kind", ["rsa2048", pytest.param("rsa4096", marks=pytest.mark.slow), "p256", "p384", "p521"])
def test_openssl_opens(tmp_path: Path, kind: str, able: frozenset[Capability]) -> None:
    """CR-06, CR-08: AES-256-CBC unless the certificate says GCM; the body octet for octet, the headers inside."""
    one = candidate(make_key(kind), able=able)
    sealed = seal(one)
    done = opened(tmp_path, sealed, make_key(kind), one.certificate)
    assert done.returncode == 0, done.stderr
    assert done.stdout == inner_entity(split_message(MAIL))
    inside = email.message_from_bytes(done.stdout)
    assert inside["Subject"] == "HIV result of Jane Roe"
    assert inside.get_param("protected-headers") == "v1"
    printed = openssl(tmp_path, "cms", "-cmsout", "-print", "-inform", "SMIME", data=sealed).stdout
    assert (b"aes-256-gcm" if able else b"aes-256-cbc") in printed
    if kind.startswith("rsa"):
        assert (b"rsaesOaep" in printed) is bool(able)
    assert f"smime-type={'authEnveloped-data' if able else 'enveloped-data'}".encode() in sealed


@pytest.mark.parametrize("able", [frozenset(), MODERN], ids=["plain", "modern"])
def test_several_certificates_of_one_recipient(tmp_path: Path, able: frozenset[Capability]) -> None:
    """CR-06: an RSA key on one desk and an elliptic one on another: both open it."""
    keys = [make_key(kind) for kind in ("rsa2048", "p256", "p384")]
    several = [candidate(key, able=able) for key in keys]
    sealed = seal(*several)
    for key, one in zip(keys, several, strict=True):
        assert opened(tmp_path, sealed, key, one.certificate).stdout == inner_entity(split_message(MAIL))


def test_gcm_only_where_all_of_them_can() -> None:
    """CR-06: what one of the recipient's programs cannot open is not used."""
    sealed = seal(candidate(able=MODERN), candidate(make_key("p384")))
    assert b"smime-type=enveloped-data" in sealed


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    done = opened(tmp_path, seal(candidate()), make_key("p256", 7), LEAF)
    assert done.returncode != 0
    assert b"Jane" not in done.stdout


def test_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    """CR-07: in the first block, the last and the tag, AuthEnvelopedData gives an error. CBC could not promise that."""
    one = candidate(able=MODERN)
    data = bytearray(ciphertext_of(seal(one)))
    for at in (len(data) - 1, len(data) - 30, len(data) - 300):
        data[at] ^= 1
        (tmp_path / "key.pem").write_bytes(key_pem(KEY))
        done = openssl(tmp_path, "cms", "-decrypt", "-inform", "DER", "-inkey", "key.pem", data=bytes(data))
        assert done.returncode != 0
        data[at] ^= 1
    assert openssl(tmp_path, "cms", "-decrypt", "-inform", "DER", "-inkey", "key.pem", data=bytes(data)).returncode == 0


def test_signed_inside(tmp_path: Path) -> None:
    """CR-06: the signature is under the encryption; openssl verifies it up to the authority."""
    key = make_key("p256", 8)
    identity = Identity(pem(ROOT.issue(key, addresses=("joe@clinic.example",))) + pem(ROOT.der), key_pem(key))
    one = candidate()
    inside = opened(tmp_path, seal(one, identity=identity), KEY, one.certificate).stdout
    assert b"smime-type=signed-data" in inside
    assert b"Jane" not in inside  # opaque: base64
    (tmp_path / "root.pem").write_bytes(pem(ROOT.der))
    at = str(int(NOW.timestamp()))
    done = openssl(
        tmp_path, "cms", "-verify", "-inform", "SMIME", "-CAfile", "root.pem", "-attime", at, "-binary", data=inside
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == inner_entity(split_message(MAIL))


def test_a_key_of_another_certificate_signs_nothing() -> None:
    """CR-13: an error, never an unsigned message."""
    with pytest.raises(SealError):
        seal(candidate(), identity=Identity(pem(LEAF), key_pem(make_key("p256", 9))))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (Candidate(LEAF, ()), "its issuer is not trusted"),
        (Candidate(LEAF, (Authority(number=110).der,)), "its chain is broken"),
        (candidate(end=NOW - timedelta(days=1)), "it expired on 2026-11-23"),
        (candidate(addresses=("c@example.org",)), "it is of another address"),
        (Candidate(b"junk", (ROOT.der,)), "not an X.509 certificate"),
        (Candidate(LEAF, (b"junk",)), "not an X.509 certificate"),
    ],
)
def test_unusable_ones_are_passed_over(bad: Candidate, why: str) -> None:
    """CR-05: judged before each use; one good certificate is enough, without any the reasons are told."""
    with pytest.raises(NoUsableCertificate, match=why):
        seal(bad)
    assert seal(bad, candidate())


def test_a_trusted_one_needs_no_chain() -> None:
    """CR-05: a person's word replaces the chain, and nothing else."""
    assert seal(Candidate(LEAF, is_trusted=True))
    with pytest.raises(NoUsableCertificate, match="expired"):
        encrypt(MAIL, [Candidate(LEAF, is_trusted=True)], address=ADDRESS, now=NOW + 2 * YEAR)
    with pytest.raises(NoUsableCertificate, match="there is no certificate on file"):
        seal()


def test_one_copy_names_one_recipient() -> None:
    """CR-02: another recipient's certificate is passed over, so its serial number is not in the ciphertext."""
    other = candidate(make_key("p384"), addresses=("c@example.org",))
    sealed = encrypt(MAIL, [candidate(), other], address=ADDRESS, now=NOW)
    serial = x509.load_der_x509_certificate(other.certificate).serial_number
    assert der.integer(serial) not in ciphertext_of(sealed.message)
    assert len(sealed.fingerprints) == 1


@pytest.mark.parametrize("broken", [AESGCM, mail])
def test_failure_gives_no_message(broken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """CR-13: an error, never the original."""

    def fail(*_args: object, **_options: object) -> None:
        raise ValueError("secret text")

    if broken is mail:
        monkeypatch.setattr(mail, "envelop", fail)
    else:
        monkeypatch.setattr("gateway.protect.smime.cms.AESGCM", fail)
    with pytest.raises(SealError) as caught:
        seal(candidate(able=MODERN))
    assert "secret" not in str(caught.value)
    with pytest.raises(SealError):
        seal(candidate(), message=b"no header")


@pytest.mark.slow
def test_gpgsm_opens(gpgsm: Gpgsm) -> None:
    """CR-06: GnuPG 2.2."""
    key = make_key("rsa2048")
    one = candidate(key)
    gpgsm.take(key, one.certificate)
    assert gpgsm.opened(ciphertext_of(seal(one))) == inner_entity(split_message(MAIL))
