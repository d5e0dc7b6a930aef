"""The resolver against a DNS server on loopback that answers from data."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from gateway.config.values import HostPort
from gateway.delivery.lookup import CACHE_SIZE, AliasLoop, DnsResolver, DnsTrouble, Kept, Mx, MxRecords, NoSuchDomain

ZONE: Mapping[str, Sequence[str]] = {
    "b.example. MX": ["b.example. 60 IN MX 10 MX1.b.example.", "b.example. 60 IN MX 20 mx2.b.example."],
    "null.example. MX": ["null.example. 60 IN MX 0 ."],
    "alias.example. MX": ["alias.example. 60 IN CNAME b.example.", "b.example. 60 IN MX 5 mx1.b.example."],
    "loop.example. MX": ["loop.example. 60 IN CNAME pool.example.", "pool.example. 60 IN CNAME loop.example."],
    "mx1.b.example. A": ["mx1.b.example. 60 IN A 9.9.9.9"],
    "mx1.b.example. AAAA": ["mx1.b.example. 60 IN AAAA 2620:fe::9"],
    "half.example. A": ["half.example. 60 IN A 9.9.9.9"],
    "four.example. A": ["four.example. 60 IN A 9.9.9.9"],
    "late.example. AAAA": [],
    "empty.example. MX": [],
    "empty.example. A": [],
    "empty.example. AAAA": [],
}
BROKEN = (
    "broken.example. MX",
    "broken.example. A",
    "broken.example. AAAA",
    "half.example. AAAA",
    "late.example. A",
    "lame.example. A",
)
SILENT = "silent.example."


class Zone(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.asked: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        key = f"{question.name} {question.rdtype.name}"
        self.asked.append(key)
        if key.startswith(SILENT):
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if key.startswith("b.example.") and query.flags & dns.flags.AD:  # RFC 6840 section 5.7: who asks is told
            response.flags |= dns.flags.AD
        if key in BROKEN:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif key in ZONE:
            for line in ZONE[key]:
                owner, ttl, kind, rdtype, *rest = line.split(" ")
                rrset = dns.rrset.from_text(owner, int(ttl), kind, rdtype, " ".join(rest))
                known = response.find_rrset(response.answer, rrset.name, rrset.rdclass, rrset.rdtype, create=True)
                for rdata in rrset:
                    known.add(rdata, int(ttl))
        else:
            response.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(response.to_wire(), addr)


@asynccontextmanager
async def serving_at() -> AsyncIterator[tuple[int, Zone]]:
    """The zone on loopback, and its port."""
    transport, zone = await asyncio.get_running_loop().create_datagram_endpoint(Zone, local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1], zone
    finally:
        transport.close()


@asynccontextmanager
async def serving(lifetime_s: float = 5) -> AsyncIterator[tuple[DnsResolver, Zone]]:
    async with serving_at() as (port, zone):
        yield DnsResolver([HostPort("127.0.0.1", port)], lifetime_s=lifetime_s), zone


async def test_mx() -> None:
    """Names in lower case without the dot; aliases followed; the null MX as the empty name."""
    async with serving() as (resolver, _):
        assert set((await resolver.mx("b.example")).records) == {Mx(10, "mx1.b.example"), Mx(20, "mx2.b.example")}
        assert await resolver.mx("null.example") == MxRecords((Mx(0, ""),))
        assert await resolver.mx("alias.example") == MxRecords((Mx(5, "mx1.b.example"),))


async def test_mx_with_ad() -> None:
    """TL-24: the flag as it came; what it is worth is decided elsewhere."""
    async with serving() as (resolver, _):
        assert [(await resolver.mx(f"{name}.example")).has_ad for name in ("b", "b", "alias", "empty")] == [
            True, True, False, False,
        ]  # fmt: skip


async def test_addresses_ipv6_first() -> None:
    async with serving() as (resolver, _):
        assert await resolver.addresses("mx1.b.example") == ("2620:fe::9", "9.9.9.9")


async def test_nodata_is_no_error() -> None:
    """OB-09."""
    async with serving() as (resolver, _):
        assert await resolver.mx("empty.example") == MxRecords()
        assert await resolver.addresses("empty.example") == ()


@pytest.mark.parametrize(
    ("name", "error"), [("none.example", NoSuchDomain), ("broken.example", DnsTrouble), ("loop.example", AliasLoop)]
)
async def test_what_dns_says_instead(name: str, error: type[Exception]) -> None:
    """OB-08, OB-09: NXDOMAIN, SERVFAIL and a loop are three different things."""
    async with serving() as (resolver, _):
        with pytest.raises(error):
            await resolver.mx(name)


async def test_silence_is_an_outage() -> None:
    """OB-09: never a bounce."""
    async with serving(lifetime_s=0.1) as (resolver, _):
        with pytest.raises(DnsTrouble, match="in time"):
            await resolver.mx("silent.example")


@pytest.mark.parametrize("name", ["broken.example", "late.example", "lame.example"])
async def test_addresses_that_nobody_knows(name: str) -> None:
    """OB-09: SERVFAIL for A is an outage, whatever is said of AAAA: the same, no such record, no such name."""
    async with serving() as (resolver, _):
        for _ in range(2):
            with pytest.raises(DnsTrouble):
                await resolver.addresses(name)


@pytest.mark.parametrize("error", [OSError, dns.exception.FormError, dns.exception.DNSException])
async def test_what_breaks_on_our_side_is_an_outage(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """OB-09: never a bounce."""

    async def breaks(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(dns.asyncresolver.Resolver, "resolve", breaks)
    resolver = DnsResolver([HostPort("127.0.0.1", 53)])
    with pytest.raises(DnsTrouble):
        await resolver.mx("b.example")
    with pytest.raises(DnsTrouble):
        await resolver.addresses("mx1.b.example")


async def test_one_family_is_enough() -> None:
    """OB-09: a broken AAAA does not hide the A record, nor does one that denies the name, now or at the next look."""
    async with serving() as (resolver, _):
        for _ in range(2):
            assert await resolver.addresses("half.example") == ("9.9.9.9",)
            assert await resolver.addresses("four.example") == ("9.9.9.9",)


async def test_answers_are_kept_for_their_time() -> None:
    """One question for one name while its TTL lasts, also when the answer was no."""
    async with serving() as (resolver, zone):
        for _ in range(2):
            await resolver.mx("b.example")
            await resolver.addresses("mx1.b.example")
            with pytest.raises(NoSuchDomain):
                await resolver.mx("none.example")
        assert zone.asked.count("b.example. MX") == 1
        assert zone.asked.count("mx1.b.example. A") == 1


def test_what_is_kept_ends() -> None:
    """A value goes at its time, and the oldest when there are too many: memory is bounded."""
    kept: Kept[str] = Kept()
    kept.put("gone.example", "old", time.time() - 1)
    assert kept.get("gone.example") is None
    for number in range(CACHE_SIZE):
        kept.put(f"{number}.example", "value", time.time() + 60)
    assert kept.get("0.example") == "value"
    kept.put("last.example", "value", time.time() + 60)
    assert kept.get("0.example") is None
    assert kept.get("last.example") == "value"
