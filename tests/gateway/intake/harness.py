"""The running intake for tests: real sockets and TLS, a fake for what lies behind `submit`."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

from gateway.config.model import Limits, Listener, ServerTls
from gateway.config.modes import TlsVersion
from gateway.config.values import parse_network
from gateway.intake.door import Services
from gateway.intake.limits import MESSAGES_IN_HAND, Deadlines
from gateway.intake.listeners import Intake
from gateway.intake.observer import NoObserver
from gateway.intake.turns import AT_WORK
from gateway.message.account import Account
from gateway.message.envelope import Envelope
from gateway.message.queue_id import make_queue_id
from gateway.message.verdict import Accepted, Verdict

HOST = "gw.clinic.example"
USER, PASSWORD = "joe@clinic.example", "correct horse battery"
MESSAGE_SIZE = 4096
LISTENERS = ("submission", "submissions", "relay", "relay-tls", "relay-elsewhere", "relay-repair")
LOOPBACK = (parse_network("127.0.0.0/8"),)


def make_account(login: str, *senders: str, **changes: Any) -> Account:
    """Somebody who may sign in; the key is the password itself here."""
    values: dict[str, Any] = {"is_program": "@" not in login, "key": PASSWORD, "senders": frozenset(senders)}
    return Account(login=login, **(values | changes))


@dataclass
class Backend:
    """Stands for pipeline and people: remembers what was submitted, says what it is told to say."""

    messages: list[tuple[Envelope, bytes]] = field(default_factory=list)
    answer: Verdict | Exception | None = None
    ready: Verdict | None = None
    open: Verdict | None = None
    accounts: dict[str, Account] = field(default_factory=lambda: {USER: make_account(USER, USER)})
    used: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def submit(self, envelope: Envelope, message: bytes) -> Accepted | Verdict:
        self.reached.set()
        await self.gate.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer:
            return self.answer
        self.messages.append((envelope, message))
        return Accepted(make_queue_id(time_ms=len(self.messages), chance=bytes(10)))

    def may_begin(self) -> Verdict | None:
        return self.open

    def may_accept(self) -> Verdict | None:
        return self.ready

    async def verify(self, user: str, password: str, *, ip: str) -> Account | None:
        account = self.accounts.get(user.lower())
        return account if account is not None and password == account.key else None

    async def account(self, login: str) -> Account | None:
        return self.accounts.get(login)

    def note_use(self, account: Account) -> None:
        self.used.append(account.login)


@dataclass
class Server:
    """A started intake. ports: by the names of LISTENERS."""

    intake: Intake
    services: Services
    backend: Backend
    ports: dict[str, int]
    ca: trustme.CA

    def client_tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.ca.configure_trust(context)
        return context


def make_listener(mode: str, **values: Any) -> Listener:
    """A listener on a free port of loopback."""
    limits = Limits.model_construct(
        **{"message_size": MESSAGE_SIZE, "recipients": 3, "connections": 20, "connections_per_address": 15}
        | values.pop("limits", {})
    )
    settings: dict[str, Any] = {"bind": "127.0.0.1:0", "mode": mode, **values}
    return Listener.model_validate(settings).model_copy(update={"limits": limits})


def write_certificate(ca: trustme.CA, folder: Path) -> ServerTls:
    """Certificate files for HOST."""
    leaf = ca.issue_cert(HOST)
    certificate, key = folder / "fullchain.pem", folder / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    return ServerTls.model_construct(certificate=certificate, private_key=key, minimum_version=TlsVersion.TLS_1_2)


@asynccontextmanager
async def running(
    folder: Path,
    *,
    deadlines: Deadlines | None = None,
    limits: dict[str, int] | None = None,
    in_hand: int = MESSAGES_IN_HAND,
    at_work: int = AT_WORK,
    more: Mapping[str, Listener] | None = None,
) -> AsyncIterator[Server]:
    """An intake with one listener of each kind. more: others, by name."""
    ca, backend = trustme.CA(), Backend()
    own: dict[str, Any] = {"limits": limits or {}}
    trusted = own | {"trusted_networks": ["127.0.0.0/8"]}
    services = Services(
        submit=backend.submit, may_accept=backend.may_accept, verifier=backend, account=backend.account,
        note_use=backend.note_use, observer=NoObserver(), may_begin=backend.may_begin,
    )  # fmt: skip
    intake = Intake(
        [
            make_listener("submission", **own),
            make_listener("submissions", **own),
            make_listener("relay", **trusted, require_tls=False),
            make_listener("relay", **trusted),
            make_listener("relay", **own, trusted_networks=["192.0.2.0/24"], require_tls=False),
            make_listener("relay", **trusted, require_tls=False, line_endings="repair"),
            *(more or {}).values(),
        ],
        write_certificate(ca, folder),
        services,
        hostname=HOST,
        domains={"clinic.example"},
        data_dir=folder,
        deadlines=deadlines or Deadlines(quiet_s=0.05),
        in_hand=in_hand,
        at_work=at_work,
    )
    await intake.start()
    ports = dict(zip((*LISTENERS, *(more or {})), (address.port for address in intake.addresses), strict=True))
    try:
        yield Server(intake, services, backend, ports, ca)
    finally:
        backend.gate.set()
        await intake.stop(grace_s=1)


class Wire:
    """A client that says exactly what it is told."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self) -> bytes:
        """One whole reply, continuation lines included; empty when the connection is closed."""
        text = b""
        while True:
            try:
                line = await asyncio.wait_for(self.reader.readline(), 5)
            except ConnectionResetError:
                return text
            text += line
            if len(line) < 4 or line[3:4] != b"-":
                return text

    async def ask(self, line: bytes) -> bytes:
        await self.send(line + b"\r\n")
        return await self.reply()

    async def start_tls(self, tls: ssl.SSLContext | None = None) -> None:
        assert (await self.ask(b"STARTTLS")).startswith(b"220 ")
        await self.writer.start_tls(tls or self.server.client_tls(), server_hostname=HOST)

    async def log_in(self, user: str = USER) -> None:
        secret = base64.b64encode(f"\0{user}\0{PASSWORD}".encode())
        assert (await self.ask(b"AUTH PLAIN " + secret)).startswith(b"235 ")

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            return


@asynccontextmanager
async def connected(server: Server, listener: str = "relay", *, greet: bool = True) -> AsyncIterator[Wire]:
    """A connection; greet: the banner is read already."""
    tls, name = (server.client_tls(), HOST) if listener == "submissions" else (None, None)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.ports[listener], ssl=tls, server_hostname=name)
    wire = Wire(server, reader, writer)
    try:
        if greet:
            assert (await wire.reply()).startswith(b"220 " + HOST.encode())
        yield wire
    finally:
        await wire.close()


@asynccontextmanager
async def ready_to_send(server: Server, listener: str = "relay") -> AsyncIterator[Wire]:
    """A relay session in which DATA may come."""
    async with connected(server, listener) as wire:
        for line in (b"EHLO c.example", b"MAIL FROM:<a@clinic.example>", b"RCPT TO:<b@x.example>"):
            assert (await wire.ask(line)).startswith(b"250")
        yield wire
