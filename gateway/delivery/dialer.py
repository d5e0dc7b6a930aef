"""Opens connections: address by address, and again with less where less is enough.

A proof that MTA-STS only tests is tried first; without it, a new session is opened as if nothing had been published. In
clear goes on only what needs no TLS at all.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from gateway.delivery.chunking import ChunkingBook
from gateway.delivery.connection import Connection
from gateway.delivery.dialogue import Closed
from gateway.delivery.identity import Identities, NoIdentity
from gateway.delivery.outcome import Seen
from gateway.delivery.race import race
from gateway.delivery.routes import Hop
from gateway.delivery.session import ClientSession
from gateway.delivery.timeouts import TimeLimits
from gateway.delivery.wire import Wire
from gateway.log import get_logger
from tls.contexts import Contexts
from tls.evidence import TlsEvidence
from tls.failures import TlsFailure
from tls.levels import TlsLevel
from tls.requirement import Requirement

NO_IDENTITY: Final = "451 4.3.0 what we sign in with at the next hop cannot be read"

log = get_logger("delivery")


@dataclass(frozen=True, slots=True)
class NoConnection:
    """Why a host gave no session.

    ip: the address that answered last, local_ip: ours then; empty when none did. evidence: of a TLS session that proved
    too little, or ended at the host's certificate. unmet_wish: see `Connection`.
    """

    closed: Closed
    ip: str = ""
    local_ip: str = ""
    evidence: TlsEvidence | None = None
    unmet_wish: TlsFailure | None = None

    def without(self, wish: TlsFailure) -> "NoConnection":
        return replace(self, unmet_wish=wish)


class Dialer:
    """Makes connections to hops."""

    def __init__(
        self,
        contexts: Contexts,
        limits: TimeLimits,
        *,
        helo: str,
        identities: Identities | None = None,
        alarm: Callable[[], None] = lambda: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """helo: our host name (`server.hostname`). alarm: a host does not let us sign in, or we cannot.

        clock: the wall clock, aware, for the dates of certificates.
        """
        self._identities = identities or Identities()
        self._alarm = alarm
        self._contexts = contexts
        self._limits = limits
        self._helo = helo
        self._clock = clock
        self._chunking = ChunkingBook()

    async def connect(self, hop: Hop, needed: Requirement) -> Connection | NoConnection:
        """A connection that is ready for the first message, and proved what is needed.

        needed: without a refusal. The first address that takes the connection speaks for the host.
        """
        if needed.wished <= needed.proofs:
            return await self._connect(hop, needed)
        wished = replace(needed, level=TlsLevel.VERIFIED, proofs=needed.proofs | needed.wished)
        first = await self._open(hop, wished, is_tls_tried=True)
        if isinstance(first, Connection) or first.closed.tls_failure is None:
            return first
        second = await self._connect(hop, needed)
        return second.without(first.closed.tls_failure)

    async def _connect(self, hop: Hop, needed: Requirement) -> Connection | NoConnection:
        """With level NONE a session whose TLS broke is followed by a new one in clear (RFC 7435 section 4)."""
        first = await self._open(hop, needed, is_tls_tried=True)
        is_optional = needed.level is TlsLevel.NONE
        if is_optional and isinstance(first, NoConnection) and first.closed.tls_failure is not None:
            second = await self._open(hop, needed, is_tls_tried=False)
            if isinstance(second, Connection):
                second.tls_failure = first.closed.tls_failure
            return second
        return first

    async def _open(self, hop: Hop, needed: Requirement, *, is_tls_tried: bool) -> Connection | NoConnection:
        contexts, login = self._contexts, None
        if hop.identity is not None:
            try:
                login = await self._identities.login(hop.identity)
                contexts = await self._identities.contexts(hop.identity, contexts)
            except NoIdentity as error:
                return self._cannot_sign_in(hop, str(error), Closed(Seen.DEFERRED, NO_IDENTITY))
        wire = await self._reach(hop)
        if isinstance(wire, NoConnection):
            return wire
        chunking = self._chunking.of(f"{hop.host}:{hop.port}")
        session = ClientSession(self._helo, needed.level, is_tls_tried=is_tls_tried, chunking=chunking, login=login)
        connection = Connection(wire, session, host=hop.host, needed=needed, limits=self._limits, clock=self._clock)
        try:
            closed = await connection.greet(contexts)
        except BaseException:  # cancelled: nobody else knows of this connection
            connection.close()
            raise
        if closed is not None and connection.login_refusal:
            self._cannot_sign_in(hop, f"the host said {connection.login_refusal}", closed)
        if closed is None:
            return connection
        return NoConnection(closed, connection.ip, local_ip=connection.local_ip, evidence=connection.evidence)

    def _cannot_sign_in(self, hop: Hop, why: str, closed: Closed) -> NoConnection:
        """All mail through this host waits until somebody mends it."""
        log.error("cannot sign in at the next hop", host=hop.host, port=hop.port, why=why)
        self._alarm()
        return NoConnection(closed)

    async def _reach(self, hop: Hop) -> Wire | NoConnection:
        """A TCP connection to the first address that takes one."""
        if not hop.addresses:
            return NoConnection(Closed(Seen.DEFERRED, hop.trouble))

        async def connect(address: str) -> Wire:
            async with asyncio.timeout(self._limits.connect_s):
                _, wire = await asyncio.get_running_loop().create_connection(Wire, address, hop.port)
            return wire

        try:
            return await race(hop.addresses, connect, discard=Wire.leave)
        except TimeoutError:
            reply = f"451 4.4.1 no connection to {hop.host} in time"
        except OSError:
            reply = f"451 4.4.1 {hop.host} takes no connection"
        return NoConnection(Closed(Seen.DEFERRED, reply))
