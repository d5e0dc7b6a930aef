"""Recipients' S/MIME certificates, as the control socket keeps them.

The command judges them in its own process, by the anchors of the configuration; the gateway files what it is told. It
looks at the anchors again before every use, and the sealer judges certificate and chain again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from gateway.audit import admin
from gateway.control.incoming import read_certificates
from gateway.control.wire import Refused
from gateway.message.address import parse_address
from gateway.store import smime_certificates
from gateway.store.smime_certificates import SmimeCertificate, Trust
from gateway.store.store import Store

BY: Final = "command line"


class Incoming(msgspec.Struct, frozen=True):
    """One certificate for one address; certificate and chain are base64 on the wire."""

    fingerprint: str
    address: str
    certificate: bytes
    chain: tuple[bytes, ...]
    trust: Trust
    expires_at: datetime


async def import_certificates(store: Store, *, incoming: Sequence[Any]) -> int:
    """File certificates; those that are there already are filed anew.

    incoming: each as `Incoming`, or its JSON form.
    Returns: how many.
    Raises: Refused when one has no proper address.
    """
    rows = read_certificates(incoming, Incoming, _certificate)
    for row in rows:
        event = admin.certificate_imported(
            at=row.imported_at, address=row.address, fingerprint=row.fingerprint, trust=row.trust,
            expires_at=row.expires_at, by=BY,
        )  # fmt: skip
        await smime_certificates.add(store, row, events=(event,))
    return len(rows)


async def listing(store: Store) -> list[dict[str, Any]]:
    """All certificates on file, by address, without their octets; times as RFC 3339."""
    async with store.read() as conn:
        found = await smime_certificates.everything(conn)
    return [
        {
            "address": one.address,
            "fingerprint": one.fingerprint,
            "trust": one.trust.value,
            "imported_at": one.imported_at.isoformat(),
            "expires_at": one.expires_at.isoformat(),
        }
        for one in found
    ]


async def trust(store: Store, *, fingerprint: str) -> None:
    """Believe a certificate by a person's word, for all its addresses.

    Raises: Refused when it is not on file, or its issuer has revoked it.
    """
    event = admin.certificate_trusted(at=datetime.now(UTC), fingerprint=fingerprint, by=BY)
    if not await smime_certificates.trust(store, fingerprint, events=(event,)):
        raise Refused(f"no certificate {fingerprint} on file that is not revoked; `mailward key smime list` shows them")


async def revoked(store: Store, *, fingerprint: str) -> bool:
    """End the use of a certificate that its issuer has revoked. Returns: whether it was on file and in use."""
    event = admin.certificate_revoked(at=datetime.now(UTC), fingerprint=fingerprint, by=BY)
    return await smime_certificates.revoke(store, fingerprint, events=(event,))


async def forget(store: Store, *, fingerprint: str) -> None:
    """Forget a certificate, for all its addresses. Raises: Refused when it is not on file."""
    event = admin.certificate_forgotten(at=datetime.now(UTC), fingerprint=fingerprint, by=BY)
    if not await smime_certificates.forget(store, fingerprint, events=(event,)):
        raise _unknown(fingerprint)


def _unknown(fingerprint: str) -> Refused:
    return Refused(f"no certificate {fingerprint} on file; `mailward key smime list` shows them")


def _certificate(new: Incoming) -> SmimeCertificate:
    return SmimeCertificate(
        fingerprint=new.fingerprint,
        address=parse_address(new.address).lower(),
        certificate=new.certificate,
        chain=new.chain,
        trust=new.trust,
        imported_at=datetime.now(UTC),
        expires_at=new.expires_at,
    )
