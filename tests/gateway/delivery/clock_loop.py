"""An event loop with real sockets whose clock a test can put forward, so that ten minutes take no time."""

import asyncio
from typing import Final

TURNS: Final = 100  # of the loop: enough for what is ready to be done, on both ends of a loopback connection


class ClockLoop(asyncio.SelectorEventLoop):
    """time: that of the machine, and what the test put it forward by."""

    def __init__(self) -> None:
        self._ahead_s = 0.0
        super().__init__()

    def time(self) -> float:
        return super().time() + self._ahead_s

    def put_forward(self, seconds: float) -> None:
        self._ahead_s += seconds


async def settle() -> None:
    """Let everybody do what can be done without time passing."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def pass_time(seconds: float) -> None:
    """Put the running loop's clock forward, between two rests."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClockLoop)
    await settle()
    loop.put_forward(seconds)
    await settle()
