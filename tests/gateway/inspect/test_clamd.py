"""A virus scanner's word: what it does not say for sure is never taken for clean."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.inspect.clamd import BLIND, Clamd, Outcome, Scan, read_answer
from gateway.inspect.inspector import NoInspector, inspector_pool
from gateway.inspect.screened import ScreenedInspector

Answerer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
OK = b"stream: OK\0"
LIMIT = b"stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND\0"
GZIP = b"\x1f\x8b"


@asynccontextmanager
async def clamd(path: Path, answer: Answerer, *, reads: bool = True) -> AsyncIterator[Clamd]:
    """A server that answers in clamd's place. reads: all that it is sent before it answers."""

    at_work = set[asyncio.Task[None] | None]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_work.add(asyncio.current_task())
        try:
            assert await reader.readexactly(10) == b"zINSTREAM\0"
            data = bytearray()
            while reads and (size := int.from_bytes(await reader.readexactly(4), "big")):
                data += await reader.readexactly(size)
            await answer(bytes(data), writer)
        finally:
            writer.transport.abort()

    async with await asyncio.start_unix_server(connected, path / "s"):
        yield Clamd(path / "s", time_limit_s=0.2)
        for task in filter(None, at_work):
            task.cancel()
        await asyncio.gather(*filter(None, at_work), return_exceptions=True)


def saying(said: bytes, deep: bytes = LIMIT) -> Answerer:
    """said: to mail; deep: to the archive that is nested too deep."""

    async def answer(data: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(deep if data.startswith(GZIP) else said)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return answer


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (OK, Outcome.CLEAN),
        (b"stream: Win.Test.EICAR_HDB-1 FOUND\0", Outcome.FOUND),
        (b"stream: a b FOUND\0", Outcome.FOUND),
        (LIMIT, Outcome.UNKNOWN),  # AB-09: it stopped reading
        (b"INSTREAM size limit exceeded. ERROR\0", Outcome.UNKNOWN),
        (b"stream: Can't allocate memory ERROR\0", Outcome.UNKNOWN),
        (b"stream: OK", Outcome.UNKNOWN),  # cut off
        (b"stream: NOT OK\0", Outcome.UNKNOWN),
        (b"OK\0", Outcome.UNKNOWN),
        (b"\xff\xfe\0", Outcome.UNKNOWN),
        (b"\0", Outcome.UNKNOWN),
        (b"", Outcome.UNKNOWN),
        (b"stream: OK" * 1000 + b"\0", Outcome.UNKNOWN),
    ],
)
async def test_only_its_own_word_is_taken(said: bytes, outcome: Outcome, tmp_path: Path) -> None:
    """AB-09: limits, errors and what is no answer are not clean."""
    async with clamd(tmp_path, saying(said)) as scanner:
        assert (await scanner.scan(b"mail")).outcome is outcome


async def test_a_scanner_that_is_down(tmp_path: Path) -> None:
    """AB-09: nobody listens."""
    assert (await Clamd(tmp_path / "s", time_limit_s=1).scan(b"mail")).outcome is Outcome.UNKNOWN


async def test_a_scanner_that_says_nothing(tmp_path: Path) -> None:
    """AB-09: time passes."""

    async def answer(data: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with clamd(tmp_path, answer) as scanner:
        assert (await scanner.scan(b"mail")).words == "no answer within 0.2 s"


async def test_a_scanner_that_answers_before_it_has_all(tmp_path: Path) -> None:
    """AB-09: clamd stops listening at StreamMaxLength; its word on that is read, and sending ends."""
    said = saying(b"INSTREAM size limit exceeded. ERROR\0")
    async with clamd(tmp_path, said, reads=False) as scanner:
        assert (await scanner.scan(bytes(8 * 1024 * 1024))).outcome is Outcome.UNKNOWN


async def test_a_scanner_that_passes_what_is_over_its_limits_is_not_believed(tmp_path: Path) -> None:
    """AB-09: without AlertExceedsMax clamd says OK of what it did not read to the end."""
    async with clamd(tmp_path, saying(OK, deep=OK)) as scanner:
        assert await scanner.scan(b"mail") == Scan(Outcome.UNKNOWN, BLIND)


async def test_it_is_proved_once_in_a_while(tmp_path: Path) -> None:
    """The archive is not sent with every message."""
    seen = list[bytes]()

    async def answer(data: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(data[:2])
        await saying(OK)(data, writer)

    async with clamd(tmp_path, answer) as scanner:
        found = await asyncio.gather(*(scanner.scan(b"mail") for _ in range(5)))
    assert {one.outcome for one in found} == {Outcome.CLEAN}
    assert seen.count(GZIP) == 1


async def test_nothing_is_inspected_that_was_not_scanned(tmp_path: Path) -> None:
    """AB-09: the client keeps the message; the pool, which was never started, is not asked."""
    inspector = ScreenedInspector(inspector_pool(1), Clamd(tmp_path / "s", time_limit_s=1))
    with pytest.raises(NoInspector, match="cannot be asked"):
        await inspector.inspect(b"mail", subject_tags=())


def test_a_long_name_is_cut() -> None:
    """It goes to the audit log."""
    assert len(read_answer(b"stream: " + b"x" * 3000 + b" FOUND\0").words) == 200
