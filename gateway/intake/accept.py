"""From a listening socket to sessions: one task a connection, counted before anything else is done for it.

TLS from the start (RFC 8314) begins here: a listener's limits hold for half-open handshakes too, and the
first bytes of a ClientHello are never taken for commands.
"""

import asyncio
import contextlib
import socket
from typing import Any, Final

from gateway.config.modes import ListenerMode
from gateway.intake.connection import SHUTDOWN_S, log
from gateway.intake.door import Door
from gateway.intake.protocol import SmtpSession
from gateway.intake.senders import plain_ip
from gateway.message.verdict import Reply

BACKLOG: Final = 512
PAUSE_S: Final = 0.2  # after a failed accept, such as EMFILE: sessions that end give descriptors back (RX-11)
SESSION: Final = "smtp session"  # name of the tasks that may be cut when the service stops


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; `::` takes IPv4 as well. Raises: OSError."""
    is_v6 = ":" in host
    family = socket.AF_INET6 if is_v6 else socket.AF_INET
    has_both = host == "::" and socket.has_dualstack_ipv6()
    listening = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=has_both)
    listening.setblocking(False)
    return listening


async def accept_forever(listening: socket.socket, door: Door) -> None:
    """Welcome every client until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            client, peer = await loop.sock_accept(listening)
        except OSError as error:
            log.error("accept_failed", listener=door.name, errno=error.errno)
            await asyncio.sleep(PAUSE_S)
            continue
        door.spawn(_welcome(client, peer, door)).set_name(SESSION)


async def _welcome(client: socket.socket, peer: Any, door: Door) -> None:
    """One connection from accept to close. peer: as the socket module gives it, host and port first."""
    ip = plain_ip(peer[0])
    if refused := door.keeper.admit(ip):
        _turn_away(client, door, ip, refused)
        return
    door.services.observer.connected(door.name)
    try:
        session = await _open(client, door, ip, peer[1])
        if session:
            await session.serve()
    except Exception as error:  # the edge of the task: nobody awaits it
        log.error("session_failed", listener=door.name, ip=ip, exc_info=error)
    finally:
        door.services.observer.disconnected(door.name)
        door.keeper.leave(ip)


def _turn_away(client: socket.socket, door: Door, ip: str, reply: Reply) -> None:
    """RX-01: one reply instead of the greeting, and no session. Under TLS there is nobody to say it to yet."""
    door.services.observer.turned_away(door.name)
    log.warning("turned_away", listener=door.name, ip=ip, code=reply.code)
    with client, contextlib.suppress(OSError):
        if door.mode is not ListenerMode.SUBMISSIONS:
            client.send(str(reply).encode("ascii") + b"\r\n")


async def _open(client: socket.socket, door: Door, ip: str, port: int) -> SmtpSession | None:
    """A session on its transport, under TLS where that comes first; None when the handshake failed."""
    is_implicit = door.mode is ListenerMode.SUBMISSIONS
    tls: dict[str, Any] = {}
    if is_implicit:
        tls = {
            "ssl": door.tls(),
            "ssl_handshake_timeout": door.deadlines.handshake_s,  # SA-08
            "ssl_shutdown_timeout": SHUTDOWN_S,
        }
    session = SmtpSession(door, ip, port)
    try:
        # The session is made before: uvloop gives back its own TLS protocol in place of what the factory made.
        await asyncio.get_running_loop().connect_accepted_socket(lambda: session, client, **tls)
    except OSError as error:  # ssl.SSLError, ConnectionError and TimeoutError are among them
        log.info("tls_failed", listener=door.name, ip=ip, why=type(error).__name__)
        client.close()
        return None
    if is_implicit:
        session.note_tls()
    return session
