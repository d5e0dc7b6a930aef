"""`python -m bench.protect`: processor time of signing and encrypting, ours and that of other programs.

Processor time of this process, or of the child for a program, best of some repetitions: other work on the machine
hardly shows. A program pays its start for every message; the large message tells its rate.
"""

import os
import resource
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dkim
from pgpy import PGPKey, PGPMessage

from bench.letters import letters
from gateway.protect.armour import split_certificates
from gateway.protect.dkim import Signer
from gateway.protect.dkim_keys import DkimKey, generate_key
from gateway.protect.openpgp import encrypt
from gateway.protect.own_openpgp import generate_key as generate_own
from tests.tools import need

DOMAIN: Final = "clinic.example"
MB: Final = 1_000_000
REPETITIONS: Final = 5
HEADER: Final = f"From: a@{DOMAIN}\r\nTo: b@example.org\r\nSubject: s\r\nDate: d\r\n\r\n".encode()
LINE: Final = b"Some text of a letter,  with blanks \t in it, of about seventy octets.\r\n"

Step = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Row:
    """small, large: seconds of processor time for one message each."""

    name: str
    small: float
    large: float


def _message(octets: int) -> bytes:
    return HEADER + LINE * (octets // len(LINE))


def _spent() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measure(step: Step, messages: Sequence[bytes]) -> float:
    """Seconds of processor time for one message."""
    step(messages[0])  # warm
    best = float("inf")
    for _ in range(REPETITIONS):
        started = _spent()
        for message in messages:
            step(message)
        best = min(best, _spent() - started)
    return best / len(messages)


def _program(*command: str | Path) -> Step:
    return lambda message: subprocess.run(command, input=message, stdout=subprocess.DEVNULL, check=True)


def dkim_rows(folder: Path) -> list[Row]:
    """5 kB and 10 MB."""
    pem = {name: generate_key(name) for name in ("rsa", "ed25519")}
    signers = {name: Signer((DkimKey.load(DOMAIN, name, key),)) for name, key in pem.items()}
    (folder / "rsa.pem").write_bytes(pem["rsa"])
    (folder / "rsa.pem").chmod(0o600)
    program = need("opendkim-testmsg")
    steps: dict[str, Step] = {
        "RSA-2048, ours": lambda message: signers["rsa"].sign(message, now=0),
        "Ed25519, ours": lambda message: signers["ed25519"].sign(message, now=0),
        "RSA-2048, dkimpy": lambda message: dkim.sign(
            message, b"rsa", DOMAIN.encode(), pem["rsa"], canonicalize=(b"relaxed", b"relaxed")
        ),
        "RSA-2048, opendkim-testmsg": _program(program, "-d", DOMAIN, "-s", "rsa", "-k", folder / "rsa.pem"),
    }
    small, large = list(letters(20)), [_message(10 * MB)]
    return [Row(name, measure(step, small), measure(step, large)) for name, step in steps.items()]


def openpgp_rows(folder: Path) -> list[Row]:
    """10 kB and 10 MB, to an RSA-3072 key of gpg's; signed inside by Ed25519 where it says so."""
    home = folder / "g"
    home.mkdir(mode=0o700)
    gpg = [need("gpg"), "--homedir", str(home), "--batch", "--quiet", "--passphrase", "", "--trust-model", "always"]
    subprocess.run([*gpg, "--quick-generate-key", "b@example.org", "rsa3072", "default", "0"], check=True)
    fingerprint = subprocess.run(
        [*gpg, "--list-keys", "--with-colons"], capture_output=True, text=True, check=True
    ).stdout.split("fpr:::::::::")[1][:40]
    subprocess.run([*gpg, "--quick-add-key", fingerprint, "rsa3072", "encr", "0"], check=True)
    exported = subprocess.run([*gpg, "--export"], capture_output=True, check=True).stdout
    own = generate_own(DOMAIN, f"openpgp@{DOMAIN}", now=datetime.now(UTC), lifetime=timedelta(days=1))
    subprocess.run([*gpg, "--import"], input=own, check=True)
    encrypting = (*gpg, "--encrypt", "--armor", "--compress-algo", "none", "--recipient", fingerprint)
    certificates = split_certificates(exported)
    key, _ = PGPKey.from_blob(exported)
    steps: dict[str, Step] = {
        "ours (PGP/MIME whole)": lambda message: encrypt(message, certificates, now=datetime.now(UTC)),
        "ours, signed": lambda message: encrypt(message, certificates, now=datetime.now(UTC), signer=own),
        "gpg": _program(*encrypting),
        "gpg, signed": _program(*encrypting, "--sign", "--local-user", f"openpgp@{DOMAIN}"),
        "PGPy, armoured": lambda message: str(key.encrypt(PGPMessage.new(message, compression=0))),
    }
    small, large = [_message(10_000)] * 5, [_message(10 * MB)]
    try:
        return [Row(name, measure(step, small), measure(step, large)) for name, step in steps.items()]
    finally:
        subprocess.run([need("gpgconf"), "--homedir", str(home), "--kill", "all"], check=False)


def main() -> None:
    warnings.simplefilter("ignore")  # PGPy's, of algorithms that it prefers
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        tables = {"DKIM, 5 kB and 10 MB": dkim_rows(folder), "OpenPGP, 10 kB and 10 MB": openpgp_rows(folder)}
    for title, rows in tables.items():
        print(f"{title:30}{'ms small':>10}{'small/s':>10}{'ms large':>10}{'MB/s':>8}")
        for row in rows:
            small, large = row.small, row.large
            print(f"{row.name:30}{1000 * small:10.2f}{1 / small:10.0f}{1000 * large:10.0f}{10 / large:8.0f}")


if __name__ == "__main__":
    os.nice(5)
    main()
