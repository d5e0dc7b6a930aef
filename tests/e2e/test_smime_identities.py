"""An S/MIME identity for each domain, taken up without a restart; openssl says whose signature is inside."""

import signal
import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.installation import USER, Installation
from tests.e2e.letters import clinical, new_marker
from tests.e2e.nexthop import NextHop
from tests.e2e.test_smime import MIDDLE, ROOT, Holder, holder, openssl
from tests.e2e.waiting import until
from tests.e2e.world import CLINIC, World
from tests.gateway.protect.smime import identities
from tests.gateway.protect.smime.authority import key_pem, pem
from tests.gateway.protect.smime.identities import write_identity

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DOMAIN: Final = "signed.example"
SECOND: Final = "second.example"


@pytest.fixture
def one() -> Holder:
    """Who gets the mail, and opens it."""
    return holder("rsa", "rsa2048", domain=DOMAIN)


@pytest.fixture
def hop(world: World) -> NextHop:
    """It offers no TLS."""
    return world.add(DOMAIN)


@pytest.fixture
def two_domains(tmp_path: Path, world: World, hop: NextHop, one: Holder) -> Iterator[Installation]:
    """The second domain has an identity of its own."""
    (tmp_path / "anchors.pem").write_bytes(pem(ROOT.der))
    write_identity(tmp_path, "all", address=USER)
    write_identity(tmp_path, "own", address=f"office@{SECOND}", number=302)
    own = {"name": SECOND, "smime_certificate": tmp_path / "own.pem", "smime_private_key": tmp_path / "own.key"}
    smime = {"certificate": tmp_path / "all.pem", "private_key": tmp_path / "all.key"}
    installation = Installation(tmp_path / "installation", world)
    domains = [{"name": CLINIC}, own]
    installation.write_config({"smime": {"ca_file": tmp_path / "anchors.pem", **smime}, "domain": domains})
    try:
        installation.start()
        (tmp_path / "rsa.pem").write_bytes(pem(one.certificate) + pem(MIDDLE.der))
        assert installation.run("key", "smime", "import", tmp_path / "rsa.pem").returncode == 0
        yield installation
    finally:
        installation.close()


def signer_of(folder: Path, gateway: Installation, hop: NextHop, one: Holder, *, sender: str) -> bytes:
    """Relay a message, open it with openssl, and see whose certificate it verifies by, PEM."""
    marker, before = new_marker(), len(hop.arrivals)
    message = clinical(marker, to=one.address, sender=sender, subject=f"Result {marker}")
    with smtplib.SMTP("127.0.0.1", gateway.ports.relay, timeout=30) as client:
        client.send_message(message, sender, [one.address])
    until(lambda: len(hop.arrivals) > before, state=lambda: gateway.log[-3000:])
    (folder / "key.pem").write_bytes(key_pem(one.key))
    (folder / "cert.pem").write_bytes(pem(one.certificate))
    options = ("-inform", "SMIME", "-inkey", "key.pem", "-recip", "cert.pem", "-binary")
    inside = openssl(folder, hop.arrivals[-1].content, "-decrypt", *options)
    (folder / "roots.pem").write_bytes(pem(identities.ROOT.der))
    verify = ("-verify", "-inform", "SMIME", "-CAfile", "roots.pem", "-binary", "-signer", "signer.pem")
    openssl(folder, inside, *verify)
    return (folder / "signer.pem").read_bytes()


def test_each_domain_has_its_signer_and_renewal_needs_no_restart(
    tmp_path: Path, two_domains: Installation, hop: NextHop, one: Holder
) -> None:
    """CR-06, SA-12: openssl names the signer. A new pair is taken up on SIGHUP, a wrong one is told and not used."""
    gateway = two_domains
    sender = f"nurse@{SECOND}"
    common, first = ((tmp_path / f"{name}.pem").read_bytes() for name in ("all", "own"))
    assert common.startswith(signer_of(tmp_path, gateway, hop, one, sender=USER))
    assert first.startswith(signer_of(tmp_path, gateway, hop, one, sender=sender))
    write_identity(tmp_path, "own", address="office@else.example", number=305)
    reload(gateway, f"was issued for no address at {SECOND}")
    assert first.startswith(signer_of(tmp_path, gateway, hop, one, sender=sender))
    write_identity(tmp_path, "own", address=f"office@{SECOND}", number=306)
    reload(gateway, "certificates read again: ok=True")
    second = (tmp_path / "own.pem").read_bytes()
    assert second.startswith(signer_of(tmp_path, gateway, hop, one, sender=sender))


def reload(gateway: Installation, told: str) -> None:
    """SIGHUP, and what the log has to say then."""
    assert gateway.process is not None
    gateway.process.send_signal(signal.SIGHUP)
    until(lambda: told in gateway.log, state=lambda: gateway.log[-3000:])
