"""`python -m bench.delivering`: deliveries per second over verified TLS on kept connections, ours and Postfix's.

Both begin with a full queue and nothing else to do. Mailward's was written while it was stopped, protected mail that
needs a verified host; Postfix took its mail with its smtp transport held back. Then both go: ours is read from the
store, unsealed, signed twice and recorded with its evidence, Postfix's is relayed. A third row is our client alone
(`bench.handing`). The clock runs from the sink's first message to its last, so that no start counts. They take turns on
the same machine, with the same letters for the same sink.
"""

import argparse
import asyncio
import json
import signal
import smtplib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bench.letters import RECIPIENT, letters
from bench.processes import cpu_s
from bench.queue import make_message
from bench.run import PATIENCE_S, REPOSITORY, SINK, Sink, progress, running_sink
from gateway.config import load
from gateway.store.opening import open_store
from gateway.store.rows import new_message
from gateway.store.statements import Unit
from tests.e2e.installation import Installation
from tests.e2e.postfix import Postfix, running_postfix
from tests.e2e.world import World, open_world
from tests.tools import free_port, need

CLIENTS: Final = 16
EVERY_S: Final = 0.01
TAIL: Final = 500  # messages more for a process that would be gone, with its processor time, before we look


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """per_s: messages from the first to the last. cpu_ms: of processor time for one, all processes of the contender."""

    per_s: float
    cpu_ms: float
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Medians; sessions: the most of any round."""

    name: str
    per_s: float
    cpu_ms: float
    sessions: int
    rounds: list[float]


def watch(sink: Sink, messages: int, go: Callable[[], int]) -> Round:
    """Let a contender go and count what arrives. go: starts it, and gives its first process."""
    with smtplib.SMTP(sink.address, sink.port, timeout=30) as client:
        before, sessions = int(client.docmd("XCOUNT")[1]), int(client.docmd("XSESSIONS")[1])
        root = go()
        deadline = time.monotonic() + PATIENCE_S
        first: tuple[float, int, float] | None = None  # when, how many, processor time until then
        while (arrived := int(client.docmd("XCOUNT")[1]) - before) < messages:
            if arrived and first is None:
                first = time.perf_counter(), arrived, cpu_s(root)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{arrived} of {messages} messages arrived in time")
            time.sleep(EVERY_S)
        if first is None:
            raise ValueError("too few messages to measure")
        began, already, cpu = first
        took, rest = time.perf_counter() - began, messages - already
        return Round(
            per_s=rest / took,
            cpu_ms=1000 * (cpu_s(root) - cpu) / rest,
            sessions=int(client.docmd("XSESSIONS")[1]) - sessions,
        )


class Mailward:
    """A gateway that is stopped between rounds."""

    name = "Mailward"

    def __init__(self, folder: Path, world: World) -> None:
        self._gateway = Installation(folder / "mailward", world, {"server": {"inspectors": 1}})
        self._gateway.add_user()

    def play(self, sink: Sink, messages: int) -> Round:
        asyncio.run(self._fill(messages))
        try:
            return watch(sink, messages, self._go)
        finally:
            self._gateway.close()

    @property
    def config(self) -> Path:
        return self._gateway.config

    def close(self) -> None:
        self._gateway.close()

    def _go(self) -> int:
        self._gateway.start()
        assert self._gateway.process is not None
        return self._gateway.process.pid

    async def _fill(self, messages: int) -> None:
        store = await open_store(load(self._gateway.config), node="bench")
        try:
            at = datetime.now(UTC) - timedelta(minutes=1)
            for number, body in enumerate(letters(messages)):
                message = make_message(SINK, body, at + timedelta(microseconds=number))
                (entry,) = message.entries
                message = replace(message, entries=(replace(entry, protected=True, recipient=RECIPIENT),))
                await store.commit(Unit(changes=tuple(new_message(await store.seal_message(message)))))
        finally:
            await store.close()


class Client:
    """Our client alone (`bench.handing`), with the settings of a gateway."""

    name = "Mailward, client alone"

    def __init__(self, config: Path) -> None:
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None

    def play(self, sink: Sink, messages: int) -> Round:
        def go() -> int:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "bench.handing",
                    "--config", str(self._config), "--messages", str(messages + TAIL),
                ],
                cwd=REPOSITORY,
            )  # fmt: skip
            return self._process.pid

        try:
            return watch(sink, messages, go)
        finally:
            self.close()

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)


class HeldPostfix:
    """A Postfix whose smtp transport is held back between rounds."""

    name = "Postfix"

    def __init__(self, postfix: Postfix) -> None:
        self._postfix = postfix

    def play(self, sink: Sink, messages: int) -> Round:
        self._hold(is_held=True)
        subprocess.run(
            [
                sys.executable, "-m", "bench.load", "--port", str(self._postfix.port),
                "--messages", str(messages), "--connections", str(CLIENTS),
            ],
            check=True, capture_output=True, timeout=PATIENCE_S, cwd=REPOSITORY,
        )  # fmt: skip
        self._wait_for_rest(messages)
        return watch(sink, messages, self._go)

    def _go(self) -> int:
        self._hold(is_held=False)
        self._run("postqueue", "-f")
        return int((self._postfix.root / "queue" / "pid" / "master.pid").read_text())

    def _hold(self, *, is_held: bool) -> None:
        self._run("postconf", "-e", f"defer_transports={'smtp' if is_held else ''}")
        self._run("postfix", "reload")

    def _wait_for_rest(self, messages: int) -> None:
        """Until everything lies in the deferred queue."""
        folder, deadline = self._postfix.root / "queue" / "deferred", time.monotonic() + PATIENCE_S
        while sum(path.is_file() for path in folder.rglob("*")) < messages:
            if time.monotonic() > deadline:
                raise TimeoutError("Postfix does not come to a rest")
            time.sleep(0.1)

    def _run(self, program: str, *arguments: str) -> None:
        command = [need(program), "-c", str(self._postfix.root / "etc"), *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


@contextmanager
def held_postfix(world: World, sink: Sink) -> Iterator[HeldPostfix]:
    """Postfix at its best: TLS connections are kept and handed on; as many deliveries at once as ours at one host."""
    settings = {
        "virtual_mailbox_domains": "",
        "relayhost": f"[{sink.address}]:{world.port}",
        "smtp_tls_security_level": "verify",
        "smtp_tls_verify_cert_match": f"mx.{SINK}",  # the address above stands for this host
        "smtp_tls_CAfile": str(world.authority.file),
        "smtp_tls_connection_reuse": "yes",
        "smtp_connection_cache_on_demand": "yes",
        "smtp_connection_cache_destinations": f"[{sink.address}]:{world.port}",
        "smtp_tls_session_cache_database": "btree:${data_directory}/smtp_scache",
        "smtpd_client_connection_count_limit": "0",
        "in_flow_delay": "0",
        "default_destination_concurrency_limit": "50",
        "initial_destination_concurrency": "20",
    }
    with running_postfix(address="127.0.0.1", port=free_port(), settings=settings) as postfix:
        yield HeldPostfix(postfix)


def compare(messages: int, rounds: int, names: list[str]) -> list[Result]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mailward-bench-")))
        folder.chmod(0o755)  # Postfix reads the authority as its own user
        world = stack.enter_context(open_world(folder / "world"))
        sink = stack.enter_context(running_sink(world))
        contenders: list[Mailward | HeldPostfix | Client] = []
        if "mailward" in names:
            ours = Mailward(folder, world)
            stack.callback(ours.close)
            contenders += [ours, Client(ours.config)]
        if "postfix" in names:
            contenders.append(stack.enter_context(held_postfix(world, sink)))
        played: dict[str, list[Round]] = {contender.name: [] for contender in contenders}
        for number in range(rounds):
            for contender in contenders:
                progress(f"round {number + 1} of {rounds}: {contender.name}")
                played[contender.name].append(contender.play(sink, messages))
    return [_summary(name, them) for name, them in played.items()]


def _summary(name: str, rounds: list[Round]) -> Result:
    return Result(
        name=name,
        per_s=round(statistics.median(one.per_s for one in rounds), 1),
        cpu_ms=round(statistics.median(one.cpu_ms for one in rounds), 2),
        sessions=max(one.sessions for one in rounds),
        rounds=[round(one.per_s, 1) for one in rounds],
    )


def ratio(one: Result, other: Result) -> float:
    """The median of the rounds' ratios: both of a round had the same machine."""
    return round(statistics.median(a / b for a, b in zip(one.rounds, other.rounds, strict=True)), 2)


def table(results: list[Result], messages: int) -> str:
    lines = [f"{messages} messages of 5 kB a round, from a full queue, over verified TLS", ""]
    lines.append(f"{'':24}{'delivered/s':>13}{'CPU ms/msg':>13}{'new sessions':>14}{'to Postfix':>12}   rounds")
    for one in results:
        compared = f"{ratio(one, results[-1]):.2f}" if results[-1].name == HeldPostfix.name else ""
        lines.append(
            f"{one.name:24}{one.per_s:>13}{one.cpu_ms:>13}{one.sessions:>14}{compared:>12}   "
            + ", ".join(map(str, one.rounds))
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare deliveries over verified TLS with Postfix's.")
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["mailward", "postfix"])
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of a table")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything that was started is stopped
    results = compare(options.messages, options.rounds, [options.only] if options.only else ["mailward", "postfix"])
    if options.json:
        print(json.dumps({"messages": options.messages, "results": [asdict(one) for one in results]}))
    else:
        print(table(results, options.messages))


if __name__ == "__main__":
    main()
