"""The listeners: opened together, closed gently."""

import asyncio
import socket
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

from gateway.config.model import Listener, ServerTls
from gateway.config.modes import LineEndings, ListenerMode
from gateway.config.values import HostPort
from gateway.intake.accept import SESSION, accept_forever, listen
from gateway.intake.cargo import Cargo
from gateway.intake.descriptors import session_ceiling, spool_ceiling
from gateway.intake.door import Door, Services
from gateway.intake.limits import MESSAGES_IN_HAND, Deadlines, Doorkeeper
from gateway.intake.parcel import Hold
from gateway.intake.server_tls import ClientCheck, ServerCertificate
from gateway.intake.spool import Spools
from gateway.intake.turns import AT_WORK, Turns
from gateway.log import get_logger

DEFAULT_DEADLINES: Final = Deadlines()

log: Final = get_logger("intake")


class Intake:
    """All `[[listener]]` of one gateway process.

    domains: those we send for, lower case. data_dir: where large messages are spooled. in_hand: octets of messages in
    memory while they are received; at_work: octets of large ones that are in memory whole.
    Raises: CertificateError when TLS cannot be set up; nothing is open then.
    """

    def __init__(
        self,
        listeners: Sequence[Listener],
        tls: ServerTls,
        services: Services,
        *,
        hostname: str,
        domains: Collection[str],
        data_dir: Path,
        deadlines: Deadlines = DEFAULT_DEADLINES,
        in_hand: int = MESSAGES_IN_HAND,
        at_work: int = AT_WORK,
    ) -> None:
        self._listeners = listeners
        self._certificate = ServerCertificate(tls, map(_client_check, listeners))
        self._hold = Hold(Cargo(in_hand), Turns(at_work), Spools(data_dir, ceiling=spool_ceiling()))
        self._doors = [
            _door(listener, self._certificate, services, hostname, frozenset(domains), deadlines, self._hold)
            for listener in listeners
        ]
        self._sockets: list[socket.socket] = []
        self._acceptors: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Listen everywhere, or nowhere. Raises: OSError, whose text names the address."""
        for listener in self._listeners:
            try:
                self._sockets.append(listen(listener.bind.host, listener.bind.port))
            except OSError as error:
                self._close_sockets()
                raise OSError(error.errno, f"{listener.bind}: {error.strerror}") from error
        for listening, door in zip(self._sockets, self._doors, strict=True):
            self._acceptors.append(asyncio.create_task(accept_forever(listening, door)))
            log.info("listening", listener=door.name, mode=str(door.mode))

    @property
    def addresses(self) -> tuple[HostPort, ...]:
        """Where it really listens, in the order of the listeners; tells the port where 0 was asked for."""
        return tuple(HostPort(*listening.getsockname()[:2]) for listening in self._sockets)

    @property
    def waiting(self) -> int:
        """Large messages, complete, that wait for their turn."""
        return self._hold.turns.waiting

    def reload(self) -> bool:
        """Read the certificate again, for new sessions. Returns: False when it is bad and the old one stays (SA-12)."""
        return self._certificate.reload()

    async def stop(self, grace_s: float = 15.0) -> None:
        """Take no new connections, end sessions between commands with 421, let messages under way finish.

        grace_s: then the sessions that are left are cut. Commits are waited for in any case: they cannot be taken back.
        """
        for acceptor in self._acceptors:
            acceptor.cancel()
        await asyncio.gather(*self._acceptors, return_exceptions=True)
        self._acceptors.clear()
        self._close_sockets()
        self._hold.turns.close()
        for door in self._doors:
            for inbox in tuple(door.sessions):
                inbox.close_when_idle()
        running = {task for door in self._doors for task in door.tasks}
        if running:
            _, late = await asyncio.wait(running, timeout=grace_s)
            await self._cut(late)
        await asyncio.to_thread(self._hold.spools.close)

    async def _cut(self, late: set[asyncio.Task[Any]]) -> None:
        for task in late:
            if task.get_name() == SESSION:
                task.cancel()
        left = {task for door in self._doors for task in door.tasks}
        if left:
            await asyncio.wait(left)

    def _close_sockets(self) -> None:
        for listening in self._sockets:
            listening.close()
        self._sockets.clear()


def _door(
    listener: Listener,
    certificate: ServerCertificate,
    services: Services,
    hostname: str,
    domains: frozenset[str],
    deadlines: Deadlines,
    hold: Hold,
) -> Door:
    check = _client_check(listener)
    return Door(
        name=str(listener.bind),
        mode=listener.mode,
        hostname=hostname,
        require_tls=listener.require_tls or listener.mode is not ListenerMode.RELAY,
        networks=listener.trusted_networks,
        proxies=listener.trusted_proxies if listener.proxy_protocol else (),
        tenant=listener.tenant_header,
        believes_headers=listener.control_headers,
        asks_certificate=check is not None,
        client_names=frozenset(name.lower() for name in listener.client_names),
        domains=domains,
        message_size=listener.limits.message_size,
        recipients=listener.limits.recipients,
        repairs_lines=listener.line_endings is LineEndings.REPAIR,
        deadlines=deadlines,
        services=services,
        keeper=Doorkeeper(connections=listener.limits.connections, per_address=listener.limits.connections_per_address),
        ceiling=session_ceiling(),
        hold=hold,
        tls=lambda: certificate.context(check),
    )


def _client_check(listener: Listener) -> ClientCheck | None:
    """A relay peer with `client_ca` is let in by its certificate; a user may sign in with one (AUTH EXTERNAL)."""
    if listener.client_ca is None:
        return None
    return ClientCheck(ca=listener.client_ca, is_required=listener.mode is ListenerMode.RELAY)
