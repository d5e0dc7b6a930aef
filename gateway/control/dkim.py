"""Rotation of our DKIM keys, as the control socket keeps it: sealed in the store, so that a switch is one transaction.

A crash before the switch leaves the old keys signing, and the new ones waiting for the next try (CR-12).
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit import admin
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.message.event import Event
from gateway.protect.dkim_files import configured_keys
from gateway.protect.dkim_keys import DkimKey
from gateway.protect.dkim_rotation import Rotation, read_rotations, write_rotations
from gateway.protect.errors import DkimKeyError
from gateway.store.sealed import read_secret, write_secret
from gateway.store.vault import Vault

BY: Final = "command line"
SECRET: Final = "dkim rotations"  # noqa: S105 - the name of one


async def prepare(office: Office, *, domain: str) -> list[dict[str, str]]:
    """Make the next keys of a domain, or find those of an earlier try.

    Returns: of each its selector, the name and text of its record, and the selector that it replaces.
    Raises: Refused when the domain has no DKIM key.
    """
    keys, now = await _configured(office, domain), datetime.now(UTC)
    old = await _of(office, domain)
    new = await asyncio.to_thread(old.prepared, keys, now=now)  # RSA keys take their time
    if fresh := [one.selector for one in new.waiting if one not in old.waiting]:
        await _replace(office, domain, old, new, admin.dkim_prepared(at=now, domain=domain, selectors=fresh, by=BY))
    return await asyncio.to_thread(_records, new, domain)


async def switch(office: Office, *, domain: str, selectors: Sequence[str], grace_s: float) -> list[dict[str, str]]:
    """Sign with the waiting keys from now on.

    selectors: those whose records were seen in DNS; all that wait, or nothing is done. grace_s: how long the old
    records must stay.
    Returns: the old records, and until when.
    Raises: Refused when other keys wait.
    """
    keys, now = await _configured(office, domain), datetime.now(UTC)
    old = await _of(office, domain)
    if not old.waiting or {one.selector for one in old.waiting} != set(selectors):
        raise Refused(f"{domain}: other keys wait than those that were looked for; run the command again", 75)
    until = now + timedelta(seconds=grace_s)
    new = await asyncio.to_thread(old.switched, keys, until=until)
    gone = new.retired[len(old.retired) :]
    event = admin.dkim_rotated(
        at=now, domain=domain, old=[one.selector for one in gone], new=list(selectors), until=until, by=BY
    )
    await _replace(office, domain, old, new, event)
    await office.keys_changed()
    return [{"name": f"{one.selector}._domainkey.{domain}", "until": one.until.isoformat()} for one in gone]


async def kept_rotations(conn: AsyncConnection, vault: Vault) -> dict[str, Rotation]:
    """By domain. Raises: DamagedContent."""
    return read_rotations(await read_secret(conn, vault, SECRET))


async def _of(office: Office, domain: str) -> Rotation:
    async with office.store.read() as conn:
        return (await kept_rotations(conn, office.store.vault)).get(domain, Rotation())


async def _replace(office: Office, domain: str, old: Rotation, new: Rotation, event: Event) -> None:
    """One transaction with its event. Raises: Refused when somebody else was faster."""
    vault = office.store.vault

    async def work(conn: AsyncConnection) -> None:
        rotations = await kept_rotations(conn, vault)
        if rotations.get(domain, Rotation()) != old:
            raise Refused(f"{domain}: its keys are being rotated by somebody else; run the command again", 75)
        await write_secret(conn, vault, SECRET, write_rotations(rotations | {domain: new}))

    await office.store.transact(work, events=lambda _: [event])


def _records(rotation: Rotation, domain: str) -> list[dict[str, str]]:
    """What DNS needs for the keys that wait. Reads them, which takes 40 ms for RSA."""
    waiting = [(one.replaces, one.load(domain)) for one in rotation.waiting]
    return [
        {"selector": key.selector, "name": key.name, "record": key.dns_record(), "replaces": replaces}
        for replaces, key in waiting
    ]


async def _configured(office: Office, domain: str) -> tuple[DkimKey, ...]:
    try:
        every = await asyncio.to_thread(configured_keys, office.settings)
        keys = tuple(key for key in every if key.domain == domain)
    except (DkimKeyError, OSError) as why:
        raise Refused(str(why), 78) from None
    if not keys:
        raise Refused(f"{domain}: no DKIM key in the configuration; `mailward key dkim generate` makes the first one")
    return keys
