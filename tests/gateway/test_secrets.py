"""KY-07: what opens a message or an account is in no repr, so that no log line and no error text can show it."""

from datetime import UTC, datetime

import pytest

from gateway.control.wire import Request
from gateway.intake.sasl import Credentials
from gateway.protect.notice import Cause, Climb, Code, PortalLink, Secret
from gateway.store.rows import PortalMessage
from policy.decision import Method

NOW = datetime(2026, 11, 24, tzinfo=UTC)
MARKER = "48172290"


@pytest.mark.parametrize(
    "value",
    [
        Request("user.add", {"password": MARKER}),
        Credentials("joe@clinic.example", MARKER),
        Code(recipient="b@x.example", code=MARKER, reference="K7QP"),
        PortalLink(recipient="b@x.example", url=f"https://x.example/m/{MARKER}", expires_at=NOW, asks_for=Secret.CODE),
        Climb(
            sender="joe@clinic.example",
            recipient="b@x.example",
            cause=Cause.NO_TLS,
            method=Method.PORTAL,
            message_number="1",
            pin=MARKER,
        ),
        PortalMessage(
            token_hash=MARKER.encode(),
            entry_id="1-1",
            queue_id="1",
            recipient="b@x.example",
            sender="joe@clinic.example",
            secret="pin",
            secret_hash=MARKER,
            published_at=NOW,
            expires_at=NOW,
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_repr_shows_a_secret(value: object) -> None:
    assert MARKER not in repr(value)
