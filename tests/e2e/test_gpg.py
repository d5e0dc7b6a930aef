"""gpg reads a whole message that we encrypt (CR-04, CR-08) and we judge what gpg makes (CR-01).

Every algorithm, and what is refused, is in tests/gateway/protect/conformance.
"""

import email
import email.policy
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import cast

import pytest

from gateway.message.fields import split_message
from gateway.protect.armour import split_certificates
from gateway.protect.certificates import read_certificate
from gateway.protect.facts import CertificateFacts
from gateway.protect.openpgp import encrypt, inner_entity
from tests.tools import need

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

KINDS = {
    "curve25519": ("ed25519", "cv25519"),
    "p256": ("nistp256", "nistp256"),
}


class Gpg:
    """gpg in a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *arguments: str, data: bytes = b"", at: str = "") -> bytes:
        clock = ["--faked-system-time", at] if at else []
        command = [need("gpg"), "--homedir", str(self.home), "--batch", "--quiet", "--passphrase", "", *clock]
        done = subprocess.run([*command, *arguments], input=data, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def make(self, address: str, primary: str, subkey: str = "", *, expires: str = "0", at: str = "") -> str:
        """A key with an optional encryption subkey. Returns: its fingerprint."""
        self("--quick-generate-key", f"B <{address}>", primary, "sign", "0", at=at)
        listing = self("--list-keys", "--with-colons", address).decode().splitlines()
        fingerprint = next(line for line in listing if line.startswith("fpr")).split(":")[9]
        if subkey:
            self("--quick-add-key", fingerprint, subkey, "encr", expires, at=at)
        return fingerprint

    def export(self, address: str, *, is_armoured: bool = False) -> bytes:
        return self(*(["--armor"] if is_armoured else []), "--export", address)


@pytest.fixture
def gpg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gpg]:
    need("gpg")
    home = tmp_path_factory.mktemp("g", numbered=True)  # short: the agent's socket path has a limit
    home.chmod(0o700)
    yield Gpg(home)
    subprocess.run([need("gpgconf"), "--homedir", str(home), "--kill", "all"], check=False, timeout=60)


def facts(data: bytes) -> CertificateFacts:
    (certificate,) = split_certificates(data)
    return read_certificate(certificate, now=datetime.now(UTC))


def letter(attachment: bytes) -> bytes:
    message = EmailMessage()
    message["From"] = "joe@clinic.example"
    message["To"] = "b@example.org"
    message["Subject"] = "Befund Müller"
    message["Date"] = "Tue, 24 Nov 2026 03:45:00 +0000"
    message["Message-ID"] = "<1@clinic.example>"
    message.set_content("Guten Tag\n" * 100)
    message.add_attachment(attachment, maintype="application", subtype="pdf", filename="Befund Müller.pdf")
    return message.as_bytes(policy=email.policy.SMTP)


def test_gpg_decrypts(gpg: Gpg) -> None:
    """CR-04, CR-08: headers inside, attachments octet for octet."""
    gpg.make("b@example.org", *KINDS["curve25519"])
    attachment = os.urandom(100_000)
    message = letter(attachment)
    sealed = encrypt(message, split_certificates(gpg.export("b@example.org")), now=datetime.now(UTC)).message
    assert b"Befund" not in sealed
    outer = email.message_from_bytes(sealed, policy=email.policy.default)
    assert outer["Subject"] == "..."
    _version, data = (cast("EmailMessage", part) for part in outer.iter_parts())
    clear = gpg("--decrypt", data=data.get_content())
    assert clear == inner_entity(split_message(message))
    inner = email.message_from_bytes(clear, policy=email.policy.default)
    assert inner["Subject"] == "Befund Müller"
    assert inner.get_param("protected-headers") == "v1"
    (part,) = inner.iter_attachments()
    assert part.get_content() == attachment
    assert part.get_filename() == "Befund Müller.pdf"


def test_gpg_says_it_is_aes_256_with_integrity(gpg: Gpg) -> None:
    """CR-07: no message without modification detection, no compression."""
    gpg.make("b@example.org", *KINDS["curve25519"])
    sealed = encrypt(letter(b"x"), split_certificates(gpg.export("b@example.org")), now=datetime.now(UTC)).message
    _version, data = email.message_from_bytes(sealed, policy=email.policy.default).iter_parts()
    said = gpg("--status-fd", "1", "--decrypt", data=cast("EmailMessage", data).get_content())
    assert b"DECRYPTION_INFO 2 9" in said  # MDC SHA-1, cipher AES-256 (doc/DETAILS)
    assert b"GOODMDC" in said
    packets = gpg("--list-packets", data=cast("EmailMessage", data).get_content())
    assert b"compressed" not in packets


@pytest.mark.parametrize("is_armoured", [True, False])
def test_export_is_read(gpg: Gpg, is_armoured: bool) -> None:
    """CR-01: several keys and user ids in one file, armoured or not."""
    first = gpg.make("b@example.org", *KINDS["curve25519"])
    gpg("--quick-add-uid", first, "B <b@clinic.example>")
    gpg.make("c@example.org", *KINDS["p256"])
    found = split_certificates(gpg("--export") if not is_armoured else gpg("--armor", "--export"))
    read = [read_certificate(certificate, now=datetime.now(UTC)) for certificate in found]
    assert [sorted(f.addresses) for f in read] == [["b@clinic.example", "b@example.org"], ["c@example.org"]]
    assert read[0].fingerprint == first
    assert all(f.usable for f in read)


def test_revoked_user_id(gpg: Gpg) -> None:
    """CR-01: mail to an address that the owner took back is not encrypted to this key."""
    fingerprint = gpg.make("b@example.org", *KINDS["curve25519"])
    gpg("--quick-add-uid", fingerprint, "B <new@example.org>")
    gpg("--quick-revoke-uid", fingerprint, "B <b@example.org>")
    assert facts(gpg.export(fingerprint)).addresses == ("new@example.org",)


def test_expired_subkey(gpg: Gpg) -> None:
    """CR-01: the certificate lives, its encryption key does not; and the register hears of an end to come."""
    gpg.make("b@example.org", *KINDS["curve25519"], expires="1y", at="20200101T000000")
    assert facts(gpg.export("b@example.org")).why_not == "its encryption key expired on 2020-12-31"
    gpg.make("c@example.org", *KINDS["curve25519"], expires="1y")
    expires_at = facts(gpg.export("c@example.org")).expires_at
    assert expires_at is not None
    assert abs(expires_at - datetime.now(UTC) - timedelta(days=365)) < timedelta(hours=1)
