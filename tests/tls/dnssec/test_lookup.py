"""A resolver that an attacker runs, and one that is not there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tls.dnssec.answers import State
from tls.dnssec.lookup import DnssecResolver
from tls.dnssec.verify import ResolverVerdict


class Liar(asyncio.DatagramProtocol):
    """Answers every question for an address with one of its own, and sets AD or not, whether it was asked or not.

    refused: names it says SERVFAIL to. kept: what it does not answer at all.
    """

    def __init__(self, *, sets_ad: bool, refused: str = "", kept: str = "") -> None:
        self.sets_ad, self._refused, self.kept = sets_ad, refused, kept
        self.queries: list[dns.message.Message] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        self.queries.append(query)
        name = query.question[0].name.to_text()
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA | (dns.flags.AD if self.sets_ad else 0)
        if self.kept and name.startswith(self.kept):
            return
        if self._refused and name.startswith(self._refused):
            response.set_rcode(dns.rcode.SERVFAIL)
        elif name.startswith("nobody"):
            response.set_rcode(dns.rcode.NXDOMAIN)
        else:
            kind = query.question[0].rdtype.name
            content = {"A": "6.6.6.6", "AAAA": "2001:db8::6", "TXT": '"x"', "MX": "10 evil.example."}.get(kind, "evil.")
            response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, content))
        self._transport.sendto(response.to_wire(), addr)


@asynccontextmanager
async def listening(liar: Liar) -> AsyncIterator[int]:
    """Yields: its port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: liar, local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


@asynccontextmanager
async def asking(liar: Liar, *, is_ad_trusted: bool = True) -> AsyncIterator[DnssecResolver]:
    async with listening(liar) as port:
        yield DnssecResolver([("127.0.0.1", port)], is_ad_trusted=is_ad_trusted, lifetime_s=0.15 if liar.kept else 5)


@pytest.mark.parametrize(
    ("liar", "verdict"),
    [
        (Liar(sets_ad=True), ResolverVerdict.NOT_VALIDATING),
        (Liar(sets_ad=False), ResolverVerdict.NOT_VALIDATING),
        (Liar(sets_ad=False, refused="bogus"), ResolverVerdict.NO_AD),
        (Liar(sets_ad=True, refused="bogus"), ResolverVerdict.VALIDATING),
        (Liar(sets_ad=True, kept="bogus"), ResolverVerdict.UNREACHABLE),
        (Liar(sets_ad=True, kept="signed"), ResolverVerdict.NOT_VALIDATING),
        (Liar(sets_ad=True, refused="bogus", kept="signed"), ResolverVerdict.UNREACHABLE),
    ],
)
async def test_self_test(liar: Liar, verdict: ResolverVerdict) -> None:
    """TL-25: a resolver that sets AD without validating is found by the name it must refuse."""
    async with asking(liar) as resolver:
        assert await resolver.self_test(bogus_name="bogus.example", signed_name="signed.example") is verdict


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        (Liar(sets_ad=True), ResolverVerdict.NOT_VALIDATING),
        (Liar(sets_ad=False, refused="bogus"), ResolverVerdict.NO_AD),
    ],
)
async def test_every_resolver_is_tested(other: Liar, verdict: ResolverVerdict) -> None:
    """TL-25: after a SERVFAIL or silence the next one is asked, so one that lies undoes one that validates."""
    good = Liar(sets_ad=True, refused="bogus")
    async with listening(good) as first, listening(other) as second:
        for order in ([first, second], [second, first]):
            both = DnssecResolver([("127.0.0.1", port) for port in order], is_ad_trusted=True, lifetime_s=5)
            assert await both.self_test(bogus_name="bogus.example", signed_name="signed.example") is verdict


async def test_a_later_test_is_not_answered_from_memory() -> None:
    """TL-25: the resolver may have been replaced since."""
    liar = Liar(sets_ad=True, refused="bogus")
    async with asking(liar) as resolver:
        verdicts = []
        for liar.sets_ad in (True, False):
            verdicts.append(await resolver.self_test(bogus_name="bogus.example", signed_name="signed.example"))
    assert verdicts == [ResolverVerdict.VALIDATING, ResolverVerdict.NO_AD]


async def test_ad_is_asked_for_and_believed_only_when_trusted() -> None:
    """TL-25, RFC 6840 5.7."""
    liar = Liar(sets_ad=True)
    async with asking(liar, is_ad_trusted=False) as resolver:
        assert not resolver.is_ad_trusted
        for found in (await resolver.mx("b.example"), await resolver.addresses("nobody.example")):
            assert not found.is_secure
    async with asking(liar) as resolver:
        assert (await resolver.mx("b.example")).is_secure
        assert (await resolver.addresses("nobody.example")).is_secure
    assert all(query.flags & dns.flags.AD for query in liar.queries)


async def test_no_ad_is_not_secure() -> None:
    async with asking(Liar(sets_ad=False)) as resolver:
        assert not (await resolver.mx("b.example")).is_secure


async def test_failures() -> None:
    """TL-23: SERVFAIL and silence are one thing, and no answer."""
    async with asking(Liar(sets_ad=True, refused="broken", kept="silent")) as resolver:
        for name in ("broken.example", "silent.example", "a..b.example", "x" * 64 + ".example"):
            found = await resolver.txt(name)
            assert (found.state, found.records, found.is_secure) == (State.FAILED, (), False)


async def test_answers_are_kept() -> None:
    liar = Liar(sets_ad=True)
    async with asking(liar) as resolver:
        assert [(await resolver.mx("b.example")).is_secure for _ in range(3)] == [True] * 3
        assert [(await resolver.mx("nobody.example")).is_secure for _ in range(2)] == [True] * 2
    assert len(liar.queries) <= 3


def test_whom_to_trust() -> None:
    """TL-25: resolv.conf may name anybody, and a name has to be looked up first."""
    with pytest.raises(ValueError, match=r"dns\.resolvers"):
        DnssecResolver([], is_ad_trusted=True)
    with pytest.raises(ValueError, match="localhost"):
        DnssecResolver([("localhost", 53)], is_ad_trusted=True)


async def test_an_ad_that_did_not_count_does_not_count_later() -> None:
    """TL-25: what a resolver said while its self-test failed is asked again once it has passed."""
    liar = Liar(sets_ad=True)
    async with asking(liar) as resolver:
        resolver.stop_trusting()
        assert not (await resolver.addresses("mx.b.example")).is_secure
        liar.sets_ad = False
        resolver.trust_again()
        assert not (await resolver.addresses("mx.b.example")).is_secure
        assert len(liar.queries) == 4
        resolver.trust_again()  # it passed again: what it said since may stay
        await resolver.addresses("mx.b.example")
        assert len(liar.queries) == 4
