"""Keys out of signed zones, and our own signature: DNS by a real validating unbound, read by gpg, sq and openssl. What
may not be used climbs with the real sealer.

CR-03: who could forge an answer of DNS would read the mail, so that what DNSSEC does not vouch for is no key.
"""

import email.policy
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final, cast

import pytest
from openpgp.composed import Message
from pgpy.constants import HashAlgorithm
from pysequoia import CipherSuite, Profile

from gateway.config import load
from gateway.control.client import perform
from gateway.protect import dns_keys
from gateway.protect.armour import bodies, split_certificates
from gateway.protect.signer import public_part
from tests.e2e.installation import Installation, running
from tests.e2e.letters import clinical, new_marker
from tests.e2e.nexthop import Arrival, NextHop
from tests.e2e.submit import submit
from tests.e2e.test_dane import HEAD, address_of
from tests.e2e.test_smime import MIDDLE, SPAN, Holder, openssl
from tests.e2e.waiting import until
from tests.e2e.world import CLINIC, HOME, World
from tests.gateway.protect.conformance.programs import Gpg, Program, Rnp, Sq
from tests.gateway.protect.conformance.rust import Pair, Rpgp, Sequoia
from tests.gateway.protect.conformance.samples import ELGAMAL
from tests.gateway.protect.keys import certificate_of
from tests.gateway.protect.keys import make_key as make_pgp_key
from tests.gateway.protect.rfc9580.maker import CERTIFY_SIGN, Maker, lasting
from tests.gateway.protect.smime.authority import MAIL_USE, key_pem, make_key, pem
from tests.tls.dnssec.signed_zones import Kind, unbound
from tls.dnssec.verify import BOGUS_NAME, SIGNED_NAME

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SIGNED: Final = "keys.test"
UNVOUCHED: Final = {"unsigned.test": Kind.PLAIN, "bogus.test": Kind.BOGUS}

SIX: Final = Maker.new()
UNFIT: Final[Mapping[str, tuple[Callable[[], bytes], str]]] = {
    "expired": (lambda: SIX.head(CERTIFY_SIGN, lasting(99)) + SIX.named() + SIX.bound(), "it expired on 2026-11-23"),
    "revoked": (lambda: SIX.head() + SIX.revocation() + SIX.named() + SIX.bound(), "it was revoked by its owner"),
    "revoked-4": (lambda: certificate_of(make_pgp_key(is_revoked=True)), "it was revoked by its owner"),
    "signs": (lambda: SIX.head() + SIX.named(), "it has no key for encryption"),
    "sha1": (
        lambda: certificate_of(make_pgp_key(hash_algorithm=HashAlgorithm.SHA1)),
        "its self-signatures use SHA-1 only",
    ),
    "short": (lambda: certificate_of(make_pgp_key(rsa_bits=1024)), "its key has 1024 bits; at least 2048 are needed"),
    "elgamal": (lambda: split_certificates(ELGAMAL)[0], "of a kind that we cannot use (ElGamal)"),
    "else": (lambda: SIX.whole(), "its owner has taken back the user id with this address, or it never had one"),
    "damaged": (lambda: SIX.whole()[:-1], "damaged"),
}


@dataclass(frozen=True)
class Correspondents:
    """private: an OpenPGP key of gpg's, too large for one datagram. certified: has an S/MIME certificate."""

    private: bytes
    certified: Holder

    def records(self, domain: str) -> str:
        """Of p@ and s@ a domain."""
        public = b64encode(public_part(self.private)).decode()
        certificate = self.certified.certificate.hex()
        return (
            f"{dns_keys.openpgp_name(f'p@{domain}')}. 60 IN OPENPGPKEY {public}\n"
            f"{dns_keys.smime_name(f's@{domain}')}. 60 IN SMIMEA 3 0 0 {certificate}\n"
        )


@dataclass(frozen=True)
class Office:
    """A gateway that looks for keys in DNS, and the next hop of all recipients, which offers no TLS.

    The keys of six@ and both@ are imported; those of `UNFIT` are on file as if they had been fit once.
    """

    gateway: Installation
    hop: NextHop
    correspondents: Correspondents
    own: bytes  # our public key, as `own export` gives it, without the armour
    six: Pair  # a key of version 6, of six@ and both@


@dataclass(frozen=True)
class Sent:
    """One clinical message to everybody. arrivals: by recipient. events: of the audit log, once all had their turn."""

    marker: str
    arrivals: Mapping[str, Arrival]
    events: Sequence[Mapping[str, Any]]

    def data_of(self, kind: str) -> list[Any]:
        return [one["data"] for one in self.events if one["kind"] == kind]


@pytest.fixture(scope="module")
def gpg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gpg]:
    home = tmp_path_factory.mktemp("g")  # short: the agent's socket path has a limit
    home.chmod(0o700)
    program = Gpg(home)
    yield program
    program.stop()


@pytest.fixture(scope="module")
def correspondents(gpg: Gpg) -> Correspondents:
    _, said = gpg("--quick-gen-key", f"P <p@{SIGNED}>", "ed25519", "sign", "0")
    fingerprint = said.partition("KEY_CREATED P ")[2].split()[0]
    gpg("--quick-add-key", fingerprint, "rsa3072", "encr", "0")
    for domain in UNVOUCHED:
        gpg("--quick-add-uid", fingerprint, f"P <p@{domain}>")
    key, addresses = make_key("p256", 205), tuple(f"s@{domain}" for domain in (SIGNED, *UNVOUCHED))
    certificate = MIDDLE.issue(key, addresses=addresses, extensions=(MAIL_USE,), **SPAN)
    return Correspondents(gpg("--export-secret-keys", fingerprint)[0], Holder(addresses[0], key, certificate))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, world: World, correspondents: Correspondents) -> Iterator[Office]:
    hop = world.add(SIGNED)
    host = f"@ 60 IN MX 10 mx\nmx 60 IN A {address_of(world, SIGNED)}\n"
    zones: Mapping[str, tuple[str, Kind]] = {
        SIGNED: (HEAD + host + correspondents.records(SIGNED), Kind.SIGNED),
        **{name: (HEAD + host + correspondents.records(name), kind) for name, kind in UNVOUCHED.items()},
        CLINIC: (HEAD + f"{HOME}. 60 IN A {address_of(world, CLINIC)}\n", Kind.PLAIN),
        SIGNED_NAME: (HEAD + "@ 60 IN A 127.0.0.1\n", Kind.SIGNED),
        BOGUS_NAME: (HEAD + "@ 60 IN A 127.0.0.1\n", Kind.BOGUS),
    }
    folder = tmp_path_factory.mktemp("openpgp")
    (folder / "dns").mkdir()
    with unbound(folder / "dns", zones=zones) as port:
        changes = {
            "dns": {"resolvers": [f"127.0.0.1:{port}"], "trust_ad": True},
            "discovery": {"openpgp": ["dns"], "smime": ["dns"]},
            "delivery": {"methods": ["openpgp", "smime", "portal"]},
        }
        with running(folder / "installation", world, changes) as gateway:
            done = gateway.run("key", "openpgp", "own", "generate", "--domain", CLINIC)
            assert done.returncode == 0, done.stderr
            six = Sequoia.make(CipherSuite.Cv25519, Profile.RFC9580, f"B <six@{SIGNED}>", f"B <both@{SIGNED}>")
            (folder / "keys").write_bytes(six.certificate + certificate_of(make_pgp_key(address=f"both@{SIGNED}")))
            done = gateway.run("key", "openpgp", "import", folder / "keys")
            assert done.returncode == 0, done.stderr
            rows = [on_file(name, make()) for name, (make, _) in UNFIT.items()]
            perform(load(gateway.config), "openpgp.import", incoming=rows)
            exported = gateway.run("key", "openpgp", "own", "export", "--domain", CLINIC)
            yield Office(gateway, hop, correspondents, split_certificates(exported.stdout.encode())[0], six)


def on_file(name: str, data: bytes) -> dict[str, Any]:
    ends = datetime.now(UTC) + timedelta(days=30)
    return {
        "fingerprint": name.upper(), "address": f"{name}@{SIGNED}", "certificate": b64encode(data).decode(),
        "expires_at": ends.isoformat(),
    }  # fmt: skip


@pytest.fixture(scope="module")
def sent(office: Office) -> Sent:
    """A forged zone has no next hop either, so that not even a notice goes there."""
    marker, to = new_marker(), [f"{local}@{domain}" for domain in (SIGNED, *UNVOUCHED) for local in ("p", "s")]
    queue_id = submit(office.gateway, clinical(marker, to=", ".join(to), subject=f"Result {marker}"), to=to)

    def arrivals() -> dict[str, Arrival]:
        return {one.recipients[0]: one for one in list(office.hop.arrivals) if one.recipients[0] in to}

    until(lambda: len(arrivals()) == 4, timeout_s=30, state=lambda: office.gateway.log[-3000:])
    ends = ("delivery.delivered", "portal.published")

    seen: list[dict[str, Any]] = []

    def is_over() -> bool:
        seen[:] = office.gateway.events()
        ended = {one["recipient"] for one in seen if one["kind"] in ends and one["queue_id"] == queue_id}
        return ended == set(to)

    until(is_over, state=lambda: office.gateway.log[-3000:])
    return Sent(marker, arrivals(), seen)


def encrypted_part(arrival: Arrival) -> bytes:
    """What a reader decrypts, after a look at the structure that Thunderbird asks for (RFC 3156 section 4)."""
    message = message_from_bytes(arrival.content, policy=email.policy.default)
    assert message.get_content_type() == "multipart/encrypted"
    assert message.get_param("protocol") == "application/pgp-encrypted"
    version, data = (cast("EmailMessage", part) for part in message.iter_parts())  # two, in this order
    assert version.get_content_type() == "application/pgp-encrypted"
    assert version.get_content() == b"Version: 1\r\n"
    assert data.get_content_type() == "application/octet-stream"
    assert message["Subject"] == "..."
    content = data.get_content()
    assert content.startswith(b"-----BEGIN PGP MESSAGE-----\r\n\r\n")
    return cast("bytes", content)


def test_a_key_of_a_signed_zone_is_used_and_we_sign(office: Office, sent: Sent, gpg: Gpg, tmp_path: Path) -> None:
    """CR-04, CR-08: gpg, sq and RNP decrypt and find the signature of the key that we publish; headers are inside."""
    ciphertext = encrypted_part(sent.arrivals[f"p@{SIGNED}"])
    programs: tuple[Program, ...] = (gpg, Sq(tmp_path), Rnp(tmp_path))
    read = [one.open(ciphertext, office.correspondents.private, office.own) for one in programs]
    assert read[0] == read[1] == read[2]
    inside = message_from_bytes(read[0], policy=email.policy.default)
    assert inside["Subject"] == f"Result {sent.marker}"
    assert inside.get_param("protected-headers") == "v1"
    fingerprint = gpg.fingerprint_of(office.correspondents.private)
    assert [fingerprint] in [one.get("openpgp_keys") for one in sent.data_of("delivery.delivered")]
    (found,) = sent.data_of("key.found")
    assert (found["fingerprint"], found["source"], found["trust"]) == (fingerprint, "dns", "domain")


def test_a_certificate_of_a_signed_zone_is_used(office: Office, sent: Sent, tmp_path: Path) -> None:
    """RFC 8162: SMIMEA 3 0 0, by the domain's own word; openssl opens what comes."""
    one = office.correspondents.certified
    (tmp_path / "key.pem").write_bytes(key_pem(one.key))
    (tmp_path / "cert.pem").write_bytes(pem(one.certificate))
    options = ("-inform", "SMIME", "-inkey", "key.pem", "-recip", "cert.pem", "-binary")
    assert sent.marker.encode() in openssl(tmp_path, sent.arrivals[f"s@{SIGNED}"].content, "-decrypt", *options)
    assert [one["trust"] for one in sent.data_of("certificate.imported")] == ["domain"]


def test_what_nothing_vouches_for_is_no_key(office: Office, sent: Sent) -> None:
    """CR-03, the attack: the same records in a zone without signatures, and in one whose signatures are forged."""
    published = {one["recipient"] for one in sent.events if one["kind"] == "portal.published"}
    assert published == {f"{local}@{domain}" for domain in UNVOUCHED for local in ("p", "s")}
    filed = [one["data"]["address"] for one in sent.events if one["kind"] in ("key.found", "certificate.imported")]
    assert sorted(filed) == [f"p@{SIGNED}", f"s@{SIGNED}"]
    assert sent.marker.encode() not in office.hop.clear


# --- what may not be used, and version 6 -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def climbed(office: Office) -> tuple[str, list[dict[str, Any]]]:
    """One message to all whose key is unfit. Returns: its marker, and what the audit log has of it."""
    marker, to = new_marker(), [f"{name}@{SIGNED}" for name in UNFIT]
    queue_id = submit(office.gateway, clinical(marker, to=", ".join(to)), to=to)
    until(
        lambda: len(office.gateway.events(kind="portal.published", queue_id=queue_id)) == len(to),
        state=lambda: office.gateway.log[-3000:],
    )
    return marker, office.gateway.events(queue_id=queue_id)


@pytest.mark.parametrize("name", UNFIT)
def test_what_may_not_be_used_climbs(climbed: tuple[str, list[dict[str, Any]]], name: str) -> None:
    """CR-01: judged by the sealer before the use; the reason is evidence, and the recipient gets it by the portal."""
    mine = [event for event in climbed[1] if event["recipient"] == f"{name}@{SIGNED}"]
    (climb,) = (e["data"] for e in mine if e["kind"] == "delivery.climbed" and e["data"]["old"] == "openpgp")
    assert UNFIT[name][1] in climb["why"]
    assert "portal.published" in [event["kind"] for event in mine]


def test_a_climb_leaves_nothing_in_clear(office: Office, climbed: tuple[str, list[dict[str, Any]]]) -> None:
    """Invariant 1."""
    assert climbed[0].encode() not in office.hop.clear


def one_more(office: Office, to: str) -> tuple[str, Arrival]:
    before, marker = len(office.hop.arrivals), new_marker()
    submit(office.gateway, clinical(marker, to=to, subject=f"Result {marker}"), to=[to])
    until(lambda: len(office.hop.arrivals) > before, state=lambda: office.gateway.log[-3000:])
    return marker, office.hop.arrivals[-1]


def test_a_key_of_version_6_is_used(office: Office) -> None:
    """CR-01, CR-04, CR-08: Sequoia and rPGP decrypt, and find the signature of the key that we publish."""
    marker, arrival = one_more(office, f"six@{SIGNED}")
    armoured = encrypted_part(arrival)
    assert b"\r\n=" not in armoured  # RFC 9580 section 6.1: no checksum
    binary = Message.from_armor(armoured.decode())[0].to_bytes()
    for library in (Sequoia(), Rpgp()):
        inside = message_from_bytes(library.open(binary, office.six.private, office.own), policy=email.policy.default)
        assert inside["Subject"] == f"Result {marker}"
    assert [kind for kind, _ in bodies(binary)] == [1, 18]


def test_keys_of_both_versions(office: Office) -> None:
    """CR-01: each opens the one message, the older by what it reads."""
    marker, arrival = one_more(office, f"both@{SIGNED}")
    binary = Message.from_armor(encrypted_part(arrival).decode())[0].to_bytes()
    for private in (office.six.private, bytes(make_pgp_key(address=f"both@{SIGNED}"))):
        assert marker.encode() in Sequoia().open(binary, private, office.own)
    assert [(kind, body[0]) for kind, body in bodies(binary)] == [(1, 3), (1, 3), (18, 1)]
