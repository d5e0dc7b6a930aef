"""Letters read from the store: who asks meanwhile shares the next reading, and nobody's trouble is another's."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from gateway.delivery import reader as module
from gateway.delivery.reader import TOGETHER, TOGETHER_BYTES, Reader
from gateway.message.entry import MessageKind
from gateway.store.errors import ContentError, ContentGone, StoreSick
from gateway.store.reading import Whole
from gateway.store.store import Store

AT = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Shelf:
    """What `load_whole` finds; it waits for the gate. gone: ids of destroyed messages; missing: of none at all."""

    readings: list[list[str]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    gone: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    is_sick: bool = False

    async def load(self, _: Store, ids: Iterable[str]) -> Mapping[str, Whole | ContentError]:
        asked = list(ids)
        self.readings.append(asked)
        await self.gate.wait()
        if self.is_sick:
            raise StoreSick("the disk")
        return {one: ContentGone(one) if one in self.gone else _whole(one) for one in asked if one not in self.missing}


def _whole(queue_id: str) -> Whole:
    return Whole(
        id=queue_id, kind=MessageKind.MAIL, sender="a@clinic.example", login="", envid="", ret="", about_id="",
        received_at=AT, body=queue_id.encode(),
    )  # fmt: skip


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf()
    monkeypatch.setattr(module, "load_whole", shelf.load)
    return shelf


@pytest.fixture
def reader(shelf: Shelf) -> Reader:
    return Reader(None)  # type: ignore[arg-type]  # the shelf stands for it


def ask(reader: Reader, *ids: str, size: int = 100) -> list[asyncio.Task[bytes]]:
    async def body(queue_id: str) -> bytes:
        return (await reader.read(queue_id, size)).body

    return [asyncio.create_task(body(one)) for one in ids]


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_those_who_ask_together_share_a_reading(reader: Reader, shelf: Shelf) -> None:
    first = ask(reader, "Q1", "Q2")
    await turns()
    later = ask(reader, "Q3", "Q4")
    await turns()
    shelf.gate.set()
    assert await asyncio.gather(*first, *later) == [b"Q1", b"Q2", b"Q3", b"Q4"]
    assert shelf.readings == [["Q1", "Q2"], ["Q3", "Q4"]]


async def test_octets_of_one_reading_are_bounded(reader: Reader, shelf: Shelf) -> None:
    shelf.gate.set()
    half = TOGETHER_BYTES // 2
    await asyncio.gather(*ask(reader, "Q1", "Q2", "Q3", size=half), *ask(reader, "Q4", size=9 * TOGETHER_BYTES))
    assert shelf.readings == [["Q1", "Q2"], ["Q3"], ["Q4"]]


async def test_letters_of_one_reading_are_bounded(reader: Reader, shelf: Shelf) -> None:
    shelf.gate.set()
    ids = [f"Q{number}" for number in range(TOGETHER + 1)]
    await asyncio.gather(*ask(reader, *ids))
    assert shelf.readings == [ids[:TOGETHER], ids[TOGETHER:]]


async def test_each_hears_of_its_own_trouble(reader: Reader, shelf: Shelf) -> None:
    """QD-09: the queue goes on beside a message that cannot be read."""
    shelf.gone, shelf.missing = {"Q1"}, {"Q2"}
    shelf.gate.set()
    gone, missing, well = await asyncio.gather(*ask(reader, "Q1", "Q2", "Q3"), return_exceptions=True)
    assert isinstance(gone, ContentGone)
    assert isinstance(missing, LookupError)
    assert well == b"Q3"


async def test_a_store_that_cannot_be_read_is_everybodys_trouble_once(reader: Reader, shelf: Shelf) -> None:
    shelf.is_sick = True
    shelf.gate.set()
    for trouble in await asyncio.gather(*ask(reader, "Q1", "Q2"), return_exceptions=True):
        assert isinstance(trouble, StoreSick)
    shelf.is_sick = False
    assert await asyncio.gather(*ask(reader, "Q1")) == [b"Q1"]


async def test_who_is_cancelled_while_reading_takes_nobody_along(reader: Reader, shelf: Shelf) -> None:
    reading, other = ask(reader, "Q1", "Q2")
    await turns()
    assert shelf.readings == [["Q1", "Q2"]]
    reading.cancel()
    shelf.gate.set()
    async with asyncio.timeout(5):
        assert await other == b"Q2"
    assert reading.cancelled()
