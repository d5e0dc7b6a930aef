"""What the portal is handed: the store, a reader, and what to call on events, so that it owns no state and no clock."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from gateway.inspect.render import Attached, Rendered
from gateway.metrics import Metrics
from gateway.store.rows import PortalMessage
from gateway.store.store import Store

CODE_LIFETIME: Final = timedelta(minutes=10)  # PO-01
SESSION_IDLE: Final = timedelta(minutes=15)
SESSION_LIFETIME: Final = timedelta(minutes=60)


class Reader(Protocol):
    """Hostile bytes to something that can be shown; both raise UnshowableError (`gateway.inspect.renderer`)."""

    async def render(self, data: bytes) -> Rendered:
        """Header lines, body and list of attachments."""

    async def attachment(self, data: bytes, number: int) -> Attached:
        """The octets of one attachment, number from 1."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalDeps:
    """All that the portal may touch. What raises here fails the request: nothing is shown without its event.

    organisation: its name as recipients know it. base_url: `portal.base_url`, without a slash at the end.
    store: holds portal messages, sessions and, under its queue id, the sealed message.
    send_code: queue the mail with (message, code, reference); it leaves only over TLS that `code_channel` accepts.
    pin_exhausted: five wrong PINs: make a new one and tell the sender.
    opened, downloaded, failed: record the audit event; each returns when it is durable. The number of a download is 0
    for the whole message; `failed` gets the tries that are left.
    """

    organisation: str
    base_url: str
    store: Store
    reader: Reader
    metrics: Metrics
    send_code: Callable[[PortalMessage, str, str], Awaitable[None]]
    pin_exhausted: Callable[[PortalMessage], Awaitable[None]]
    opened: Callable[[PortalMessage], Awaitable[None]]
    downloaded: Callable[[PortalMessage, int], Awaitable[None]]
    failed: Callable[[PortalMessage, int], Awaitable[None]]
    now: Callable[[], datetime] = _utc_now
