"""A probe sees what a delivery would see, and hands nothing over."""

import pytest

from gateway.delivery.needs import OPPORTUNISTIC, protected_needs
from gateway.delivery.probe import HostProbe, probe
from policy.decision import UnsignedMx
from tests.faulty import certificates
from tests.faulty.server import Script
from tests.gateway.delivery.conftest import Net
from tests.tls.pki import ALONE, LEAF
from tls.failures import TlsFailure
from tls.levels import TlsLevel
from tls.mta_sts.parse import Mode
from tls.weight import Weight

MX1 = "mx1.b.example"


async def look(net: Net, unsigned_mx: UnsignedMx = UnsignedMx.ACCEPT) -> tuple[HostProbe, ...]:
    transport = net.transport
    return await probe(
        "b.example",
        router=transport._router,
        dialer=transport._dialer,
        publications=transport._publications,
        protected=protected_needs(unsigned_mx),
        other=OPPORTUNISTIC,
    )


async def test_dane(net: Net) -> None:
    """TL-20: each kind of mail with what it needs, why, and the session that it got; MAIL is never said."""
    (server,) = await net.serve(Script(tls=ALONE.server()))
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    (host,) = await look(net)
    assert (host.host, host.naming, host.published.dane.records[0].kind) == (MX1, "MX signed", "3 1 1")
    for session in (host.protected, host.other):
        assert session.is_ready
        assert session.needed.level is TlsLevel.VERIFIED
        assert session.evidence is not None
        assert session.evidence.verification == "dane 3 1 1"
    assert set(server.verbs()) <= {"EHLO", "STARTTLS", "QUIT"}


async def test_mismatch(net: Net) -> None:
    """TL-21: with the certificate that was shown."""
    await net.serve(Script(tls=LEAF.server()))
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    (host,) = await look(net)
    assert (host.other.failure, host.other.weight) == (TlsFailure.TLSA_MISMATCH, Weight.MISMATCH)
    assert host.other.evidence is not None
    assert not host.other.is_ready


async def test_unlisted_host_is_not_connected_to(net: Net) -> None:
    """TL-10."""
    (server,) = await net.serve(Script(tls=certificates.good(MX1)))
    net.publish_sts(Mode.ENFORCE, "mx9.b.example")
    (host,) = await look(net)
    assert host.protected.failure is host.other.failure is TlsFailure.STS_UNLISTED
    assert server.connections == 0


@pytest.mark.parametrize(("unsigned_mx", "is_ready"), [(UnsignedMx.ACCEPT, True), (UnsignedMx.CLIMB, False)])
async def test_nothing_published(net: Net, unsigned_mx: UnsignedMx, is_ready: bool) -> None:
    """`tls.unsigned_mx` decides for protected mail alone; a host without TLS comes second."""
    await net.serve(Script(tls=certificates.good(MX1)), Script())
    first, second = await look(net, unsigned_mx)
    assert (first.protected.is_ready, first.other.is_ready) == (is_ready, True)
    assert (second.protected.is_ready, second.protected.weight) == (False, Weight.REFUSED)
    assert (second.other.is_ready, second.other.evidence, second.other.failure) == (True, None, TlsFailure.NOT_OFFERED)
