"""What is counted: each session is a value, and equal values are one row with a number."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from tls.failures import TlsFailure
from tls.mta_sts.trouble import Trouble
from tls.tlsrpt.results import RESULTS, TROUBLES, AppliedPolicy, ResultType


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Both ends of a session, empty where unknown. helo: the name in the peer's greeting, which anybody may forge."""

    sending_ip: str = ""
    mx_host: str = ""
    receiving_ip: str = ""
    helo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """result: its type. reason: `failure-reason-code`, one of our own words, never the peer's text."""

    result: ResultType
    reason: str
    peer: Peer = Peer()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session as it counts. domain: the recipients', whose TLS-RPT record is asked for. day: in UTC.

    A store keeps one row for each, with how often it was seen; `tally` and `merge` do the same in memory.
    """

    domain: str
    day: date
    policy: AppliedPolicy
    failure: Failure | None = None


def count_success(domain: str, day: date, policy: AppliedPolicy) -> Session:
    """A session whose TLS was as the policy wants it; without a policy, any TLS."""
    return Session(domain=domain, day=day, policy=policy)


def count_failure(domain: str, day: date, policy: AppliedPolicy, failure: TlsFailure, peer: Peer) -> Session | None:
    """A session that failed. Returns: None for a rule of our own, which is not reported."""
    result = RESULTS[failure]
    if result is None:
        return None
    return Session(
        domain=domain, day=day, policy=policy, failure=Failure(result=result, reason=failure.value, peer=peer)
    )


def count_trouble(domain: str, day: date, policy: AppliedPolicy, trouble: Trouble) -> Session | None:
    """An attempt to get a policy that failed (RFC 8460 section 4.3.2.2); its policy is the one that applied instead."""
    result = TROUBLES[trouble]
    if result is None:
        return None
    return Session(domain=domain, day=day, policy=policy, failure=Failure(result=result, reason=trouble.value))


def tally(sessions: Iterable[Session | None]) -> Counter[Session]:
    """Count sessions; what is not reported (None) is passed over."""
    return Counter(session for session in sessions if session is not None)


def merge(*tallies: Mapping[Session, int]) -> Counter[Session]:
    """Several tallies as one."""
    total: Counter[Session] = Counter()
    for one in tallies:
        total.update(one)
    return total
