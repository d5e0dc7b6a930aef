"""Which hosts a policy lists, and when a cached one is used, refreshed or replaced."""

from datetime import UTC, datetime, timedelta

import pytest

from tls.mta_sts.parse import Mode, StsPolicy
from tls.mta_sts.trouble import Trouble
from tls.mta_sts.verify import NO_STS, Announced, CachedPolicy, Failed, Plan, Sts, known, lists, plan, settle

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK_S = 604_800
ENFORCE = StsPolicy(mode=Mode.ENFORCE, max_age_s=WEEK_S, mx=("mx.b.example", "*.pool.example"))
NONE = StsPolicy(mode=Mode.NONE, max_age_s=WEEK_S)


def cached(age: timedelta, *, id_: str = "1", policy: StsPolicy = ENFORCE) -> CachedPolicy:
    return CachedPolicy(domain="b.example", id=id_, policy=policy, fetched_at=NOW - age)


def failed(age: timedelta, *, id_: str = "1") -> Failed:
    return Failed(id=id_, at=NOW - age, trouble=Trouble.FETCH)


@pytest.mark.parametrize(
    ("host", "is_listed"),
    [
        ("mx.b.example", True),
        ("mx2.b.example", False),
        ("b.example", False),
        ("x.mx.b.example", False),
        ("a.pool.example", True),
        ("a.b.pool.example", False),
        ("pool.example", False),
        (".pool.example", False),
        ("xpool.example", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_listed(host: str, is_listed: bool) -> None:
    """TL-10, RFC 8461 4.1: a wildcard is the whole left-most label, and one label only."""
    assert lists(ENFORCE, host) is is_listed


@pytest.mark.parametrize(
    ("kept", "seen", "last", "expected"),
    [
        (None, Announced(), None, Plan.USE),
        (None, Announced(trouble=Trouble.RECORD), None, Plan.USE),
        (None, Announced(id="1"), None, Plan.FETCH),
        (None, Announced(id="1"), failed(HOUR), Plan.FETCH),
        (None, Announced(id="1"), failed(timedelta(minutes=1)), Plan.USE),
        (None, Announced(id="2"), failed(timedelta(minutes=1)), Plan.FETCH),
        (cached(HOUR), Announced(id="1"), None, Plan.USE),
        (cached(HOUR), Announced(id="2"), None, Plan.FETCH),
        (cached(HOUR), Announced(id="2"), failed(timedelta(minutes=1), id_="2"), Plan.USE),
        (cached(HOUR), Announced(), None, Plan.USE),
        (cached(HOUR), Announced(trouble=Trouble.RECORD), None, Plan.USE),
        (cached(25 * HOUR), Announced(id="1"), None, Plan.FETCH),
        (cached(25 * HOUR), Announced(), None, Plan.FETCH),
        (cached(25 * HOUR), Announced(trouble=Trouble.RECORD), None, Plan.FETCH),
        (cached(25 * HOUR), Announced(id="1"), failed(timedelta(minutes=1)), Plan.USE),
        (cached(8 * 24 * HOUR), Announced(), None, Plan.USE),
        (cached(8 * 24 * HOUR), Announced(id="1"), None, Plan.FETCH),
        (cached(-HOUR), Announced(id="1"), None, Plan.USE),
    ],
)
def test_plan(kept: CachedPolicy | None, seen: Announced, last: Failed | None, expected: Plan) -> None:
    """TL-15, RFC 8461 3.3: a new id at once, a known one once a day, a failed one not within five minutes."""
    assert plan(kept, seen, last, now=NOW) is expected


def test_a_short_life_is_refreshed_half_way() -> None:
    short = StsPolicy(mode=Mode.ENFORCE, max_age_s=3600, mx=("mx.b.example",))
    assert plan(cached(timedelta(minutes=29), policy=short), Announced(id="1"), None, now=NOW) is Plan.USE
    assert plan(cached(timedelta(minutes=31), policy=short), Announced(id="1"), None, now=NOW) is Plan.FETCH


@pytest.mark.parametrize(
    ("kept", "seen", "last", "expected"),
    [
        (None, Announced(), None, NO_STS),
        (None, Announced(trouble=Trouble.RECORD), None, Sts(trouble=Trouble.RECORD)),
        (None, Announced(id="1"), failed(HOUR), Sts(trouble=Trouble.FETCH)),
        (cached(HOUR), Announced(), None, Sts(policy=ENFORCE)),
        (cached(HOUR), Announced(trouble=Trouble.RECORD), None, Sts(policy=ENFORCE, trouble=Trouble.RECORD)),
        (cached(HOUR), Announced(id="2"), failed(HOUR, id_="2"), Sts(policy=ENFORCE, trouble=Trouble.FETCH)),
        (cached(HOUR, policy=NONE), Announced(id="1"), None, NO_STS),
        (cached(7 * 24 * HOUR), Announced(), None, NO_STS),
        (cached(7 * 24 * HOUR), Announced(id="1"), failed(HOUR), Sts(trouble=Trouble.FETCH)),
    ],
)
def test_known(kept: CachedPolicy | None, seen: Announced, last: Failed | None, expected: Sts) -> None:
    """TL-13: a cached policy is enforced to the end of its life, whatever is gone or down, and not a second longer."""
    assert known(kept, seen, last, now=NOW) == expected


def test_a_fetched_policy_replaces_the_cached_one() -> None:
    """TL-15: mode none is kept too, so that it ends an enforce of before."""
    assert settle("b.example", "2", NONE, now=NOW) == (cached(timedelta(0), id_="2", policy=NONE), NO_STS)
    assert settle("b.example", "2", ENFORCE, now=NOW)[1] == Sts(policy=ENFORCE)
