"""Nobody keeps others from their messages, and being busy is said as such."""

import asyncio
from datetime import timedelta

import pytest

from gateway.inspect.render import Attached, Rendered
from gateway.web.portal.reading import CLOSES_S, DOWNLOADS, SHARE
from gateway.web.portal.room import Room, RoomFull
from gateway.workers.errors import PoolUnavailable
from tests.gateway.web.clinic import Browser, Clinic, DirectReader
from tests.gateway.web.mails import PDF, make_mail


async def test_a_reader_has_a_share_and_the_room_has_an_end() -> None:
    room = Room(places=3, share=2)
    await room.enter(b"slow", may_wait=False)
    await room.enter(b"slow", may_wait=False)
    with pytest.raises(RoomFull):
        await room.enter(b"slow", may_wait=True)
    await room.enter(b"other", may_wait=False)
    with pytest.raises(RoomFull):
        await room.enter(b"third", may_wait=False)
    waiting = asyncio.create_task(room.enter(b"third", may_wait=True))
    await asyncio.sleep(0)
    room.leave(b"slow")
    await waiting
    room.leave(b"third")
    await room.enter(b"slow", may_wait=False)


async def test_who_stops_waiting_leaves_nothing_behind() -> None:
    room = Room(places=1, share=1)
    await room.enter(b"a", may_wait=False)
    waiting = asyncio.create_task(room.enter(b"b", may_wait=True))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    room.leave(b"a")
    await room.enter(b"b", may_wait=False)


class StuckReader(DirectReader):
    """Downloads never come to their end."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.stuck = asyncio.Semaphore(0)

    async def attachment(self, data: bytes, number: int) -> Attached:
        self.stuck.release()
        await self.go_on.wait()
        return await super().attachment(data, number)


@pytest.mark.slow
async def test_slow_downloads_keep_nobody_from_reading(clinic: Clinic, browser: Browser) -> None:
    """A reader who holds every download that one may hold still sees the message, and so does everybody else."""
    reader = StuckReader()
    clinic.reader = reader
    token = await clinic.publish(make_mail(files=(("a.pdf", PDF),)), pin="4817-2290")
    await browser.get(f"/m/{token}")
    await browser.post(f"/m/{token}", do="open", secret="48172290")
    held = [asyncio.create_task(browser.http.get("/message/attachment/1")) for _ in range(SHARE)]
    for _ in held:
        await reader.stuck.acquire()
    assert SHARE < DOWNLOADS
    busy = await browser.get("/message/attachment/1")
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "60")
    assert (await browser.get("/message")).status_code == 200
    reader.go_on.set()
    assert {(await answer).content for answer in held} == {PDF}


@pytest.mark.slow
async def test_a_renderer_that_is_busy_says_nothing_about_the_message(clinic: Clinic, browser: Browser) -> None:
    """`We cannot show this message` would be untrue: in a minute we can."""

    class BusyReader(DirectReader):
        async def render(self, data: bytes) -> Rendered:
            raise PoolUnavailable

    token = await clinic.publish(make_mail(), pin="4817-2290")
    await browser.get(f"/m/{token}")
    await browser.post(f"/m/{token}", do="open", secret="48172290")
    clinic.reader = BusyReader()
    answer = await browser.get("/message")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "cannot show" not in answer.text


@pytest.mark.slow
async def test_po_06_an_untouched_page_closes_by_itself(clinic: Clinic, browser: Browser) -> None:
    """PO-06: the browser asks again when the session has just ended, and gets the page that shows nothing."""
    token = await clinic.publish(make_mail(), pin="4817-2290")
    await browser.get(f"/m/{token}")
    await browser.post(f"/m/{token}", do="open", secret="48172290")
    answer = await browser.get("/message")
    assert answer.headers["refresh"] == str(CLOSES_S)
    assert "Keep it open" in answer.text
    clinic.now += timedelta(seconds=CLOSES_S)
    assert "Your result" not in (await browser.get("/message")).text
