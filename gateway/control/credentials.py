"""Passwords for programs, as the control socket manages them. A secret is told once, when it is made."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from gateway.audit import admin
from gateway.config.values import parse_duration, parse_network
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.intake.passwords import hash_secret, new_secret
from gateway.message.account import NAME, Allowance, parse_sender
from gateway.message.address import AddressError
from gateway.store import credentials
from gateway.store.credentials import Credential
from gateway.store.errors import MissingRow

BY: Final = "command line"
USAGE: Final = 2


async def create(
    office: Office,
    *,
    name: str,
    senders: Sequence[str],
    networks: Sequence[str] = (),
    expires: str = "",
    messages_per_hour: int | None = None,
    recipients_per_hour: int | None = None,
    phi_per_hour: int | None = None,
) -> dict[str, Any]:
    """Make one. expires: a duration from now, such as `90d`, or empty for never.

    Returns: it, with its `secret`, which nobody can find out later.
    Raises: Refused for what is no name, sender, network or duration, and when the name was ever used.
    """
    now, secret = datetime.now(UTC), new_secret()
    if not NAME.fullmatch(name):
        raise Refused(f"{name!r} is no name: 1 to 64 of a-z, 0-9, dot, hyphen and underscore; no @", USAGE)
    if not senders:
        raise Refused("a credential needs at least one sender address", USAGE)
    try:
        new = Credential(
            name=name,
            secret_hash=hash_secret(secret),
            senders=tuple(dict.fromkeys(_sender(office, text) for text in senders)),
            networks=tuple(str(parse_network(text)) for text in networks),
            allowance=Allowance(messages=messages_per_hour, recipients=recipients_per_hour, phi=phi_per_hour),
            created_at=now,
            expires_at=now + parse_duration(expires) if expires else None,
        )
    except ValueError as why:
        raise Refused(str(why), USAGE) from None
    event = admin.credential_created(
        at=now, name=name, senders=new.senders, networks=new.networks, expires_at=new.expires_at, by=BY
    )
    if not await credentials.add(office.store, new, events=(event,)):
        raise Refused(f"{name} exists, or existed: a name means one program; choose another")
    return {**_shown(new), "secret": secret}


async def revoke(office: Office, *, name: str, reason: str) -> None:
    """End one, for sessions under way too. Raises: Refused when none of this name works."""
    now = datetime.now(UTC)
    event = admin.credential_revoked(at=now, name=name, by=BY, why=reason)
    try:
        await credentials.revoke(office.store, name, at=now, events=(event,))
    except MissingRow:
        raise Refused(f"there is no credential {name}, or it is revoked already") from None


async def listing(office: Office) -> list[dict[str, Any]]:
    """All credentials, revoked ones too, by name; no secrets."""
    async with office.store.read() as conn:
        return [_shown(one) for one in await credentials.everything(conn)]


def _sender(office: Office, text: str) -> str:
    try:
        return parse_sender(text, {domain.name for domain in office.settings.domain})
    except AddressError as why:
        raise Refused(f"{text!r} cannot be a sender: {why}", USAGE) from None


def _shown(one: Credential) -> dict[str, Any]:
    return {
        "name": one.name,
        "senders": list(one.senders),
        "networks": list(one.networks),
        "messages_per_hour": one.allowance.messages,
        "recipients_per_hour": one.allowance.recipients,
        "phi_per_hour": one.allowance.phi,
        "created_at": one.created_at.isoformat(),
        "expires_at": None if one.expires_at is None else one.expires_at.isoformat(),
        "last_used_at": None if one.last_used_at is None else one.last_used_at.isoformat(),
        "revoked_at": None if one.revoked_at is None else one.revoked_at.isoformat(),
    }
