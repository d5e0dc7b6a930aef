"""MTA-STS policies outlive the process: the cache is on disk, on every engine."""

from dataclasses import replace
from datetime import timedelta

from gateway.store.store import Store
from gateway.store.sts import StoredPolicies
from tests.gateway.store.homes import Home
from tests.gateway.store.parts import NOW
from tls.mta_sts.parse import Mode, StsPolicy
from tls.mta_sts.verify import CachedPolicy

DAY = timedelta(days=1)
POLICY = StsPolicy(mode=Mode.ENFORCE, max_age_s=604_800, mx=("mx.b.example", "*.mail.b.example"))
CACHED = CachedPolicy(domain="b.example", id="20260101", policy=POLICY, fetched_at=NOW)


async def test_a_policy_survives_a_restart(store: Store, home: Home) -> None:
    """TL-16: what was fetched is there for the next process, to the letter."""
    assert await StoredPolicies(store).get("b.example") is None
    await StoredPolicies(store).put(CACHED)
    await store.close()
    again = await home.open()
    assert await StoredPolicies(again).get("b.example") == CACHED
    await again.close()


async def test_the_newer_policy_takes_the_place(store: Store) -> None:
    """TL-15: one policy a domain; mode none too, because it ends an older one."""
    policies = StoredPolicies(store)
    newer = replace(CACHED, id="2", policy=StsPolicy(mode=Mode.NONE, max_age_s=86_400), fetched_at=NOW + DAY)
    await policies.put(CACHED)
    await policies.put(newer)
    assert await policies.get("b.example") == newer


async def test_what_has_expired_goes(store: Store) -> None:
    """The table grows with the domains that publish something, not with those that ever did."""
    policies = StoredPolicies(store)
    await policies.put(CACHED)
    await policies.put(replace(CACHED, domain="c.example", fetched_at=NOW + 6 * DAY))
    assert await policies.get("b.example") == CACHED
    await policies.put(replace(CACHED, domain="d.example", fetched_at=NOW + 8 * DAY))
    assert await policies.get("b.example") is None
    assert await policies.get("c.example") is not None
