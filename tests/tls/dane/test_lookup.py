"""Where TLSA records are looked for, and when their answer counts."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.tls.fake_dns import FakeDns
from tests.tls.pki import LEAF
from tls.dane.lookup import find_dane
from tls.dane.verify import DaneState

Records = dict[str, Sequence[Any]]
RECORD = LEAF.tlsa(3, 1, 1)
WIRE = (bytes((3, 1, 1)) + RECORD.data,)
UNUSABLE = (bytes((0, 0, 1)) + RECORD.data, bytes((3, 1, 9)) + RECORD.data)
MX, POOL = "mx.b.example", "pool.c.example"
ADDRESS: Records = {f"{MX} A": ["9.9.9.9"]}
ALIAS: Records = {f"{MX} CNAME": [POOL], f"{POOL} A": ["9.9.9.9"]}
AT_MX: Records = {f"_25._tcp.{MX} TLSA": WIRE}
AT_POOL: Records = {f"_25._tcp.{POOL} TLSA": WIRE}


async def test_usable_records() -> None:
    """TL-20, RFC 7672 3.2.2: the base domain, and with a signed MX the domain itself, are names that may be there."""
    dns = FakeDns(ADDRESS | AT_MX, signed=["b.example"])
    found = await find_dane(dns, MX, next_hops=("b.example",))
    assert (found.state, found.base, found.names) == (DaneState.USABLE, MX, (MX, "b.example"))
    assert found.records == (RECORD,)


async def test_port() -> None:
    """RFC 6698 3."""
    dns = FakeDns(ADDRESS | {f"_587._tcp.{MX} TLSA": WIRE}, signed=["b.example"])
    assert (await find_dane(dns, MX, 587)).state is DaneState.USABLE
    assert (await find_dane(dns, MX)).state is DaneState.NONE


async def test_unusable_records() -> None:
    """TL-22, RFC 7672 2.2: TLS without authentication."""
    dns = FakeDns(ADDRESS | {f"_25._tcp.{MX} TLSA": UNUSABLE}, signed=["b.example"])
    found = await find_dane(dns, MX)
    assert (found.state, found.records) == (DaneState.UNUSABLE, ())


@pytest.mark.parametrize(
    "failed",
    [[f"_25._tcp.{MX} TLSA"], [f"{MX} A", f"{MX} AAAA"], [f"{MX} A"]],
)
async def test_failure(failed: list[str]) -> None:
    """TL-23: SERVFAIL, bogus or timeout: the host is not used now."""
    dns = FakeDns(ADDRESS | AT_MX, signed=["b.example"], failed=failed)
    assert (await find_dane(dns, MX)).state is DaneState.FAILED


async def test_one_family_is_enough() -> None:
    dns = FakeDns(ADDRESS | AT_MX, signed=["b.example"], failed=[f"{MX} AAAA"])
    assert (await find_dane(dns, MX)).state is DaneState.USABLE


async def test_insecure_address() -> None:
    """TL-24, RFC 7672 2.1.3: not applied, not claimed, not even asked for."""
    dns = FakeDns(ADDRESS | AT_MX, signed=["_25._tcp.mx.b.example"])
    found = await find_dane(dns, MX)
    assert (found.state, found.records) == (DaneState.NONE, ())
    assert not any(key.endswith("TLSA") for key in dns.asked)


async def test_insecure_records() -> None:
    """TL-24: a signed host below which the records are not."""
    dns = FakeDns(ADDRESS | AT_MX, signed=["b.example"], unsigned=["_tcp.mx.b.example"])
    found = await find_dane(dns, MX)
    assert (found.state, found.records) == (DaneState.NONE, ())
    assert "not signed" in found.why


async def test_no_address_and_no_records() -> None:
    assert (await find_dane(FakeDns(AT_MX, signed=["b.example"]), MX)).state is DaneState.NONE
    assert (await find_dane(FakeDns(ADDRESS, signed=["b.example"]), MX)).state is DaneState.NONE


@pytest.mark.parametrize(
    ("records", "signed", "base", "why"),
    [
        (ALIAS | AT_POOL | AT_MX, ["b.example", "c.example"], POOL, "the end of the chain first"),
        (ALIAS | AT_MX, ["b.example", "c.example"], MX, "then its beginning"),
        (ALIAS | AT_MX, ["b.example"], MX, "a signed alias into an unsigned zone: its beginning only"),
        (ALIAS | AT_POOL, ["b.example"], "", "never in the unsigned zone"),
        (ALIAS | AT_POOL | AT_MX, ["c.example"], "", "an unsigned alias could lead anywhere"),
        (ALIAS | AT_MX, ["_tcp.mx.b.example"], "", "signed records of an unsigned alias"),
        (ALIAS | AT_POOL | AT_MX, [], "", "nothing signed"),
        (ALIAS, ["b.example", "c.example"], "", "no records"),
    ],
)
async def test_alias(records: Records, signed: list[str], base: str, why: str) -> None:
    """TL-24, RFC 7672 2.2.2: CNAMEs."""
    found = await find_dane(FakeDns(records, signed=signed), MX)
    assert found.base == base
    assert found.state is (DaneState.USABLE if base else DaneState.NONE)


@pytest.mark.parametrize("failed", [f"{MX} CNAME", f"_25._tcp.{MX} TLSA"])
async def test_failure_behind_an_alias(failed: str) -> None:
    """TL-23."""
    dns = FakeDns(ALIAS | AT_MX, signed=["b.example"], failed=[failed])
    assert (await find_dane(dns, MX)).state is DaneState.FAILED


async def test_a_failure_at_the_end_of_the_chain_is_not_passed_over() -> None:
    """TL-23: blocking one base domain must not lead to the other."""
    dns = FakeDns(ALIAS | AT_MX, signed=["b.example", "c.example"], failed=[f"_25._tcp.{POOL} TLSA"])
    assert (await find_dane(dns, MX)).state is DaneState.FAILED
