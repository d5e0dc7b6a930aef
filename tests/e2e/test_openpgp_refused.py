"""The rung openpgp with the real sealer: what may not be used climbs, and keys of version 6 are used (CR-01, CR-04)."""

import email.policy
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any, Final

import pytest
from openpgp.composed import Message
from pgpy.constants import HashAlgorithm
from pysequoia import CipherSuite, Profile

from gateway.config import load
from gateway.control.client import perform
from gateway.protect.armour import bodies, split_certificates
from tests.e2e.installation import Installation, running
from tests.e2e.letters import clinical, new_marker
from tests.e2e.nexthop import Arrival, NextHop
from tests.e2e.submit import submit
from tests.e2e.test_openpgp import encrypted_part
from tests.e2e.waiting import until
from tests.e2e.world import CLINIC, World
from tests.gateway.protect.conformance.rust import Pair, Rpgp, Sequoia
from tests.gateway.protect.conformance.samples import ELGAMAL
from tests.gateway.protect.keys import certificate_of, make_key
from tests.gateway.protect.rfc9580.maker import CERTIFY_SIGN, Maker, lasting

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DOMAIN: Final = "keys.example"
SIX: Final = Maker.new()
UNFIT: Final[Mapping[str, tuple[Callable[[], bytes], str]]] = {
    "expired": (lambda: SIX.head(CERTIFY_SIGN, lasting(99)) + SIX.named() + SIX.bound(), "it expired on 2026-11-23"),
    "revoked": (lambda: SIX.head() + SIX.revocation() + SIX.named() + SIX.bound(), "it was revoked by its owner"),
    "revoked-4": (lambda: certificate_of(make_key(is_revoked=True)), "it was revoked by its owner"),
    "signs": (lambda: SIX.head() + SIX.named(), "it has no key for encryption"),
    "sha1": (
        lambda: certificate_of(make_key(hash_algorithm=HashAlgorithm.SHA1)),
        "its self-signatures use SHA-1 only",
    ),
    "short": (lambda: certificate_of(make_key(rsa_bits=1024)), "its key has 1024 bits; at least 2048 are needed"),
    "elgamal": (lambda: split_certificates(ELGAMAL)[0], "of a kind that we cannot use (ElGamal)"),
    "else": (lambda: SIX.whole(), "its owner has taken back the user id with this address, or it never had one"),
    "damaged": (lambda: SIX.whole()[:-1], "damaged"),
}


@dataclass(frozen=True)
class Office:
    """A gateway, the next hop of all recipients, which offers no TLS, and our own public key."""

    gateway: Installation
    hop: NextHop
    own: bytes


@pytest.fixture(scope="module")
def six() -> Pair:
    """A key of version 6 for six@ and both@."""
    key = Sequoia.make(CipherSuite.Cv25519, Profile.RFC9580)
    return Sequoia.named(key, f"B <six@{DOMAIN}>", f"B <both@{DOMAIN}>")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, world: World, six: Pair) -> Iterator[Office]:
    """The keys of six@ and both@ are imported; the others are on file as if they had been fit once."""
    hop, folder = world.add(DOMAIN), tmp_path_factory.mktemp("refused")
    changes = {"delivery": {"methods": ["openpgp", "portal"]}}
    with running(folder / "installation", world, changes) as gateway:
        for name, data in (("six", six.certificate), ("four", certificate_of(make_key(address=f"both@{DOMAIN}")))):
            (folder / name).write_bytes(data)
            done = gateway.run("key", "openpgp", "import", folder / name)
            assert done.returncode == 0, done.stderr
        rows = [on_file(f"{name}@{DOMAIN}", name, make()) for name, (make, _) in UNFIT.items()]
        perform(load(gateway.config), "openpgp.import", incoming=rows)
        assert gateway.run("key", "openpgp", "own", "generate", "--domain", CLINIC).returncode == 0
        exported = gateway.run("key", "openpgp", "own", "export", "--domain", CLINIC).stdout
        yield Office(gateway, hop, split_certificates(exported.encode())[0])


def on_file(address: str, name: str, data: bytes) -> dict[str, Any]:
    ends = datetime.now(UTC) + timedelta(days=30)
    return {
        "fingerprint": name.upper(), "address": address, "certificate": b64encode(data).decode(),
        "expires_at": ends.isoformat(),
    }  # fmt: skip


@pytest.fixture(scope="module")
def climbed(office: Office) -> tuple[str, list[dict[str, Any]]]:
    """One message to all whose key is unfit. Returns: its marker, and what the audit log has of it."""
    marker, to = new_marker(), [f"{name}@{DOMAIN}" for name in UNFIT]
    queue_id = submit(office.gateway, clinical(marker, to=", ".join(to)), to=to)
    until(
        lambda: len(office.gateway.events(kind="portal.published", queue_id=queue_id)) == len(to),
        state=lambda: office.gateway.log[-3000:],
    )
    return marker, office.gateway.events(queue_id=queue_id)


@pytest.mark.parametrize("name", UNFIT)
def test_what_may_not_be_used_climbs(climbed: tuple[str, list[dict[str, Any]]], name: str) -> None:
    """CR-01: judged by the sealer before the use; the reason is evidence, and the recipient gets it by the portal."""
    mine = [event for event in climbed[1] if event["recipient"] == f"{name}@{DOMAIN}"]
    (climb,) = (e["data"] for e in mine if e["kind"] == "delivery.climbed")
    assert (climb["old"], climb["new"]) == ("openpgp", "portal")
    assert UNFIT[name][1] in climb["why"]
    assert "portal.published" in [event["kind"] for event in mine]


def test_a_climb_leaves_nothing_in_clear(office: Office, climbed: tuple[str, list[dict[str, Any]]]) -> None:
    """Invariant 1."""
    assert climbed[0].encode() not in office.hop.clear


def sent(office: Office, to: str) -> tuple[str, Arrival]:
    before, marker = len(office.hop.arrivals), new_marker()
    submit(office.gateway, clinical(marker, to=to, subject=f"Result {marker}"), to=[to])
    until(lambda: len(office.hop.arrivals) > before, state=lambda: office.gateway.log[-3000:])
    return marker, office.hop.arrivals[-1]


def test_a_key_of_version_6_is_used(office: Office, six: Pair) -> None:
    """CR-01, CR-04, CR-08: Sequoia and rPGP decrypt, and find the signature of the key that we publish."""
    marker, arrival = sent(office, f"six@{DOMAIN}")
    armoured = encrypted_part(arrival)
    assert b"\r\n=" not in armoured  # RFC 9580 section 6.1: no checksum
    (binary,) = (Message.from_armor(armoured.decode())[0].to_bytes(),)
    for library in (Sequoia(), Rpgp()):
        inside = message_from_bytes(library.open(binary, six.private, office.own), policy=email.policy.default)
        assert inside["Subject"] == f"Result {marker}"
    assert [kind for kind, _ in bodies(binary)] == [1, 18]


def test_keys_of_both_versions(office: Office, six: Pair, tmp_path: Path) -> None:
    """CR-01: each opens the one message, the older by what it reads."""
    marker, arrival = sent(office, f"both@{DOMAIN}")
    binary = Message.from_armor(encrypted_part(arrival).decode())[0].to_bytes()
    for private in (six.private, bytes(make_key(address=f"both@{DOMAIN}"))):
        assert marker.encode() in Sequoia().open(binary, private, office.own)
    assert [(kind, body[0]) for kind, body in bodies(binary)] == [(1, 3), (1, 3), (18, 1)]
