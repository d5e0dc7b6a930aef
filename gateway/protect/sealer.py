"""Encryption away from the gateway process: the parent's side (`Sealer`) and the child's (`python -m`).

A child gets certificates and a message and gives back a message; it keeps nothing. One that dies has changed nothing:
the caller still has the message and tries again later (CR-13).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from gateway.message.fields import HeaderError, split_message
from gateway.protect.errors import NoUsableCertificate, SealError
from gateway.protect.openpgp import NEUTRAL_SUBJECT, encrypt
from gateway.workers.child import serve
from gateway.workers.limits import MIB, Limits
from gateway.workers.pool import ChildPool

MODULE: Final = "gateway.protect.sealer"
LIMITS: Final = Limits(wall_s=120, cpu_s=120, answer_bytes=160 * MIB, memory_bytes=3072 * MIB, jobs=5000)
FAILURE: Final = b"\0"  # no message begins with NUL, so that a long answer need not be copied to lose a prefix


class Recipe(msgspec.Struct, frozen=True):
    """What to do with the message in the blob."""

    certificates: tuple[bytes, ...]
    neutral_subject: str


class Refusal(msgspec.Struct, frozen=True):
    """Why there is no message: `reason` is words; no_certificate tells the two kinds apart."""

    reason: str
    no_certificate: bool


class Sealer:
    """Encrypts in the children of a pool that runs `MODULE` within `LIMITS`."""

    def __init__(self, pool: ChildPool) -> None:
        self._pool = pool

    async def encrypt(
        self, message: bytes, certificates: Sequence[bytes], *, neutral_subject: str = NEUTRAL_SUBJECT
    ) -> bytes:
        """As `openpgp.encrypt`.

        Raises: NoUsableCertificate, SealError; WorkerError when the pool or a child fails (try again later).
        """
        recipe = Recipe(tuple(certificates), neutral_subject)
        answer = await self._pool.call(msgspec.msgpack.encode(recipe), message)
        if answer.startswith(FAILURE):
            refusal = msgspec.msgpack.decode(answer[1:], type=Refusal)
            raise (NoUsableCertificate if refusal.no_certificate else SealError)(refusal.reason)
        if not _is_ciphertext(answer):
            raise SealError("the sealer gave no ciphertext")
        return answer


def handle(header: bytes, blob: memoryview) -> bytes:
    """One job in the child."""
    recipe = msgspec.msgpack.decode(header, type=Recipe)
    try:
        return encrypt(bytes(blob), recipe.certificates, now=datetime.now(UTC), neutral_subject=recipe.neutral_subject)
    except NoUsableCertificate as why:
        return FAILURE + msgspec.msgpack.encode(Refusal(str(why), no_certificate=True))
    except SealError as why:
        return FAILURE + msgspec.msgpack.encode(Refusal(str(why), no_certificate=False))


def _is_ciphertext(message: bytes) -> bool:
    """A last look before it leaves: clear text must not pass for ciphertext whatever a child does."""
    try:
        kinds = split_message(message).all("content-type")
    except HeaderError:
        return False
    return len(kinds) == 1 and kinds[0].text.startswith('multipart/encrypted; protocol="application/pgp-encrypted"')


if __name__ == "__main__":
    serve(handle)
