"""The process that signs: real children, an honest one and one that misbehaves."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.protect.dkim import Signer
from gateway.protect.dkim_child import Wanted
from gateway.protect.dkim_desk import SigningDesk, signing_pool
from gateway.protect.dkim_keys import DkimKey, generate_key
from gateway.protect.errors import SignError
from gateway.workers.pool import ChildPool

pytestmark = pytest.mark.slow
KEYS = tuple(DkimKey.load("clinic.example", name, generate_key(name)) for name in ("rsa", "ed25519"))
ED25519 = KEYS[1]
NOW = 1_795_492_353
MESSAGE = b"From: Joe <joe@clinic.example>\r\nSubject: %d\r\n\r\nHello\r\n"


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


def wanted(data: bytes) -> Wanted:
    return Wanted(ED25519.der, data)


def verify(signature: bytes, data: bytes) -> None:
    public = ED25519.private_key.public_key()
    assert isinstance(public, Ed25519PublicKey)
    public.verify(signature, hashlib.sha256(data).digest())


async def test_it_signs_as_we_do_and_many_at_once(honest: Counted) -> None:
    """CR-09: the same octets as by `sign`; what is asked for at the same time shares a job; starts with the first."""
    signer = Signer(KEYS, SigningDesk(honest))
    messages = [MESSAGE % number for number in range(100)]
    assert honest.alive == 0
    signed = await asyncio.gather(*(signer.sign_async(one, now=NOW) for one in messages))
    assert signed == [Signer(KEYS).sign(one, now=NOW) for one in messages]
    assert honest.alive == 1
    assert honest.jobs == 2  # 64 and 36


async def test_one_that_kills_the_child_fails_alone(liar: ChildPool) -> None:
    """CR-12: its neighbours are signed, and it is not sent without a signature."""
    desk = SigningDesk(liar)
    data = [b"a fine one", b"the one to die", b"another fine one"]
    made = await asyncio.gather(*(desk.signatures([wanted(one)]) for one in data), return_exceptions=True)
    for index in (0, 2):
        (signature,) = made[index]  # type: ignore[misc]
        verify(signature, data[index])
    assert isinstance(made[1], SignError)
    assert liar.deaths == 2


@pytest.mark.parametrize("word", [b"fewer", b"text"])
async def test_an_answer_that_is_none(liar: ChildPool, word: bytes) -> None:
    """CR-12: then there is no signature."""
    with pytest.raises(SignError):
        await SigningDesk(liar).signatures([wanted(b"give me " + word), wanted(b"give me " + word)])


async def test_a_signature_of_another_length() -> None:
    """CR-12: octets that cannot be the signature do not go out as one."""

    class Short(SigningDesk):
        async def signatures(self, wanted: object) -> list[bytes]:
            return [b"x" * 64, b"x" * 64]

    with pytest.raises(SignError, match="length"):
        await Signer(KEYS, Short(signing_pool())).sign_async(MESSAGE % 1, now=NOW)


async def test_no_child_can_start() -> None:
    """CR-12: nothing is sent without."""
    pool = signing_pool(module="tests.gateway.workers.stillborn")
    try:
        with pytest.raises(SignError):
            await Signer(KEYS, SigningDesk(pool)).sign_async(MESSAGE % 1, now=NOW)
    finally:
        await pool.stop()


async def test_who_gives_up_does_not_hold_the_others(honest: ChildPool) -> None:
    """A cancelled delivery leaves the line; those behind it are served."""
    desk = SigningDesk(honest)
    gone = asyncio.create_task(desk.signatures([wanted(b"gone")]))
    stays = asyncio.create_task(desk.signatures([wanted(b"stays")]))
    await asyncio.sleep(0)
    gone.cancel()
    (signature,) = await stays
    verify(signature, b"stays")
    with pytest.raises(asyncio.CancelledError):
        await gone
