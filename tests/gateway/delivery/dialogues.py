"""A client session and what a server says to it, whole or byte by byte."""

from collections.abc import Callable

from gateway.delivery.dialogue import Answer, Answered, Ready, Send, Step, UpgradeTls
from gateway.delivery.session import ClientSession
from gateway.delivery.transaction import Transaction, wire_content
from gateway.message.envelope import Recipient
from tls.levels import TlsLevel

BODY = b"Subject: hi\r\n\r\nhello\r\n"
PLAIN = b"250-mx.b.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 DSN\r\n"
SECURE = b"250-mx.b.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
BANNER = b"220 mx.b.example ESMTP\r\n"

Feed = Callable[[ClientSession, bytes], list[Step]]


def whole(session: ClientSession, data: bytes) -> list[Step]:
    session.feed(data)
    return list(session.steps())


def bytewise(session: ClientSession, data: bytes) -> list[Step]:
    steps: list[Step] = []
    for at in range(len(data)):
        session.feed(data[at : at + 1])
        steps += session.steps()
    return steps


def said(steps: list[Step]) -> bytes:
    return b"".join(bytes(step.data) for step in steps if isinstance(step, Send))


def make(*recipients: str, body: bytes = BODY, **more: object) -> Transaction:
    people = tuple(Recipient(address=address) for address in recipients or ("r@b.example",))
    return Transaction(
        mail_from="s@a.example",
        recipients=people,
        content=wire_content(body),
        size=len(body),
        is_8bit=not body.isascii(),
        **more,  # type: ignore[arg-type]  # keyword values of the tests
    )


def ready(feed: Feed, capabilities: bytes = PLAIN) -> ClientSession:
    """An opportunistic session in clear, ready for a message."""
    session = ClientSession("gw.a.example", TlsLevel.NONE)
    assert said(feed(session, BANNER)) == b"EHLO gw.a.example\r\n"
    assert feed(session, capabilities) == [Ready()]
    return session


def secured(feed: Feed, capabilities: bytes) -> ClientSession:
    """A session in TLS, ready for a message. capabilities: those said inside."""
    session = ClientSession("gw.a.example", TlsLevel.ENCRYPTED)
    feed(session, BANNER)
    feed(session, SECURE)
    assert feed(session, b"220 go\r\n") == [UpgradeTls()]
    session.tls_started(TlsLevel.ENCRYPTED)
    assert said(list(session.steps())) == b"EHLO gw.a.example\r\n"
    assert feed(session, capabilities) == [Ready()]
    return session


def begin(session: ClientSession, transaction: Transaction) -> bytes:
    session.begin(transaction)
    return said(list(session.steps()))


def answers(steps: list[Step]) -> tuple[Answer, ...]:
    (step,) = (step for step in steps if isinstance(step, Answered))
    return step.answers
