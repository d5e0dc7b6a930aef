"""Invariant 4: a status notice may leave in clear, so it shows no word of a server that may quote the message."""

import pytest

from gateway.delivery.outcome import Seen
from gateway.message.entry import MessageKind, QueueEntry
from gateway.message.envelope import Notify
from gateway.message.queue_id import new_queue_id
from policy.decision import Method
from tests.gateway.delivery.office import NO_TLS, RECIPIENT, Office, Saw, make_entry, told, words

QUOTE = "Biopsy of Pat Doe"
QUOTING = Saw(Seen.REJECTED, f"550 5.7.1 '{QUOTE}' looks like spam")


def only_tls(*, protected: bool, success: bool = False) -> QueueEntry:
    notify = frozenset({Notify.FAILURE, *([Notify.SUCCESS] if success else [])})
    return make_entry(new_queue_id(), methods=(Method.TLS,), protected=protected, notify=notify)


async def test_a_server_that_quotes_the_message_is_not_quoted(office: Office) -> None:
    """The sender gets the codes, the cause in our words, and a remedy."""
    office.see(RECIPIENT, QUOTING)
    await office.send(only_tls(protected=True))
    (dsn,) = office.own(MessageKind.DSN)
    assert QUOTE.encode() not in dsn.body
    assert told(dsn) == [(RECIPIENT, "failed", "5.7.1")]
    assert "refused for reasons of security or policy" in words(dsn)
    assert "The answer was: 550 5.7.1" in words(dsn)


async def test_of_unprotected_mail_the_reply_is_shown(office: Office) -> None:
    office.see(RECIPIENT, QUOTING)
    await office.send(only_tls(protected=False))
    (dsn,) = office.own(MessageKind.DSN)
    assert QUOTE in words(dsn)


async def test_what_we_saw_ourselves_is_told(office: Office) -> None:
    """No TLS is the server's doing, in our words."""
    office.see(RECIPIENT, NO_TLS)
    await office.send(only_tls(protected=True))
    (dsn,) = office.own(MessageKind.DSN)
    assert "mx.b.example offers no TLS." in words(dsn)


@pytest.mark.parametrize("protected", [True, False])
async def test_success_is_told_in_our_words(office: Office, protected: bool) -> None:
    """RFC 3461: what was asked for."""
    await office.send(only_tls(protected=protected, success=True))
    (dsn,) = office.own(MessageKind.DSN)
    assert told(dsn) == [(RECIPIENT, "relayed", "2.0.0")]
    assert "gave no reason" not in words(dsn)
