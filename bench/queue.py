"""`python -m bench.queue`: a full queue with dead destinations in it, against the same queue without them.

The gateway is started on a queue that is there already; everything in it is due. Measured is the time until the sink
has what is for live domains, and the memory of the gateway meanwhile. Half of the dead domains' hosts take a
connection and say nothing, the other half take none and refuse none. `--full` is the size of the promise: 100,000
entries for 1,000 domains, 10 of them dead.
"""

import argparse
import asyncio
import json
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bench.letters import letters
from bench.processes import memory_bytes
from bench.run import MIB, Sink, progress, running_sink
from gateway.config import load
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.queue_id import new_queue_id
from gateway.store.opening import open_store
from gateway.store.rows import NewMessage, new_message
from gateway.store.statements import Change, Unit
from policy.decision import Method
from tests.e2e.installation import Installation
from tests.e2e.world import World, open_world

SENDER: Final = "clinician@clinic.example"
TOGETHER: Final = 200  # messages of one transaction
DOMAINS_OF_A_HOST: Final = 10
PATIENCE_S: Final = 3600
EVERY_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """domains: of all; dead: of them. flood: entries more for one of the dead."""

    entries: int
    domains: int
    dead: int
    flood: int

    @property
    def live_entries(self) -> int:
        return self.entries * (self.domains - self.dead) // self.domains

    def recipients(self, *, with_dead: bool) -> Iterator[str]:
        """The domain of each entry, all domains mixed; the flood comes before everything."""
        if with_dead:
            yield from ["dead0.example"] * self.flood
        for number in range(self.entries):
            place = number % self.domains
            if place >= self.dead:
                yield f"live{place}.example"
            elif with_dead:
                yield f"dead{place}.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """drained_s: until all live mail had arrived. rss_mib: peak of the gateway's own process; family: of all."""

    name: str
    queued: int
    live: int
    drained_s: float
    rss_mib: float
    family_rss_mib: float

    @property
    def per_s(self) -> float:
        return round(self.live / self.drained_s, 1)


@contextmanager
def dead_hosts(addresses: Sequence[str], port: int) -> Iterator[None]:
    """Every second one listens and never accepts: the kernel takes a connection or two, nobody says a word; on the
    others the short queue of the kernel is full, so that nothing comes back at all."""
    with ExitStack() as stack:
        for number, address in enumerate(addresses):
            listener = stack.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen(512 if number % 2 else 0)
            if not number % 2:
                for _ in range(4):
                    filler = stack.enter_context(socket.socket())
                    filler.setblocking(False)
                    filler.connect_ex((address, port))
        yield


def name_everybody(world: World, sink: Sink, load: Load) -> list[str]:
    """Give every domain a host. Returns: the addresses of the dead ones."""
    dead = [f"127.0.1.{number + 1}" for number in range(load.dead)]
    for number, address in enumerate(dead):
        world.place(f"dead{number}.example", f"mx.dead{number}.example", address)
    for place in range(load.dead, load.domains):
        world.place(f"live{place}.example", f"mx{place // DOMAINS_OF_A_HOST}.live.example", sink.address)
    return dead


async def fill(config: Path, domains: Iterator[str]) -> int:
    """Put the queue there. Returns: how many entries."""
    store = await open_store(load(config), node="bench")
    bodies, count = list(letters(100)), 0
    now = datetime.now(UTC) - timedelta(minutes=1)
    try:
        changes: list[Change] = []
        pending = 0
        for count, domain in enumerate(domains, 1):
            message = make_message(domain, bodies[count % len(bodies)], now + timedelta(microseconds=count))
            changes += new_message(await store.seal_message(message))
            pending += 1
            if pending == TOGETHER:
                await store.commit(Unit(changes=tuple(changes)))
                changes, pending = [], 0
        await store.commit(Unit(changes=tuple(changes)))
    finally:
        await store.close()
    return count


def make_message(domain: str, body: bytes, at: datetime) -> NewMessage:
    queue_id = new_queue_id()
    entry = QueueEntry(
        id=f"{queue_id}-1",
        queue_id=queue_id,
        kind=MessageKind.MAIL,
        sender=SENDER,
        recipient=f"someone@{domain}",
        state=EntryState.QUEUED,
        protected=False,
        methods=(Method.TLS,),
        queued_at=at,
        next_attempt_at=at,
        expires_at=at + timedelta(days=5),
    )
    return NewMessage(id=queue_id, kind=MessageKind.MAIL, sender=SENDER, received_at=at, body=body, entries=(entry,))


def drain(folder: Path, world: World, sink: Sink, load_: Load, *, with_dead: bool, name: str) -> Result:
    """One gateway, one queue."""
    gateway = Installation(folder, world, {"delivery": {"retry": ["1m", "5m", "15m"]}})
    try:
        queued = asyncio.run(fill(gateway.config, load_.recipients(with_dead=with_dead)))
        arrived = sink.count("XCOUNT")
        started = time.perf_counter()
        process = gateway.launch()
        rss = family = 0
        while sink.count("XCOUNT") < arrived + load_.live_entries:
            rss, family = max(rss, _own_memory(process.pid)), max(family, memory_bytes(process.pid)[0])
            if time.perf_counter() - started > PATIENCE_S or process.poll() is not None:
                raise TimeoutError(f"{sink.count('XCOUNT') - arrived} of {load_.live_entries} arrived\n{gateway.log}")
            time.sleep(EVERY_S)
        return Result(
            name=name,
            queued=queued,
            live=load_.live_entries,
            drained_s=round(time.perf_counter() - started, 1),
            rss_mib=round(rss / MIB, 1),
            family_rss_mib=round(family / MIB, 1),
        )
    finally:
        gateway.close()


def _own_memory(pid: int) -> int:
    """Resident bytes of one process."""
    text = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def compare(load_: Load) -> list[Result]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mailward-bench-")))
        (folder / "world").mkdir()
        world = stack.enter_context(open_world(folder / "world"))
        sink = stack.enter_context(running_sink(world))
        stack.enter_context(dead_hosts(name_everybody(world, sink, load_), world.port))
        results = []
        for with_dead, name in ((False, "live only"), (True, "with the dead")):
            progress(f"{name}: filling the queue, then draining it")
            results.append(drain(folder / name.replace(" ", "-"), world, sink, load_, with_dead=with_dead, name=name))
        return results


def table(results: Sequence[Result], load_: Load) -> str:
    lines = [
        f"{load_.entries} entries for {load_.domains} domains, {load_.dead} dead; {load_.flood} more for one of those",
        "",
        f"{'':16}{'queued':>9}{'live':>9}{'drained':>11}{'live/s':>9}{'RSS':>11}{'of all':>11}",
    ]
    lines += [
        f"{one.name:16}{one.queued:>9}{one.live:>9}{one.drained_s:>9} s{one.per_s:>9}{one.rss_mib:>7} MiB"
        f"{one.family_rss_mib:>7} MiB"
        for one in results
    ]
    return "\n".join([*lines, "", f"ratio {ratio(results):.2f} (1.20 at most is the aim)"])


def ratio(results: Sequence[Result]) -> float:
    """How much longer live mail took because of the dead."""
    return results[1].drained_s / results[0].drained_s


def main() -> None:
    parser = argparse.ArgumentParser(description="A full queue with dead destinations, and the same without them.")
    parser.add_argument("--entries", type=int, default=6_000)
    parser.add_argument("--domains", type=int, default=200)
    parser.add_argument("--dead", type=int, default=10)
    parser.add_argument("--flood", type=int, default=3_000, help="entries more for one dead domain")
    parser.add_argument("--full", action="store_true", help="100,000 entries, 1,000 domains, 10 dead, 50,000 more")
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of a table")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything that was started is stopped
    size = (100_000, 1_000, 10, 50_000) if options.full else tuple(vars(options)[n] for n in SIZES)
    load_ = Load(**dict(zip(SIZES, size, strict=True)))
    results = compare(load_)
    if options.json:
        found = {"load": asdict(load_), "results": [asdict(one) for one in results], "ratio": round(ratio(results), 3)}
        print(json.dumps(found))
    else:
        print(table(results, load_))


SIZES: Final = ("entries", "domains", "dead", "flood")

if __name__ == "__main__":
    main()
