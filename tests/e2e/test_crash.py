"""QD-01, QD-03: `kill -9` under load loses nothing that was acknowledged."""

import random
import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.e2e.installation import Installation
from tests.e2e.letters import clinical, new_marker, plain
from tests.e2e.nexthop import NextHop
from tests.e2e.submit import connect, hand_in
from tests.e2e.waiting import until
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROUNDS = 6
CLIENTS = 4
RECIPIENT = "a@sink.example"
END = "the very last line"


@pytest.fixture
def installation(tmp_path: Path, world: World) -> Iterator[Installation]:
    """One whose brake lets a person send as much as this load."""
    brake = {"messages_per_hour": 1_000_000, "phi_per_hour": 1_000_000}
    installation = Installation(tmp_path / "installation", world, {"brake": brake})
    try:
        yield installation
    finally:
        installation.close()


class Load:
    """Clients that send for as long as the gateway answers; `acked` holds what it has said 250 to."""

    def __init__(self, gateway: Installation) -> None:
        self._gateway = gateway
        self.acked: list[str] = []

    def run(self, *, seconds: float) -> None:
        """Send from several threads; after so many seconds the gateway is killed under them."""
        threads = [threading.Thread(target=self._send, args=(make,)) for make in (plain, clinical) * (CLIENTS // 2)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)  # the instant of the blow, not a synchronisation
        self._gateway.kill()
        for thread in threads:
            thread.join(timeout=60)
            assert not thread.is_alive()

    def _send(self, make: Callable[..., EmailMessage]) -> None:
        try:
            with connect(self._gateway) as client:
                while True:
                    marker = new_marker()
                    message = make(marker, to=RECIPIENT)
                    message.set_content(f"{message.get_content()}{'filler ' * 600}\n{END}\n")
                    hand_in(client, message, to=[RECIPIENT])
                    self.acked.append(marker)
        except (OSError, smtplib.SMTPException):
            return  # the blow


def test_nothing_acknowledged_is_lost(installation: Installation, world: World) -> None:
    """Every 250 arrives at least once (QD-03: a blow between commit and 250, or dot and 250, may repeat one), and what
    arrives is whole; the audit log stays one unbroken log through all blows, with an ending for every recipient.
    """
    hop = world.add_good("sink.example")
    installation.add_user()
    load = Load(installation)
    chance = random.Random(1)  # noqa: S311  # when to strike, not a secret
    for _ in range(ROUNDS):
        installation.start()
        load.run(seconds=chance.uniform(0.3, 2.5))
    assert len(load.acked) > 10 * ROUNDS

    installation.start()
    until(lambda: not missing(load.acked, hop), timeout_s=60, state=lambda: missing(load.acked, hop))
    for arrival in hop.arrivals:
        assert END.encode() in arrival.content[-100:], "half a message"
        assert arrival.tls
    until(lambda: not installation.queue(), timeout_s=30, state=installation.queue)
    installation.stop()

    verified = installation.run("audit", "verify")
    assert verified.returncode == 0, verified.stderr
    accepted = {event["queue_id"] for event in installation.events(kind="message.accepted")}
    delivered = {event["queue_id"] for event in installation.events(kind="delivery.delivered")}
    assert len(accepted) >= len(load.acked)
    assert accepted <= delivered


def missing(markers: list[str], hop: NextHop) -> list[str]:
    everything = b"".join(arrival.content for arrival in list(hop.arrivals))
    return [marker for marker in markers if marker.encode() not in everything]
