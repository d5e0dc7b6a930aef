"""RFC 9422: what a next hop says that it takes, read and kept to."""

import pytest

from gateway.delivery.limits import ANY_NUMBER, PeerLimits, parse_limits
from gateway.delivery.outcome import Seen
from tests.faulty.server import EXTENSIONS, Script
from tests.gateway.delivery.conftest import CLEAR, Net

MANY = ("a@b.example", "b@b.example", "c@b.example")


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("", PeerLimits()),
        ("RCPTMAX=5 MAILMAX=2 RCPTDOMAINMAX=1", PeerLimits(recipients=5, transactions=2, domains=1)),
        ("rcptmax=5 FUTURE FUTURE=x=y", PeerLimits(recipients=5)),
        ("RCPTMAX=0 MAILMAX=-1 RCPTDOMAINMAX=x", PeerLimits()),
        ("RCPTMAX=1234567 MAILMAX=٣", PeerLimits()),
        ("RCPTMAX=9 RCPTMAX=3", PeerLimits(recipients=3)),
        ("RCPTMAX=999999", PeerLimits(recipients=ANY_NUMBER - 1)),
    ],
)
def test_limits_are_read(text: str, limits: PeerLimits) -> None:
    """RFC 9422 section 3: what is malformed counts as not said."""
    assert parse_limits(text) == limits


def script(limits: str) -> Script:
    return Script(extensions=(*EXTENSIONS, f"LIMITS {limits}"))


async def test_transactions_of_a_session_are_counted(net: Net) -> None:
    """OB-02, MAILMAX: one recipient at a time, two messages a session, so two sessions for three recipients."""
    (server,) = await net.serve(script("RCPTMAX=1 MAILMAX=2"))
    assert {one.seen for one in await net.send_all(CLEAR, *MANY)} == {Seen.DELIVERED}
    assert [message.connection for message in server.messages] == [1, 1, 2]


async def test_refused_transactions_count_too(net: Net) -> None:
    """RFC 9422 section 4.1: every MAIL does."""
    net_script = Script(extensions=(*EXTENSIONS, "LIMITS MAILMAX=1"), does={"MAIL": "450 4.2.0 later"})
    (server,) = await net.serve(net_script)
    for _ in range(2):
        await net.send(CLEAR)
    assert server.connections == 2


async def test_domains_of_a_session_are_counted(net: Net) -> None:
    """RFC 9422 section 4.3, RCPTDOMAINMAX: the smart host's session for one domain is not used for another."""
    (server,) = await net.serve(script("RCPTDOMAINMAX=1"))
    net.delivery = {"smart_host": f"mx1.b.example:{server.port}"}
    for domain in ("b.example", "c.example", "b.example", "c.example"):
        assert (await net.send(CLEAR, f"r@{domain}", domain=domain)).seen is Seen.DELIVERED
    assert [message.connection for message in server.messages] == [1, 2, 1, 2]
