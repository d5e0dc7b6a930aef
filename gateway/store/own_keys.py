"""Our own OpenPGP keys, which sign inside what the rung `openpgp` encrypts: one for each domain that has any.

They lie sealed in the store, like the DKIM keys of our making. A key that another took the place of keeps its public
half alone: it signs no more, and what it signed can still be verified.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.sealed import read_secret, write_secret
from gateway.store.vault import Vault

SECRET = "openpgp keys"  # noqa: S105 - the name of one


class OwnKey(msgspec.Struct, frozen=True, kw_only=True):
    """One of a domain's keys. certificate: its public half, binary. private_key: empty once it signs no more.

    since: when it began to sign. until: when another took its place.
    """

    fingerprint: str
    address: str
    algorithm: str
    certificate: bytes
    private_key: bytes
    since: datetime
    expires_at: datetime | None = None
    until: datetime | None = None

    def __repr__(self) -> str:
        return f"OwnKey({self.fingerprint!r})"

    def retired(self, at: datetime) -> "OwnKey":
        return msgspec.structs.replace(self, private_key=b"", until=self.until or at)


OwnKeys = Mapping[str, tuple[OwnKey, ...]]  # by domain, the newest first, which signs unless it was retired


async def read_own_keys(conn: AsyncConnection, vault: Vault) -> dict[str, tuple[OwnKey, ...]]:
    """Raises: DamagedContent, msgspec.DecodeError."""
    data = await read_secret(conn, vault, SECRET)
    return {} if data is None else msgspec.json.decode(data, type=dict[str, tuple[OwnKey, ...]])


async def write_own_keys(conn: AsyncConnection, vault: Vault, keys: OwnKeys) -> None:
    """In place of the old ones. conn: in a transaction that the caller commits."""
    await write_secret(conn, vault, SECRET, msgspec.json.encode(keys))


async def signer_of(conn: AsyncConnection, vault: Vault, domain: str) -> bytes | None:
    """The private key that signs for a domain, lower case; None: nobody does. Raises: as `read_own_keys`."""
    newest = next(iter((await read_own_keys(conn, vault)).get(domain, ())), None)
    return newest.private_key if newest is not None and newest.until is None else None
