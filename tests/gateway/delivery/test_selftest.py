"""What follows from the resolver's self-test (TL-25), and that look-ups wait for it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from gateway.delivery.published import FRESH_S, Publications
from gateway.delivery.routes import Hop
from gateway.delivery.selftest import SelfTest
from tests.tls.fake_dns import FakeDns
from tests.tls.pki import LEAF
from tls.dane.verify import DaneState
from tls.dnssec.verify import ResolverVerdict
from tls.lookup import TlsPolicies
from tls.mta_sts.cache import MemoryCache
from tls.mta_sts.lookup import StsPolicies
from tls.mta_sts.parse import Mode, StsPolicy
from tls.requirement import HopTls

GOOD, SILENT, NO_AD, BAD = (
    ResolverVerdict.VALIDATING,
    ResolverVerdict.UNREACHABLE,
    ResolverVerdict.NO_AD,
    ResolverVerdict.NOT_VALIDATING,
)
HOST = "mx.b.example"
HOP = Hop(host=HOST, port=25, tls=HopTls(), is_mx_signed=True)


class Dns(FakeDns):
    """A signed zone with DANE, behind a resolver whose tests come out as listed."""

    def __init__(self, *verdicts: ResolverVerdict) -> None:
        record = bytes((3, 1, 1)) + LEAF.tlsa(3, 1, 1).data
        super().__init__({f"{HOST} A": ["9.9.9.9"], f"_25._tcp.{HOST} TLSA": [record]}, signed=["b.example"])
        self.verdicts = list(verdicts)

    def trust_again(self) -> None:
        self.is_ad_trusted = True

    def stop_trusting(self) -> None:
        self.is_ad_trusted = False

    async def self_test(self) -> ResolverVerdict:
        return self.verdicts.pop(0)

    async def fetch(self, domain: str) -> StsPolicy:
        return StsPolicy(mode=Mode.ENFORCE, max_age_s=86_400, mx=(HOST,))


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def world(*verdicts: ResolverVerdict) -> tuple[Dns, SelfTest, list[ResolverVerdict], Publications, Clock]:
    dns, told, clock = Dns(*verdicts), [], Clock()

    async def tell(verdict: ResolverVerdict) -> None:
        told.append(verdict)

    test = SelfTest(dns, told=tell)
    policies = TlsPolicies(dns, StsPolicies(dns, dns, MemoryCache(), clock=lambda: datetime.now(UTC)))
    return dns, test, told, Publications(policies, self_test=test, clock=clock), clock


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        ([GOOD], DaneState.USABLE),
        ([NO_AD], DaneState.NONE),
        ([BAD], DaneState.NONE),
        ([SILENT], DaneState.FAILED),
        ([GOOD, SILENT], DaneState.USABLE),
        ([GOOD, BAD], DaneState.NONE),
        ([GOOD, BAD, SILENT], DaneState.NONE),
        ([BAD, GOOD], DaneState.USABLE),
        ([SILENT, BAD], DaneState.NONE),
    ],
)
async def test_what_a_verdict_does(verdicts: Sequence[ResolverVerdict], state: DaneState) -> None:
    """TL-25: proved, AD counts; refuted, DANE is neither applied nor claimed; not known, the host is not used now."""
    _, test, told, publications, _ = world(*verdicts)
    for _ in verdicts:
        await test.once()
    found = await publications.of(HOP, "b.example")
    assert found.dane.state is state
    assert found.is_mx_signed is (state is DaneState.USABLE)
    assert told == list(verdicts)


@pytest.mark.parametrize("host", ["192.0.2.25", "2001:db8::25"])
async def test_an_address_waits_for_no_verdict(host: str) -> None:
    """TL-25: it has no TLSA records, so what the resolver is worth does not matter to it, before the test and after."""
    _, test, _, publications, _ = world(SILENT)
    hop = Hop(host=host, port=25, tls=HopTls(is_vouched=True))
    async with asyncio.timeout(1):
        before = await publications.of(hop, "b.example")
    await test.once()
    assert [before.dane.state, (await publications.of(hop, "b.example")).dane.state] == [DaneState.NONE] * 2


async def test_a_verdict_is_told_once() -> None:
    """A resolver that stays broken is one alarm, not one every half minute."""
    _, test, told, _, _ = world(BAD, BAD, GOOD, BAD)
    for _ in range(4):
        await test.once()
    assert told == [BAD, GOOD, BAD]


async def test_the_first_lookup_waits_for_the_test() -> None:
    """Mail that is due at the start is not deferred for a test that takes a moment."""
    dns, test, _, publications, _ = world(GOOD)
    looking = asyncio.create_task(publications.of(HOP, "b.example"))
    await asyncio.sleep(0)
    assert (looking.done(), dns.asked) == (False, [])
    await test.once()
    assert (await looking).dane.state is DaneState.USABLE


async def test_answers_are_fresh_for_seconds() -> None:
    """RFC 8461 5.1: a newer policy is looked for before mail fails by the old one."""
    dns, test, _, publications, clock = world(GOOD)
    await test.once()
    for moment_s, times in ((0.0, 1), (FRESH_S - 1, 1), (FRESH_S + 1, 2)):
        clock.now_s = moment_s
        await publications.of(HOP, "b.example")
        assert dns.asked.count("_mta-sts.b.example TXT") == times


async def test_one_who_leaves_takes_nothing_from_the_others() -> None:
    """A delivery that is cancelled ends no look-up that others wait for."""
    dns, test, _, publications, _ = world(GOOD)
    await test.once()
    first, second = (asyncio.create_task(publications.of(HOP, "b.example")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).dane.state is DaneState.USABLE
    assert dns.asked.count("_mta-sts.b.example TXT") == 1


async def test_a_lookup_that_fails_is_not_kept() -> None:
    """A store that is sick for a moment: the next message asks again."""
    dns, test, _, publications, _ = world(GOOD)
    await test.once()
    dns.records["_mta-sts.b.example TXT"] = [b"v=STSv1; id=1;"]
    working = dns.fetch

    async def broken(domain: str) -> StsPolicy:
        raise RuntimeError("the store is sick")

    dns.fetch = broken  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        await publications.of(HOP, "b.example")
    dns.fetch = working  # type: ignore[method-assign]
    assert (await publications.of(HOP, "b.example")).is_listed
