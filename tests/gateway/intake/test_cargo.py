"""RX-06: what all messages together hold in memory is bounded; who comes too much is told to come later."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.intake.cargo import Cargo, Load
from gateway.intake.data import DataReader, Fault
from tests.gateway.intake.harness import Server, ready_to_send, running

IN_HAND = 2000
LARGE = b"Subject: x\r\n\r\n" + (b"y" * 98 + b"\r\n") * 18  # fits once


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Server]:
    """An intake with little memory."""
    async with running(tmp_path, in_hand=IN_HAND) as started:
        yield started


def test_load_is_given_back() -> None:
    cargo = Cargo(100)
    with Load(cargo) as first, Load(cargo) as second:
        assert first.resize(60)
        assert not second.resize(41)
        assert second.resize(40)
        full = [cargo.is_full]
        assert second.resize(10)
        full.append(cargo.is_full)
    assert full == [True, False]
    assert cargo.move(0, 100)


def test_a_message_that_is_alone_has_room() -> None:
    """A large one is not refused for ever."""
    cargo = Cargo(100)
    with Load(cargo) as load:
        assert load.resize(80)
        assert load.resize(500)


def test_a_dropped_message_is_read_to_its_end_and_not_kept() -> None:
    reader = DataReader(1000)
    reader.feed(b"Subject: x\r\n\r\n")
    reader.drop()
    end = reader.feed(b"text\r\n.\r\nRSET\r\n")
    assert end is not None
    assert (end.fault, end.message, end.rest, reader.kept) == (Fault.NO_ROOM, b"", b"RSET\r\n", 0)


async def test_messages_at_once_are_bounded(small: Server) -> None:
    """The second large one gets 452 after its last dot, the session lives, and later it is taken."""
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(ready_to_send(small)) for _ in range(2)]
        await first.ask(b"DATA")
        await first.send(LARGE[:-2])
        await second.ask(b"DATA")
        assert (await second.ask(LARGE + b".")).startswith(b"452 4.3.1 ")
        assert (await first.ask(b"\r\n.")).startswith(b"250 ")
        for line in (b"MAIL FROM:<a@clinic.example>", b"RCPT TO:<b@x.example>", b"DATA"):
            await second.ask(line)
        assert (await second.ask(LARGE + b".")).startswith(b"250 ")
    assert len(small.backend.messages) == 2


async def test_a_message_counts_until_it_is_answered(small: Server) -> None:
    """While the first is inspected and stored, no second one begins."""
    small.backend.gate.clear()
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(ready_to_send(small)) for _ in range(2)]
        await first.ask(b"DATA")
        await first.send((b"y" * 98 + b"\r\n") * 21 + b".\r\n")
        await small.backend.reached.wait()
        assert (await second.ask(b"DATA")).startswith(b"452 4.3.1 ")
        small.backend.gate.set()
        assert (await first.reply()).startswith(b"250 ")
        assert (await second.ask(b"DATA")).startswith(b"354 ")
