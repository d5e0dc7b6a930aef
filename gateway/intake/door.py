"""What all sessions of one listener share."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway.config.modes import ListenerMode
from gateway.config.values import TenantProof
from gateway.intake.inbox import Inbox
from gateway.intake.limits import Deadlines, Doorkeeper
from gateway.intake.observer import Observer
from gateway.intake.parcel import Hold
from gateway.intake.senders import Network
from gateway.message.account import Account
from gateway.message.envelope import Envelope
from gateway.message.verdict import Accepted, Verdict


class Verifier(Protocol):
    """Checks passwords: `gateway.intake.guard.Guard`."""

    async def verify(self, user: str, password: str, *, ip: str) -> Account | None:
        """Whose password this is, if it is this user's. Raises: AuthBusyError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What sessions ask of the rest of the gateway.

    submit: called with a complete transaction; Accepted only after the commit. Never cancelled by what the client does.
    account: who may sign in as this login now, asked again for each message. note_use: told of each.
    may_begin, may_accept: asked at MAIL and before DATA, cheap; a Verdict when nothing can be taken in now.
    """

    submit: Callable[[Envelope, bytes], Awaitable[Accepted | Verdict]]
    may_accept: Callable[[], Verdict | None]
    verifier: Verifier
    account: Callable[[str], Awaitable[Account | None]]
    note_use: Callable[[Account], None]
    observer: Observer
    may_begin: Callable[[], Verdict | None] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One listener.

    name: where it listens, for logs and metrics. proxies: who tells the client's address in a PROXY header; nobody else
    may connect then. tenant: what each message must prove. believes_headers: X-Mailward-* counts. asks_certificate: TLS
    checks one that a client shows; on a relay listener every client must. client_names: lower case; one of them must be
    the certificate's, where any is listed. domains: those we send for, lower case. message_size: octets. repairs_lines:
    bare CR and LF become CRLF. ceiling: the number of a descriptor that is one too many (`descriptors.py`). hold:
    shared by all listeners. tasks: everything that runs for this listener, held so that it is not collected half-way.
    sessions: inputs of the open ones, to be told when the service closes down.
    """

    name: str
    mode: ListenerMode
    hostname: str
    require_tls: bool
    networks: tuple[Network, ...]
    proxies: tuple[Network, ...]
    tenant: TenantProof | None
    believes_headers: bool
    asks_certificate: bool
    client_names: frozenset[str]
    domains: frozenset[str]
    message_size: int
    recipients: int
    repairs_lines: bool
    deadlines: Deadlines
    services: Services
    keeper: Doorkeeper
    ceiling: int
    hold: Hold
    tls: Callable[[], ssl.SSLContext]
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    sessions: set[Inbox] = field(default_factory=set)

    @property
    def is_relay(self) -> bool:
        """Whether peers are let in by their network or certificate instead of AUTH."""
        return self.mode is ListenerMode.RELAY

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task that `Intake.stop` waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task
