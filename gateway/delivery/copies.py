"""The copies of a letter that leave over SMTP as they are: as it came, and in 7-bit form (SM-19), both signed last.

Each is made once for all domains, and kept for as long as the letter is worked on. The structure of a message is read
by a child only (`gateway.inspect.converter`), and before the signature: it is the converted octets that are signed.
"""

import asyncio
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

from gateway.delivery.letter import Letter
from gateway.inspect.converter import Converter
from gateway.inspect.eightbit import NoSevenBitForm, Obstacle
from gateway.message.fields import HeaderError, split_message
from gateway.metrics import Metrics
from gateway.protect.dkim import Signer
from gateway.protect.errors import SignError


class Copies:
    """See the module."""

    def __init__(self, signer: Signer, converter: Converter, metrics: Metrics) -> None:
        self._signer = signer
        self._converter = converter
        self._metrics = metrics
        self._signing = metrics.histogram("stage_duration_seconds", "sign")
        self._as_it_came: WeakKeyDictionary[Letter, bytes] = WeakKeyDictionary()
        self._seven_bit: WeakKeyDictionary[Letter, bytes | Obstacle] = WeakKeyDictionary()
        self._converting: WeakKeyDictionary[Letter, asyncio.Lock] = WeakKeyDictionary()

    async def as_it_came(self, letter: Letter) -> bytes:
        """The message with our signatures. Raises: SignError."""
        data = self._as_it_came.get(letter) or await self.sign(letter.body)
        self._as_it_came[letter] = data
        return data

    async def seven_bit(self, letter: Letter) -> bytes:
        """The same in 7-bit form. Raises: NoSevenBitForm; SignError and PoolUnavailable (try again later)."""
        async with self._converting.setdefault(letter, asyncio.Lock()):
            if letter not in self._seven_bit:
                try:
                    self._seven_bit[letter] = await self._convert(letter.body)
                except NoSevenBitForm as why:  # kept without its traceback, which would keep the letter
                    self._seven_bit[letter] = why.obstacle
        copy = self._seven_bit[letter]
        if isinstance(copy, Obstacle):
            raise NoSevenBitForm(copy)
        return copy

    async def sign(self, message: bytes) -> bytes:
        """Sign any form, and count it. Raises: SignError."""
        try:
            with self._signing.time():
                signed = await self._signer.sign_async(message, now=int(datetime.now(UTC).timestamp()))
        except SignError:
            self._metrics.counter("dkim_sign", "failed").inc()
            raise
        self._metrics.counter("dkim_sign", "signed" if signed is not message else "no-key").inc()
        return signed

    async def _convert(self, body: bytes) -> bytes:
        converted = await self._converter.to_seven_bit(body)
        signed = await self.sign(converted)
        if signed is converted and _is_signed(body):
            raise NoSevenBitForm(Obstacle.AUTHOR)
        return signed


def _is_signed(message: bytes) -> bool:
    """Whether it came with a DKIM signature, which no longer verifies once a body is encoded."""
    try:
        return bool(split_message(message).all("dkim-signature"))
    except HeaderError:
        return True
