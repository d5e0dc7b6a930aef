"""DNSSEC in the path: unbound validates zones signed at test time, and DANE is looked up through it."""

from collections.abc import Iterator

import pytest

from tests.tls.dnssec.signed_zones import unbound
from tests.tls.pki import LEAF, NOW
from tls.dane.lookup import find_dane
from tls.dane.verify import DaneState, match_chain
from tls.dnssec.answers import State
from tls.dnssec.lookup import DnssecResolver
from tls.dnssec.verify import ResolverVerdict

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with unbound(tmp_path_factory.mktemp("unbound")) as port:
        yield port


@pytest.fixture
def resolver(port: int) -> DnssecResolver:
    return DnssecResolver([("127.0.0.1", port)], is_ad_trusted=True)


async def test_answers(resolver: DnssecResolver) -> None:
    """Names in lower case without the dot; strings in one piece; the null MX as the empty name; AD as it is."""
    mx = await resolver.mx("signed.test")
    assert (set(mx.records), mx.is_secure) == ({(10, "mx.signed.test"), (20, "mx2.signed.test")}, True)
    assert (await resolver.mx("null.signed.test")).records == ((0, ""),)
    assert (await resolver.txt("text.signed.test")).records == (b"one string",)
    addresses = await resolver.addresses("alias.signed.test")
    assert (addresses.records, addresses.name) == (("2620:fe::9", "9.9.9.9"), "mx.signed.test")
    assert addresses.is_secure
    assert (await resolver.cname("away.signed.test")).records == ("mx.plain.test",)


async def test_denials(resolver: DnssecResolver) -> None:
    """That a name or a record does not exist is proved as well."""
    for name in ("nobody.signed.test", "text.signed.test"):
        found = await resolver.addresses(name)
        assert (found.state, found.is_secure) == (State.ABSENT, True)
    found = await resolver.addresses("nobody.plain.test")
    assert (found.state, found.is_secure) == (State.ABSENT, False)


async def test_unsigned_and_bogus(resolver: DnssecResolver) -> None:
    """TL-23: what does not validate is no answer at all."""
    plain = await resolver.mx("plain.test")
    assert (plain.state, plain.is_secure) == (State.FOUND, False)
    assert not (await resolver.addresses("away.signed.test")).is_secure
    bogus = await resolver.mx("bogus.test")
    assert (bogus.state, bogus.records) == (State.FAILED, ())


@pytest.mark.parametrize(
    ("host", "state", "base"),
    [
        ("mx.signed.test", DaneState.USABLE, "mx.signed.test"),
        ("alias.signed.test", DaneState.USABLE, "mx.signed.test"),
        ("away.signed.test", DaneState.USABLE, "away.signed.test"),
        ("mx.plain.test", DaneState.NONE, ""),
        ("alias.plain.test", DaneState.NONE, ""),
        ("mx.bogus.test", DaneState.FAILED, ""),
        ("astray.signed.test", DaneState.FAILED, ""),
        ("ns.signed.test", DaneState.NONE, ""),
    ],
)
async def test_dane(resolver: DnssecResolver, host: str, state: DaneState, base: str) -> None:
    """TL-20, TL-23, TL-24: signed, behind aliases into both kinds of zones, unsigned, forged, without records."""
    found = await find_dane(resolver, host)
    assert (found.state, found.base) == (state, base)
    assert (match_chain(found, LEAF.chain, now=NOW) is not None) is (state is DaneState.USABLE)


async def test_ad_counts_only_where_it_is_trusted(port: int) -> None:
    """TL-25: the same resolver, which sets AD, without `dns.trust_ad`; and after a self-test that failed."""
    untrusting = DnssecResolver([("127.0.0.1", port)], is_ad_trusted=False)
    assert not (await untrusting.mx("signed.test")).is_secure
    assert (await find_dane(untrusting, "mx.signed.test")).state is DaneState.NONE
    trusting = DnssecResolver([("127.0.0.1", port)], is_ad_trusted=True)
    trusting.stop_trusting()
    assert not (await trusting.mx("signed.test")).is_secure
    assert not (await trusting.addresses("nobody.signed.test")).is_secure


async def self_test(port: int, *, is_ad_trusted: bool = True) -> ResolverVerdict:
    resolver = DnssecResolver([("127.0.0.1", port)], is_ad_trusted=is_ad_trusted)
    return await resolver.self_test(bogus_name="mx.bogus.test", signed_name="mx.signed.test")


@pytest.mark.parametrize("is_ad_trusted", [False, True])
async def test_self_test(port: int, is_ad_trusted: bool) -> None:
    """TL-25: it asks what the resolver does, whether it is trusted or not."""
    assert await self_test(port, is_ad_trusted=is_ad_trusted) is ResolverVerdict.VALIDATING


async def test_self_test_of_a_resolver_that_does_not_validate(tmp_path_factory: pytest.TempPathFactory) -> None:
    """TL-25: the same zones, validation switched off: the forged one is answered."""
    with unbound(tmp_path_factory.mktemp("lax"), is_validating=False) as port:
        assert await self_test(port) is ResolverVerdict.NOT_VALIDATING
