"""What delivery tells of the TLS it saw at the hosts of a domain, and the sums of it for TLS-RPT (RFC 8460).

One value a session, good or failed, and one for a host that was not connected to because of what is published. Left
out: hosts that the configuration names, kept connections that take another message, and mail that goes past what a
domain publishes (`SendJob.is_reported`): notices, bounces, and the reports themselves.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Protocol

from gateway.delivery.connection import Connection
from gateway.delivery.dialer import NoConnection
from gateway.delivery.routes import Hop, is_allowed
from tls.failures import TlsFailure
from tls.mta_sts.parse import Mode
from tls.mta_sts.verify import lists
from tls.published import NOTHING, Published
from tls.tlsrpt.count import Peer, Session, count_failure, count_success, count_trouble
from tls.tlsrpt.results import applied_policy

KINDS_LIMIT: Final = 20_000  # sessions that differ, between two times that they are written down
NO_PEER: Final = Peer()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTls:
    """One session. domain: of the recipients (A-label). failure: None for TLS as the policy wants it."""

    domain: str
    published: Published = NOTHING
    peer: Peer = NO_PEER
    failure: TlsFailure | None = None


class TlsObserver(Protocol):
    """Is told of sessions; never waits and never raises."""

    def session(self, seen: SeenTls) -> None: ...


def seen_at(hop: Hop, domain: str, made: Connection | NoConnection) -> SeenTls | None:
    """What a new connection, or the try at one, counts as. None: it says nothing about TLS, or is not the domain's."""
    if isinstance(made, NoConnection):
        failure = made.unmet_wish or made.closed.tls_failure
        if failure is None:
            return None
    else:
        failure = made.unmet_wish or made.tls_failure
        if failure is None and made.evidence is None:
            return None
    return _seen(hop, domain, failure or _unlisted(hop), ip=made.ip, local_ip=made.local_ip)


def _unlisted(hop: Hop) -> TlsFailure | None:
    """A host that a policy in its test would not take: connected to, and counted (RFC 8461 section 5)."""
    published = hop.tls.published or NOTHING
    policy = published.sts.policy
    is_tested = policy is not None and policy.mode is Mode.TESTING and not published.is_proved_by_dane
    return TlsFailure.STS_UNLISTED if is_tested and policy is not None and not lists(policy, hop.host) else None


def seen_refused(hop: Hop, domain: str, failure: TlsFailure) -> SeenTls | None:
    """A host that is not connected to: no session with it can be what is published."""
    return _seen(hop, domain, failure)


def _seen(hop: Hop, domain: str, failure: TlsFailure | None, *, ip: str = "", local_ip: str = "") -> SeenTls | None:
    if hop.tls.is_vouched:  # our route, smart host or `domain.inbound`: not a host that the domain published
        return None
    seen = SeenTls(domain=domain, published=hop.tls.published or NOTHING, failure=failure)
    if failure is None:
        return seen
    public = local_ip if local_ip and is_allowed(local_ip, ()) else ""  # ours behind a NAT is nobody's business
    return replace(seen, peer=Peer(mx_host=hop.host, receiving_ip=ip, sending_ip=public))


class TlsLedger:
    """A `TlsObserver` that keeps sums in memory until somebody writes them down.

    overflow: called for each session that is not counted, because there are too many that differ.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        overflow: Callable[[], None] = lambda: None,
        limit: int = KINDS_LIMIT,
    ) -> None:
        self._clock = clock
        self._overflow = overflow
        self._limit = limit
        self._sums: Counter[Session] = Counter()

    def session(self, seen: SeenTls) -> None:
        """Count it once: as its failure, as a policy that could not be had, or as a success."""
        counted = _count(seen, self._clock())
        if counted is None:
            return
        if counted not in self._sums and len(self._sums) >= self._limit:
            self._overflow()
            return
        self._sums[counted] += 1

    def take(self) -> Counter[Session]:
        """The sums since the last time; they are the caller's now."""
        taken, self._sums = self._sums, Counter()
        return taken

    def give_back(self, sums: Counter[Session]) -> None:
        """What could not be written down counts with what came since."""
        for session, number in sums.items():
            if session in self._sums or len(self._sums) < self._limit:
                self._sums[session] += number
            else:
                self._overflow()


def _count(seen: SeenTls, now: datetime) -> Session | None:
    day, policy = now.astimezone(UTC).date(), applied_policy(seen.domain, seen.published)
    trouble = seen.published.sts.trouble
    if trouble is not None and seen.failure in (None, TlsFailure.STS_UNKNOWN):  # RFC 8460 section 4.3.2.2
        counted = count_trouble(seen.domain, day, policy, trouble)
        if counted is not None or seen.failure is not None:
            return counted
    if seen.failure is not None:
        return count_failure(seen.domain, day, policy, seen.failure, seen.peer)
    return count_success(seen.domain, day, policy)
