"""People who may sign in, as the control socket manages them. Passwords arrive over it and leave as argon2id."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

from gateway.audit import admin
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.intake.passwords import hash_password
from gateway.message.address import AddressError, domain_of, parse_address
from gateway.store import people
from gateway.store.errors import MissingRow
from gateway.store.people import Person
from gateway.store.store import Store

BY: Final = "command line"
MIN_LETTERS: Final = 8  # NIST SP 800-63B section 5.1.1.2
MAX_LETTERS: Final = 1024


async def add(store: Store, *, address: str, password: str, role: str) -> None:
    """Raises: Refused for what is no address, for a password that is too short, and when the address is taken."""
    now, name = datetime.now(UTC), _name(address)
    person = Person(address=name, password_hash=await _hash(password), role=role, created_at=now)
    event = admin.user_added(at=now, address=name, role=role, by=BY)
    if not await people.add(store, person, events=(event,)):
        raise Refused(f"{name} exists already; use `mailward user passwd` to change the password")


async def passwd(store: Store, *, address: str, password: str) -> None:
    """Raises: Refused as `add`, and when there is no such person."""
    name = _name(address)
    event = admin.user_password_changed(at=datetime.now(UTC), address=name, by=BY)
    try:
        await people.passwd(store, name, await _hash(password), events=(event,))
    except MissingRow:
        raise Refused(f"there is no user {name}") from None


async def disable(store: Store, *, address: str) -> None:
    """Raises: Refused when there is no such person."""
    now, name = datetime.now(UTC), _name(address)
    event = admin.user_disabled(at=now, address=name, by=BY)
    try:
        await people.disable(store, name, at=now, events=(event,))
    except MissingRow:
        raise Refused(f"there is no user {name}") from None


async def delegate(office: Office, *, address: str, other: str) -> None:
    """Let somebody send as another address of ours.

    Raises: Refused when there is no such person, the other address is not ours, or that was so already.
    """
    now, name, mailbox = datetime.now(UTC), _name(address), _name(other)
    if domain_of(mailbox) not in {domain.name for domain in office.settings.domain}:
        raise Refused(f"{mailbox}: mail from this domain is not sent from here", 2)
    event = admin.user_delegated(at=now, address=name, other=mailbox, by=BY)
    try:
        is_new = mailbox != name and await people.delegate(office.store, name, mailbox, at=now, events=(event,))
    except MissingRow:
        raise Refused(f"there is no user {name}") from None
    if not is_new:
        raise Refused(f"{name} may send as {mailbox} already")


async def undelegate(office: Office, *, address: str, other: str) -> None:
    """The opposite, from the next message on. Raises: Refused when there was nothing to take back."""
    name, mailbox = _name(address), _name(other)
    event = admin.user_undelegated(at=datetime.now(UTC), address=name, other=mailbox, by=BY)
    if not await people.undelegate(office.store, name, mailbox, events=(event,)):
        raise Refused(f"{name} has no delegation to send as {mailbox}")


async def listing(store: Store) -> list[dict[str, Any]]:
    """Everybody, by address; no hashes."""
    async with store.read() as conn:
        found = await people.everyone(conn)
        others = await people.delegations(conn)
    return [
        {
            "address": one.address,
            "role": one.role,
            "may_send_as": list(others.get(one.address, ())),
            "created_at": one.created_at.isoformat(),
            "disabled_at": None if one.disabled_at is None else one.disabled_at.isoformat(),
        }
        for one in found
    ]


def _name(address: str) -> str:
    """Login names are addresses in lower case."""
    try:
        return parse_address(address).lower()
    except AddressError as why:
        raise Refused(f"{address!r} is not an address: {why}", 2) from None


async def _hash(password: str) -> str:
    if not MIN_LETTERS <= len(password) <= MAX_LETTERS:
        raise Refused(f"a password has {MIN_LETTERS} to {MAX_LETTERS} characters", 2)
    return await asyncio.to_thread(hash_password, password)
