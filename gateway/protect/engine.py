"""The one interface to OpenPGP: octets and certificates in, packets out. MIME and armour are not its business.

Whoever implements it is held to tests/gateway/protect/conformance, beside GnuPG and Sequoia. `own_engine` is the one
that the gateway has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Packets:
    """data: an encrypted message, binary. fingerprints: of the certificates that open it, upper-case hexadecimal.

    is_seipd_2: the data is in that container.
    """

    data: bytes = field(repr=False)
    fingerprints: tuple[str, ...]
    is_seipd_2: bool = False


class Engine(Protocol):
    """An implementation of OpenPGP (RFC 9580)."""

    def encrypt(
        self,
        data: bytes,
        certificates: Sequence[bytes],
        *,
        now: datetime,
        address: str = "",
        signer: bytes | None = None,
    ) -> Packets:
        """Encrypt to every usable certificate; signed first, inside, when there is a signer.

        certificates: binary, as `split_certificates` gives them. signer: a private key, binary, without a passphrase.
        now: aware; decides expiry. address: in lower case, that a certificate must have a valid user id of; empty: any.
        Returns: AES-256 with integrity protection, not compressed: SEIPD version 1, or 2 where every certificate
        tells that its owner reads it.
        Raises: NoUsableCertificate with the reason of each; SealError when the signer or the encryption fails.
        """
        ...
