"""The rung smime end to end: openssl and gpgsm open what leaves, and what may not be used climbs (CR-05, CR-06)."""

import subprocess
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as reading
from pathlib import Path
from typing import Any, Final

import dkim
import pytest
from cryptography import x509

from gateway.config import load
from gateway.control.client import perform
from gateway.protect.smime import cms, der
from gateway.protect.smime.judge import SMIME_CAPABILITIES, fingerprint
from tests.e2e.dkim_keys import dns_of
from tests.e2e.installation import USER, Installation, running
from tests.e2e.letters import clinical, new_marker
from tests.e2e.nexthop import Arrival, NextHop
from tests.e2e.submit import submit
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.gateway.protect.smime.authority import (
    MAIL_USE,
    Authority,
    key_pem,
    make_key,
    pem,
    with_sha1,
)
from tests.gateway.protect.smime.gpgsm import Gpgsm, gpgsm
from tests.gateway.protect.smime.openssl_ca import OpensslCa
from tests.tools import free_port, need

__all__ = ["gpgsm"]  # a fixture
pytestmark = [pytest.mark.e2e, pytest.mark.slow]

NOW: Final = datetime.now(UTC).replace(microsecond=0)
DAY: Final = timedelta(days=1)
SPAN: Final[Mapping[str, Any]] = {"start": NOW - DAY, "end": NOW + 30 * DAY}
ROOT: Final = Authority("Mail authority", number=200, **SPAN)
STRANGER: Final = Authority("Stranger", number=201, **SPAN)
MIDDLE: Final = Authority("Between", number=202, parent=ROOT, **SPAN)
DOMAIN: Final = "smime.example"
ORGANISATION: Final = ROOT.issue(make_key("p256", 203), addresses=(USER,), **SPAN)
GCM: Final = x509.UnrecognizedExtension(SMIME_CAPABILITIES, der.sequence(der.algorithm(cms.AES256_GCM)))
NAMES: Final = ("rsa", "ec", "modern")


@dataclass(frozen=True)
class Holder:
    """A recipient with a key."""

    address: str
    key: Any
    certificate: bytes

    @property
    def serial(self) -> bytes:
        return der.integer(x509.load_der_x509_certificate(self.certificate).serial_number)


def holder(name: str, kind: str, *extensions: x509.ExtensionType, domain: str = DOMAIN) -> Holder:
    address, key = f"{name}@{domain}", make_key(kind, 204)
    certificate = MIDDLE.issue(key, addresses=(address,), extensions=(MAIL_USE, *extensions), **SPAN)
    return Holder(address, key, certificate)


@pytest.fixture(scope="module")
def holders() -> dict[str, Holder]:
    """One with RSA, one with an elliptic curve, and one whose certificate says that GCM is understood."""
    modern = holder("modern", "p384", GCM)
    return {"rsa": holder("rsa", "rsa2048"), "ec": holder("ec", "p256"), "modern": modern}


@pytest.fixture(scope="module")
def hop(world: World) -> NextHop:
    """It offers no TLS: what it is given has to bear that."""
    return world.add(DOMAIN)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, world: World) -> tuple[OpensslCa, int]:
    """An authority that is asked about its certificates, and the port of its responder, which does not run yet."""
    port = free_port()
    world.place("ca.example", "ocsp.ca.example", "127.0.0.1")
    return OpensslCa(tmp_path_factory.mktemp("asked") / "ca", url=f"http://ocsp.ca.example:{port}/").create(), port


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory,
    world: World,
    hop: NextHop,
    holders: dict[str, Holder],
    asked: tuple[OpensslCa, int],
) -> Iterator[Installation]:
    """It asks issuers, of which all but one let nobody ask."""
    folder = tmp_path_factory.mktemp("smime")
    (folder / "root.pem").write_bytes(pem(ROOT.der) + pem(asked[0].der))
    (folder / "clinic.pem").write_bytes(pem(ORGANISATION) + pem(ROOT.der))
    (folder / "clinic.key").touch(mode=0o600)
    (folder / "clinic.key").write_bytes(key_pem(make_key("p256", 203)))
    smime = {
        "ca_file": folder / "root.pem",
        "certificate": folder / "clinic.pem",
        "private_key": folder / "clinic.key",
        "ocsp": True,
    }
    with running(folder / "installation", world, {"smime": smime}) as installation:
        for name, one in holders.items():
            file = folder / f"{name}.pem"
            file.write_bytes(pem(one.certificate) + pem(MIDDLE.der))
            done = installation.run("key", "smime", "import", file)
            assert done.returncode == 0, done.stderr
        yield installation


def arrivals(hop: NextHop, holders: dict[str, Holder]) -> dict[str, Arrival]:
    """By name, the newest message for each."""
    found = {}
    for arrival in list(hop.arrivals):
        for name, one in holders.items():
            if arrival.recipients == (one.address,):
                found[name] = arrival
    return found


@pytest.fixture(scope="module")
def sent(gateway: Installation, hop: NextHop, holders: dict[str, Holder]) -> tuple[str, str, dict[str, Arrival]]:
    """One message to all of them, the last one in Bcc. Returns: its marker, its queue id, and what came."""
    marker = new_marker()
    message = clinical(marker, to=f"{holders['rsa'].address}, {holders['ec'].address}", subject=f"Result {marker}")
    message["Bcc"] = holders["modern"].address
    queue_id = submit(gateway, message, to=[one.address for one in holders.values()])
    until(lambda: len(arrivals(hop, holders)) == len(holders), state=lambda: gateway.log[-3000:])
    return marker, queue_id, arrivals(hop, holders)


def openssl(folder: Path, data: bytes, *arguments: str) -> bytes:
    done = subprocess.run(
        [need("openssl"), "cms", *arguments], input=data, capture_output=True, check=False, timeout=60, cwd=folder
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def verified(folder: Path, entity: bytes, marker: str) -> None:
    """The signature inside is the organisation's, and the message under it is whole."""
    (folder / "root.pem").write_bytes(pem(ROOT.der))
    clear = openssl(folder, entity, "-verify", "-inform", "SMIME", "-CAfile", "root.pem", "-binary", "-signer", "s.pem")
    assert (folder / "s.pem").read_bytes() == pem(ORGANISATION)
    inside = message_from_bytes(clear, _class=EmailMessage, policy=reading)
    assert inside["Subject"] == f"Result {marker}"
    assert "type 2 diabetes" in inside.get_content()
    assert marker in inside.get_content()


@pytest.mark.parametrize("name", NAMES)
def test_openssl_opens_and_verifies(
    tmp_path: Path, sent: tuple[str, str, dict[str, Arrival]], holders: dict[str, Holder], name: str
) -> None:
    """CR-06: AES-256-CBC, and GCM where the certificate says so; signed inside."""
    marker, _, came = sent
    one = holders[name]
    (tmp_path / "key.pem").write_bytes(key_pem(one.key))
    (tmp_path / "cert.pem").write_bytes(pem(one.certificate))
    options = ("-inform", "SMIME", "-inkey", "key.pem", "-recip", "cert.pem", "-binary")
    content = came[name].content
    cipher = b"aes-256-gcm" if name == "modern" else b"aes-256-cbc"
    assert cipher in openssl(tmp_path, content, "-cmsout", "-print", "-inform", "SMIME")
    verified(tmp_path, openssl(tmp_path, content, "-decrypt", *options), marker)


def test_gpgsm_opens(
    tmp_path: Path, gpgsm: Gpgsm, sent: tuple[str, str, dict[str, Arrival]], holders: dict[str, Holder]
) -> None:
    """CR-06: GnuPG 2.2, with the RSA key."""
    marker, _, came = sent
    gpgsm.take(holders["rsa"].key, holders["rsa"].certificate)
    sealed = message_from_bytes(came["rsa"].content).get_payload(decode=True)
    assert isinstance(sealed, bytes)
    verified(tmp_path, gpgsm.opened(sealed), marker)


def test_nothing_is_in_clear_and_no_copy_names_another(
    hop: NextHop, sent: tuple[str, str, dict[str, Arrival]], holders: dict[str, Holder]
) -> None:
    """Invariant 1, CR-02, CR-08: each has a copy of his own; neither header nor recipientInfos tell of the Bcc."""
    marker, _, came = sent
    for text in (marker, "diabetes", "Gonzalez", "Bcc"):
        assert text.encode() not in hop.clear
    for name, arrival in came.items():
        assert holders["modern"].address.encode() not in arrival.content.partition(b"\r\n\r\n")[0]
        sealed = message_from_bytes(arrival.content).get_payload(decode=True)
        assert isinstance(sealed, bytes)
        assert [other for other, one in holders.items() if one.serial in sealed] == [name]


def test_dkim_is_over_the_ciphertext(gateway: Installation, sent: tuple[str, str, dict[str, Arrival]]) -> None:
    """Issue line 5: signed last, each form for itself."""
    for arrival in sent[2].values():
        assert arrival.content.startswith(b"DKIM-Signature:")
        assert dkim.verify(arrival.content, dnsfunc=dns_of(gateway))


def test_evidence_names_the_certificate(
    gateway: Installation, sent: tuple[str, str, dict[str, Arrival]], holders: dict[str, Holder]
) -> None:
    """Invariant 3: which certificate opens it, and nothing of the message."""
    marker, queue_id, _ = sent
    wanted = {one.address: [fingerprint(one.certificate)] for one in holders.values()}
    until(lambda: len(gateway.events(kind="delivery.delivered", queue_id=queue_id)) == len(wanted))
    delivered = gateway.events(kind="delivery.delivered", queue_id=queue_id)
    assert {event["recipient"]: event["data"]["smime_certificates"] for event in delivered} == wanted
    assert all(event["data"]["tried"] == "smime" for event in delivered)
    assert marker not in str(gateway.events())


# --- what may not be used --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unfit:
    """A certificate that came into the register all the same: filed as fit, or fit no longer."""

    certificate: bytes
    chain: tuple[bytes, ...] = (ROOT.der,)


def _unfit(name: str) -> Unfit:
    address = f"{name}@{DOMAIN}"
    key = make_key("p256", 205)
    mine: dict[str, Any] = {"addresses": (address,)}
    weak = with_sha1(MIDDLE.der, ROOT.key)
    return {
        "expired": Unfit(ROOT.issue(key, start=NOW - 2 * DAY, end=NOW - DAY, **mine)),
        "not-yet": Unfit(ROOT.issue(key, start=NOW + DAY, end=NOW + 2 * DAY, **mine)),
        "other-name": Unfit(ROOT.issue(key, addresses=("else@smime.example",), **SPAN)),
        "weak-key": Unfit(ROOT.issue(make_key("rsa1024"), **mine, **SPAN)),
        "sha1": Unfit(with_sha1(ROOT.issue(key, **mine, **SPAN), ROOT.key)),
        "sha1-between": Unfit(MIDDLE.issue(key, **mine, **SPAN), (weak, ROOT.der)),
        "untrusted": Unfit(STRANGER.issue(key, **mine, **SPAN), (STRANGER.der,)),
    }[name]


REASONS: Final = {
    "expired": "it expired on",
    "not-yet": "it is not valid before",
    "other-name": "it is of another address",
    "weak-key": "its key has 1024 bits",
    "sha1": "it is signed with SHA1",
    "sha1-between": "its issuer 'CN=Between': it is signed with SHA1",
    "untrusted": "its issuer is not trusted",
}


@pytest.fixture(scope="module")
def climbed(gateway: Installation, hop: NextHop) -> tuple[str, list[dict[str, Any]]]:
    """One message to them all, each with its certificate on file as if it were fit. Returns: marker and events."""
    settings = load(gateway.config)
    for name in REASONS:
        one = _unfit(name)
        row = {
            "fingerprint": fingerprint(one.certificate), "address": f"{name}@{DOMAIN}", "trust": "chain",
            "certificate": one.certificate, "chain": list(one.chain), "expires_at": NOW,
        }  # fmt: skip
        perform(settings, "smime.import", incoming=[_wire(row)])
    marker = new_marker()
    to = [f"{name}@{DOMAIN}" for name in REASONS]
    queue_id = submit(gateway, clinical(marker, to=", ".join(to)), to=to)
    until(lambda: len(gateway.events(kind="portal.published", queue_id=queue_id)) == len(to))
    return marker, gateway.events(queue_id=queue_id)


def _wire(row: Mapping[str, Any]) -> dict[str, Any]:
    chain = [b64encode(one).decode() for one in row["chain"]]
    sealed = {"certificate": b64encode(row["certificate"]).decode(), "chain": chain}
    return {**row, **sealed, "expires_at": row["expires_at"].isoformat()}


@pytest.mark.parametrize("name", REASONS)
def test_what_may_not_be_used_climbs(climbed: tuple[str, list[dict[str, Any]]], name: str) -> None:
    """CR-05: judged again before the use; the reason is evidence, and the recipient gets it by the portal."""
    mine = [event for event in climbed[1] if event["recipient"] == f"{name}@{DOMAIN}"]
    (climb,) = (e["data"] for e in mine if e["kind"] == "delivery.climbed" and e["data"]["old"] == "smime")
    assert climb["new"] == "portal"
    assert REASONS[name] in climb["why"]
    assert "portal.published" in [event["kind"] for event in mine]


def test_a_climb_leaves_nothing_in_clear(hop: NextHop, climbed: tuple[str, list[dict[str, Any]]]) -> None:
    """Invariant 1."""
    assert climbed[0].encode() not in hop.clear


def test_import_says_what_is_wrong(gateway: Installation, tmp_path: Path) -> None:
    """CR-05: at import already: left out with the reason, or kept and not used until a person trusts it."""
    expired, untrusted = _unfit("expired"), _unfit("untrusted")
    (tmp_path / "both.pem").write_bytes(pem(expired.certificate) + pem(untrusted.certificate))
    done = gateway.run("key", "smime", "import", tmp_path / "both.pem")
    assert done.returncode == 1
    assert "was not imported: it expired on" in done.stderr
    assert "is not used yet: its issuer is not known" in done.stderr


# --- issuers that are asked -------------------------------------------------------------------------------------------


def test_an_issuer_is_asked_at_import_and_before_use(
    gateway: Installation, hop: NextHop, asked: tuple[OpensslCa, int]
) -> None:
    """CR-05: openssl's responder. A revoked certificate is not imported, or is used no more; without an answer hard."""
    ca, port = asked
    good, late, bad = (ca.issue(name, address=f"{name}@{DOMAIN}") for name in ("asked", "late", "bad"))
    ca.revoke(bad)
    unheard = gateway.run("key", "smime", "import", good.file)
    assert unheard.returncode == 1
    assert "was not imported: whether its issuer has revoked it cannot be learned" in unheard.stderr
    with ca.serving(port):
        for one in (good, late):
            assert gateway.run("key", "smime", "import", one.file).returncode == 0
        refused = gateway.run("key", "smime", "import", bad.file)
        assert "was not imported: its issuer has revoked it" in refused.stderr
        before = len(hop.arrivals)
        first = f"asked@{DOMAIN}"
        submit(gateway, clinical(new_marker(), to=first), to=[first])
        until(lambda: len(hop.arrivals) > before, state=lambda: gateway.log[-3000:])
        assert b"smime-type=enveloped-data" in hop.arrivals[-1].content
    ca.revoke(late)
    with ca.serving(port):
        second = f"late@{DOMAIN}"
        queue_id = submit(gateway, clinical(new_marker(), to=second), to=[second])
        until(lambda: gateway.events(kind="portal.published", queue_id=queue_id))
    (climb,) = (
        event["data"]
        for event in gateway.events(kind="delivery.climbed", queue_id=queue_id)
        if event["data"]["old"] == "smime"
    )
    assert "its issuer has revoked it" in climb["why"]
    assert [event["data"]["fingerprint"] for event in gateway.events(kind="certificate.revoked")] == [
        fingerprint(late.der)
    ]
    assert "revoked by its issuer" in gateway.run("key", "smime", "list").stdout
    assert 'mailward_ocsp_lookups_total{result="revoked"} 1.0' in gateway.get("/metrics")[1]
