"""gateway.delivery.race, with connections made of data and a clock that is put forward."""

import asyncio
from dataclasses import dataclass, field

import pytest

from gateway.delivery.race import HEAD_START_S, interleave, race
from tests.gateway.delivery.clock_loop import pass_time, settle


@dataclass
class Net:
    """What each address does: an error at once, a connection once it may, or nothing for ever."""

    does: dict[str, OSError | asyncio.Event | None]
    begun: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)

    async def connect(self, address: str) -> str:
        self.begun.append(address)
        what = self.does[address]
        if isinstance(what, OSError):
            raise what
        try:
            await (what or asyncio.Event()).wait()
        except asyncio.CancelledError:
            self.cancelled.append(address)
            raise
        return f"connection to {address}"

    def run(self) -> asyncio.Task[str]:
        return asyncio.create_task(race(list(self.does), self.connect, discard=self.discarded.append))


def at_once() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@pytest.mark.parametrize(
    ("given", "order"),
    [
        ((), ()),
        (("192.0.2.1",), ("192.0.2.1",)),
        (("::1", "::2", "192.0.2.1"), ("::1", "192.0.2.1", "::2")),
        (
            ("::1", "::2", "::3", "::4", "192.0.2.1", "192.0.2.2"),
            ("::1", "192.0.2.1", "::2", "192.0.2.2", "::3", "::4"),
        ),
        (("192.0.2.1", "192.0.2.2", "::1"), ("192.0.2.1", "::1", "192.0.2.2")),
    ],
)
def test_families_take_turns(given: tuple[str, ...], order: tuple[str, ...]) -> None:
    """RFC 8305 section 4: many addresses of a dead family do not stand before the first of the other."""
    assert interleave(given) == order


async def test_the_first_address_that_answers_is_taken() -> None:
    net = Net({"::1": at_once(), "192.0.2.1": at_once()})
    assert await net.run() == "connection to ::1"
    assert net.begun == ["::1"]


async def test_a_silent_address_has_a_head_start_and_no_more() -> None:
    """RFC 8305 section 5: IPv6 leads nowhere, and the mail leaves over IPv4 a quarter of a second later."""
    net = Net({"::1": None, "192.0.2.1": at_once()})
    task = net.run()
    await pass_time(HEAD_START_S - 0.1)
    assert net.begun == ["::1"]
    await pass_time(0.11)
    assert task.done()
    assert await task == "connection to 192.0.2.1"
    assert net.cancelled == ["::1"]


async def test_an_address_that_refuses_is_followed_at_once() -> None:
    net = Net({"::1": ConnectionRefusedError(), "192.0.2.1": at_once()})
    task = net.run()
    await settle()
    assert await task == "connection to 192.0.2.1"


async def test_the_first_may_still_win_after_its_head_start() -> None:
    slow, later = asyncio.Event(), asyncio.Event()
    net = Net({"::1": slow, "192.0.2.1": later})
    task = net.run()
    await pass_time(HEAD_START_S + 0.1)
    slow.set()
    assert await task == "connection to ::1"
    assert net.cancelled == ["192.0.2.1"]


async def test_of_two_at_the_same_moment_the_second_is_ended() -> None:
    both = asyncio.Event()
    net = Net({"::1": both, "192.0.2.1": both})
    task = net.run()
    await pass_time(HEAD_START_S + 0.1)
    both.set()
    assert await task == "connection to ::1"
    assert net.discarded == ["connection to 192.0.2.1"]


@pytest.mark.parametrize("addresses", [("::1",), ("::1", "192.0.2.1")])
async def test_when_none_answers_the_last_error_says_why(addresses: tuple[str, ...]) -> None:
    net = Net({address: OSError(address) for address in addresses})
    with pytest.raises(OSError, match=addresses[-1]):
        await net.run()


async def test_a_cancelled_race_leaves_nothing_behind() -> None:
    net = Net({"::1": None, "192.0.2.1": None})
    task = net.run()
    await pass_time(HEAD_START_S + 0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(net.cancelled) == ["192.0.2.1", "::1"]
