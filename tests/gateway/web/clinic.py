"""A portal with its real store: messages are published, codes land in a list, the clock stands still until told."""

import functools
import re
import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx2

from gateway.inspect.render import Attached, Rendered, attachment, render_message
from gateway.inspect.renderer import UnshowableError
from gateway.message import pickup
from gateway.message.entry import EntryState
from gateway.message.queue_id import new_queue_id
from gateway.metrics import Metrics
from gateway.store.rows import PortalMessage, publish_portal, save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.web.portal.deps import PortalDeps, Reader
from tests.gateway.store.parts import NOW, accept, make_entry, make_message

BASE_URL = "https://secure.clinic.example"
UNSUBSCRIBE_KEY = bytes(range(32))
PIN_HASH = functools.cache(pickup.hash_secret)  # 0.1 s each


class DirectReader:
    """The same pure functions as the child runs, without the child."""

    async def render(self, data: bytes) -> Rendered:
        answer = render_message(data)
        if not isinstance(answer, Rendered):
            raise UnshowableError
        return answer

    async def attachment(self, data: bytes, number: int) -> Attached:
        answer = attachment(data, number)
        if not isinstance(answer, Attached):
            raise UnshowableError
        return answer


@dataclass
class Clinic:
    """What the daemon would be: it hands out links, takes code mails, and keeps a list of events."""

    store: Store
    reader: Reader = field(default_factory=DirectReader)
    now: datetime = NOW
    codes: list[tuple[str, str]] = field(default_factory=list)  # code and reference
    events: list[str] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)
    event_fault: Exception | None = None

    @property
    def deps(self) -> PortalDeps:
        return PortalDeps(
            organisation="Clinic A",
            organisations={"clinic.example": "Clinic A", "lab.example": "Lab B"},
            base_url=BASE_URL,
            store=self.store,
            reader=self,
            metrics=self.metrics,
            desk=self,
            unsubscribe_key=UNSUBSCRIBE_KEY,
            now=lambda: self.now,
        )

    async def publish(
        self,
        body: bytes,
        *,
        pin: str = "",
        lifetime: timedelta = timedelta(days=30),
        sender: str = "nurse@clinic.example",
        sensitive: bool = False,
    ) -> str:
        """Put a message into the portal. Returns: the token of its link."""
        queue_id, token = new_queue_id(), pickup.new_token()
        entry = make_entry(queue_id, state=EntryState.PORTAL, sender=sender)
        await accept(self.store, make_message(entry, body=body))
        waiting = PortalMessage(
            token_hash=pickup.hash_token(token),
            entry_id=entry.id,
            queue_id=queue_id,
            recipient=entry.recipient,
            sender=entry.sender,
            secret="pin" if pin else "code",
            secret_hash=PIN_HASH(pin) if pin else "",
            tries_left=pickup.TRIES if pin else 0,
            published_at=self.now,
            expires_at=self.now + lifetime,
            sensitive=sensitive,
        )
        await self.store.commit(Unit(changes=(save_entry(entry, release=True), publish_portal(waiting))))
        return token

    async def render(self, data: bytes) -> Rendered:
        return await self.reader.render(data)

    async def attachment(self, data: bytes, number: int) -> Attached:
        return await self.reader.attachment(data, number)

    async def send_code(self, waiting: PortalMessage, code: str, reference: str) -> None:
        self.codes.append((code, reference))

    async def pin_exhausted(self, waiting: PortalMessage) -> None:
        self.events.append("pin exhausted")

    async def opened(self, waiting: PortalMessage, *, client_ip: str) -> None:
        assert client_ip == "127.0.0.1"
        self._record("opened")

    async def downloaded(self, waiting: PortalMessage, *, number: int, size: int, client_ip: str) -> None:
        self._record(f"downloaded {number}")

    async def failed(self, waiting: PortalMessage, *, tries_left: int, client_ip: str) -> None:
        self._record(f"failed, {tries_left} left")

    async def refused(self, waiting: PortalMessage, *, client_ip: str) -> None:
        self._record(f"refused to {waiting.recipient}")

    def _record(self, event: str) -> None:
        if self.event_fault is not None:
            raise self.event_fault
        self.events.append(event)


class Browser:
    """A person's browser: keeps cookies, sends what browsers send with a form of our own pages."""

    def __init__(self, port: int, trust: ssl.SSLContext) -> None:
        self.http = httpx2.AsyncClient(
            base_url=f"https://127.0.0.1:{port}", verify=trust, headers={"User-Agent": "test"}, timeout=20
        )
        self.page = ""

    async def get(self, path: str) -> httpx2.Response:
        response = await self.http.get(path)
        self.page = response.text
        return response

    async def post(self, path: str, **fields: str) -> httpx2.Response:
        """Submit a form of the page that is open; headers as a browser sends them under `no-referrer`."""
        hidden = re.search(r'name="form" value="([^"]*)"', self.page)
        data = {"form": hidden[1] if hidden else "", **fields}
        headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
        response = await self.http.post(path, data=data, headers=headers)
        self.page = response.text or self.page
        return response

    async def open_with_code(self, clinic: Clinic, token: str) -> httpx2.Response:
        """The whole way of a person: look, ask for a code, type it."""
        await self.get(f"/m/{token}")
        await self.post(f"/m/{token}", do="send")
        await self.get(f"/m/{token}")
        return await self.post(f"/m/{token}", do="open", secret=clinic.codes[-1][0])
