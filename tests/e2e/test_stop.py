"""QD-18: SIGTERM while messages come in and go out."""

import signal
import smtplib
import socket

import pytest

from tests.e2e.installation import USER, Installation
from tests.e2e.letters import new_marker, plain
from tests.e2e.nexthop import Behaviour
from tests.e2e.submit import connect, expect, submit
from tests.e2e.waiting import until
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

OPEN_DATA = 20
QUEUED = 20


def test_sigterm_during_data_and_deliveries_loses_nothing(installation: Installation, world: World) -> None:
    """Open DATA ends with 421 or, when its dot came in time, with a 250 that holds; queued mail waits for the start."""
    hop = world.add_good("stop.example")
    good = hop.behaviour
    hop.behaviour = Behaviour(identity=good.identity, replies={"MAIL": "451 4.3.0 Not now"})
    installation.add_user()
    installation.start()
    recipient = "a@stop.example"
    markers = [new_marker() for _ in range(QUEUED)]
    for marker in markers:
        submit(installation, plain(marker, to=recipient), to=[recipient])

    clients = [open_data(installation, recipient) for _ in range(OPEN_DATA)]
    assert installation.process is not None
    installation.process.send_signal(signal.SIGTERM)
    until(lambda: not is_listening(installation.ports.submission))
    unfinished = [new_marker() for _ in clients]
    outcomes = [finish(client, marker) for client, marker in zip(clients, unfinished, strict=True)]
    installation.wait_stopped()

    assert set(outcomes) <= {250, 421, 0}, "0: closed without a word after the grace period"
    hop.behaviour = good
    installation.start()
    kept = [marker for marker, code in zip(unfinished, outcomes, strict=True) if code == 250]
    for marker in markers + kept:
        hop.wait_for(marker.encode())
    installation.stop()
    assert installation.run("audit", "verify").returncode == 0


def open_data(gateway: Installation, recipient: str) -> smtplib.SMTP:
    client = connect(gateway)
    expect(250, client.mail(USER))
    expect(250, client.rcpt(recipient))
    expect(354, client.docmd("DATA"))
    client.send(f"From: {USER}\r\nTo: {recipient}\r\nSubject: Open\r\n\r\nfirst line\r\n".encode())
    return client


def finish(client: smtplib.SMTP, marker: str) -> int:
    """The code of the reply to the rest of a message; 0 when the connection was gone."""
    try:
        client.send(f"{marker}\r\n.\r\n".encode())
        return client.getreply()[0]
    except (OSError, smtplib.SMTPServerDisconnected):
        return 0
    finally:
        client.close()


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
