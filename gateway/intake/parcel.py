"""One message in our hands, from its first octet until it is answered: in memory while small, else on disk in between.

A small one counts against what all sessions together may hold in memory (`cargo.py`). A large one is moved piece by
piece into its spool; complete, it waits there for its turn (`turns.py`), and only then is in memory whole.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Final

from gateway.intake import replies
from gateway.intake.cargo import Cargo, Load
from gateway.intake.errors import RefusedError
from gateway.intake.spool import PIECE_BYTES, SMALL_BYTES, Spools
from gateway.intake.turns import Turns
from gateway.log import get_logger
from gateway.message.verdict import REPLIES, Reply, Verdict
from gateway.store.errors import DamagedContent, StoreFull, StoreSick, row_for

TROUBLE: Final[Mapping[type[Exception], Reply]] = {
    StoreFull: REPLIES[Verdict.STORE_FULL],
    StoreSick: REPLIES[Verdict.STORE_SICK],
    DamagedContent: REPLIES[Verdict.STORE_SICK],
}

log: Final = get_logger("intake")


class Hold:
    """Where all messages of all listeners are while they are received and worked on."""

    def __init__(self, cargo: Cargo, turns: Turns, spools: Spools) -> None:
        self.cargo = cargo
        self.turns = turns
        self.spools = spools

    def parcel(self, who: str) -> "Parcel":
        """A new message. who: whose turn is waited for, a login or an address."""
        return Parcel(self, who)


class Parcel:
    """A context: leaving it gives memory, disk and turn back."""

    def __init__(self, hold: Hold, who: str) -> None:
        self.refusal = replies.NO_ROOM  # why it could not be kept, when it could not
        self._turns = hold.turns
        self._load = Load(hold.cargo)
        self._spool = hold.spools.new()
        self._who = who
        self._rest = b""
        self._turn = 0  # octets of the budget that are ours

    def __enter__(self) -> "Parcel":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._load.resize(0)
        if self._spool.is_used:
            self._spool.close()
        if self._turn:
            self._turns.give_back(self._turn)
            self._turn = 0

    def has_room(self, size: int) -> bool:
        """Whether so many octets of it may be in memory now; they count until they are put away."""
        return self._load.resize(size)

    def is_due(self, kept: int) -> bool:
        """Whether so many octets in memory are to be put away now."""
        return kept > (PIECE_BYTES if self._spool.is_used else SMALL_BYTES)

    async def put(self, piece: bytes) -> bool:
        """Move the next piece to disk. Returns: False when there is no room there; `refusal` says why."""
        return await self._write(piece, is_last=False)

    async def finish(self, rest: bytes) -> bool:
        """What is not on disk yet, at the end of data. Returns: as `put`."""
        if not self._spool.is_used:
            self._rest = rest
            return True
        is_kept = await self._write(rest, is_last=True)
        self._load.resize(0)
        return is_kept

    async def bring(self) -> bytes:
        """The whole message, when its turn has come. Raises: RefusedError when it does not come, or the disk fails."""
        if not self._spool.is_used:
            return self._rest
        size = self._spool.size
        await self._turns.wait(self._who, size)
        self._turn = size
        try:
            return await self._spool.bring()
        except (StoreSick, DamagedContent) as error:
            raise RefusedError(self._note(error)) from None

    async def _write(self, piece: bytes, *, is_last: bool) -> bool:
        try:
            await self._spool.put(piece, is_last=is_last)
        except (StoreFull, StoreSick) as error:
            self.refusal = self._note(error)
            return False
        return True

    def _note(self, error: Exception) -> Reply:
        log.error("spool_failed", why=str(error))
        return row_for(error, TROUBLE)
