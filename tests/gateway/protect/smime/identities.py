"""Identities of ours in files, for the tests."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from tests.gateway.protect.smime.authority import MAIL_USE, Authority, key_pem, make_key, pem

DAY: Final = timedelta(days=1)
TODAY: Final = datetime.now(UTC).replace(microsecond=0)
ROOT: Final = Authority("Identities", number=300, start=TODAY - 400 * DAY, end=TODAY + 400 * DAY)


def write_identity(
    folder: Path,
    name: str = "clinic",
    *,
    address: str = "office@clinic.example",
    number: int = 301,
    kind: str = "p256",
    extensions: Sequence[x509.ExtensionType] = (MAIL_USE,),
    start: datetime = TODAY - 10 * DAY,
    end: datetime = TODAY + 10 * DAY,
) -> bytes:
    """`name.pem`, chain included, and `name.key`. Returns: the certificate, DER."""
    key: Any = make_key(kind, number)
    certificate = ROOT.issue(key, addresses=(address,), extensions=extensions, start=start, end=end)
    (folder / f"{name}.pem").write_bytes(pem(certificate) + pem(ROOT.der))
    (folder / f"{name}.key").touch(mode=0o600)
    (folder / f"{name}.key").write_bytes(key_pem(key))
    return certificate
