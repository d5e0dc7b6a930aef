"""The DKIM keys that sign: those of the configuration, or those that followed them; read again without a restart."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from gateway.config import Settings
from gateway.control.dkim import kept_rotations
from gateway.log import get_logger
from gateway.protect.dkim import Signer, self_test
from gateway.protect.dkim_files import configured_keys
from gateway.protect.dkim_keys import DkimKey
from gateway.protect.dkim_rotation import Rotation
from gateway.protect.errors import DkimKeyError
from gateway.store.store import Store

EVERY: Final = timedelta(minutes=1)  # when another gateway on the same database has rotated

log = get_logger("daemon")


class Signing:
    """Keeps `signer` at the newest keys. One that is bad changes nothing: the old ones go on signing (CR-12)."""

    def __init__(self, settings: Settings, store: Store, signer: Signer) -> None:
        self.signer = signer
        self._settings = settings
        self._store = store
        self._rotations: Mapping[str, Rotation] = {}
        self._lock = asyncio.Lock()  # one reading at a time: an earlier one never overwrites a later

    async def load(self) -> None:
        """Sign with what files and store have now. Raises: DkimKeyError, OSError, StoreError; the old keys stay."""
        async with self._lock:
            async with self._store.read() as conn:
                rotations = await kept_rotations(conn, self._store.vault)
            await self._use(rotations)

    async def look(self) -> None:
        """The same, when the store has something new."""
        async with self._store.read() as conn:
            rotations = await kept_rotations(conn, self._store.vault)
        if rotations != self._rotations:
            await self.load()

    async def read_files(self) -> bool:
        """The files of the configuration again. Returns: False when one is bad, and the old keys stay."""
        async with self._lock:
            try:
                await self._use(self._rotations)
            except (DkimKeyError, OSError) as why:
                log.error("DKIM keys not read, the old ones stay", why=str(why))
                return False
        return True

    async def _use(self, rotations: Mapping[str, Rotation]) -> None:
        """Keys are read and tried in a thread: an RSA key is checked for 40 ms when it is read."""
        self.signer.use(await asyncio.to_thread(self._tried, rotations))
        self._rotations = rotations

    def _tried(self, rotations: Mapping[str, Rotation]) -> tuple[DkimKey, ...]:
        """Every key that signs, each tried once. Raises: DkimKeyError, OSError."""
        configured = configured_keys(self._settings)
        keys: list[DkimKey] = []
        for domain in dict.fromkeys(key.domain for key in configured):
            own = [key for key in configured if key.domain == domain]
            keys += rotations.get(domain, Rotation()).in_effect(own)
        for key in keys:
            self_test(key)
        return tuple(keys)
