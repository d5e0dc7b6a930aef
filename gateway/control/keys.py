"""Recipients' OpenPGP certificates, as the control socket keeps them.

The command reads and judges certificates in its own process; the gateway only files what it is told, since it never
runs an OpenPGP parser. The sealer judges again before every use.
"""

import base64
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from gateway.audit import admin
from gateway.audit.keys import found_events
from gateway.control.incoming import read_certificates
from gateway.control.wire import Refused
from gateway.message.address import parse_address
from gateway.store import certificates
from gateway.store.certificates import Age, Source, Trust
from gateway.store.store import Store

BY: Final = "command line"


class Incoming(msgspec.Struct, frozen=True):
    """One certificate for one address; the certificate is base64 on the wire."""

    fingerprint: str
    address: str
    certificate: bytes
    expires_at: datetime | None = None
    age: Age = Age.SAME


async def import_certificates(store: Store, *, incoming: Sequence[Any]) -> int:
    """File certificates; those that are there already are renewed.

    incoming: each as `Incoming`, or its JSON form.
    Returns: how many.
    Raises: Refused when one has no proper address.
    """
    rows = read_certificates(incoming, Incoming, _certificate)
    for row in rows:
        event = admin.key_imported(
            at=row.imported_at, address=row.address, fingerprint=row.fingerprint, expires_at=row.expires_at, by=BY
        )
        await certificates.add(store, row, events=(event,))
    return len(rows)


async def listing(store: Store) -> list[dict[str, Any]]:
    """All certificates on file, by address, without their octets; times as RFC 3339."""
    async with store.read() as conn:
        found = await certificates.everything(conn)
    return [
        {
            "address": one.address,
            "fingerprint": one.fingerprint,
            "imported_at": one.imported_at.isoformat(),
            "expires_at": None if one.expires_at is None else one.expires_at.isoformat(),
            "trust": one.trust.value,
            "source": one.source.value,
        }
        for one in found
    ]


async def copies(store: Store, *, fingerprint: str) -> list[dict[str, str]]:
    """What is on file of a key: each address, and its copy in base64."""
    async with store.read() as conn:
        rows = await certificates.copies(conn, fingerprint=fingerprint)
    return [{"address": one.address, "certificate": base64.b64encode(one.certificate).decode("ascii")} for one in rows]


async def found(
    store: Store, *, incoming: Sequence[Any], source: str, is_revoked: bool = False
) -> list[dict[str, str]]:
    """File what a look-up found for one address; a key that differs from the one on file waits for a person (CR-03).

    incoming: each as `Incoming`, or its JSON form. is_revoked: their owner has revoked these.
    Returns: what was filed: fingerprint and trust.
    Raises: Refused when one has no proper address.
    """
    try:
        origin = Source(source)
    except ValueError:
        raise Refused(f"keys do not come from {source!r}") from None
    rows = [replace(row, source=origin) for row in read_certificates(incoming, Incoming, _certificate)]
    filed = await certificates.found(store, rows, is_revoked=is_revoked, events=found_events)
    return [{"fingerprint": one.fingerprint, "trust": one.trust.value} for one in filed]


async def trust(store: Store, *, fingerprint: str) -> None:
    """Believe a key by a person's word. Raises: Refused when it is not on file, or waits for another decision."""
    async with store.read() as conn:
        known = {one.trust for one in await certificates.everything(conn) if one.fingerprint == fingerprint}
    if Trust.PENDING in known:
        raise Refused(f"{fingerprint} differs from the key on file; say `mailward key openpgp accept` or `reject`")
    if Trust.REVOKED in known:
        raise Refused(f"the owner of {fingerprint} has revoked it")
    event = admin.key_trusted(at=datetime.now(UTC), fingerprint=fingerprint, by=BY)
    if not await certificates.trust(store, fingerprint, events=(event,)):
        raise _unknown(fingerprint)


async def accept(store: Store, *, fingerprint: str) -> None:
    """Take a key that waits in place of the one on file. Raises: Refused when none such waits."""
    event = admin.key_accepted(at=datetime.now(UTC), fingerprint=fingerprint, by=BY)
    if not await certificates.accept(store, fingerprint, events=(event,)):
        raise _not_pending(fingerprint)


async def reject(store: Store, *, fingerprint: str) -> None:
    """Refuse a key that waits, for good. Raises: Refused when none such waits."""
    event = admin.key_rejected(at=datetime.now(UTC), fingerprint=fingerprint, by=BY)
    if not await certificates.reject(store, fingerprint, events=(event,)):
        raise _not_pending(fingerprint)


def _not_pending(fingerprint: str) -> Refused:
    return Refused(f"no key {fingerprint} waits for a decision; `mailward key openpgp pending` shows those that do")


def _unknown(fingerprint: str) -> Refused:
    return Refused(f"no key {fingerprint} on file; `mailward key openpgp list` shows them")


async def forget(store: Store, *, fingerprint: str) -> None:
    """Forget a certificate, for all its addresses. Raises: Refused when it is not on file."""
    event = admin.key_forgotten(at=datetime.now(UTC), fingerprint=fingerprint, by=BY)
    if not await certificates.forget(store, fingerprint, events=(event,)):
        raise _unknown(fingerprint)


def _certificate(new: Incoming) -> certificates.Certificate:
    return certificates.Certificate(
        fingerprint=new.fingerprint,
        address=parse_address(new.address).lower(),
        certificate=new.certificate,
        imported_at=datetime.now(UTC),
        expires_at=new.expires_at,
        age=new.age,
    )
