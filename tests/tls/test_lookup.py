"""What a domain and its hosts publish, brought together, with and without a resolver that is trusted."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.tls.fake_dns import FakeDns
from tests.tls.pki import LEAF
from tls.dane.verify import DaneState
from tls.errors import FetchError
from tls.levels import Proof, TlsLevel
from tls.lookup import TlsPolicies
from tls.mta_sts.cache import MemoryCache
from tls.mta_sts.lookup import StsPolicies
from tls.mta_sts.parse import Mode, StsPolicy
from tls.mta_sts.trouble import Trouble
from tls.mta_sts.verify import Sts
from tls.published import Published
from tls.requirement import HopTls, Needs, requirement

HOST = "mx.b.example"
POLICY = StsPolicy(mode=Mode.ENFORCE, max_age_s=86_400, mx=(HOST,))
RECORDS: dict[str, Sequence[Any]] = {
    "_mta-sts.b.example TXT": [b"v=STSv1; id=1;"],
    f"{HOST} A": ["9.9.9.9"],
    f"_25._tcp.{HOST} TLSA": [bytes((3, 1, 1)) + LEAF.tlsa(3, 1, 1).data],
}


class Host:
    """A policy host made of data."""

    async def fetch(self, domain: str) -> StsPolicy:
        if domain == "b.example":
            return POLICY
        raise FetchError("no such host", Trouble.FETCH)


def policies(dns: FakeDns) -> TlsPolicies:
    return TlsPolicies(dns, StsPolicies(dns, Host(), MemoryCache(), clock=lambda: datetime.now(UTC)))


async def test_both() -> None:
    dns = FakeDns(RECORDS, signed=["b.example"])
    asked = policies(dns)
    sts = await asked.domain("b.example")
    assert sts == Sts(policy=POLICY)
    found = await asked.host(HOST, 25, domain="b.example", is_mx_signed=True, sts=sts)
    assert (found.dane.state, found.dane.names) == (DaneState.USABLE, (HOST, "b.example"))
    assert found.is_proved_by_dane


async def test_an_unsigned_mx_lends_its_domain_no_name() -> None:
    """TL-24: who forges the MX would otherwise bring a certificate for the domain of a host of their own."""
    found = await policies(FakeDns(RECORDS, signed=["b.example"])).host(HOST, 25, domain="b.example")
    assert found.dane.names == (HOST,)
    assert not found.is_vouched


@pytest.mark.parametrize("is_mx_signed", [False, True])
async def test_a_resolver_that_is_not_trusted(is_mx_signed: bool) -> None:
    """TL-25: AD from just anybody: no DANE, no signed MX, and no TLSA record is asked for; MTA-STS stands."""
    dns = FakeDns(RECORDS, signed=["b.example"])
    dns.is_ad_trusted = False
    asked = policies(dns)
    sts = await asked.domain("b.example")
    found = await asked.host(HOST, 25, domain="b.example", is_mx_signed=is_mx_signed, sts=sts)
    assert found == Published(host=HOST, sts=sts)
    assert not any(key.endswith("TLSA") for key in dns.asked)
    needed = requirement(Needs(level=TlsLevel.NONE), HopTls(published=found))
    assert needed.proofs == {Proof.WEBPKI}


@pytest.mark.parametrize("host", ["9.9.9.9", "2620:fe::9"])
async def test_an_address_publishes_nothing(host: str) -> None:
    """A next hop of the configuration may be one; DNS is not asked, so it cannot fail."""
    dns = FakeDns(failed=[f"{host} A", f"{host} AAAA"])
    assert await policies(dns).host(host, 25) == Published(host=host)
    assert dns.asked == []


async def test_a_forged_mx() -> None:
    """An attacker answers MX with a host of their own, signed and with TLSA records: the policy does not list it."""
    evil = {"mx.evil.example A": ["9.9.9.9"], "_25._tcp.mx.evil.example TLSA": RECORDS[f"_25._tcp.{HOST} TLSA"]}
    asked = policies(FakeDns(RECORDS | evil, signed=["evil.example"]))
    sts = await asked.domain("b.example")
    found = await asked.host("mx.evil.example", 25, domain="b.example", sts=sts)
    assert found.dane.state is DaneState.USABLE
    needed = requirement(Needs(level=TlsLevel.NONE), HopTls(published=found))
    assert needed.refusal is not None
