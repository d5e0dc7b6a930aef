"""How much memory all our processes have when many large messages come at once (case RX-06).

`python -m bench.memory [--messages 200] [--megabytes 25]`: so many clients, each with one message, all at the same
time over loopback; every one has to be accepted and delivered. Prints one line of JSON: the peak of resident memory,
shared pages counted in each process (RSS) and divided among them (PSS), and how long it took.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import uvloop

from bench.letters import large_message
from bench.load import Client, Refused
from bench.processes import Peak
from bench.run import MIB, REPOSITORY, Sink, running_sink
from tests.e2e.installation import Installation, running
from tests.e2e.world import World, open_world

PATIENCE_S: Final = 1800


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """accepted_s: until the last client had its 250. delivered_s: until the sink had the last message.

    deferred: replies of 452; those clients came again at once.
    """

    messages: int
    octets: int
    idle_rss_mib: float
    peak_rss_mib: float
    peak_pss_mib: float
    accepted_s: float
    delivered_s: float
    deferred: int


async def send_all(port: int, *, messages: int, size: int) -> tuple[float, int]:
    """All at once, each over its own connection. Returns: seconds, and how often one was told to come again."""
    message = large_message(size)
    clients = [await Client.open(port) for _ in range(messages)]
    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        work = [tasks.create_task(_send(client, message)) for client in clients]
    return time.perf_counter() - started, sum(one.result() for one in work)


async def _send(client: Client, message: bytes) -> int:
    """Until it is accepted. Returns: how often it was told to come again. Raises: bench.load.Refused for all else."""
    deferred = 0
    while True:
        try:
            await client.send_large(message)
        except Refused as error:
            if not str(error).startswith("452 "):
                raise
            deferred += 1
        else:
            return deferred


def measure(gateway: Installation, sink: Sink, *, messages: int, size: int) -> Found:
    """Have another process send, and watch the gateway and its children meanwhile."""
    assert gateway.process is not None
    with Peak(gateway.process.pid) as idle:
        time.sleep(1)
    with Peak(gateway.process.pid) as peak:
        started = time.perf_counter()
        client = subprocess.run(
            [
                sys.executable, "-m", "bench.memory", "--send-to", str(gateway.ports.relay),
                "--messages", str(messages), "--megabytes", str(size / 1e6),
            ],
            check=True, stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S, cwd=REPOSITORY,
        )  # fmt: skip
        sink.wait_for(messages)
        delivered_s = time.perf_counter() - started
    accepted_s, deferred = json.loads(client.stdout)
    return Found(
        messages=messages,
        octets=size,
        idle_rss_mib=round(idle.rss / MIB, 1),
        peak_rss_mib=round(peak.rss / MIB, 1),
        peak_pss_mib=round(peak.pss / MIB, 1),
        accepted_s=round(accepted_s, 1),
        delivered_s=round(delivered_s, 1),
        deferred=deferred,
    )


@contextmanager
def roomy(folder: Path, world: World, *, inspectors: int) -> Iterator[Installation]:
    """A gateway that lets one address have many connections. inspectors: 0 for one per core."""
    changes = {"server": {"inspectors": inspectors}, "limits": {"connections_per_address": 1000}}
    with running(folder / "mailward", world, changes) as gateway:
        yield gateway


def compare(messages: int, size: int) -> Found:
    with tempfile.TemporaryDirectory(prefix="mailward-bench-") as name:
        folder = Path(name)
        (folder / "world").mkdir()
        with (
            open_world(folder / "world") as world,
            running_sink(world) as sink,
            roomy(folder, world, inspectors=0) as gateway,
        ):
            return measure(gateway, sink, messages=messages, size=size)


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory under many large messages at once.")
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--megabytes", type=float, default=25.0)
    parser.add_argument("--send-to", type=int, metavar="PORT", help="be the client; prints seconds and deferrals")
    options = parser.parse_args()
    size = int(options.megabytes * 1e6)
    if options.send_to:
        print(json.dumps(uvloop.run(send_all(options.send_to, messages=options.messages, size=size))))
    else:
        print(json.dumps(asdict(compare(options.messages, size))))


if __name__ == "__main__":
    main()
