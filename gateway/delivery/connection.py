"""Drives a client session over a wire: read, feed, act, write, each phase under its time limit."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from gateway.delivery.dialogue import Answered, Closed, Phase, Ready, Send, UpgradeTls
from gateway.delivery.session import ClientSession
from gateway.delivery.timeouts import TimeLimits
from gateway.delivery.transaction import Transaction
from gateway.delivery.wire import Wire
from tls.certificates import classify_failure, evidence_of, gather_evidence, peer_chain
from tls.contexts import Contexts
from tls.evidence import TlsEvidence
from tls.failures import TlsFailure
from tls.levels import TlsLevel
from tls.peer import prove
from tls.requirement import Requirement


class Connection:
    """One SMTP connection.

    evidence: of its TLS, None in clear. sent: transactions so far. opened_at: by the loop's clock.
    tls_failure: why it is in clear. unmet_wish: why an earlier session did not prove what MTA-STS tests.
    """

    def __init__(
        self,
        wire: Wire,
        session: ClientSession,
        *,
        host: str,
        needed: Requirement,
        limits: TimeLimits,
        clock: Callable[[], datetime],
    ) -> None:
        """host: the name that TLS has to prove. needed: what the session was made for. clock: the wall clock, aware."""
        self.tls_failure: TlsFailure | None = None
        self.unmet_wish: TlsFailure | None = None
        self.evidence: TlsEvidence | None = None
        self.sent = 0
        self.ip = wire.peer_ip
        self.local_ip = wire.local_ip
        self.opened_at = asyncio.get_running_loop().time()
        self._wire = wire
        self._session = session
        self._host = host
        self._needed = needed
        self._limits = limits
        self._clock = clock

    @property
    def is_usable(self) -> bool:
        """Ready for another message, and silent since the last."""
        return self._session.phase is Phase.READY and self._session.has_room and self._wire.is_quiet

    def admits(self, domain: str) -> bool:
        """Whether the peer takes recipients of this domain over this connection."""
        return self._session.admits(domain)

    @property
    def login_refusal(self) -> str:
        """The codes with which the peer did not let us sign in; empty otherwise."""
        return self._session.login_refusal

    @property
    def does_dsn(self) -> bool:
        """The peer took over what the sender wants to be told (RFC 3461 section 5.2.1)."""
        return self._session.offers("DSN")

    def without(self, wish: TlsFailure) -> "Connection":
        """Remember what an earlier session lacked. Returns: itself."""
        self.unmet_wish = wish
        return self

    async def greet(self, contexts: Contexts) -> Closed | None:
        """Go as far as the first message. Returns: None, or why there will be none; then the connection is closed."""
        step = await self._run(contexts)
        if isinstance(step, Closed):
            self.close()
            return step
        self.tls_failure = self._session.tls_failure
        return None

    async def send(self, transaction: Transaction) -> Answered:
        """Hand over one message; the connection is closed when it cannot take another."""
        self._session.begin(transaction)
        self.sent += 1
        step = await self._run(None)
        if not isinstance(step, Answered):
            raise TypeError("a transaction ends with answers")
        if not step.is_alive:
            self.close()
        return step

    def close(self) -> None:
        """Say QUIT where the peer still listens for commands, and leave; the reply is not waited for."""
        listens = self._session.phase is Phase.READY or self.sent == 0
        self._wire.leave(b"QUIT\r\n" if listens else b"")

    def abort(self) -> None:
        """Leave without a word."""
        self._wire.leave()

    async def wait_closed(self) -> None:
        """After `close`: until the last words are out and the socket is free."""
        await self._wire.wait_gone()

    async def _run(self, contexts: Contexts | None) -> Ready | Answered | Closed:
        """Act until the session has a result."""
        loop = asyncio.get_running_loop()
        progress, deadline = (self._session.phase, -1), 0.0
        while True:
            for step in self._session.steps():
                match step:
                    case Send():
                        await self._write(step)
                    case UpgradeTls() if contexts is not None:
                        await self._upgrade(contexts)
                    case Ready() | Answered() | Closed():
                        return step
            if progress != (progress := (self._session.phase, self._session.replies)):
                deadline = loop.time() + self._limits.of(self._session.phase)
            await self._read(deadline)

    async def _read(self, deadline: float) -> None:
        """Take what the peer says; a reply that comes byte by byte has to be whole by the deadline (OB-07)."""
        try:
            async with asyncio.timeout_at(deadline):
                data = await self._wire.read()
        except TimeoutError:
            self._session.lost("time limit passed")
        else:
            if data:
                self._session.feed(data)
            else:
                self._session.lost("connection lost")

    async def _write(self, step: Send) -> None:
        try:
            await self._wire.write(step.data, limit_s=self._limits.of(Phase.CONTENT))
        except TimeoutError:
            self._session.lost("time limit passed")
        except OSError:
            self._session.feed(self._wire.take())  # perhaps the peer said why before it left
            self._session.lost("connection lost")

    async def _upgrade(self, contexts: Contexts) -> None:
        """Handshake, and prove what is needed: chain and name in the handshake, DANE and a pin right after it."""
        needed, limit_s = self._needed, self._limits.of(Phase.HANDSHAKE)
        context, name = contexts.proving(needed.proofs), needed.server_name or self._host
        try:
            tls = await self._wire.start_tls(context, name, limit_s=limit_s)
            chain = peer_chain(tls)
            evidence = gather_evidence(tls, TlsLevel.ENCRYPTED, chain)
        except ssl.SSLError as error:
            self.evidence = evidence_of(error)
            self._session.tls_failed(classify_failure(error))
            return
        except (OSError, ValueError):
            self._session.tls_failed(TlsFailure.BROKEN_HANDSHAKE)
            return
        proven = prove(needed, chain, now=self._clock())
        if isinstance(proven, TlsFailure):
            self.evidence = replace(evidence, verification=proven.value)
            self._session.tls_failed(proven)
        else:
            self.evidence = replace(evidence, level=proven.level, verification=proven.words)
            self._session.tls_started(proven.level)
