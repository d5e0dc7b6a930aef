"""`make bench`: messages delivered per second by Mailward with its whole path on, and by Postfix as a bare relay.

Both get the same messages from the same client over the same number of sessions, deliver to the same sink over verified
TLS on kept sessions, keep their queues on the same file system, and take turns on the same machine.
"""

import argparse
import json
import os
import signal
import smtplib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bench.processes import Peak, cpu_s
from tests.e2e.installation import Installation, running
from tests.e2e.postfix import running_postfix
from tests.e2e.world import World, open_world
from tests.tools import free_port

REPOSITORY: Final = Path(__file__).parents[1]
SINK: Final = "sink.example"
PATIENCE_S: Final = 300
MIB: Final = 1 << 20
TITLES: Final = ("delivered/s", "accepted/s", "CPU ms/msg", "peak RSS", "peak PSS", "new sessions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    messages: int
    connections: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """name: for the table. port: where it takes mail without AUTH. root: its first process."""

    name: str
    port: int
    root: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """accepted_s: until the client had its last 250. delivered_s: until the sink had the last message."""

    accepted_s: float
    delivered_s: float
    cpu_s: float
    rss: int
    pss: int
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The median of the rounds; memory is their maximum. rates: delivered per second of each round."""

    name: str
    delivered_per_s: float
    accepted_per_s: float
    cpu_ms_per_message: float
    peak_rss_mib: float
    peak_pss_mib: float
    sessions: int
    rates: list[float]


class Sink:
    """The sink's process, seen from outside."""

    def __init__(self, address: str, port: int) -> None:
        self.address = address
        self.port = port

    def count(self, what: str) -> int:
        with smtplib.SMTP(self.address, self.port, timeout=10) as client:
            return int(client.docmd(what)[1])

    def wait_for(self, messages: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.count("XCOUNT") < messages:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.count('XCOUNT')} of {messages} messages arrived in time")
            time.sleep(0.02)


def play(contender: Contender, sink: Sink, load: Load) -> Round:
    """One contender, one load."""
    arrived, sessions, cpu = sink.count("XCOUNT"), sink.count("XSESSIONS"), cpu_s(contender.root)
    with Peak(contender.root) as peak:
        started = time.perf_counter()
        client = subprocess.run(
            [
                sys.executable, "-m", "bench.load", "--port", str(contender.port),
                "--messages", str(load.messages), "--connections", str(load.connections),
            ],
            check=True, capture_output=True, text=True, timeout=PATIENCE_S, cwd=REPOSITORY,
        )  # fmt: skip
        accepted_s = float(client.stdout)
        sink.wait_for(arrived + load.messages)
        delivered_s = time.perf_counter() - started
    return Round(
        accepted_s=accepted_s,
        delivered_s=delivered_s,
        cpu_s=cpu_s(contender.root) - cpu,
        rss=peak.rss,
        pss=peak.pss,
        sessions=sink.count("XSESSIONS") - sessions,
    )


def summarise(name: str, rounds: list[Round], load: Load) -> Result:
    rates = [load.messages / one.delivered_s for one in rounds]
    return Result(
        name=name,
        delivered_per_s=round(statistics.median(rates), 1),
        accepted_per_s=round(statistics.median(load.messages / one.accepted_s for one in rounds), 1),
        cpu_ms_per_message=round(statistics.median(1000 * one.cpu_s / load.messages for one in rounds), 2),
        peak_rss_mib=round(max(one.rss for one in rounds) / MIB, 1),
        peak_pss_mib=round(max(one.pss for one in rounds) / MIB, 1),
        sessions=max(one.sessions for one in rounds),
        rates=[round(rate, 1) for rate in rates],
    )


@contextmanager
def running_sink(world: World) -> Iterator[Sink]:
    host, address = world.name(SINK)
    identity = world.authority.issue(host)
    process = subprocess.Popen(
        [
            sys.executable, "-m", "bench.sink", "--address", address, "--port", str(world.port), "--hostname", host,
            "--certificate", str(identity.certificate), "--private-key", str(identity.private_key),
        ],
        cwd=REPOSITORY,
    )  # fmt: skip
    sink = Sink(address, world.port)
    try:
        deadline = time.monotonic() + 10
        while not _answers(sink):
            if time.monotonic() > deadline:
                raise TimeoutError("the sink does not start")
            time.sleep(0.05)
        yield sink
    finally:
        process.terminate()
        process.wait(10)


def _answers(sink: Sink) -> bool:
    try:
        return sink.count("XCOUNT") >= 0
    except OSError:
        return False


@contextmanager
def bare_postfix(world: World, sink: Sink) -> Iterator[Contender]:
    """Postfix as a relay of everything to the sink: no filter, no signature, verified TLS, TLS sessions kept."""
    port = free_port()
    settings = {
        "virtual_mailbox_domains": "",
        "relayhost": f"[{sink.address}]:{world.port}",
        "smtp_tls_security_level": "secure",
        "smtp_tls_secure_cert_match": f"mx.{SINK}",
        "smtp_tls_CAfile": str(world.authority.file),
        "smtp_tls_connection_reuse": "yes",
        "smtp_tls_session_cache_database": "btree:${data_directory}/smtp_scache",
        "smtpd_client_connection_count_limit": "0",
    }
    with running_postfix(address="127.0.0.1", port=port, settings=settings) as postfix:
        root = int((postfix.root / "queue" / "pid" / "master.pid").read_text())
        yield Contender(name="Postfix", port=port, root=root)


@contextmanager
def whole_mailward(folder: Path, world: World) -> Iterator[Contender]:
    unlimited = {"relay_messages_per_hour": 10**9, "relay_phi_per_hour": 10**9}  # one sender sends all
    with running(folder / "mailward", world, {"server": {"inspectors": 0}, "brake": unlimited}) as gateway:
        yield _contender(gateway)


def _contender(gateway: Installation) -> Contender:
    assert gateway.process is not None
    return Contender(name="Mailward", port=gateway.ports.relay, root=gateway.process.pid)


def compare(load: Load, rounds: int, names: list[str]) -> list[Result]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mailward-bench-")))
        folder.chmod(0o755)  # Postfix reads the authority as its own user
        (folder / "world").mkdir()
        world = stack.enter_context(open_world(folder / "world"))
        sink = stack.enter_context(running_sink(world))
        makers = {"mailward": lambda: whole_mailward(folder, world), "postfix": lambda: bare_postfix(world, sink)}
        contenders = [stack.enter_context(makers[name]()) for name in names]
        played: dict[str, list[Round]] = {contender.name: [] for contender in contenders}
        for contender in contenders:
            play(contender, sink, Load(messages=100, connections=load.connections))  # warm: sessions, caches, pools
        for number in range(rounds):
            for contender in contenders:
                progress(f"round {number + 1} of {rounds}: {contender.name}")
                played[contender.name].append(play(contender, sink, load))
        return [summarise(name, them, load) for name, them in played.items()]


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def table(results: list[Result], load: Load) -> str:
    lines = [
        f"{load.messages} messages of 5 kB a round, one recipient, {load.connections} clients, {os.cpu_count()} cores",
        "",
        f"{'':10}" + "".join(f"{title:>13}" for title in TITLES),
    ]
    lines += [
        f"{one.name:10}{one.delivered_per_s:>13}{one.accepted_per_s:>13}{one.cpu_ms_per_message:>13}"
        f"{one.peak_rss_mib:>9} MiB{one.peak_pss_mib:>9} MiB{one.sessions:>13}"
        for one in results
    ]
    if len(results) > 1:
        lines += [
            "",
            f"ratio {ratio(results):.2f}   rounds: " + ", ".join(f"{one.name} {one.rates}" for one in results),
        ]
    return "\n".join(lines)


def ratio(results: list[Result]) -> float:
    return results[0].delivered_per_s / results[1].delivered_per_s


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare Mailward with Postfix as a bare relay.")
    parser.add_argument("--messages", type=int, default=1500)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["mailward", "postfix"])
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of a table")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything that was started is stopped
    load = Load(messages=options.messages, connections=options.connections)
    results = compare(load, options.rounds, [options.only] if options.only else ["mailward", "postfix"])
    if options.json:
        found = {"load": asdict(load), "results": [asdict(one) for one in results]}
        print(json.dumps({**found, "ratio": round(ratio(results), 3)} if len(results) > 1 else found))
    else:
        print(table(results, load))


if __name__ == "__main__":
    main()
