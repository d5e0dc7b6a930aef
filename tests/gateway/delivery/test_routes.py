"""Which hosts a domain's mail is handed to, over DNS made of data."""

import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from gateway.config.model import Domain
from gateway.config.sending import Delivery
from gateway.config.smart_hosts import Identity
from gateway.config.values import HostPort
from gateway.delivery.lookup import Mx
from gateway.delivery.routes import Hop, Router, Unroutable, is_allowed
from tests.gateway.delivery.fake_dns import FakeDns
from tls.levels import TlsLevel
from tls.requirement import HopTls

PUBLIC = {f"mx{number}.b.example": [f"9.9.9.{number}"] for number in range(1, 60)}
EMPTY: Mapping[str, object] = {}


async def hops(
    dns: FakeDns,
    domain: str = "b.example",
    via: HostPort | None = None,
    *,
    settings: Mapping[str, object] = EMPTY,
    home: str = "",
    ours: Sequence[Mapping[str, object]] = (),
) -> list[Hop]:
    """settings: of `[delivery]`. ours: `[[domain]]`."""
    router = Router(
        dns,
        Delivery.model_validate(settings),
        hostname="gw.a.example",
        shuffle=lambda records: records.reverse(),
        domains=tuple(Domain.model_validate(one) for one in ours),
    )
    return list(await router.hops(domain, via, home=home))


async def refusal(dns: FakeDns) -> tuple[str, bool]:
    with pytest.raises(Unroutable) as caught:
        await hops(dns)
    return caught.value.reply[:10].rstrip(), caught.value.is_permanent


async def test_by_preference_and_shuffled_where_equal() -> None:
    """RFC 5321 5.1; the shuffle of this test turns the list round."""
    records = [(20, "mx3.b.example"), (10, "mx1.b.example"), (10, "mx2.b.example"), (20, "mx3.b.example")]
    found = await hops(FakeDns({"b.example": records}, PUBLIC))
    assert [hop.host for hop in found] == ["mx2.b.example", "mx1.b.example", "mx3.b.example"]
    assert found[0] == Hop(host="mx2.b.example", port=25, addresses=("9.9.9.2",), tls=HopTls())


async def test_no_mx_means_the_domain_itself() -> None:
    """OB-09, RFC 5321 5.1: NODATA falls back to the addresses."""
    (hop,) = await hops(FakeDns({"b.example": []}, {"b.example": ["2620:fe::9", "9.9.9.9"]}))
    assert (hop.host, hop.addresses) == ("b.example", ("2620:fe::9", "9.9.9.9"))


@pytest.mark.parametrize(
    ("dns", "reply", "is_permanent"),
    [
        (FakeDns(), "550 5.1.2", True),
        (FakeDns(fail={"b.example"}), "451 4.4.3", False),
        (FakeDns(loop={"b.example"}), "554 5.4.6", True),
        (FakeDns({"b.example": [(0, "")]}), "556 5.1.10", True),
        (FakeDns({"b.example": ["gw.a.example"]}, PUBLIC), "554 5.4.6", True),
        (FakeDns({"b.example": [(10, "gw.a.example"), (20, "mx1.b.example")]}, PUBLIC), "554 5.4.6", True),
        (FakeDns({"b.example": ["gone.b.example"]}), "550 5.4.4", True),
        (FakeDns({"b.example": []}, {"b.example": []}), "550 5.4.4", True),
        (FakeDns({"b.example": ["mx.b.example"]}, loop={"mx.b.example"}), "550 5.4.4", True),
        (FakeDns({"b.example": ["9.9.9.9"]}, {"9.9.9.9": ["9.9.9.9"]}), "550 5.4.4", True),
        (FakeDns({"b.example": ["mx.b.example"]}, {"mx.b.example": ["127.0.0.1", "::1"]}), "550 5.4.4", True),
        (FakeDns({"b.example": ["mx.b.example"]}, {"mx.b.example": ["10.1.2.3", "fd00::1"]}), "550 5.4.4", True),
    ],
    ids=[
        "NXDOMAIN",
        "SERVFAIL",
        "CNAME loop",
        "null MX",
        "our own name",
        "our own name first",
        "dangling MX",
        "no record at all",
        "CNAME loop behind MX",
        "IP literal",
        "loopback",
        "private",
    ],
)
async def test_where_no_mail_can_go(dns: FakeDns, reply: str, is_permanent: bool) -> None:
    """OB-08, OB-09: bounce on an answer, defer on an outage."""
    assert await refusal(dns) == (reply, is_permanent)


async def test_our_own_name_cuts_the_list() -> None:
    """RFC 5321 5.1: only hosts before us, or mail loops."""
    records = [(10, "mx1.b.example"), (20, "gw.a.example"), (20, "mx2.b.example"), (30, "mx3.b.example")]
    assert [hop.host for hop in await hops(FakeDns({"b.example": records}, PUBLIC))] == ["mx1.b.example"]


async def test_host_whose_addresses_are_unknown_stays_in_the_list() -> None:
    """OB-09, TL-06: a host that DNS fails on is in doubt; one that has no address is not there."""
    dns = FakeDns({"b.example": ["mx1.b.example", "gone.b.example", "mx2.b.example"]}, PUBLIC, fail={"mx1.b.example"})
    first, second = await hops(dns)
    assert (first.addresses, first.trouble[:9]) == ((), "451 4.4.3")
    assert second.addresses == ("9.9.9.2",)


async def test_many_hosts_are_cut() -> None:
    """OB-08: 50 MX."""
    assert len(await hops(FakeDns({"b.example": list(PUBLIC)[:50]}, PUBLIC))) == 10


async def test_private_networks_when_listed() -> None:
    """OB-08: `delivery.private_networks`."""
    dns = FakeDns({"b.example": ["mx.b.example"]}, {"mx.b.example": ["10.1.2.3", "127.0.0.1"]})
    (hop,) = await hops(dns, settings={"private_networks": ["127.0.0.0/8"]})
    assert hop.addresses == ("127.0.0.1",)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("9.9.9.9", True),
        ("2620:fe::fe", True),
        ("127.0.0.1", False),
        ("0.1.2.3", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:9.9.9.9", True),
        ("::127.0.0.1", False),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::9.9.9.9", True),
        ("64:ff9b:1::9.9.9.9", False),
        ("2002:7f00:1::1", False),
        ("2002:909:909::1", True),
        ("fec0::1", False),
    ],
)
def test_private_addresses(address: str, allowed: bool) -> None:
    """OB-08: what a name in public DNS must not make us talk to, in IPv6 clothes too."""
    assert is_allowed(address, ()) is allowed


@pytest.mark.parametrize(
    ("address", "network"),
    [("10.0.0.1", "10.0.0.0/8"), ("64:ff9b::10.0.0.1", "10.0.0.0/8"), ("64:ff9b:1::9.9.9.9", "64:ff9b:1::/48")],
)
def test_private_addresses_that_are_listed(address: str, network: str) -> None:
    """OB-08: a translator of the site is listed as it stands, what it leads to by its own network."""
    assert is_allowed(address, (ipaddress.ip_network(network),))
    assert not is_allowed(address, (ipaddress.ip_network("192.168.0.0/16"),))


ROUTES = [
    {"domain": "b.example", "host": "mx9.b.example", "port": 2525, "tls": "opportunistic"},
    {"domain": "*.b.example", "host": "mx8.b.example"},
    {"domain": "*.x.b.example", "host": "mx7.b.example"},
    {"domain": "c.example", "port": 26},
]


@pytest.mark.parametrize(
    ("domain", "host", "port", "level"),
    [
        ("b.example", "mx9.b.example", 2525, TlsLevel.NONE),
        ("x.b.example", "mx8.b.example", 25, TlsLevel.VERIFIED),
        ("y.x.b.example", "mx7.b.example", 25, TlsLevel.VERIFIED),
        ("c.example", "mx1.b.example", 26, TlsLevel.VERIFIED),
        ("ab.example", "mx2.b.example", 25, TlsLevel.NONE),
    ],
)
async def test_routes(domain: str, host: str, port: int, level: TlsLevel) -> None:
    """`[[delivery.route]]`: the domain's own, else the longest pattern; without a host only port and level."""
    dns = FakeDns({"c.example": ["mx1.b.example"], "ab.example": ["mx2.b.example"]}, PUBLIC)
    (hop,) = await hops(dns, domain, settings={"route": ROUTES})
    assert (hop.host, hop.port, hop.tls.route_level) == (host, port, level)
    assert hop.tls.is_vouched is (host in {"mx7.b.example", "mx8.b.example", "mx9.b.example"})


async def test_a_route_holds_for_every_mx() -> None:
    """TL-06: killing the first MX gets nobody past what the route asks."""
    dns = FakeDns({"c.example": ["mx1.b.example", "mx2.b.example", "mx3.b.example"]}, PUBLIC)
    found = await hops(dns, "c.example", settings={"route": ROUTES})
    assert [(hop.port, hop.tls.route_level) for hop in found] == [(26, TlsLevel.VERIFIED)] * 3


async def test_smart_host_for_all_without_a_route() -> None:
    """`delivery.smart_host`; a route to a host of its own goes before."""
    settings: Mapping[str, object] = {"smart_host": "mx5.b.example:587", "smart_host_attested": True, "route": ROUTES}
    (hop,) = await hops(FakeDns({}, PUBLIC), "d.example", settings=settings)
    assert (hop.host, hop.port) == ("mx5.b.example", 587)
    assert hop.tls == HopTls(is_vouched=True, is_smart_host=True, is_attested=True)
    (hop,) = await hops(FakeDns({}, PUBLIC), "b.example", settings=settings)
    assert hop.host == "mx9.b.example"


OURS: Sequence[Mapping[str, object]] = (
    {
        "name": "a.example",
        "smart_host": "mx6.b.example:465",
        "smart_host_login": "clinic",
        "smart_host_password_file": "/etc/mailward/password",
    },
    {"name": "c.example"},
)


@pytest.mark.parametrize(
    ("home", "domain", "host"),
    [
        ("a.example", "d.example", "mx6.b.example"),
        ("c.example", "d.example", "mx5.b.example"),
        ("", "d.example", "mx5.b.example"),
        ("a.example", "b.example", "mx9.b.example"),
    ],
    ids=["its own", "the one for all", "nobody's", "a route's host goes before"],
)
async def test_smart_host_of_the_domain_that_sends(home: str, domain: str, host: str) -> None:
    """`[[domain]] smart_host`: the clinic that has to leave through its provider."""
    settings: Mapping[str, object] = {"smart_host": "mx5.b.example:587", "smart_host_attested": True, "route": ROUTES}
    (hop,) = await hops(FakeDns({}, PUBLIC), domain, settings=settings, home=home, ours=OURS)
    assert hop.host == host
    is_own = host == "mx6.b.example"
    identity = Identity(login="clinic", password_file=Path("/etc/mailward/password"))
    assert hop.identity == (identity if is_own else None)
    assert hop.tls.is_known is is_own
    assert not (is_own and hop.tls.is_attested), "nobody vouches for the clinic's provider because of the general one"


async def test_inbound_host_goes_before_everything() -> None:
    """`domain.inbound`."""
    (hop,) = await hops(FakeDns({}, PUBLIC), via=HostPort("9.9.9.9", 25), settings={"route": ROUTES})
    assert (hop.host, hop.addresses) == ("9.9.9.9", ("9.9.9.9",))


@pytest.mark.parametrize(("host", "why"), [("10.0.0.1", "private_networks"), ("none.a.example", "no address")])
async def test_mistakes_in_the_configuration_defer(host: str, why: str) -> None:
    """An operator's mistake does not bounce a day's mail."""
    (hop,) = await hops(FakeDns(), via=HostPort(host, 25))
    assert (hop.addresses, hop.trouble[:9]) == ((), "451 4.4.4")
    assert why in hop.trouble


async def test_null_mx_beside_others_is_ignored() -> None:
    """RFC 7505 3: a null MX stands alone; beside others it says nothing."""
    dns = FakeDns({"b.example": [(0, ""), (10, "mx1.b.example")]}, PUBLIC)
    assert [hop.host for hop in await hops(dns)] == ["mx1.b.example"]


def test_mx_sorts_by_preference() -> None:
    assert min(Mx(20, "a"), Mx(10, "b")) == Mx(10, "b")
