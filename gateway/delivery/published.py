"""What hosts publish about TLS, looked up once for all messages that want to know at the same time.

An answer serves for a few seconds, far below the time-to-live of any record that makes sense; below it the resolver has
a cache of its own. So a busy domain costs a dictionary look-up a message, and a new policy is seen at once (RFC 8461
section 5.1: before mail fails by a policy, a newer one is looked for).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.delivery.routes import Hop, is_literal
from gateway.delivery.selftest import SelfTest
from tls.dane.verify import Dane, DaneState
from tls.lookup import TlsPolicies
from tls.mta_sts.verify import NO_STS, Sts
from tls.published import Published

FRESH_S: Final = 10.0
KEPT_LIMIT: Final = 10_000  # answers
UNTESTED: Final = Dane(state=DaneState.FAILED, why="the resolver has not passed its self-test yet")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question under way, or its answer while it is fresh."""

    domain: str  # empty for a host that the configuration names
    host: str
    port: int
    is_mx_signed: bool


class Publications:
    """Looks up what applies to a hop."""

    def __init__(
        self, policies: TlsPolicies, *, self_test: SelfTest | None = None, clock: Callable[[], float] | None = None
    ) -> None:
        """self_test: of the resolver, where it is trusted with AD. clock: seconds, monotonic; the loop's by default."""
        self._policies = policies
        self._self_test = self_test
        self._clock = clock
        self._tasks: dict[_Asked, asyncio.Task[Published]] = {}
        self._kept: dict[_Asked, tuple[Published, float]] = {}

    async def of(self, hop: Hop, domain: str) -> Published:
        """What counts at a host for mail to a domain.

        domain: of the recipients (A-label). MTA-STS is asked for only where MX names the host (RFC 8461
        section 3), DANE at every host that has a name (RFC 7672 section 2.2.2).
        Raises: StoreError when policies cannot be kept.
        """
        if self._self_test is not None and not is_literal(hop.host):  # an address publishes nothing
            await self._self_test.wait()
            if self._self_test.is_open:
                return Published(host=hop.host, dane=UNTESTED)
        is_configured = hop.tls.is_vouched
        asked = _Asked("" if is_configured else domain, hop.host, hop.port, hop.is_mx_signed)
        found, until = self._kept.get(asked, (None, 0.0))
        if found is not None and self._now() < until:
            return found
        return await self._ask(asked)

    async def _ask(self, asked: _Asked) -> Published:
        """One look-up for everybody who waits; one of them that is cancelled takes nothing from the others."""
        task = self._tasks.get(asked)
        if task is None:
            task = self._tasks[asked] = asyncio.create_task(self._look_up(asked))
            task.add_done_callback(lambda done: self._finish(asked, done))
        return await asyncio.shield(task)

    async def _look_up(self, asked: _Asked) -> Published:
        sts, published = await asyncio.gather(self._sts(asked), self._host(asked))
        return Published(host=asked.host, is_mx_signed=published.is_mx_signed, dane=published.dane, sts=sts)

    async def _sts(self, asked: _Asked) -> Sts:
        return await self._policies.domain(asked.domain) if asked.domain else NO_STS

    async def _host(self, asked: _Asked) -> Published:
        return await self._policies.host(
            asked.host, asked.port, domain=asked.domain, is_mx_signed=asked.is_mx_signed and bool(asked.domain)
        )

    def _finish(self, asked: _Asked, done: asyncio.Task[Published]) -> None:
        del self._tasks[asked]
        self._kept.pop(asked, None)
        if done.cancelled() or done.exception() is not None:
            return
        if len(self._kept) >= KEPT_LIMIT:
            del self._kept[next(iter(self._kept))]
        self._kept[asked] = (done.result(), self._now() + FRESH_S)

    def _now(self) -> float:
        return asyncio.get_running_loop().time() if self._clock is None else self._clock()
