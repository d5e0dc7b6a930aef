"""The process that signs: real children, an honest one and one that misbehaves."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.protect.dkim import Signer
from gateway.protect.dkim_desk import TOGETHER, SigningDesk, signing_pool
from gateway.protect.dkim_keys import DkimKey
from gateway.protect.errors import SignError
from gateway.workers.pool import ChildPool
from tests.gateway.protect.test_dkim import HEADER, KEYS, NEVER, NOW

pytestmark = pytest.mark.slow
MESSAGE = b"From: Joe <joe@clinic.example>\r\nSubject: sample\r\n\r\nHello %b\r\n"


class Counted(ChildPool):
    """jobs: of all its children."""

    jobs = 0

    async def call(self, header: bytes, blob: bytes, *, is_fresh: bool = False) -> bytes:
        self.jobs += 1
        return await super().call(header, blob, is_fresh=is_fresh)


async def of(pool: ChildPool) -> AsyncIterator[ChildPool]:
    yield pool
    await pool.stop()


@pytest.fixture
async def honest() -> AsyncIterator[ChildPool]:
    model = signing_pool()
    async for pool in of(Counted(model.module, 1, model.limits, model.name)):
        yield pool


@pytest.fixture
async def liar() -> AsyncIterator[ChildPool]:
    async for pool in of(signing_pool(module="tests.gateway.protect.signing_liar")):
        yield pool


async def all_signed(pool: ChildPool, messages: list[bytes], keys: tuple[DkimKey, ...] = KEYS) -> list[object]:
    signer = Signer(keys, SigningDesk(pool))
    return await asyncio.gather(*(signer.sign_async(one, now=NOW) for one in messages), return_exceptions=True)


async def test_it_signs_as_we_do_and_many_at_once(honest: Counted) -> None:
    """CR-09: the same octets as by `sign`; what is asked for at the same time shares a job; starts with the first."""
    messages = [MESSAGE % str(number).encode() for number in range(TOGETHER + 8)]
    assert honest.alive == 0
    assert await all_signed(honest, messages) == [Signer(KEYS).sign(one, now=NOW) for one in messages]
    assert honest.alive == 1
    assert honest.jobs == 2


async def test_large_ones_among_small(honest: Counted) -> None:
    """Whatever the size, each gets its own signatures."""
    messages = [MESSAGE % word for word in (b"a", b"b \t\r\n" * 400_000, b"c", b"d" * 200_000, b"e" * 200_000, b"f")]
    assert await all_signed(honest, messages) == [Signer(KEYS).sign(one, now=NOW) for one in messages]
    assert honest.jobs > 2


async def test_keys_of_more_domains_than_fit_one_job(honest: Counted) -> None:
    """A key travels once in a job; a job with too many keys is cut in two."""
    (rsa, _) = KEYS
    domains = [f"clinic{number}.example" for number in range(60)]
    keys = tuple(DkimKey(domain, name, rsa.private_key) for domain in domains for name in ("old", "new"))
    messages = [f"From: joe@{domain}\r\n\r\nHello\r\n".encode() for domain in domains]
    assert await all_signed(honest, messages, keys) == [Signer(keys).sign(one, now=NOW) for one in messages]
    assert honest.jobs >= 4


async def test_what_is_never_signed(honest: Counted) -> None:
    """CR-10: refused there as here, for the same reason; the child lives on."""
    made = await all_signed(honest, [message for message, _ in NEVER])
    for error, (_, why) in zip(made, NEVER, strict=True):
        assert isinstance(error, SignError)
        assert why in str(error)
    assert not honest.deaths


async def test_one_that_kills_the_child_fails_alone(liar: ChildPool) -> None:
    """CR-12: its neighbours are signed, and it is not sent without a signature."""
    messages = [MESSAGE % word for word in (b"fine", b"die", b"fine too")]
    first, second, third = await all_signed(liar, messages)
    assert [first, third] == [Signer(KEYS).sign(one, now=NOW) for one in (messages[0], messages[2])]
    assert isinstance(second, SignError)
    assert liar.deaths == 2


@pytest.mark.parametrize("word", [b"fewer", b"text"])
async def test_an_answer_that_is_none(liar: ChildPool, word: bytes) -> None:
    """CR-12: then there is no signature."""
    made = await all_signed(liar, [MESSAGE % word, MESSAGE % word])
    assert all(isinstance(one, SignError) for one in made)


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: b"",
        lambda fields: fields[: fields.rindex(b"DKIM-Signature:")],
        lambda fields: fields + fields,
        lambda fields: fields + b"Bcc: eve@evil.example\r\n",
        lambda fields: fields + b"\r\nDear Joe\r\n",
        lambda fields: fields[:-2],
    ],
    ids=["none", "one", "four", "another field", "a body", "cut"],
)
async def test_nothing_else_gets_on_top(change: Callable[[bytes], bytes]) -> None:
    """CR-12, ID-10: exactly one signature field for each key."""

    class Bad(SigningDesk):
        async def fields(self, message: bytes, keys: object, *, now: int) -> bytes:
            return change(Signer(KEYS).sign(message, now=now).removesuffix(message))

    with pytest.raises(SignError, match="not one signature for each key"):
        await Signer(KEYS, Bad(signing_pool())).sign_async(MESSAGE % b"Joe", now=NOW)


async def test_no_child_can_start() -> None:
    """CR-12: nothing is sent without."""
    pool = signing_pool(module="tests.gateway.workers.stillborn")
    try:
        with pytest.raises(SignError):
            await Signer(KEYS, SigningDesk(pool)).sign_async(MESSAGE % b"Joe", now=NOW)
    finally:
        await pool.stop()


async def test_who_gives_up_does_not_hold_the_others(honest: ChildPool) -> None:
    """A cancelled delivery leaves the line; those behind it are served."""
    signer = Signer(KEYS, SigningDesk(honest))
    gone = asyncio.create_task(signer.sign_async(MESSAGE % b"gone", now=NOW))
    stays = asyncio.create_task(signer.sign_async(MESSAGE % b"stays", now=NOW))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == Signer(KEYS).sign(MESSAGE % b"stays", now=NOW)
    with pytest.raises(asyncio.CancelledError):
        await gone


@pytest.mark.alone
async def test_a_large_body_does_not_hold_the_loop(honest: ChildPool) -> None:
    """The aim is 5 ms; the bound, in processor time, leaves room for a busy machine and one copy of the message."""
    message = HEADER + b"\r\n" + b" " * 25_000_000 + b"\r\n"
    signer = Signer(KEYS, SigningDesk(honest))
    await signer.sign_async(HEADER, now=NOW)  # starts the child
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, last = max(longest, now - last), now

    watcher = asyncio.create_task(watch())
    await signer.sign_async(message, now=NOW)
    watcher.cancel()
    assert longest < 0.1
