"""Asks ClamAV whether a message holds malware; what it does not know for sure is never clean.

How this works: clamd reads mail itself, so it gets the message as it came, over INSTREAM (clamd(8)). It says OK of what
passes one of its limits, unless AlertExceedsMax is on. So before it is believed it is shown a harmless archive that is
nested too deep, and has to say so.
"""

import asyncio
import gzip
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final

from gateway.config.scanning import ScannerAddress
from gateway.log import get_logger

SLICE: Final = 256 * 1024
LONGEST_ANSWER: Final = 4_096
AT_ONCE: Final = 8  # clamd has ten threads (MaxThreads)
BELIEVED_S: Final = 600  # for how long; clamd reads its configuration anew when it starts
NESTED: Final = 120  # clamd goes 17 deep (MaxRecursion), and never deeper than 100
BLIND: Final = 'clamd passes what is over its limits; write "AlertExceedsMax yes" in clamd.conf'
_OVER_LIMITS: Final = "Heuristics.Limits.Exceeded"  # clamd.conf(5), AlertExceedsMax

log = get_logger("scanner")


class Outcome(Enum):
    """What came of a scan."""

    CLEAN = auto()
    FOUND = auto()
    UNKNOWN = auto()  # nothing is known: it is down, slow, or a limit stopped it


@dataclass(frozen=True, slots=True)
class Scan:
    """words: the name of what was found, or why nothing is known; for logs and the audit, not for a peer."""

    outcome: Outcome
    words: str = ""


class Clamd:
    """One clamd. where: its socket. time_limit_s: of one scan, waiting for its turn included."""

    def __init__(self, where: ScannerAddress, *, time_limit_s: float) -> None:
        self._where = where
        self._time_limit_s = time_limit_s
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._proving = asyncio.Lock()
        self._believed_until = 0.0

    async def scan(self, data: bytes) -> Scan:
        """Scan one message. Never raises; what goes wrong is UNKNOWN, with the reason."""
        try:
            async with asyncio.timeout(self._time_limit_s):
                async with self._turns:
                    answer = await self._ask(data)
                if answer.outcome is Outcome.CLEAN and not await self._is_careful():
                    return Scan(Outcome.UNKNOWN, BLIND)
                return answer
        except TimeoutError:
            return Scan(Outcome.UNKNOWN, f"no answer within {self._time_limit_s:g} s")
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            return Scan(Outcome.UNKNOWN, f"clamd cannot be asked ({type(error).__name__})")

    async def _is_careful(self) -> bool:
        """Whether it says so when a limit stops it."""
        async with self._proving:
            now = asyncio.get_running_loop().time()
            if now >= self._believed_until:
                async with self._turns:
                    answer = await self._ask(_too_deep())
                if answer.words != _OVER_LIMITS:
                    log.error("scanner not believed", why=BLIND)
                    return False
                self._believed_until = now + BELIEVED_S
            return True

    async def _ask(self, data: bytes) -> Scan:
        reader, writer = await self._connect()
        sending = asyncio.create_task(_send(writer, data))
        try:
            return read_answer(await reader.readuntil(b"\0"))  # may come early: "INSTREAM size limit exceeded. ERROR"
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)  # it fails when clamd has heard enough
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._where, Path):
            return await asyncio.open_unix_connection(self._where, limit=LONGEST_ANSWER)
        return await asyncio.open_connection(self._where.host, self._where.port, limit=LONGEST_ANSWER)


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    """The stream in slices, each after its length, and an empty one (clamd(8), INSTREAM)."""
    writer.write(b"zINSTREAM\0")
    view = memoryview(data)
    for start in range(0, len(view), SLICE):
        piece = view[start : start + SLICE]
        writer.write(len(piece).to_bytes(4, "big"))
        writer.write(piece)
        await writer.drain()
    writer.write(bytes(4))
    await writer.drain()


def read_answer(said: bytes) -> Scan:
    """Read what clamd said, NUL included. All but the two words it has for it is UNKNOWN."""
    text = said.rstrip(b"\0").decode("ascii", errors="replace")
    name, _, verdict = text.removeprefix("stream: ").rpartition(" ")
    if text == "stream: OK":
        return Scan(Outcome.CLEAN)
    if verdict != "FOUND" or not text.startswith("stream: "):
        return Scan(Outcome.UNKNOWN, text[:200])
    if name.startswith(_OVER_LIMITS):
        return Scan(Outcome.UNKNOWN, _OVER_LIMITS)
    return Scan(Outcome.FOUND, name[:200])


def _too_deep() -> bytes:
    data = b"harmless"
    for _ in range(NESTED):
        data = gzip.compress(data, mtime=0)
    return data
