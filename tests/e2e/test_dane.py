"""DANE with every part real: signed zones, a validating resolver, `serve`, a Postfix that only a TLSA record names."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.e2e.installation import Installation, running
from tests.e2e.letters import clinical, new_marker, plain
from tests.e2e.nexthop import NextHop
from tests.e2e.postfix import Postfix, running_postfix
from tests.e2e.submit import submit
from tests.e2e.waiting import until
from tests.e2e.world import CLINIC, HOME, World
from tests.tls.dnssec.signed_zones import Kind, unbound
from tests.tls.pki import ALONE, LEAF, Issued
from tls.dnssec.verify import BOGUS_NAME, SIGNED_NAME

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

HEAD = "@ 60 IN SOA ns hostmaster 1 3600 600 86400 60\n@ 60 IN NS ns\nns 60 IN A 127.0.0.1\n"


def tlsa(owner: str, issued: Issued) -> str:
    return f"{owner} 60 IN TLSA 3 1 1 {issued.tlsa(3, 1, 1).data.hex()}\n"


def domain(owner: str, host: str, address: str) -> str:
    return f"{owner} 60 IN MX 10 {host}\n{host} 60 IN A {address}\n"


@dataclass(frozen=True, slots=True)
class Signed:
    """good: mail host of signed.test, whose expired, self-signed certificate its TLSA record names.

    forged: of bad.signed.test: a certificate that WebPKI takes, and a record that names another.
    """

    good: Postfix
    forged: NextHop
    zones: dict[str, tuple[str, Kind]]


@pytest.fixture(scope="module")
def signed(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signed]:
    host, address = world.name("signed.test")
    forged = world.add_good("bad.signed.test")
    mail = f"_{world.port}._tcp"
    good = domain("@", "mx", address) + tlsa(f"{mail}.mx", ALONE)
    bad = domain("bad", "mx.bad", address_of(world, "bad.signed.test")) + tlsa(f"{mail}.mx.bad", LEAF)
    zones = {
        "signed.test": (HEAD + good + bad, Kind.SIGNED),
        "bogus.test": (HEAD + good, Kind.BOGUS),
        CLINIC: (HEAD + f"{HOME}. 60 IN A {address_of(world, CLINIC)}\n", Kind.PLAIN),
        SIGNED_NAME: (HEAD + "@ 60 IN A 127.0.0.1\n", Kind.SIGNED),
        BOGUS_NAME: (HEAD + "@ 60 IN A 127.0.0.1\n", Kind.BOGUS),
    }
    folder = tmp_path_factory.mktemp("identity")
    (folder / "cert.pem").write_bytes(ALONE.certificate.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(ALONE.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    settings = {
        "smtpd_tls_security_level": "may", "smtpd_tls_cert_file": str(folder / "cert.pem"),
        "smtpd_tls_key_file": str(folder / "key.pem"), "smtpd_tls_loglevel": "1", "myhostname": host,
    }  # fmt: skip
    with running_postfix(address=address, port=world.port, settings=settings) as postfix:
        yield Signed(postfix, forged, zones)


def address_of(world: World, domain: str) -> str:
    (host,) = world._mx[domain]
    return world._a[host]


@contextmanager
def gateway_at(folder: Path, world: World, signed: Signed, *, is_validating: bool) -> Iterator[Installation]:
    """A gateway whose resolver is trusted with AD, rightly or not."""
    with ExitStack() as stack:
        (folder / "dns").mkdir(parents=True)
        port = stack.enter_context(unbound(folder / "dns", is_validating=is_validating, zones=signed.zones))
        changes: dict[str, Any] = {"dns": {"resolvers": [f"127.0.0.1:{port}"], "trust_ad": True}}
        yield stack.enter_context(running(folder / "installation", world, changes))


@pytest.fixture(scope="module")
def dane_gateway(tmp_path_factory: pytest.TempPathFactory, world: World, signed: Signed) -> Iterator[Installation]:
    with gateway_at(tmp_path_factory.mktemp("dane"), world, signed, is_validating=True) as gateway:
        yield gateway


def event_of(gateway: Installation, kind: str, queue_id: str) -> dict[str, Any]:
    """The first event of a kind about a message, once it is there."""
    until(lambda: gateway.events(kind=kind, queue_id=queue_id), state=lambda: gateway.log)
    data: dict[str, Any] = gateway.events(kind=kind, queue_id=queue_id)[0]["data"]
    return data


def test_dane_proves_what_nothing_else_would(dane_gateway: Installation, signed: Signed) -> None:
    """TL-20: wrong name, expired, self-signed, and named by a signed record; the audit log has all of the evidence."""
    marker = new_marker()
    queue_id = submit(dane_gateway, clinical(marker, to="a@signed.test"), to=["a@signed.test"])
    until(lambda: any(marker.encode() in message for message in signed.good.messages()), state=lambda: dane_gateway.log)
    tried = event_of(dane_gateway, "delivery.attempted", queue_id)
    assert tried["verification"] == "dane 3 1 1, MX signed"
    assert tried["dnssec"] == "MX signed, TLSA usable"
    assert tried["certificate"] == hashlib.sha256(ALONE.der).hexdigest()
    assert any(reason.startswith("DANE: TLSA records of _") for reason in tried["required"])
    assert re.search(r"queued as (\w+)", tried["reply"])
    shown = dane_gateway.run("queue", "show", queue_id).stdout
    assert "dane 3 1 1, MX signed, certificate " in shown
    assert "DANE: TLSA records of _" in shown
    assert [event["data"]["verdict"] for event in dane_gateway.events(kind="resolver.tested")] == ["validating"]


@pytest.mark.parametrize("make", [plain, clinical], ids=["unprotected", "protected"])
def test_mismatch_is_not_delivered(dane_gateway: Installation, signed: Signed, make: Any) -> None:
    """TL-21, TL-26: a chain and a name that any verifier takes do not help; an alarm, and nothing said in clear."""
    marker = new_marker()
    queue_id = submit(dane_gateway, make(marker, to="a@bad.signed.test"), to=["a@bad.signed.test"])
    tried = event_of(dane_gateway, "delivery.attempted", queue_id)
    assert (tried["seen"], tried["tls_failure"]) == ("tls-mismatch", "tlsa-mismatch")
    assert re.fullmatch("[0-9a-f]{64}", tried["certificate"])
    alarm = event_of(dane_gateway, "delivery.tls_mismatch", queue_id)
    assert (alarm["tls_failure"], alarm["certificate"]) == ("tlsa-mismatch", tried["certificate"])
    assert not signed.forged.find(marker.encode())
    shown = dane_gateway.run("queue", "show", queue_id).stdout
    assert "has a certificate that its signed TLSA records do not name" in shown


@pytest.mark.parametrize(
    ("domain", "status", "words"),
    [
        ("signed.test", 0, "TLSA usable: 3 1 1"),
        ("bad.signed.test", 1, "its signed TLSA records do not name, mismatch: it is tried again, and an alarm"),
    ],
)
def test_probe(dane_gateway: Installation, signed: Signed, domain: str, status: int, words: str) -> None:
    """TL-20, TL-21: the operator sees beforehand what mail would meet, in at most ten lines."""
    done = dane_gateway.run("tls", "probe", domain)
    assert done.returncode == status, done.stderr
    assert words in done.stdout
    assert "DNSSEC: the resolver validates DNSSEC" in done.stdout
    assert len(done.stdout.splitlines()) <= 10


def test_bogus_zone_waits(dane_gateway: Installation, signed: Signed) -> None:
    """TL-23: forged signatures look like a failing server: later, never without."""
    marker = new_marker()
    queue_id = submit(dane_gateway, plain(marker, to="a@bogus.test"), to=["a@bogus.test"])
    deferred = event_of(dane_gateway, "delivery.deferred", queue_id)
    assert deferred["reply"].startswith("451 4.4.3")
    assert not any(marker.encode() in message for message in signed.good.messages())


def test_a_resolver_that_does_not_validate(tmp_path: Path, world: World, signed: Signed) -> None:
    """TL-25: the self-test takes its AD away: DANE is neither applied nor claimed, and the operator hears of it."""
    with gateway_at(tmp_path, world, signed, is_validating=False) as gateway:
        until(lambda: gateway.events(kind="resolver.tested"), state=lambda: gateway.log)
        (tested,) = gateway.events(kind="resolver.tested")
        assert tested["data"]["verdict"] == "not-validating"
        assert "mailward_dnssec_trusted 0.0" in gateway.get("/metrics")[1]
        marker = new_marker()
        queue_id = submit(gateway, clinical(marker, to="a@bad.signed.test"), to=["a@bad.signed.test"])
        assert signed.forged.wait_for(marker.encode()).tls
        delivered = event_of(gateway, "delivery.delivered", queue_id)
        assert delivered["verification"] == "webpki, MX unsigned"
        assert "dnssec" not in delivered
