"""An authority of openssl's own, with its responder: `openssl ca` issues and revokes, `openssl ocsp` answers."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.tools import need

CONFIG: Final = """\
[ca]
default_ca = here
[here]
dir = {folder}
database = $dir/index.txt
new_certs_dir = $dir
serial = $dir/serial
certificate = $dir/ca.pem
private_key = $dir/ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
unique_subject = no
policy = any
copy_extensions = none
[any]
commonName = supplied
emailAddress = optional
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
subjectAltName = email:{address}
extendedKeyUsage = emailProtection
keyUsage = critical, keyAgreement
authorityInfoAccess = OCSP;URI:{url}
[silent]
subjectAltName = email:{address}
extendedKeyUsage = emailProtection
[responder]
extendedKeyUsage = OCSPSigning
keyUsage = critical, digitalSignature
[not_a_responder]
extendedKeyUsage = emailProtection
keyUsage = critical, digitalSignature
"""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and the file that it is in; its key is beside it, `.key`."""

    der: bytes
    file: Path

    @property
    def serial(self) -> str:
        return f"{x509.load_der_x509_certificate(self.der).serial_number:X}"


@dataclass(frozen=True)
class OpensslCa:
    """folder: all its files. name: of the authority. url: what certificates say of the responder."""

    folder: Path
    name: str = "Openssl authority"
    url: str = "http://ocsp.ca.example/"

    def create(self) -> "OpensslCa":
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "index.txt").touch()
        (self.folder / "serial").write_text("1000\n")
        self._configure("nobody@b.example")
        self._key("ca")
        self._run(
            "req", "-x509", "-new", "-key", "ca.key", "-out", "ca.pem", "-days", "60", "-sha256",
            "-subj", f"/CN={self.name}", "-config", "ca.cnf", "-extensions", "root",
        )  # fmt: skip
        return self

    @property
    def der(self) -> bytes:
        return _der(self.folder / "ca.pem")

    def issue(self, name: str, *, address: str = "b@example.org", kind: str = "leaf", days: int = 30) -> Issued:
        """kind: a section of the configuration."""
        self._configure(address)
        self._key(name)
        self._run("req", "-new", "-key", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", "-config",
                  "ca.cnf")  # fmt: skip
        self._run("ca", "-batch", "-notext", "-config", "ca.cnf", "-in", f"{name}.csr", "-out", f"{name}.pem",
                  "-extensions", kind, "-days", str(days))  # fmt: skip
        return Issued(_der(self.folder / f"{name}.pem"), self.folder / f"{name}.pem")

    def revoke(self, one: Issued) -> None:
        self._run("ca", "-config", "ca.cnf", "-revoke", str(one.file), "-crl_reason", "keyCompromise")

    def answer(self, request: bytes, *options: str, signer: Path | None = None) -> bytes:
        """What the responder would say, without a network. signer: of whose `.pem` and `.key`; None: the authority."""
        (self.folder / "request.der").write_bytes(request)
        self._run(*self._ocsp(signer), "-reqin", "request.der", "-respout", "answer.der", *options)
        return (self.folder / "answer.der").read_bytes()

    @contextmanager
    def serving(self, port: int, *options: str, signer: Path | None = None) -> Iterator[None]:
        """The responder as a server on a port of loopback."""
        command = [need("openssl"), *self._ocsp(signer), "-port", str(port), *(options or ("-nmin", "60"))]
        with subprocess.Popen(
            command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline()  # "ACCEPT 0.0.0.0:port PID=..", or why not
            assert b"ACCEPT" in first or b"waiting" in first, first
            drain = threading.Thread(target=process.stdout.read, daemon=True)
            drain.start()
            try:
                yield
            finally:
                process.terminate()
                process.wait(10)
                drain.join(10)

    def _ocsp(self, signer: Path | None) -> tuple[str, ...]:
        pem = signer or self.folder / "ca.pem"
        key = pem.with_suffix(".key")
        return ("ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", str(pem), "-rkey", str(key), "-ignore_err")

    def _key(self, name: str) -> None:
        self._run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key")

    def _configure(self, address: str) -> None:
        text = CONFIG.format(folder=self.folder, address=address, url=self.url)
        (self.folder / "ca.cnf").write_text(text)

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [need("openssl"), *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, check=False,
            timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()


def _der(file: Path) -> bytes:
    return x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(Encoding.DER)
