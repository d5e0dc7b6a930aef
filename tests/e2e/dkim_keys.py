"""The public halves of an installation's DKIM keys, as a resolver would give them to dkimpy."""

import base64
from collections.abc import Callable

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.e2e.installation import Installation
from tests.e2e.world import CLINIC


def dns_of(gateway: Installation) -> Callable[..., bytes | None]:
    """A look-up of TXT records (RFC 6376 section 3.6.1, RFC 8463 section 4)."""
    records = {f"{name}._domainkey.{CLINIC}.".encode(): record for name, record in _records(gateway).items()}

    def look_up(name: bytes | str, timeout: int = 5) -> bytes | None:
        return records.get(name if isinstance(name, bytes) else name.encode())

    return look_up


def records_of(gateway: Installation) -> dict[str, str]:
    """Name to TXT record."""
    return {f"{selector}._domainkey.{CLINIC}": record.decode() for selector, record in _records(gateway).items()}


def _records(gateway: Installation) -> dict[str, bytes]:
    records = {}
    for selector, file in gateway.dkim.items():
        key = load_pem_private_key(file.read_bytes(), None).public_key()
        if isinstance(key, Ed25519PublicKey):
            records[selector] = b"v=DKIM1; k=ed25519; p=" + base64.b64encode(key.public_bytes_raw())
        else:
            der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            records[selector] = b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)
    return records
