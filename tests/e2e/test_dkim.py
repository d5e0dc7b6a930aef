"""dkimpy verifies what arrives over real SMTP (issue line 9, CR-09)."""

import asyncio
import smtplib
from typing import Any

import dkim
import pytest
from aiosmtpd.smtp import SMTP

from gateway.message.dsn import RecipientReport, Report, failure_dsn
from gateway.protect.dkim import Signer
from tests.gateway.protect.test_dkim import AWKWARD, KEYS, NOW, records
from tests.gateway.protect.test_notice import ALL, ORIGIN

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DSN = failure_dsn(
    Report(
        hostname=ORIGIN.hostname,
        from_address="postmaster@clinic.example",
        sender="joe@clinic.example",
        queue_id="0" * 26,
        dsn_id="1" * 26,
        received_at=ORIGIN.now,
        now=ORIGIN.now,
    ),
    [RecipientReport(address="b@example.org", status="5.1.1", reply="550 5.1.1 gone")],
)
SENT = {
    **{name: data for name, data in AWKWARD.items() if max(map(len, data.split(b"\r\n"))) <= 998},
    **{f"{name} notice": make(ORIGIN) for name, make in ALL.items()},
    "dsn": DSN,
}


class Sink:
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.data = b""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.data = envelope.original_content
        return "250 OK"


def send(port: int, message: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("joe@clinic.example", ["b@example.org"], message, ["BODY=8BITMIME"])


@pytest.mark.parametrize("name", SENT)
async def test_signature_survives_smtp(name: str) -> None:
    """CR-09: dot-stuffing, 8-bit, blanks, a missing final CRLF; notices and DSNs too."""
    sink = Sink()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(sink, loop=loop), "127.0.0.1", 0)
    async with server:
        signed = await Signer(KEYS).sign_async(SENT[name], now=NOW)
        await asyncio.to_thread(send, server.sockets[0].getsockname()[1], signed)
    for index in range(len(KEYS)):
        assert dkim.DKIM(sink.data).verify(idx=index, dnsfunc=records())
