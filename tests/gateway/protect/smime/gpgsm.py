"""GnuPG's gpgsm in a home of its own. RSA keys alone: 2.2 dies of a signal when it is to import an elliptic one."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from tests.tools import need

OPTIONS = ("--batch", "--quiet", "--disable-crl-checks", "--disable-dirmngr")
NO_WINDOW = ("--pinentry-mode", "loopback", "--passphrase-fd", "0")


class Gpgsm:
    def __init__(self, home: Path) -> None:
        self.home = home

    def take(self, key: Any, certificate: bytes) -> None:
        """Import a private key. It now and then fails to read a good file, by the random salt."""
        lock = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2048).hmac_hash(hashes.SHA1())  # noqa: S303  all that it reads
        lock = lock.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        leaf, file = x509.load_der_x509_certificate(certificate), self.home / "key.p12"
        for _ in range(8):
            file.write_bytes(pkcs12.serialize_key_and_certificates(b"b", key, leaf, None, lock.build(b"x")))
            if self._run("--import", str(file)).returncode == 0:
                return
        raise AssertionError("gpgsm does not take the key")

    def opened(self, sealed: bytes) -> bytes:
        """What it decrypts from a CMS in DER."""
        file = self.home / "message.p7m"
        file.write_bytes(sealed)
        done = self._run("--decrypt", str(file))
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [need("gpgsm"), "--homedir", str(self.home), *OPTIONS, *NO_WINDOW, *arguments]
        return subprocess.run(command, input=b"x", capture_output=True, check=False, timeout=60)


@pytest.fixture
def gpgsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gpgsm]:
    home = tmp_path_factory.mktemp("g", numbered=True)  # short: the agent's path has a limit
    home.chmod(0o700)
    yield Gpgsm(home)
    subprocess.run([need("gpgconf"), "--homedir", str(home), "--kill", "all"], check=False, timeout=60)
