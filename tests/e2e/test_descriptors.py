"""RX-11: `mailward serve` where descriptors are few. Clients are told, mail under way gets through, and it recovers."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from gateway.intake.descriptors import RESERVED
from tests.e2e.installation import READY_S, Installation
from tests.e2e.letters import new_marker, plain
from tests.e2e.nexthop import NextHop
from tests.e2e.submit import connect, hand_in, submit
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.tools import need

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FEW: Final = 64
RECIPIENT: Final = "a@few.example"
ANSWER_S: Final = 10


@pytest.fixture(scope="module")
def hop(world: World) -> NextHop:
    return world.add_good("few.example")


@pytest.fixture
def starved(installation: Installation) -> Iterator[Installation]:
    """Running with 64 descriptors and no way to more, as `ulimit -n 64` does it."""
    installation.add_user()
    installation.launch(need("prlimit"), f"--nofile={FEW}:{FEW}")
    until(installation.is_ready, timeout_s=READY_S, state=lambda: installation.log)
    yield installation
    installation.stop()


def test_clients_beyond_the_descriptors_are_told(starved: Installation, hop: NextHop) -> None:
    """RX-11: 421 instead of silence; a session that is open works, and so does its delivery; room comes back."""
    assert "descriptors_low" in starved.log
    with connect(starved) as client, ExitStack() as crowd:
        for _ in range(FEW):
            one = crowd.enter_context(socket.create_connection(("127.0.0.1", starved.ports.relay), ANSWER_S))
            if one.recv(10) == b"421 4.3.2 ":
                break
        else:
            pytest.fail("more sessions than descriptors")
        for _ in range(FEW):
            with socket.create_connection(("127.0.0.1", starved.ports.relay), ANSWER_S) as one:
                assert one.recv(10) == b"421 4.3.2 "
        marker = new_marker()
        hand_in(client, plain(marker, to=RECIPIENT), to=[RECIPIENT])
        hop.wait_for(marker.encode())
    until(lambda: attempt(starved).startswith(b"220 "))
    after = new_marker()
    submit(starved, plain(after, to=RECIPIENT), to=[RECIPIENT])
    hop.wait_for(after.encode())


def attempt(gateway: Installation) -> bytes:
    with socket.create_connection(("127.0.0.1", gateway.ports.relay), ANSWER_S) as one:
        return one.recv(10)


def test_accepting_goes_on_after_the_last_descriptor(starved: Installation) -> None:
    """RX-11: accept fails with EMFILE for a while; whoever knocked meanwhile is greeted once there is room."""
    assert starved.process is not None
    pid = starved.process.pid
    in_use = max(int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir())
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (in_use, FEW))
    with ExitStack() as knocking:
        clients = [
            knocking.enter_context(socket.create_connection(("127.0.0.1", starved.ports.relay), ANSWER_S))
            for _ in range(5)
        ]
        until(lambda: "accept_failed" in starved.log)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (FEW, FEW))
        assert [client.recv(4) for client in clients] == [b"220 "] * 5


def test_the_soft_limit_is_raised(installation: Installation) -> None:
    """RX-11: at its start it takes what is allowed, up to every connection of three listeners, each with a spool."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    installation.add_user()
    process = installation.launch(need("prlimit"), f"--nofile={FEW}:{hard}")
    until(installation.is_ready, timeout_s=READY_S, state=lambda: installation.log)
    soft, _ = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    assert soft == min(2 * 3000 + RESERVED, hard)
    assert ("descriptors_low" in installation.log) is (hard < 2 * 3000 + RESERVED)
    installation.stop()
