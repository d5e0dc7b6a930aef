"""Our own OpenPGP keys, as the control socket keeps them.

The command makes and judges a key in its own process, since the gateway never runs an OpenPGP parser; here it is filed.
"""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit import admin
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.message.event import Event
from gateway.store.own_keys import OwnKey, read_own_keys, write_own_keys

BY: Final = "command line"


class Incoming(msgspec.Struct, frozen=True):
    """A key to sign with; octets are base64 on the wire."""

    fingerprint: str
    address: str
    algorithm: str
    certificate: bytes
    private_key: bytes
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Incoming({self.fingerprint!r})"  # it holds a private key


async def add(office: Office, *, domain: str, incoming: Any) -> str:
    """Sign the mail of a domain with this key from the next message on; the one before it signs no more.

    incoming: as `Incoming`, or its JSON form.
    Returns: the fingerprint of the one before it, or nothing; a key that is there already is renewed.
    Raises: Refused for a domain that is not ours.
    """
    if domain not in {one.name for one in office.settings.domain}:
        raise Refused(f"{domain}: no [[domain]] of the configuration", 2)
    try:
        new = msgspec.convert(incoming, Incoming, from_attributes=True)
    except msgspec.ValidationError as why:
        raise Refused(f"not a key: {why}") from None
    now = datetime.now(UTC)
    key = OwnKey(**msgspec.structs.asdict(new), since=now)
    vault = office.store.vault

    async def work(conn: AsyncConnection) -> str:
        keys = await read_own_keys(conn, vault)
        old = keys.get(domain, ())
        others = tuple(one.retired(now) for one in old if one.fingerprint != key.fingerprint)
        await write_own_keys(conn, vault, keys | {domain: (key, *others)})
        before = [one.fingerprint for one in old if one.until is None and one.fingerprint != key.fingerprint]
        return before[0] if before else ""

    def events(before: str) -> list[Event]:
        return [admin.own_key_added(at=now, domain=domain, fingerprint=key.fingerprint, replaces=before, by=BY)]

    return await office.store.transact(work, events=events)


async def retire(office: Office, *, domain: str) -> str:
    """Sign the mail of a domain no more. Returns: the fingerprint. Raises: Refused when nothing signs it."""
    now, vault = datetime.now(UTC), office.store.vault

    async def work(conn: AsyncConnection) -> str:
        keys = await read_own_keys(conn, vault)
        old = keys.get(domain, ())
        if not old or old[0].until is not None:
            raise Refused(f"{domain}: no OpenPGP key signs its mail")
        await write_own_keys(conn, vault, keys | {domain: tuple(one.retired(now) for one in old)})
        return old[0].fingerprint

    def events(gone: str) -> list[Event]:
        return [admin.own_key_retired(at=now, domain=domain, fingerprint=gone, by=BY)]

    return await office.store.transact(work, events=events)


async def listing(office: Office) -> list[dict[str, Any]]:
    """All keys by domain, the newest first, without their private halves; octets as base64, times as RFC 3339."""
    async with office.store.read() as conn:
        found = await read_own_keys(conn, office.store.vault)
    return [
        {"domain": domain, **{name: value for name, value in _shown(key).items() if name != "private_key"}}
        for domain, keys in sorted(found.items())
        for key in keys
    ]


def _shown(key: OwnKey) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(key)
    return shown
