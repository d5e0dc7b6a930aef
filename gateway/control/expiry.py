"""What ends soon: recipients' keys and certificates that are in use, and our own. DKIM keys have no end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from gateway.config import Settings
from gateway.config.smime_places import placed_smime_identities
from gateway.control.office import Office
from gateway.store import certificates, smime_certificates
from gateway.store.certificates import COUNTED
from gateway.store.own_keys import read_own_keys
from gateway.store.smime_certificates import USED
from gateway.store.store import Store

SOON: Final = timedelta(days=30)


class Kind(StrEnum):
    """What it is that ends."""

    OPENPGP = "openpgp"
    SMIME = "smime"
    OWN = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """name: the recipient's address, or the setting that names our file, or whose mail our OpenPGP key signs.

    fingerprint: empty for our own files.
    """

    kind: Kind
    name: str
    fingerprint: str
    ends_at: datetime


async def keys(office: Office, *, days: int) -> list[dict[str, Any]]:
    """What has ended or ends within so many days, the first to end first; times as RFC 3339."""
    found = await ending(office.store, office.settings, before=datetime.now(UTC) + timedelta(days=days))
    return [
        {"kind": one.kind.value, "name": one.name, "fingerprint": one.fingerprint, "ends_at": one.ends_at.isoformat()}
        for one in found
    ]


async def ending(store: Store, settings: Settings, *, before: datetime) -> list[Ending]:
    """What is in use and ends before a moment. A key that is not trusted ends nothing. Raises: StoreSick."""
    async with store.read() as conn:
        openpgp, smime = await certificates.everything(conn), await smime_certificates.everything(conn)
        signing = await read_own_keys(conn, store.vault)
    found = [
        Ending(kind=Kind.OPENPGP, name=one.address, fingerprint=one.fingerprint, ends_at=one.expires_at)
        for one in openpgp
        if one.trust in COUNTED and one.expires_at is not None
    ]
    found += [
        Ending(kind=Kind.SMIME, name=one.address, fingerprint=one.fingerprint, ends_at=one.expires_at)
        for one in smime
        if one.trust in USED
    ]
    found += _own(settings)
    found += [
        Ending(kind=Kind.OWN, name=f"openpgp {domain}", fingerprint=keys[0].fingerprint, ends_at=keys[0].expires_at)
        for domain, keys in signing.items()
        if keys and keys[0].until is None and keys[0].expires_at is not None
    ]
    return sorted((one for one in found if one.ends_at < before), key=lambda one: (one.ends_at, one.name))


def _own(settings: Settings) -> Iterator[Ending]:
    """Files that cannot be read are what `mailward doctor` and the start speak of."""
    files: dict[str, Path | None] = {
        "server.tls.certificate": settings.server.tls.certificate,
        "portal.certificate": settings.portal.certificate,
        **{one.name: one.certificate for one in placed_smime_identities(settings)},
    }
    for name, path in files.items():
        try:
            ends_at = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc if path else None
        except (OSError, ValueError):
            continue
        if ends_at is not None:
            yield Ending(kind=Kind.OWN, name=name, fingerprint="", ends_at=ends_at)
