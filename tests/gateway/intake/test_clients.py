"""A client that exists: Python's smtplib, over both kinds of TLS and in clear on a relay listener."""

import asyncio
import smtplib
from collections.abc import Callable
from email.message import EmailMessage

import pytest

from tests.gateway.intake.harness import HOST, PASSWORD, USER, Server

BODY = "Dear colleague,\n\n.hidden dot\n..\n\u00e4\n"


def make_mail() -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = USER, "b@x.example", "Referral"
    mail.set_content(BODY, cte="8bit")
    return mail


def over_starttls(server: Server) -> smtplib.SMTP:
    client = smtplib.SMTP("localhost", server.ports["submission"])
    client._host = HOST  # type: ignore[attr-defined]  # the name that the certificate is checked against
    client.starttls(context=server.client_tls())
    client.login(USER, PASSWORD)
    return client


def over_implicit_tls(server: Server) -> smtplib.SMTP:
    context = server.client_tls()
    context.check_hostname = False  # smtplib checks the name it connects to, and that is an address here
    client = smtplib.SMTP_SSL("localhost", server.ports["submissions"], context=context)
    client.login(USER, PASSWORD)
    return client


def in_clear(server: Server) -> smtplib.SMTP:
    return smtplib.SMTP("localhost", server.ports["relay"])


@pytest.mark.parametrize("connect", [over_starttls, over_implicit_tls, in_clear])
async def test_smtplib(server: Server, connect: Callable[[Server], smtplib.SMTP]) -> None:
    """SM-08: three messages on one session arrive octet for octet."""

    def send() -> None:
        with connect(server) as client:
            for _ in range(3):
                assert client.send_message(make_mail(), mail_options=["BODY=8BITMIME", "RET=HDRS"]) == {}

    await asyncio.to_thread(send)
    assert len(server.backend.messages) == 3
    for envelope, message in server.backend.messages:
        assert message.endswith(BODY.replace("\n", "\r\n").encode())
        assert envelope.sender == USER
        assert [recipient.address for recipient in envelope.recipients] == ["b@x.example"]


async def test_wrong_password(server: Server) -> None:
    """SA-06: smtplib tries each mechanism it knows, then reports 535."""

    def log_in() -> None:
        with smtplib.SMTP("localhost", server.ports["submission"]) as client:
            client._host = HOST  # type: ignore[attr-defined]  # as above
            client.starttls(context=server.client_tls())
            client.login(USER, "wrong")

    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        await asyncio.to_thread(log_in)
    assert caught.value.smtp_code == 535
    assert server.backend.messages == []
