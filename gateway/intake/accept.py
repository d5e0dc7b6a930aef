"""From a listening socket to sessions: one task a connection, counted before anything else is done for it.

Behind a load balancer the PROXY header is read here, before banner and TLS, so that limits and networks are about the
real client. TLS from the start (RFC 8314) begins here, too: a listener's limits hold for half-open handshakes, and the
first bytes of a ClientHello are never taken for commands.
"""

import asyncio
import contextlib
import socket
from typing import Any, Final

from gateway.config.modes import ListenerMode
from gateway.intake import replies
from gateway.intake.connection import SHUTDOWN_S, log, why_tls_failed
from gateway.intake.door import Door
from gateway.intake.protocol import SmtpSession
from gateway.intake.proxy_header import HeaderReader, Origin, ProxyHeaderError
from gateway.intake.senders import is_within, plain_ip
from gateway.message.verdict import Reply

BACKLOG: Final = 512
CROWD: Final = 16  # clients welcomed in a row, before sessions that go on have their turn
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
            _begin(*await loop.sock_accept(listening), door)
            for _ in range(CROWD):
                _begin(*listening.accept(), door)
        except BlockingIOError:
            continue  # no more of them are there
        except OSError as error:
            log.error("accept_failed", listener=door.name, errno=error.errno)
            await asyncio.sleep(PAUSE_S)


def _begin(client: socket.socket, peer: Any, door: Door) -> None:
    client.setblocking(False)
    door.spawn(_welcome(client, peer, door)).set_name(SESSION)


async def _welcome(client: socket.socket, peer: Any, door: Door) -> None:
    """One connection from accept to close. peer: as the socket module gives it, host and port first."""
    origin = Origin(plain_ip(peer[0]), peer[1])
    if door.proxies and not is_within(origin.ip, door.proxies):
        log.warning("untrusted_proxy", listener=door.name, ip=origin.ip)  # SA-11
        client.close()
        return
    counted = "" if door.proxies else origin.ip
    is_too_many = client.fileno() >= door.ceiling  # RX-11
    if refused := replies.BUSY if is_too_many else door.keeper.admit(counted):
        _turn_away(client, door, origin.ip, refused)
        return
    door.services.observer.connected(door.name)
    try:
        if door.proxies:
            origin = await _real_origin(client, door, origin)
            if refused := door.keeper.introduce(origin.ip):
                _turn_away(client, door, origin.ip, refused)
                return
            counted = origin.ip
        session = await _open(client, door, origin)
        if session:
            await session.serve()
    except ProxyHeaderError as error:
        log.warning("proxy_header_refused", listener=door.name, ip=origin.ip, why=str(error))
    except Exception as error:  # the edge of the task: nobody awaits it
        log.error("session_failed", listener=door.name, ip=origin.ip, exc_info=error)
    finally:
        door.services.observer.disconnected(door.name)
        door.keeper.leave(counted)


async def _real_origin(client: socket.socket, door: Door, proxy: Origin) -> Origin:
    """What a trusted proxy says of the client; itself when it speaks for itself.

    Nothing behind the header is read: a ClientHello in the same segment stays for TLS (SA-11).
    Raises: ProxyHeaderError; the socket is closed then.
    """
    loop, header = asyncio.get_running_loop(), HeaderReader()
    try:
        async with asyncio.timeout(door.deadlines.proxy_s):
            while True:
                data = await loop.sock_recv(client, header.need)
                if not data:
                    raise ProxyHeaderError("closed")
                if origin := header.feed(data):
                    return Origin(plain_ip(origin.ip), origin.port) if origin.ip else proxy
    except OSError as error:
        client.close()
        raise ProxyHeaderError(type(error).__name__) from None  # TimeoutError is among them
    except BaseException:
        client.close()
        raise


def _turn_away(client: socket.socket, door: Door, ip: str, reply: Reply) -> None:
    """RX-01: one reply instead of the greeting, and no session. Under TLS there is nobody to say it to yet."""
    door.services.observer.turned_away(door.name)
    log.warning("turned_away", listener=door.name, ip=ip, code=reply.code)
    with client, contextlib.suppress(OSError):
        if door.mode is not ListenerMode.SUBMISSIONS:
            client.send(str(reply).encode("ascii") + b"\r\n")


async def _open(client: socket.socket, door: Door, origin: Origin) -> SmtpSession | None:
    """A session on its transport, under TLS where that comes first; None when the handshake failed."""
    is_implicit = door.mode is ListenerMode.SUBMISSIONS
    tls: dict[str, Any] = {}
    if is_implicit:
        tls = {
            "ssl": door.tls(),
            "ssl_handshake_timeout": door.deadlines.handshake_s,  # SA-08
            "ssl_shutdown_timeout": SHUTDOWN_S,
        }
    session = SmtpSession(door, origin.ip, origin.port)
    try:
        # The session is made before: uvloop gives back its own TLS protocol in place of what the factory made.
        await asyncio.get_running_loop().connect_accepted_socket(lambda: session, client, **tls)
    except OSError as error:  # ssl.SSLError, ConnectionError and TimeoutError are among them
        log.info("tls_failed", listener=door.name, ip=origin.ip, why=why_tls_failed(error))
        client.close()
        return None
    if is_implicit:
        session.note_tls()
    return session
