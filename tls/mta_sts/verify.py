"""What MTA-STS comes to: which hosts a policy lists, when it has to be fetched, and what applies when that fails.

How this works: `plan` looks at what is cached and at the TXT record and says whether to fetch. `settle` takes what the
fetch brought. A cached policy ends by its own max_age or by a newer one, and by nothing else: not by a record that is
gone, not by a policy host that is silent, redirects, or has a bad certificate (RFC 8461 sections 3.1, 3.3 and 10.2).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from tls.mta_sts.parse import Mode, StsPolicy
from tls.mta_sts.trouble import Trouble

REFRESH: Final = timedelta(days=1)  # RFC 8461 section 3.3: before it expires, suggested once a day
PAUSE: Final = timedelta(minutes=5)  # RFC 8461 section 3.3: between attempts at an id that could not be fetched


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedPolicy:
    """What has to survive a restart: one row for each domain. id: of the TXT record it was fetched for.

    A table needs domain (key), id, fetched_at and `policy.text`, which `parse_policy` reads again.
    """

    domain: str  # A-label, lower case, no trailing dot
    id: str
    policy: StsPolicy
    fetched_at: datetime  # aware

    @property
    def expires_at(self) -> datetime:
        return self.fetched_at + timedelta(seconds=self.policy.max_age_s)

    @property
    def refresh_at(self) -> datetime:
        """A day after the fetch, or at half its life when that is shorter."""
        return self.fetched_at + min(REFRESH, timedelta(seconds=self.policy.max_age_s) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What the TXT record said. id: None when no policy is announced. trouble: no answer, so that nobody knows."""

    id: str | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A fetch that brought nothing: for which id, when, and why."""

    id: str
    at: datetime
    trouble: Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Sts:
    """What MTA-STS says of a domain now.

    policy: the one that applies, never of mode none; None: no policy binds. trouble: the live one is not at hand; with
    policy None nobody knows whether the domain has one: protected mail waits, other mail goes (RFC 8461 section 3.3).
    """

    policy: StsPolicy | None = None
    trouble: Trouble | None = None


NO_STS: Final = Sts()


class Plan(Enum):
    """What to do before a policy can be applied."""

    USE = auto()  # what is cached, or that there is none
    FETCH = auto()


def plan(cached: CachedPolicy | None, seen: Announced, last: Failed | None, *, now: datetime) -> Plan:
    """Decide whether to fetch.

    cached: None when nothing is. last: the latest fetch of this domain that failed.
    An announced id that is not the cached one is fetched at once; a known one when its refresh is due, then also where
    the record is gone, so that blocking DNS alone lets no policy expire.
    """
    fresh = _fresh(cached, now)
    wanted = seen.id or (fresh.id if fresh is not None else None)
    if wanted is None:
        return Plan.USE
    if fresh is not None and fresh.id == wanted and now < fresh.refresh_at:
        return Plan.USE
    if last is not None and last.id == wanted and now < last.at + PAUSE:
        return Plan.USE
    return Plan.FETCH


def known(cached: CachedPolicy | None, seen: Announced, last: Failed | None, *, now: datetime) -> Sts:
    """What applies without a fetch: the cached policy while it lives (RFC 8461 section 5.1)."""
    fresh = _fresh(cached, now)
    trouble = seen.trouble
    if seen.id is not None and last is not None and last.id == seen.id:
        trouble = last.trouble
    if fresh is None:
        return Sts(trouble=trouble)
    return _applied(fresh.policy, trouble)


def settle(domain: str, id_: str, fetched: StsPolicy, *, now: datetime) -> tuple[CachedPolicy, Sts]:
    """What a fetched policy comes to. Returns: what to keep (mode none too: it ends an older one) and what applies."""
    return CachedPolicy(domain=domain, id=id_, policy=fetched, fetched_at=now), _applied(fetched, None)


def lists(policy: StsPolicy, host: str) -> bool:
    """Whether a policy names an MX host.

    host: A-label, lower case, no trailing dot.
    Source: RFC 8461 section 4.1: `*.` stands for exactly one label.
    """
    label, _, parent = host.partition(".")
    return host in policy.mx or (label != "" and f"*.{parent}" in policy.mx)


def _fresh(cached: CachedPolicy | None, now: datetime) -> CachedPolicy | None:
    """The cached policy while it lives; one from the future (a clock set back) lives too."""
    return cached if cached is not None and now < cached.expires_at else None


def _applied(policy: StsPolicy, trouble: Trouble | None) -> Sts:
    """RFC 8461 section 5: mode none is as if there were no policy."""
    return Sts(policy=None if policy.mode is Mode.NONE else policy, trouble=trouble)
