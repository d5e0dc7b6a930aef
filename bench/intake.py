"""`make bench`, second part: how fast mail is taken in, by our intake, stock aiosmtpd and Postfix's smtpd.

The duty of our intake and of aiosmtpd is the same: keep the message, answer 250. Postfix, and the whole gateway, answer
when it is safe on disk. All run at once, are idle but for one, and take turns in every round, so that other work on the
machine meets all of them. The gateway's event loop is watched meanwhile (`bench/lag.py`).
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Final

from bench.contenders import Contender, IdleLoop, ProbedInstallation, accepting, postfix_smtpd, whole_gateway
from bench.lag import Lag, Span, lag_during
from bench.processes import TICKS, cpu_s
from bench.run import PATIENCE_S, REPOSITORY, progress
from bench.wire import LARGE, Spent

ALL: Final = "all at once"
BESIDE: Final = "idle loop meanwhile"  # in a process of its own: what the machine does to any loop under that load
SATURATED: Final = 0.9  # of a core: the client may be what is measured
OURS: Final = "Mailward, intake"
RIVALS: Final = ("aiosmtpd", "aiosmtpd, uvloop", "Postfix smtpd")
ACCEPTING: Final = (("ours", OURS), ("stock", RIVALS[0]), ("stock-uvloop", RIVALS[1]))  # servers of bench.accepting
CONTENDERS: Final = (*(name for name, _ in ACCEPTING), "postfix", "whole")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """work: of bench.wire. aim: times stock aiosmtpd. share: of count, for the whole gateway."""

    work: str
    title: str
    count: int
    parallel: int
    aim: float = 0.0
    share: float = 1.0


LOADS: Final = (
    Load(work="connect", title="connections/s", count=3000, parallel=16, aim=2),
    Load(work="messages", title="messages/s", count=3000, parallel=16, aim=2, share=0.3),
    Load(work="lockstep", title="in lockstep/s", count=3000, parallel=16, share=0.3),
    Load(work="large", title="large, MB/s", count=6, parallel=3, aim=5, share=0.5),
)
AT_ONCE: Final = (("messages", 16), ("large", 2), ("connect", 4))  # what full load is: work and connections


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """rate: per second. client: share of a core that it took. cpu_ms: of the server for each unit."""

    rate: float
    client: float
    cpu_ms: float


Played = dict[str, dict[str, list[Turn]]]  # by contender and work, in the order of the rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """octets: of a large message. lag: of the whole gateway's loop, by load, and of an idle one beside the last."""

    played: Played
    octets: int
    lag: dict[str, Lag] = field(default_factory=dict)


def finish_client(client: "subprocess.Popen[str]") -> Spent:
    """Raises: CalledProcessError when the server refused something."""
    with client:
        text, _ = client.communicate(timeout=PATIENCE_S)
    if client.returncode:
        raise subprocess.CalledProcessError(client.returncode, client.args)
    return Spent(**json.loads(text))


class Player:
    """Plays loads on one contender, and remembers when, and how many messages that made. octets: of a large one."""

    def __init__(self, contender: Contender, octets: int, *, is_whole: bool) -> None:
        self.contender = contender
        self.spans: defaultdict[str, list[Span]] = defaultdict(list)
        self._octets = octets
        self._is_whole = is_whole
        self._taken = 0

    def play(self, load: Load, scale: float) -> Turn:
        """One turn; what it leaves behind is worked off before the next."""
        count = max(1, round(load.count * scale * (load.share if self._is_whole else 1)))
        cpu, start = cpu_s(self.contender.root), time.monotonic()
        spent = finish_client(self._start(load.work, load.parallel, "--count", str(count)))
        self._settle(load.work, start, [(load.work, spent)])
        units = spent.done * (self._octets / 1e6 if load.work == "large" else 1)
        return Turn(
            rate=units / spent.seconds,
            client=spent.cpu_s / spent.seconds,
            cpu_ms=1000 * max(1 / TICKS, cpu_s(self.contender.root) - cpu) / units,
        )

    def play_all_at_once(self, seconds: float) -> None:
        """Full load: new connections, small messages and large ones at the same time."""
        start = time.monotonic()
        clients = [(work, self._start(work, parallel, "--seconds", str(seconds))) for work, parallel in AT_ONCE]
        self._settle(ALL, start, [(work, finish_client(client)) for work, client in clients])

    def _start(self, work: str, parallel: int, *more: str) -> "subprocess.Popen[str]":
        command = [
            sys.executable, "-m", "bench.wire", work, "--port", str(self.contender.port),
            "--parallel", str(parallel), "--octets", str(self._octets), *more,
        ]  # fmt: skip
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)

    def _settle(self, name: str, start: float, spent: Sequence[tuple[str, Spent]]) -> None:
        self.spans[name].append((start, time.monotonic()))
        self._taken += sum(one.done for work, one in spent if work != "connect")
        self.contender.settle(self._taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Everybody who takes part, up and running. gateway: behind the player `whole`, when it takes part."""

    players: list[Player]
    whole: Player | None = None
    gateway: ProbedInstallation | None = None
    idle: IdleLoop | None = None


@contextmanager
def running_field(names: Collection[str], octets: int) -> Iterator[Field]:
    """names: of CONTENDERS. octets: of a large message."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mailward-bench-")))
        folder.chmod(0o755)
        started = [
            stack.enter_context(accepting(name, title, folder / name)) for name, title in ACCEPTING if name in names
        ]
        if "postfix" in names:
            started.append(stack.enter_context(postfix_smtpd()))
        players = [Player(contender, octets, is_whole=False) for contender in started]
        if "whole" not in names:
            yield Field(players=players)
            return
        contender, gateway = stack.enter_context(whole_gateway(folder / "whole"))
        whole = Player(contender, octets, is_whole=True)
        idle = IdleLoop(folder / "idle.json")
        stack.callback(idle.stop)
        yield Field(players=[*players, whole], whole=whole, gateway=gateway, idle=idle)


def compare(*, rounds: int, scale: float, seconds: float, octets: int, names: Collection[str]) -> Found:
    """scale: of all counts. seconds: of full load. octets: of a large message. names: of CONTENDERS."""
    with running_field(names, octets) as field:
        played: Played = {player.contender.title: {load.work: [] for load in LOADS} for player in field.players}
        for player, load in product(field.players, LOADS[:2]):
            player.play(load, 0.1 * scale)  # warm
        for number, load, player in product(range(rounds), LOADS, field.players):
            progress(f"round {number + 1} of {rounds}: {player.contender.title}, {load.work}")
            played[player.contender.title][load.work].append(player.play(load, scale))
        lag = watch_full_load(field, seconds)
    return Found(played=played, octets=octets, lag=lag)


def watch_full_load(field: Field, seconds: float) -> dict[str, Lag]:
    """Everything at once, then stop the gateway. Returns: lag by load, of the rounds before, too."""
    if field.whole is None or field.gateway is None or field.idle is None:
        return {}
    progress(f"full load: {field.whole.contender.title}")
    field.whole.play_all_at_once(seconds)
    field.gateway.stop()
    field.idle.stop()
    spans = field.whole.spans
    lag = {name: lag_during(field.gateway.lag_file, them) for name, them in spans.items()}
    return {**lag, BESIDE: lag_during(field.idle.file, spans[ALL])}


# --- what was found ---


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios, whose two sides ran one after the other."""
    return round(statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True)), 2)


def ratios(found: Found) -> dict[str, dict[str, float]]:
    """Our intake's rate to each rival's, by rival and work."""
    return _compared(found, lambda ours, theirs: ratio([one.rate for one in ours], [one.rate for one in theirs]))


def cpu_ratios(found: Found) -> dict[str, dict[str, float]]:
    """How many times our intake's processor time they take; other work on the machine hardly changes it."""
    return _compared(found, lambda ours, theirs: ratio([one.cpu_ms for one in theirs], [one.cpu_ms for one in ours]))


def _compared(found: Found, compare_two: Callable[[list[Turn], list[Turn]], float]) -> dict[str, dict[str, float]]:
    ours = found.played.get(OURS)
    rivals = [rival for rival in RIVALS if rival in found.played] if ours else []
    return {
        rival: {load.work: compare_two(ours[load.work], found.played[rival][load.work]) for load in LOADS}
        for rival in rivals
        if ours
    }


def table(found: Found) -> str:
    """Medians, the server's processor time in brackets, the ratios, and how late the gateway's loop was."""
    titles = "".join(f"{load.title:>19}" for load in LOADS)
    lines = [
        f"intake: 5 kB and {found.octets / 1e6:g} MB, {os.cpu_count()} cores; (server's CPU, ms for each)",
        "",
        f"{'':23}{titles}",
    ]
    for title, works in found.played.items():
        lines.append(f"{title:23}" + "".join(f"{_cell(works[load.work]):>19}" for load in LOADS))
    for word, compared in (("to", ratios(found)), ("CPU of", cpu_ratios(found))):
        for rival, values in compared.items():
            lines.append(f"{f'{word} {rival}':23}" + "".join(f"{values[load.work]:>18.2f}x" for load in LOADS))
    lines.append(f"{'aim, to aiosmtpd':23}" + "".join(f"{f'{load.aim:g}x' if load.aim else '':>19}" for load in LOADS))
    lines.append("* the client took most of a core: the server may be faster")
    if found.lag:
        lines += [
            "",
            f"{'loop lag, ms':23}" + "".join(f"{name:>10}" for name in ("p50", "p99", "p99.9", "max", "turns")),
        ]
    for name, lag in found.lag.items():
        lines.append(f"{name:23}{lag.p50:>10}{lag.p99:>10}{lag.p999:>10}{lag.worst:>10}{lag.turns:>10}")
    return "\n".join(lines)


def _cell(turns: Sequence[Turn]) -> str:
    rate = statistics.median(turn.rate for turn in turns)
    cpu_ms = statistics.median(turn.cpu_ms for turn in turns)
    mark = "*" if statistics.median(turn.client for turn in turns) > SATURATED else ""
    return f"{rate:.0f}{mark} ({cpu_ms:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare intakes.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of the counts of connections and messages")
    parser.add_argument("--seconds", type=float, default=20.0, help="of full load on the whole gateway")
    parser.add_argument("--megabytes", type=float, default=LARGE / 1e6, help="of a large message")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of a table")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything that was started is stopped
    found = compare(
        rounds=given.rounds,
        scale=given.scale,
        seconds=given.seconds,
        octets=int(given.megabytes * 1e6),
        names=given.only,
    )
    print(
        json.dumps({**asdict(found), "ratios": ratios(found), "cpu_ratios": cpu_ratios(found)})
        if given.json
        else table(found)
    )


if __name__ == "__main__":
    main()
