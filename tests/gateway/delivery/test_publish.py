"""Into the portal: what opens a message there, and that link and secret never share a mailbox without TLS."""

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest

from gateway.config.modes import CodeChannel
from gateway.delivery.outcome import HostResult, Outcome, Seen
from gateway.delivery.publish import CAUSES, Publisher, cause_of
from gateway.delivery.record import Record
from gateway.message.entry import MessageKind
from gateway.message.queue_id import new_queue_id
from gateway.protect.notice import Cause
from gateway.store.statements import Op
from policy.decision import Method
from tests.gateway.delivery.office import DAY, Office, make_entry
from tls.failures import TlsFailure

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TLS, OPENPGP, PORTAL = Method.TLS, Method.OPENPGP, Method.PORTAL


async def publish(office: Office, *, cause: Cause, channel: CodeChannel, **changes: Any) -> Record:
    record = Record()
    publisher = Publisher(office.own_mail, lifetime=30 * DAY, channel=channel)
    await publisher.publish(make_entry(new_queue_id(), **changes), record, cause=cause, at=NOW)
    return record


@pytest.mark.parametrize(
    ("changes", "secret"),
    [
        ({"methods": (PORTAL,)}, "code"),
        ({"methods": (OPENPGP, PORTAL), "rung": 1}, "code"),
        ({"methods": (OPENPGP, PORTAL), "rung": 1, "tls_refused": True}, "pin"),
        ({"methods": (TLS, PORTAL), "rung": 1}, "pin"),
        ({"methods": (TLS, OPENPGP, PORTAL), "rung": 2, "tls_refused": True}, "pin"),
        ({"methods": (TLS, PORTAL), "rung": 1, "sender": ""}, "code"),
    ],
    ids=["portal first", "no key", "ciphertext refused", "no TLS", "neither", "nobody to tell it"],
)
async def test_what_opens_it(office: Office, changes: dict[str, Any], secret: str) -> None:
    """The portal does not undo what TLS refused (PO-02)."""
    record = await publish(office, cause=Cause.NO_TLS, channel=CodeChannel.VERIFIED, **changes)
    (row,) = (change.row for change in record.changes if change.op is Op.PUBLISH_PORTAL)
    assert (row["secret"], bool(row["secret_hash"]), row["tries_left"]) == (
        secret,
        secret == "pin",
        5 * (secret == "pin"),
    )
    assert row["expires_at"] == NOW + 30 * DAY
    told = [own.kind for own in record.own]
    assert told[0] is MessageKind.NOTICE
    has_sender, climbed = changes.get("sender") != "", changes.get("rung", 0) > 0
    assert told[1:] == [MessageKind.SENDER_NOTICE] * (has_sender and climbed)
    assert [event.kind for event in record.events] == ["portal.published"]


@pytest.mark.parametrize(("channel", "cause"), list(product(CodeChannel, Cause)))
async def test_only_a_bad_certificate_is_enough_for_an_encrypted_channel(
    office: Office, channel: CodeChannel, cause: Cause
) -> None:
    """`portal.code_channel = "encrypted"` takes unauthenticated TLS, and there was none in any other case."""
    record = await publish(office, cause=cause, channel=channel, methods=(TLS, PORTAL), rung=1)
    (row,) = (change.row for change in record.changes if change.op is Op.PUBLISH_PORTAL)
    is_code = channel is CodeChannel.ENCRYPTED and cause is Cause.BAD_CERTIFICATE
    assert row["secret"] == ("code" if is_code else "pin")


def saw(seen: Seen, *failures: TlsFailure | None) -> Outcome:
    hosts = tuple(
        HostResult(host="mx", ip="", port=25, seen=seen, reply="", tls_failure=failure) for failure in failures
    )
    return Outcome(recipient="a@b.example", seen=seen, reply="", why="", started_at=NOW, hosts=hosts)


@pytest.mark.parametrize("failure", [failure for failure in TlsFailure if failure.is_definitive])
def test_every_definitive_failure_has_words_for_the_sender(failure: TlsFailure) -> None:
    assert cause_of(saw(Seen.TLS_REFUSED, None, failure)) is CAUSES[failure]


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [
        (saw(Seen.NO_KEY), Cause.KEY_UNFIT),
        (saw(Seen.NOT_8BITMIME), Cause.NOT_8BIT),
        (saw(Seen.TLS_UNCERTAIN, TlsFailure.BROKEN_HANDSHAKE), Cause.TLS_DEADLINE),
        (saw(Seen.TLS_DOWNGRADED, TlsFailure.NOT_OFFERED), Cause.TLS_DEADLINE),
        (saw(Seen.TLS_REFUSED, None), Cause.TLS_DEADLINE),
    ],
)
def test_causes(outcome: Outcome, cause: Cause) -> None:
    assert cause_of(outcome) is cause


@pytest.mark.parametrize("sensitive", [True, False])
async def test_the_notice_of_what_is_sensitive_is_neutral(office: Office, sensitive: bool) -> None:
    """And so is the code: what waits in the portal remembers it."""
    record = await publish(
        office, cause=Cause.NO_TLS, channel=CodeChannel.VERIFIED, methods=(PORTAL,), sensitive=sensitive
    )
    (row,) = (change.row for change in record.changes if change.op is Op.PUBLISH_PORTAL)
    assert row["sensitive"] is sensitive
    assert (b'"Private Message Service" <secure-mail@' in record.own[0].body) is sensitive
