"""gpg and sq make keys, encrypt as an engine does, and open and verify what any engine made; rnp opens and verifies.

rnp is the command line of the library that Thunderbird reads OpenPGP with.
"""

import base64
import functools
import itertools
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from gateway.protect.engine import Packets
from gateway.protect.errors import NoUsableCertificate
from tests.tools import need

TIMEOUT_S: Final = 60


class Failed(Exception):
    """The program said no; its words."""


class Program(Protocol):
    """What all of them do."""

    def open(self, message: bytes, recipient: bytes, signer: bytes | None = None) -> bytes:
        """Decrypt, and have a good signature by that signer or fail.

        recipient: a private key. signer: the public key that signed; None: whatever signature there is does not matter.
        Raises: Failed.
        """
        ...


def run(*command: str | Path, data: bytes = b"", home: Path | None = None) -> tuple[bytes, str]:
    """Standard output, and what it said. home: where sq keeps what it keeps from version 1 on. Raises: Failed."""
    environment = os.environ if home is None else {**os.environ, "SEQUOIA_HOME": str(home)}
    done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=TIMEOUT_S, env=environment)
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode:
        raise Failed(said)
    return done.stdout, said


@dataclass(frozen=True, slots=True)
class Gpg:
    """gpg in a home of its own."""

    home: Path
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __call__(self, *arguments: str | Path, data: bytes = b"", at: str = "") -> tuple[bytes, str]:
        fixed = ("--homedir", self.home, "--batch", "--yes", "--passphrase", "", "--pinentry-mode", "loopback")
        clock = ("--faked-system-time", at) if at else ()
        return run(need("gpg"), *fixed, "--trust-model", "always", "--status-fd", "2", *clock, *arguments, data=data)

    def stop(self) -> None:
        """Its agent, which starts by itself."""
        subprocess.run([need("gpgconf"), "--homedir", self.home, "--kill", "all"], check=False, timeout=TIMEOUT_S)

    def make(
        self, primary: str, subkey: str = "", *, expires: str = "0", at: str = "", options: Sequence[str] = ()
    ) -> tuple[str, bytes]:
        """A primary key that signs, and one for encryption unless told otherwise. Returns: fingerprint, private key."""
        name = f"B <b{next(self._numbers)}@example.org>"
        _, said = self(*options, "--quick-gen-key", name, primary, "sign", expires, at=at)
        (fingerprint,) = re.findall(r"KEY_CREATED P (\w+)", said)
        if subkey:
            self(*options, "--quick-add-key", fingerprint, subkey, "encr", expires, at=at)
        return fingerprint, self("--export-secret-keys", fingerprint)[0]

    def fingerprint_of(self, key: bytes) -> str:
        shown, _ = self("--with-colons", "--show-keys", data=key)
        return next(line for line in shown.decode().splitlines() if line.startswith("fpr")).split(":")[9]

    def encrypt(
        self, data: bytes, certificates: Sequence[bytes], *, now: datetime, address: str = "",
        signer: bytes | None = None,
    ) -> Packets:  # fmt: skip
        """As an engine, with its own view of which keys are good."""
        del now, address  # its clock is the system's
        options: list[str] = []
        for certificate in certificates:
            file = self.home / f"to{next(self._numbers)}.pgp"
            file.write_bytes(certificate)
            options += ["--recipient-file", str(file)]
        if signer is not None:
            self("--import", data=signer)
            options += ["--sign", "--local-user", self.fingerprint_of(signer)]
        try:
            packets, _ = self("--encrypt", "--cipher-algo", "AES256", "--compress-algo", "none", *options, data=data)
        except Failed as why:
            raise NoUsableCertificate(str(why)) from None
        return Packets(packets, tuple(self.fingerprint_of(one) for one in certificates))

    def open(self, message: bytes, recipient: bytes, signer: bytes | None = None) -> bytes:
        self("--import", data=recipient)
        if signer is not None:
            self("--import", data=signer)
        data, said = self("--decrypt", data=message)
        # Integrity by SHA-1's MDC, which SEIPD version 1 has, and AES-256 (GnuPG's doc/DETAILS).
        if "DECRYPTION_INFO 2 9" not in said or "GOODMDC" not in said:
            raise Failed(said)
        if signer is not None:
            good = re.search(r"\[GNUPG:\] VALIDSIG .*\b(\w+)$", said, re.MULTILINE)  # the last word is the primary key
            if "GOODSIG" not in said or good is None or good[1] != self.fingerprint_of(signer):
                raise Failed(said)
        return data


@dataclass(frozen=True, slots=True)
class Words:
    """How a version of sq calls its options, which change."""

    make: tuple[str, ...]
    made: str
    recipient_key: str
    known_signer: str
    to: str
    signer_key: str
    unsigned: tuple[str, ...]
    stdin: tuple[str, ...]


WORDS: Final = {
    0: Words(  # Debian 12
        (), "--export", "--recipient-key", "--signer-cert", "--recipient-cert", "--signer-key", (), (),
    ),
    1: Words(  # Debian 13, by its manual; not run yet
        ("--own-key", "--without-password"), "--output", "--recipient-file", "--signer-file", "--for-file",
        "--signer-file", ("--without-signature",), ("-",),
    ),
}  # fmt: skip


@functools.cache
def _words() -> Words:
    said, also = run(need("sq"), "--version")
    (major,) = re.findall(r"^sq (\d+)", said.decode() + also, re.MULTILINE)[:1]
    return WORDS[min(int(major), max(WORDS))]


@dataclass(frozen=True, slots=True)
class Sq:
    """Sequoia's sq. folder: for its files; it keeps nothing else."""

    folder: Path
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __call__(self, *arguments: str | Path, data: bytes = b"") -> tuple[bytes, str]:
        return run(need("sq"), *arguments, data=data, home=self.folder)

    def make(self, suite: str, *options: str) -> bytes:
        """A private key. options: more of `sq key generate`."""
        at, words = self._new(), _words()
        self("key", "generate", *words.make, "--cipher-suite", suite, "--userid", "B <b@example.org>",
             words.made, at, "--rev-cert", self._new(), *options)  # fmt: skip
        text = at.read_bytes().partition(b"\n\n")[2].partition(b"\n=")[0]
        return base64.b64decode(text.partition(b"-----END")[0])

    def encrypt(
        self, data: bytes, certificates: Sequence[bytes], *, now: datetime, address: str = "",
        signer: bytes | None = None,
    ) -> Packets:  # fmt: skip
        """As an engine, with its own view of which keys are good."""
        del now, address
        words = _words()
        options = [word for one in certificates for word in (words.to, str(self._file(one)))]
        options += words.unsigned if signer is None else (words.signer_key, str(self._file(signer)))
        try:
            packets, _ = self("encrypt", "--binary", "--compression", "none", *options, *words.stdin, data=data)
        except Failed as why:
            raise NoUsableCertificate(str(why)) from None
        return Packets(packets, ())

    def open(self, message: bytes, recipient: bytes, signer: bytes | None = None) -> bytes:
        words = _words()
        known = () if signer is None else (words.known_signer, self._file(signer))  # then one good signature is needed
        return self("decrypt", words.recipient_key, self._file(recipient), *known, *words.stdin, data=message)[0]

    def _file(self, key: bytes) -> Path:
        path = self._new()
        path.write_bytes(key)
        return path

    def _new(self) -> Path:
        return self.folder / f"{next(self._numbers)}.pgp"


@dataclass(frozen=True, slots=True)
class Rnp:
    """RNP, Thunderbird's library. folder: for its files; it keeps nothing else."""

    folder: Path

    def open(self, message: bytes, recipient: bytes, signer: bytes | None = None) -> bytes:
        keys = self.folder / "keys.pgp"
        keys.write_bytes(recipient + (signer or b""))
        fixed = ("--homedir", self.folder, "--keyfile", keys, "--notty", "--password", "", "--output", "-")
        data, said = run(need("rnp"), *fixed, "--decrypt", "-", data=message)
        if signer is not None and "Signature(s) verified successfully" not in said:
            raise Failed(said)
        return data
