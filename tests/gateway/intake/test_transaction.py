"""From MAIL and RCPT to an envelope."""

from datetime import UTC, datetime

from gateway.intake.params import Mail
from gateway.intake.transaction import Transaction
from gateway.message.envelope import Client, Notify, Recipient


def test_a_recipient_given_twice_is_one() -> None:
    """Invariant 3: one copy, one ending; in the order in which they were first named, with the first one's wishes."""
    never = frozenset({Notify.NEVER})
    given = [Recipient(address="b@x.example", notify=never), Recipient(address="a@x.example")]
    transaction = Transaction(Mail(sender="", envid="", ret="", body_8bit=False, smtputf8=False, requiretls=False))
    transaction.recipients += [*given, Recipient(address="b@x.example")]
    client = Client(listener="127.0.0.1:25", ip="192.0.2.1", port=1, helo="c.example")
    assert transaction.envelope(client, datetime.now(UTC)).recipients == tuple(given)
