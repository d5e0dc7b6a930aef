"""Whether the resolver's AD flag may be believed now: what its self-test came to (TL-25).

Three states. Proved: AD counts. Failed: AD does not count, DANE is neither applied nor claimed, and the operator hears
of it. Not known yet, because the test could not be made: nobody may conclude anything from what the resolver says or
does not say, so mail to hosts that DNS names waits. A resolver that was proved once stays so while it cannot be tested.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from gateway.log import get_logger
from tls.dnssec.verify import ResolverVerdict

PAUSE_S: Final = 3_600.0  # between tests of a resolver that passed
AGAIN_S: Final = 30.0  # after one that failed, or that could not be made

log = get_logger("delivery")


class TestedResolver(Protocol):
    """The part of `tls.dnssec.lookup.DnssecResolver` that this file needs."""

    def trust_again(self) -> None: ...

    def stop_trusting(self) -> None: ...

    async def self_test(self) -> ResolverVerdict: ...


class SelfTest:
    """`run` for ever; `wait` before the first look-up."""

    def __init__(self, resolver: TestedResolver, *, told: Callable[[ResolverVerdict], Awaitable[None]]) -> None:
        """resolver: trusted with AD by the configuration. told: hears each verdict that differs from the last one."""
        self._resolver = resolver
        self._told = told
        self._verdict: ResolverVerdict | None = None  # the last one that was told
        self._is_proved = False
        self._is_refuted = False
        self._done = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Nobody knows yet."""
        return not self._is_proved and not self._is_refuted

    async def wait(self) -> None:
        """Until the first test is over, whatever it found."""
        await self._done.wait()

    async def run(self) -> None:
        """Test again and again."""
        while True:
            await self.once()
            await asyncio.sleep(PAUSE_S if self._verdict is ResolverVerdict.VALIDATING else AGAIN_S)

    async def once(self) -> None:
        """Test, and let AD count or not."""
        verdict = await self._resolver.self_test()
        match verdict:
            case ResolverVerdict.VALIDATING:
                self._resolver.trust_again()
                self._is_proved, self._is_refuted = True, False
            case ResolverVerdict.NO_AD | ResolverVerdict.NOT_VALIDATING:
                self._resolver.stop_trusting()
                self._is_proved, self._is_refuted = False, True
            case ResolverVerdict.UNREACHABLE:
                pass  # what was known before holds
        is_news, self._verdict = verdict is not self._verdict, verdict
        self._done.set()
        if is_news:
            level = log.info if verdict is ResolverVerdict.VALIDATING else log.error
            level("resolver tested", verdict=verdict.value, why=verdict.words, is_trusted=self._is_proved)
            await self._told(verdict)
