"""Recipients' OpenPGP certificates, as the control socket keeps them.

The command reads and judges certificates in its own process; the gateway only files what it is told, since it never
runs an OpenPGP parser. The sealer judges again before every use.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from gateway.audit import admin
from gateway.control.incoming import read_certificates
from gateway.control.wire import Refused
from gateway.message.address import parse_address
from gateway.store import certificates
from gateway.store.store import Store

BY: Final = "command line"


class Incoming(msgspec.Struct, frozen=True):
    """One certificate for one address; the certificate is base64 on the wire."""

    fingerprint: str
    address: str
    certificate: bytes
    expires_at: datetime | None = None


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
        }
        for one in found
    ]


async def forget(store: Store, *, fingerprint: str) -> None:
    """Forget a certificate, for all its addresses. Raises: Refused when it is not on file."""
    event = admin.key_forgotten(at=datetime.now(UTC), fingerprint=fingerprint, by=BY)
    if not await certificates.forget(store, fingerprint, events=(event,)):
        raise Refused(f"no key {fingerprint} on file; `mailward key openpgp list` shows them")


def _certificate(new: Incoming) -> certificates.Certificate:
    return certificates.Certificate(
        fingerprint=new.fingerprint,
        address=parse_address(new.address).lower(),
        certificate=new.certificate,
        imported_at=datetime.now(UTC),
        expires_at=new.expires_at,
    )
