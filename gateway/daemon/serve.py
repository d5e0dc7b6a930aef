"""`mailward serve`: one loop, its signals, and what the supervisor hears."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import uvloop

from gateway.config import ConfigError, Settings
from gateway.config.problems import Problem
from gateway.daemon.gateway import Gateway
from gateway.daemon.memory import give_back_large_blocks
from gateway.daemon.notify import notify, reloading, watchdog_interval
from gateway.intake.descriptors import make_room, wanted
from gateway.log import get_logger

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

log = get_logger("daemon")


def run(settings: Settings, read_again: Callable[[], Settings]) -> None:
    """Serve until SIGTERM or SIGINT.

    read_again: reads the configuration file and checks it, on SIGHUP. Raises: ConfigError from it is logged, everything
    else that a part raised at its start comes out here.
    """
    give_back_large_blocks()
    _make_room(settings)
    uvloop.run(_serve(settings, read_again))


def _make_room(settings: Settings) -> None:
    """RX-11: descriptors for every connection that the configuration allows, or a word about it."""
    needed = wanted(settings.listener)
    allowed = make_room(needed)
    if allowed < needed:
        log.error(
            "descriptors_low", allowed=allowed, wanted=needed,
            why="connections beyond it get 421; raise LimitNOFILE= (ulimit -n) or lower limits.connections",
        )  # fmt: skip


async def _serve(settings: Settings, read_again: Callable[[], Settings]) -> None:
    gateway = Gateway(settings)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopping.set)
    again = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, again.set)
    await gateway.start()
    gc.collect()
    gc.freeze()  # what lives from start to stop is not looked through again: a full collection would hold the loop up
    try:
        log.info("ready")
        notify("READY=1", "STATUS=accepting mail")
        feeding = asyncio.create_task(_feed_watchdog())
        reloads = asyncio.create_task(_reload_when(again, gateway, read_again), name="reload")
        await _until(stopping, (*gateway.tasks, reloads))
        feeding.cancel()
        reloads.cancel()
    finally:
        notify("STOPPING=1")
        log.info("stopping")
        await gateway.stop()
        log.info("stopped")


async def _until(stopping: asyncio.Event, tasks: Iterable[asyncio.Task[None]]) -> None:
    """Wait for a signal. A part that dies by a bug ends the gateway, so that the supervisor starts it anew."""
    waiting = asyncio.create_task(stopping.wait())
    done, _ = await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in done - {waiting}:
        task.result()


async def _reload_when(wanted: asyncio.Event, gateway: Gateway, read_again: Callable[[], Settings]) -> None:
    """One reload after the other, until cancelled."""
    while True:
        await wanted.wait()
        wanted.clear()
        await _reload(gateway, read_again)


async def _reload(gateway: Gateway, read_again: Callable[[], Settings]) -> None:
    """SIGHUP: a good file's policy is in force for the next message, certificates are read again; a bad one changes
    nothing."""
    notify(*reloading())
    problems: Sequence[Problem]
    try:
        read = await asyncio.to_thread(read_again)  # sessions go on
    except ConfigError as error:
        problems = error.problems
    except Exception as error:  # a file that trips the reader itself: what runs must not fall with it
        log.exception("configuration cannot be read, the running one stays")
        problems = (Problem(Path("-"), 0, "", f"cannot be read: {type(error).__name__}"),)
    else:
        await _take(gateway, read)
        return
    await gateway.config_alarm.refused(problems)
    notify("READY=1", "STATUS=accepting mail; the configuration file has problems")


async def _take(gateway: Gateway, read: Settings) -> None:
    """A good file."""
    await gateway.config_alarm.taken()
    waiting = await gateway.take_up(read)
    is_good = await gateway.reload()
    log.info("certificates read again", ok=is_good)
    status = "STATUS=accepting mail" if is_good else "STATUS=accepting mail; a certificate is bad"
    notify("READY=1", f"{status}; a restart has to take up the rest of the configuration" if waiting else status)


async def _feed_watchdog() -> None:
    interval = watchdog_interval()
    if interval is None:
        return
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            notify("WATCHDOG=1")
            await asyncio.sleep(interval.total_seconds())
