"""gateway.protect.openpgp: PGP/MIME by the book; tests/e2e/test_gpg.py has gpg read it."""

import email
import email.policy
import warnings
from email.message import EmailMessage
from typing import Any, cast

import pytest
from pgpy import PGPMessage

from gateway.message.fields import split_message
from gateway.protect.errors import NoUsableCertificate, SealError
from gateway.protect.openpgp import encrypt, inner_entity
from tests.gateway.protect.keys import NOW, certificate_of, make_key
from tests.gateway.protect.rfc9580.maker import Maker

KEY = make_key()
CERTIFICATE = certificate_of(KEY)
MAIL = (
    b"Received: from x by y; z\r\n"
    b"DKIM-Signature: v=1; b=x\r\n"
    b"From: Joe <joe@clinic.example>\r\n"
    b"To: b@example.org\r\n"
    b"Subject: HIV result of Jane Roe\r\n"
    b"Thread-Topic: HIV result of Jane Roe\r\n"
    b"Message-ID: <1@clinic.example>\r\n"
    b"Date: Tue, 24 Nov 2026 03:45:00 +0000\r\n"
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n'
    b"\r\n--b\r\n\r\nJane Roe\r\n--b\r\nContent-Type: application/pdf\r\n\r\n\xff\x00%PDF\r\n--b--\r\n"
)


def decrypt(message: bytes, key: Any = KEY) -> bytes:
    return bytes(decrypted(message, key).message)


def payload(message: bytes) -> str:
    """The armour."""
    return str(cast("EmailMessage", list(email.message_from_bytes(message).walk())[2]).get_payload())


def decrypted(message: bytes, key: Any = KEY) -> PGPMessage:
    """What is inside, with its signatures."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return key.decrypt(PGPMessage.from_blob(payload(message)))


def test_form() -> None:
    """RFC 3156 section 4."""
    message = email.message_from_bytes(encrypt(MAIL, [CERTIFICATE], now=NOW).message, policy=email.policy.default)
    assert message.get_content_type() == "multipart/encrypted"
    assert message.get_param("protocol") == "application/pgp-encrypted"
    version, data = (cast("EmailMessage", part) for part in message.iter_parts())
    assert version.get_content_type() == "application/pgp-encrypted"
    assert version.get_content() == b"Version: 1\r\n"
    assert data.get_content_type() == "application/octet-stream"
    assert data.get_content().startswith(b"-----BEGIN PGP MESSAGE-----")


def test_the_armour_has_a_checksum_where_it_may() -> None:
    """RFC 9580 6.1: not after SEIPD version 2; old readers insist on it after version 1."""
    for certificate, expected in ((CERTIFICATE, True), (Maker.new().whole(), False)):
        assert (b"\r\n=" in encrypt(MAIL, [certificate], now=NOW).message.partition(b"BEGIN PGP")[2]) is expected


def test_only_the_envelope_stays_outside() -> None:
    """CR-08: a neutral subject; a field that repeats it goes inside too."""
    sealed = encrypt(MAIL, [CERTIFICATE], now=NOW).message
    assert b"Jane" not in sealed
    parsed = split_message(sealed)
    assert [f.name for f in parsed.fields] == [
        "received",
        "from",
        "to",
        "message-id",
        "date",
        "subject",
        "mime-version",
        "content-type",
    ]
    assert parsed.all("subject")[0].text == "..."


def test_inside_is_the_message_with_protected_headers() -> None:
    """RFC 9788's content in the form readers know; the body octet for octet."""
    inside = split_message(decrypt(encrypt(MAIL, [CERTIFICATE], now=NOW).message))
    names = [f.name for f in inside.fields]
    assert names == ["from", "to", "subject", "thread-topic", "message-id", "date", "content-type"]
    assert inside.all("content-type")[0].text == 'multipart/mixed; boundary="b"; protected-headers="v1"'
    assert inside.body == split_message(MAIL).body


def test_a_message_without_content_type() -> None:
    """RFC 2045 5.2: it is plain text, and says so inside."""
    inside = inner_entity(split_message(b"From: a@b.example\r\nSubject: s\r\n\r\nHi\r\n"))
    assert b'Content-Type: text/plain; charset=us-ascii;\r\n protected-headers="v1"\r\n\r\nHi\r\n' in inside


def test_several_keys_of_one_recipient() -> None:
    """Each of them opens it."""
    other = make_key(address="c@example.org")
    sealed = encrypt(MAIL, [CERTIFICATE, certificate_of(other)], now=NOW).message
    assert decrypt(sealed) == decrypt(sealed, other)


def test_unusable_ones_are_passed_over() -> None:
    """CR-01: one good key is enough; without any the reasons are told."""
    bad = certificate_of(make_key(is_revoked=True))
    assert decrypt(encrypt(MAIL, [bad, CERTIFICATE], now=NOW).message)
    with pytest.raises(NoUsableCertificate, match="revoked by its owner; not an OpenPGP"):
        encrypt(MAIL, [bad, b"junk"], now=NOW)
    with pytest.raises(NoUsableCertificate, match="no key on file"):
        encrypt(MAIL, [], now=NOW)


def test_one_copy_names_one_recipient() -> None:
    """CR-02: the ids of keys in the ciphertext are those of the certificates given, and no others."""
    sealed = encrypt(MAIL, [CERTIFICATE], now=NOW).message
    payload = list(email.message_from_bytes(sealed).walk())[2].get_payload()
    assert PGPMessage.from_blob(payload).encrypters == set(KEY.subkeys)


def test_failure_gives_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """CR-13: an error, never the original."""

    def fail(*_args: object, **_options: object) -> None:
        raise NotImplementedError("secret text")

    monkeypatch.setattr(PGPMessage, "new", fail)
    with pytest.raises(SealError) as caught:
        encrypt(MAIL, [CERTIFICATE], now=NOW)
    assert "secret" not in str(caught.value)
    with pytest.raises(SealError):
        encrypt(b"no header", [CERTIFICATE], now=NOW)
