"""What reaches other people's hosts, put together as the gateway does it."""

import pytest

from gateway.daemon.outbound import build_outbound
from tests.gateway.config.samples import settings as plain_settings
from tests.gateway.delivery.test_lookup import serving_at
from tls.dnssec.lookup import DnssecResolver
from tls.dnssec.verify import ResolverVerdict
from tls.mta_sts.cache import MemoryCache

MX = "b.example. MX"


async def test_an_ad_of_bad_times_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """TL-25: MX records that a resolver vouched for while it failed its test vouch for no host once it passes."""
    verdicts = [ResolverVerdict.NOT_VALIDATING, ResolverVerdict.VALIDATING]
    told: list[ResolverVerdict] = []

    async def self_test(_resolver: DnssecResolver) -> ResolverVerdict:
        return verdicts.pop(0)

    async def tell(verdict: ResolverVerdict) -> None:
        told.append(verdict)

    monkeypatch.setattr(DnssecResolver, "self_test", self_test)
    async with serving_at() as (port, zone):
        settings = plain_settings(f'[dns]\nresolvers = ["127.0.0.1:{port}"]\ntrust_ad = true\n')
        outbound = build_outbound(settings, MemoryCache(), told=tell)
        assert outbound.self_test is not None
        await outbound.self_test.once()
        for _ in range(2):
            assert (await outbound.router.hops("b.example"))[0].is_mx_signed
        assert zone.asked.count(MX) == 1
        await outbound.self_test.once()
        await outbound.router.hops("b.example")
        assert zone.asked.count(MX) == 2
    assert told == [ResolverVerdict.NOT_VALIDATING, ResolverVerdict.VALIDATING]
