"""OB-07 with a real network: hosts that swallow packets, or take a connection and then say or take nothing."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest

from gateway.delivery.outcome import Outcome, Seen
from gateway.delivery.pool import PoolLimits
from tests.e2e.installation import Installation
from tests.e2e.letters import clinical, new_marker
from tests.e2e.own_network import RANGE, SILENT, SILENT_6, own_network
from tests.e2e.submit import connect, hand_in
from tests.e2e.world import open_world
from tests.faulty import certificates
from tests.faulty.certificates import trust_file
from tests.faulty.server import Script, Stall
from tests.gateway.delivery.conftest import VERIFIED, Net, limits_of
from tls.contexts import Contexts, build_contexts

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LIMIT_S: Final = 0.4  # of each phase
SOON_S: Final = 5.0  # far below the 30 s of a connect timeout
MX1, MX2 = "mx1.b.example", "mx2.b.example"
LETTER: Final = b"From: s@a.example\r\n\r\n" + (b"x" * 70 + b"\r\n") * 400_000  # more than the kernel's buffers hold


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    with own_network():
        yield


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return build_contexts(trust_file(tmp_path_factory.mktemp("trust")))


@pytest.fixture
async def net(contexts: Contexts, network: None) -> AsyncIterator[Net]:
    """One connection at a time to each destination, so that a slot which is not freed shows."""
    world = Net(contexts, pool=PoolLimits(per_destination=1), limits=limits_of(LIMIT_S))
    world.delivery["private_networks"] = ["127.0.0.0/8", RANGE, "fd00:dead::/64", "::1/128"]
    async with world.stack:
        yield world


@pytest.fixture
def silent_port(network: None) -> Iterator[int]:
    """TCP takes connections there, and nobody ever reads or says anything."""
    with socket.create_server(("127.0.0.9", 0), backlog=64) as server:
        yield server.getsockname()[1]


async def send(net: Net, limit_s: float, **more: object) -> Outcome:
    async with asyncio.timeout(limit_s):
        return await net.send(VERIFIED, **more)


async def test_packets_that_vanish(net: Net) -> None:
    """OB-07: no answer to SYN: deferred after the connect timeout, and the slot is free for the next."""
    await net.serve(Script(tls=certificates.good(MX1)))
    net.dns.hosts = {MX1: [SILENT]}
    for _ in range(2):
        started = time.monotonic()
        outcome = await send(net, SOON_S)
        assert time.monotonic() - started >= LIMIT_S
        assert outcome.seen is Seen.DEFERRED
        assert "in time" in outcome.reply


async def test_the_next_host_serves_when_packets_vanish(net: Net) -> None:
    """Issue 4: a dead first MX costs one connect timeout, and no protection."""
    _, server = await net.serve(Script(), Script(tls=certificates.good(MX2)))
    net.dns.hosts = {**net.dns.hosts, MX1: [SILENT]}
    assert (await send(net, SOON_S)).host == MX2
    assert server.messages[0].tls


@pytest.mark.parametrize("dead", [[SILENT_6], [SILENT_6[:-1] + str(number) for number in range(2, 8)]])
async def test_an_ipv6_that_leads_nowhere_costs_next_to_nothing(net: Net, dead: list[str]) -> None:
    """RFC 8305: the connect timeout is 30 s, and IPv4 has its turn after a quarter of a second."""
    net.limits = limits_of(30)
    (server,) = await net.serve(Script(tls=certificates.good(MX1)))
    net.dns.hosts = {MX1: [*dead, "127.0.0.1"]}
    outcome = await send(net, SOON_S)
    assert (outcome.seen, outcome.ip) == (Seen.DELIVERED, "127.0.0.1")
    assert server.connections == 1


async def test_a_connection_and_then_silence(net: Net, silent_port: int) -> None:
    """OB-07: the kernel of the host answers, its server never does; the slot is free after the banner's limit."""
    net.port = silent_port
    net.dns.mx_records, net.dns.hosts = {"b.example": [MX1]}, {MX1: ["127.0.0.9"]}
    for _ in range(2):
        outcome = await send(net, SOON_S)
        assert outcome.seen is Seen.DEFERRED
        assert "time limit passed" in outcome.reply


async def test_zero_window_inside_tls(net: Net) -> None:
    """OB-07: the host stops reading in the middle of the message; meanwhile another destination is served."""
    stalling = Script(tls=certificates.good(MX1), does={"DATA": ("354 go", Stall())})
    servers = await net.serve(stalling, Script(tls=certificates.good(MX2)))
    net.dns.mx_records = {"b.example": [MX1], "c.example": [MX2]}
    stalled = asyncio.create_task(send(net, SOON_S, data=LETTER))
    await asyncio.wait_for(servers[0].stalled.wait(), SOON_S)
    assert (await send(net, LIMIT_S, domain="c.example")).seen is Seen.DELIVERED
    assert not stalled.done()
    assert (await stalled).seen is Seen.DEFERRED
    assert servers[0].messages == []
    again = await send(net, SOON_S, data=LETTER)
    assert again.seen is Seen.DEFERRED  # by its own time limit again: there was a slot for it


def test_dead_destinations_slow_nobody_down(tmp_path: Path, network: None, silent_port: int) -> None:
    """OB-07, RX-10: with sixty messages stuck at two dead hosts, one for a good host leaves at once."""
    with open_world(tmp_path / "world") as world:
        good = world.add_good("good.example")
        gateway = Installation(tmp_path / "installation", world)
        dead = [
            {"domain": "vanish.example", "host": SILENT, "port": world.port},
            {"domain": "silent.example", "host": "127.0.0.9", "port": silent_port},
        ]
        gateway.write_config({"delivery": {"route": dead, "private_networks": ["127.0.0.0/8", RANGE]}})
        try:
            gateway.add_user()
            gateway.start()
            with connect(gateway) as client:
                for number in range(30):
                    for domain in ("vanish.example", "silent.example"):
                        to = f"r{number}@{domain}"
                        hand_in(client, clinical(new_marker(), to=to), to=[to])
                marker, to = new_marker(), "a@good.example"
                hand_in(client, clinical(marker, to=to), to=[to])
                assert good.wait_for(marker.encode(), timeout_s=SOON_S).tls
            assert "to=r" not in gateway.log, "the connect timeout has not passed yet"
        finally:
            if gateway.process is not None:
                gateway.kill()  # to stop it in order takes as long as deliveries under way are given
