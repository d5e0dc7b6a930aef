"""The engine of the gateway, and gpg and sq beside it, held to the same: CR-01, CR-04, CR-07.

gpg and sq are here so that the suite is known to ask for what others do too, and nothing that only we do.
"""

import functools
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from pgpy.constants import EllipticCurveOID, HashAlgorithm

from gateway.protect.armour import split_certificates
from gateway.protect.certificates import read_certificate
from gateway.protect.engine import Engine
from gateway.protect.errors import CertificateError, NoUsableCertificate, SealError
from gateway.protect.own_engine import OwnEngine
from gateway.protect.signer import public_part
from tests.gateway.protect.conformance.programs import Failed, Gpg, Program, Rnp, Sq
from tests.gateway.protect.conformance.samples import DSA, ELGAMAL
from tests.gateway.protect.keys import make_key

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

TEXT: Final = (
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nBefund M\xc3\xbcller \xff\x00\r\n\r\nlast line without its end"
)
ENGINES: Final = ("ours", "gpg", "sq")
PEERS: Final = ("gpg", "sq")
OPENERS: Final = (*PEERS, "rnp")


@dataclass(frozen=True)
class Bench:
    """All of them, each in a folder of its own, and the keys that were made already."""

    gpg: Gpg
    sq: Sq
    rnp: Rnp

    def engine(self, name: str) -> Engine:
        engines: dict[str, Engine] = {"ours": OwnEngine(), "gpg": self.gpg, "sq": self.sq}
        return engines[name]

    def opener(self, name: str) -> Program:
        programs: dict[str, Program] = {"gpg": self.gpg, "sq": self.sq, "rnp": self.rnp}
        return programs[name]

    @functools.cache  # noqa: B019 - the bench lives as long as the module
    def key(self, name: str) -> bytes:
        """A private key of `KEYS`, or a certificate of `REFUSED`."""
        return KEYS[name](self) if name in KEYS else public_part(REFUSED[name][0](self))


def pgpy(**options: Any) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bytes(make_key(**options))


KEYS: Final[dict[str, Callable[[Bench], bytes]]] = {
    "rsa2048 by gpg": lambda bench: bench.gpg.make("rsa2048", "rsa2048")[1],
    "rsa3072 by sq": lambda bench: bench.sq.make("rsa3k"),
    "rsa4096 by gpg": lambda bench: bench.gpg.make("ed25519", "rsa4096")[1],
    "curve25519 by gpg": lambda bench: bench.gpg.make("ed25519", "cv25519")[1],
    "curve25519 by sq": lambda bench: bench.sq.make("cv25519"),
    "p256 by gpg": lambda bench: bench.gpg.make("nistp256", "nistp256")[1],
    "p384 by gpg": lambda bench: bench.gpg.make("nistp384", "nistp384")[1],
    "p521 by gpg": lambda bench: bench.gpg.make("nistp521", "nistp521")[1],
    "p256 by PGPy": lambda _: pgpy(),
    "p384 by PGPy": lambda _: pgpy(curve=EllipticCurveOID.NIST_P384, hash_algorithm=HashAlgorithm.SHA512),
    "p521 by PGPy": lambda _: pgpy(curve=EllipticCurveOID.NIST_P521, hash_algorithm=HashAlgorithm.SHA512),
    "curve25519 by PGPy": lambda _: pgpy(curve=EllipticCurveOID.Curve25519),
}
SIGNERS: Final = ("curve25519 by gpg", "curve25519 by sq", "rsa2048 by gpg", "p256 by PGPy")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    home = tmp_path_factory.mktemp("g")  # short: the agent's socket path has a limit
    home.chmod(0o700)
    made = Bench(Gpg(home), Sq(tmp_path_factory.mktemp("sq")), Rnp(tmp_path_factory.mktemp("rnp")))
    yield made
    made.gpg.stop()


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize(
    ("engine", "name"), [*(("ours", name) for name in KEYS), *((peer, name) for peer in PEERS for name in SIGNERS)]
)
def test_what_it_encrypts_is_opened(bench: Bench, engine: str, name: str) -> None:
    """CR-04, CR-07: by gpg 2.2, sq and Thunderbird's RNP, octet for octet; gpg says AES-256 and a good MDC."""
    key = bench.key(name)
    made = bench.engine(engine).encrypt(TEXT, [public_part(key)], now=now())
    assert is_seipd_1(made.data)
    for opener in OPENERS:
        assert bench.opener(opener).open(made.data, key) == TEXT, opener


@pytest.mark.parametrize("name", SIGNERS)
@pytest.mark.parametrize("engine", ENGINES)
def test_what_it_signs_is_verified(bench: Bench, engine: str, name: str) -> None:
    """CR-04, RFC 3156 6.2: signed and encrypted in one message; another signer's key does not verify it."""
    signer, key = bench.key(name), bench.key("p256 by gpg")
    made = bench.engine(engine).encrypt(TEXT, [public_part(key)], now=now(), signer=signer)
    other = public_part(bench.key("p384 by gpg"))
    for opener in OPENERS:
        assert bench.opener(opener).open(made.data, key, public_part(signer)) == TEXT, opener
        with pytest.raises(Failed):
            bench.opener(opener).open(made.data, key, other)


@pytest.mark.parametrize("engine", ENGINES)
def test_each_of_several_keys_opens_it(bench: Bench, engine: str) -> None:
    """CR-02: and nobody else's."""
    names = ("p256 by gpg", "rsa2048 by gpg", "curve25519 by sq")
    made = bench.engine(engine).encrypt(TEXT, [public_part(bench.key(name)) for name in names], now=now())
    for opener in OPENERS:
        assert all(bench.opener(opener).open(made.data, bench.key(name)) == TEXT for name in names), opener
    with pytest.raises(Failed):
        bench.sq.open(made.data, bench.key("p521 by gpg"))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("opener", OPENERS)
def test_what_was_tampered_with_is_not_opened(bench: Bench, engine: str, opener: str) -> None:
    """CR-07: one bit of the ciphertext."""
    key = bench.key("p256 by gpg")
    data = bytearray(bench.engine(engine).encrypt(TEXT, [public_part(key)], now=now()).data)
    data[-40] ^= 1
    with pytest.raises(Failed):
        bench.opener(opener).open(bytes(data), key)


REFUSED: Final[dict[str, tuple[Callable[[Bench], bytes], str]]] = {
    "expired": (
        lambda bench: bench.gpg.make("ed25519", "cv25519", expires="1y", at="20200101T000000")[1],
        "it expired on 2020-12-31",
    ),
    "revoked": (lambda bench: revoked(bench), "it was revoked by its owner"),
    "no encryption key, by gpg": (lambda bench: bench.gpg.make("ed25519")[1], "it has no key for encryption"),
    "no encryption key, by sq": (
        lambda bench: bench.sq.make("cv25519", "--cannot-encrypt"),
        "it has no key for encryption",
    ),
    "SHA-1 only": (
        lambda bench: bench.gpg.make("rsa2048", "rsa2048", options=("--cert-digest-algo", "SHA1"))[1],
        "its self-signatures use SHA-1 only",
    ),
    "SHA-1 only, by PGPy": (
        lambda _: pgpy(hash_algorithm=HashAlgorithm.SHA1),
        "its self-signatures use SHA-1 only",
    ),
    "1024 bits": (lambda bench: bench.gpg.make("rsa1024", "rsa1024")[1], "its key has 1024 bits; at least 2048"),
    "1024 bits of the subkey": (
        lambda bench: bench.gpg.make("ed25519", "rsa1024")[1],
        "its key has 1024 bits; at least 2048",
    ),
}
LENIENT: Final = {  # what GnuPG 2.2 and sq 0.27 have no objection to
    ("gpg", "SHA-1 only"), ("gpg", "1024 bits"), ("gpg", "1024 bits of the subkey"), ("sq", "revoked"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("engine", "name"), [(engine, name) for engine in ENGINES for name in REFUSED if (engine, name) not in LENIENT]
)
def test_what_must_not_be_used_is_refused(bench: Bench, engine: str, name: str) -> None:
    """CR-01: nothing is encrypted, and ours says why, so that the ladder climbs."""
    why = REFUSED[name][1] if engine == "ours" else None
    with pytest.raises(NoUsableCertificate, match=why):
        bench.engine(engine).encrypt(TEXT, [bench.key(name)], now=now())


UNREADABLE: Final[dict[str, tuple[Callable[[], bytes], str]]] = {
    "version 5": (
        lambda: b"\x98\x33\x05" + bytes(50),
        "it is a version 5 key; versions 4 and 6 are what can be used",
    ),
    "DSA": (lambda: split_certificates(DSA)[0], r"of a kind that we cannot use \(DSA\)"),
    "ElGamal": (lambda: split_certificates(ELGAMAL)[0], r"of a kind that we cannot use \(ElGamal\)"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_ours_cannot_use_is_refused_with_the_reason(name: str) -> None:
    """CR-01: at the import and before each use; never a failure that would only make the message wait."""
    make, why = UNREADABLE[name]
    data = make()
    with pytest.raises(NoUsableCertificate, match=why):
        OwnEngine().encrypt(TEXT, [data], now=now())
    try:
        assert re.search(why, read_certificate(data, now=now()).why_not)
    except CertificateError as said:
        assert re.search(why, str(said))  # noqa: PT017 - either of the two


def test_a_signer_that_nobody_would_believe_signs_nothing(bench: Bench) -> None:
    """CR-13: no unsigned copy instead."""
    to = [public_part(bench.key("p256 by gpg"))]
    expired = bench.gpg.make("ed25519", expires="1y", at="20200101T000000")[1]
    for signer, why in ((expired, "it expired"), (to[0], "this is a public key"), (b"\x00" * 30, "not an OpenPGP")):
        with pytest.raises(SealError, match=f"our OpenPGP key cannot sign: {why}"):
            OwnEngine().encrypt(TEXT, to, now=now(), signer=signer)


@pytest.mark.parametrize("curve", ["brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"])
def test_brainpool(bench: Bench, curve: str) -> None:
    """CR-01: Debian's sq does not know them; gpg and RNP open."""
    _, key = bench.gpg.make(curve, curve)
    made = OwnEngine().encrypt(TEXT, [public_part(key)], now=now())
    for opener in ("gpg", "rnp"):
        assert bench.opener(opener).open(made.data, key) == TEXT, opener


def revoked(bench: Bench) -> bytes:
    """A public key, revoked by the revocation certificate that gpg makes with each."""
    fingerprint, _ = bench.gpg.make("ed25519", "cv25519")
    text = (bench.gpg.home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text()
    bench.gpg("--import", data=text.replace(":-----BEGIN", "-----BEGIN").encode())
    return bench.gpg("--export", fingerprint)[0]


def is_seipd_1(message: bytes) -> bool:
    """Whether what follows the session keys is integrity protected, version 1 (RFC 9580 section 5.13)."""
    at = 0
    while True:
        tag, first = message[at], message[at + 1]
        if tag & 0x40:
            kind = tag & 0x3F
            width = 1 if first < 192 or 224 <= first < 255 else 2 if first < 224 else 5
            length = first if first < 192 else ((first - 192) << 8) + message[at + 2] + 192
        else:
            kind, width = tag >> 2 & 0x0F, (1, 2, 4, 0)[tag & 3]
            length = int.from_bytes(message[at + 1 : at + 1 + width], "big")
        if kind != 1:  # a session key
            return kind == 18 and message[at + 1 + width] == 1
        at += 1 + width + length
