"""What the portal is handed: the store, a reader and a desk, so that it owns no state and no clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from gateway.inspect.render import Attached, Rendered
from gateway.metrics import Metrics
from gateway.protect.notice import NEUTRAL_NAME
from gateway.store.rows import PortalMessage
from gateway.store.store import Store

CODE_LIFETIME: Final = timedelta(minutes=10)  # PO-01
SESSION_IDLE: Final = timedelta(minutes=15)
SESSION_LIFETIME: Final = timedelta(minutes=60)


class Reader(Protocol):
    """Hostile bytes to something that can be shown.

    Both raise UnshowableError (`gateway.inspect.renderer`), and PoolUnavailable (`gateway.workers`) for "not now".
    """

    async def render(self, data: bytes) -> Rendered:
        """Header lines, body and list of attachments."""

    async def attachment(self, data: bytes, number: int) -> Attached:
        """The octets of one attachment, number from 1."""


class Desk(Protocol):
    """What the portal may have done to the queue. A method that raises fails the request: no event, no message.

    Each returns when it is durable, its audit event with it.
    """

    async def send_code(self, waiting: PortalMessage, code: str, reference: str) -> None:
        """Queue the mail with the code; it leaves only over TLS that `portal.code_channel` accepts."""

    async def pin_exhausted(self, waiting: PortalMessage) -> None:
        """Five wrong PINs: make a new one and tell the sender."""

    async def opened(self, waiting: PortalMessage, *, client_ip: str) -> None:
        """A right code or PIN: the message is about to be shown."""

    async def downloaded(self, waiting: PortalMessage, *, number: int, size: int, client_ip: str) -> None:
        """A file is about to be sent. number: of the attachment, 0 for the whole message; size: octets."""

    async def failed(self, waiting: PortalMessage, *, tries_left: int, client_ip: str) -> None:
        """A wrong code or PIN."""

    async def refused(self, waiting: PortalMessage, *, client_ip: str) -> None:
        """Its reader asked for what is not part of it."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalDeps:
    """All that the portal may touch.

    organisation: its name as recipients know it. organisations: the same by domain, where domains of ours have names of
    their own. neutral_name: stands in their place until a message of a legal class is opened (`portal.neutral_name`).
    base_url: `portal.base_url`, without a slash at the end.
    unsubscribe_key: of `gateway.message.optout`; empty: there are no such links.
    store: holds portal messages, sessions and, under its queue id, the sealed message.
    """

    organisation: str
    base_url: str
    store: Store
    reader: Reader
    desk: Desk
    metrics: Metrics
    organisations: Mapping[str, str] = field(default_factory=dict)
    neutral_name: str = NEUTRAL_NAME
    unsubscribe_key: bytes = field(default=b"", repr=False)
    now: Callable[[], datetime] = _utc_now

    def organisation_of(self, sender: str) -> str:
        """Who wrote, under the name that the notice has too."""
        return self.organisations.get(sender.rpartition("@")[2], self.organisation)

    def written_by(self, message: PortalMessage) -> str:
        """The same of a message that nobody has opened yet."""
        return self.neutral_name if message.sensitive else self.organisation_of(message.sender)
