"""The whole gateway under what wears it out: a full queue, a slow resolver, a classifier that is busy."""

import asyncio
import smtplib
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Final

import httpx2
import pytest

from gateway.config import Settings
from gateway.daemon.gateway import Gateway
from tests.e2e.letters import new_marker, plain
from tests.e2e.nexthop import Behaviour, NextHop
from tests.e2e.world import World
from tests.gateway.waiting import until

pytestmark = pytest.mark.slow

SENDER: Final = "clinician@clinic.example"


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Gateway]:
    gateway = Gateway(settings)
    await gateway.start()
    try:
        yield gateway
    finally:
        async with asyncio.timeout(20):
            await gateway.stop()


def relay_port(settings: Settings) -> int:
    return next(listener.bind.port for listener in settings.listener if listener.mode.value == "relay")


async def hand_in(settings: Settings, message: EmailMessage, recipient: str) -> int:
    """One message through the relay listener. Returns: the code of the reply that decided."""

    def submit() -> int:
        with smtplib.SMTP("127.0.0.1", relay_port(settings), timeout=30, local_hostname="c.example") as client:
            try:
                client.send_message(message, from_addr=SENDER, to_addrs=[recipient])
            except smtplib.SMTPSenderRefused as refused:
                return refused.smtp_code
            return 250

    return await asyncio.to_thread(submit)


async def test_a_full_queue_refuses_says_so_and_drains(settings: Settings, world: World) -> None:
    """RX-09: 452 at MAIL, also right after a restart; when the destination is back, mail is taken again by itself."""
    limits = settings.limits.model_copy(update={"queue_messages": 2})
    small = settings.model_copy(update={"limits": limits})
    host, address = world.name("later.example")
    markers = [new_marker(), new_marker()]
    async with running(small) as gateway:
        for marker in markers:
            assert await hand_in(small, plain(marker, to="a@later.example"), "a@later.example") == 250
        assert await hand_in(small, plain(new_marker(), to="a@later.example"), "a@later.example") == 452
        assert gateway.unready() == ("queue: limits.queue_messages is reached",)
        assert "mailward_queue_full 1.0" in await page(small)
    async with running(small) as gateway:
        assert await hand_in(small, plain(new_marker(), to="a@later.example"), "a@later.example") == 452
        hop = NextHop(host, address, world.port, Behaviour(identity=world.authority.issue(host)))
        try:
            for marker in markers:
                await asyncio.to_thread(hop.wait_for, marker.encode())
            last = new_marker()
            await until(lambda: is_taken(small, last))
            await asyncio.to_thread(hop.wait_for, last.encode())
            await until(lambda: gateway.unready() == ())
        finally:
            hop.close()


async def is_taken(settings: Settings, marker: str) -> bool:
    """Whether mail is accepted again; asking is what makes the gateway look."""
    return await hand_in(settings, plain(marker, to="a@later.example"), "a@later.example") == 250


async def page(settings: Settings) -> str:
    async with httpx2.AsyncClient() as client:
        answer: str = (await client.get(f"http://{settings.metrics.bind}/metrics")).text
        return answer


async def test_names_of_clients_are_never_asked_for(
    settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RX-08: reverse DNS and `getfqdn` block; a message from greeting to queue calls none of them, anywhere."""
    asked: list[str] = []
    hop = world.add_good("named.example")
    for name in ("getfqdn", "gethostbyaddr", "gethostbyname", "gethostbyname_ex", "getnameinfo"):

        def blocking(*_: object, name: str = name) -> str:
            asked.append(name)
            time.sleep(1)
            return "slow.example"

        monkeypatch.setattr(socket, name, blocking)
    async with running(settings):
        marker = new_marker()
        assert await hand_in(settings, plain(marker, to="a@named.example"), "a@named.example") == 250
        await asyncio.to_thread(hop.wait_for, marker.encode())
    assert asked == []


IDLE: Final = 100
LONGEST_PAUSE_S: Final = 0.1


async def test_a_busy_classifier_keeps_nobody_waiting(settings: Settings, world: World) -> None:
    """RX-12: while a message takes an inspector seconds of processor time, a hundred idle sessions answer at once.

    The loop's pauses are measured in the processor time of its thread, so that a busy machine is not taken for one.
    """
    world.add_good("busy.example")
    limits = settings.limits.model_copy(update={"connections_per_address": IDLE + 10})
    listeners = tuple(one.model_copy(update={"limits": limits}) for one in settings.listener)
    roomy = settings.model_copy(update={"listener": listeners})
    async with running(roomy):
        idle = [await open_session(roomy) for _ in range(IDLE)]
        try:
            inspecting = asyncio.create_task(hand_in(roomy, heavy(), "a@busy.example"))
            pauses, rounds = await watch(inspecting, idle)
            assert await inspecting == 250
        finally:
            for _, writer in idle:
                writer.close()
    assert rounds > 1, "the message took too little time to show anything"
    assert max(pauses) < LONGEST_PAUSE_S


async def watch(
    task: "asyncio.Task[int]", idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
) -> tuple[list[float], int]:
    """Tick and ask all idle sessions until the task is done. Returns: seconds between ticks, and rounds of answers."""
    pauses: list[float] = []

    async def tick() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.001)
            pauses.append(time.thread_time() - before)

    ticking = asyncio.create_task(tick())
    rounds = 0
    while not task.done():
        for reader, writer in idle[rounds % 10 :: 10]:
            writer.write(b"NOOP\r\n")
            async with asyncio.timeout(5):
                assert (await reader.readline()).startswith(b"250 ")
        rounds += 1
        await asyncio.sleep(0.05)  # a session may say a hundred NOOPs
    ticking.cancel()
    return pauses, rounds


async def open_session(settings: Settings) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", relay_port(settings))
    assert (await reader.readline()).startswith(b"220 ")
    return reader, writer


def heavy() -> EmailMessage:
    """Two megabytes of prose for the classifier."""
    message = plain(new_marker(), to="a@busy.example")
    message.set_content("The patient was seen on the ward and takes metformin twice a day.\n" * 30_000)
    return message
