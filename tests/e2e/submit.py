"""Handing mail in with smtplib."""

import re
import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP

from tests.e2e.installation import PASSWORD, USER, Installation


def connect(gateway: Installation, *, user: str = USER, password: str = PASSWORD) -> smtplib.SMTP:
    """A session on the submission listener, encrypted and logged in."""
    client = smtplib.SMTP("127.0.0.1", gateway.ports.submission, timeout=30)
    try:
        client.starttls(context=client_tls(gateway))
        client.login(user, password)
    except BaseException:
        client.close()
        raise
    return client


def client_tls(gateway: Installation) -> ssl.SSLContext:
    """A client that knows the authority, and reaches the gateway by address instead of by name."""
    context = gateway.client_tls()
    context.check_hostname = False
    return context


def submit(gateway: Installation, message: EmailMessage | bytes, *, to: Sequence[str], sender: str = USER) -> str:
    """Hand one message in through a session of its own. Returns: its queue id."""
    with connect(gateway) as client:
        return hand_in(client, message, to=to, sender=sender)


def hand_in(client: smtplib.SMTP, message: EmailMessage | bytes, *, to: Sequence[str], sender: str = USER) -> str:
    """MAIL, RCPT, DATA. Returns: the queue id of the 250. Raises: SMTPResponseException for any other reply."""
    data = message if isinstance(message, bytes) else message.as_bytes(policy=SMTP)
    expect(250, client.mail(sender))
    for address in to:
        expect(250, client.rcpt(address))
    code, reply = client.data(data)
    text = expect(250, (code, reply))
    found = re.fullmatch(r"2\.0\.0 Queued as (\S+)", text)
    assert found, text
    return found[1]


def expect(code: int, answer: tuple[int, bytes]) -> str:
    """The text of a reply with this code. Raises: SMTPResponseException for any other."""
    if answer[0] != code:
        raise smtplib.SMTPResponseException(*answer)
    return answer[1].decode()
