"""How late the gateway's event loop is, seen from inside its process.

`python -m bench.lag FILE serve --config …` is the gateway itself with one more task, which is due every 5 ms and notes
how late it was; the notes are written to FILE when the gateway stops. A loop that is held up for 100 ms misses twenty
turns: all of them count, each with its own lateness, so that long holds weigh what they cost. `python -m bench.lag FILE
idle` is a loop that does nothing else: how late that one was is the machine's doing.
"""

import asyncio
import json
import signal
import sys
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop

from gateway.cli.main import main as command_line
from gateway.daemon import serve
from gateway.daemon.gateway import Gateway

TICK_S: Final = 0.005

Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """Milliseconds."""

    turns: int
    p50: float
    p99: float
    p999: float
    worst: float


class Probe:
    """due, late: seconds of the machine's steady clock, the same in all processes; one of each for every turn."""

    def __init__(self) -> None:
        self.due = array("d")
        self.late = array("d")

    async def run(self) -> None:
        due = time.monotonic() + TICK_S
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = self.note(due, time.monotonic())

    def note(self, due: float, now: float) -> float:
        """All turns that were due by now. Returns: when the next one is."""
        while due <= now:
            self.due.append(due)
            self.late.append(now - due)
            due += TICK_S
        return due

    def write(self, file: Path) -> None:
        file.write_text(json.dumps({"due": self.due.tolist(), "late": self.late.tolist()}))


def lag_during(file: Path, spans: Sequence[Span]) -> Lag:
    """What a stopped gateway noted between these times of the steady clock."""
    notes = json.loads(file.read_text())
    return summarise(
        [
            late
            for due, late in zip(notes["due"], notes["late"], strict=True)
            if any(start <= due < end for start, end in spans)
        ]
    )


def summarise(late: Sequence[float]) -> Lag:
    """late: seconds, at least one."""
    ordered = sorted(late)

    def at(share: float) -> float:
        return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)

    return Lag(turns=len(ordered), p50=at(0.5), p99=at(0.99), p999=at(0.999), worst=at(1))


class Probed(Gateway):
    """A gateway that notes its lag from its first message on."""

    file: Path

    async def start(self) -> None:
        await super().start()
        self._probe = Probe()
        self._probing = asyncio.create_task(self._probe.run(), name="lag")

    async def stop(self) -> None:
        self._probing.cancel()
        await super().stop()
        self._probe.write(self.file)


async def idle(file: Path) -> None:
    """Until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    probe = Probe()
    probing = asyncio.create_task(probe.run())
    await stopping.wait()
    probing.cancel()
    probe.write(file)


def main() -> None:
    Probed.file = Path(sys.argv.pop(1))
    if sys.argv[1:] == ["idle"]:
        uvloop.run(idle(Probed.file))
        return
    serve.Gateway = Probed  # type: ignore[attr-defined]  # the product has no need of a seam here
    command_line()


if __name__ == "__main__":
    main()
