"""Where DNS has a recipient's key: OPENPGPKEY (RFC 7929) and SMIMEA (RFC 8162). Pure.

What is found there counts only when DNSSEC vouches for it: whoever could forge it would read the mail.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

ALL_OF_A_DOMAINS_OWN: Final = bytes((3, 0, 0))  # RFC 6698 section 2.1: domain-issued, whole certificate, as it is
HASH_OCTETS: Final = 28  # RFC 7929 section 3: SHA2-256, cut


def openpgp_name(address: str) -> str:
    """RFC 7929 section 3. address: as the sender wrote it; its local part is hashed as it is, case and all."""
    return _name(address, "_openpgpkey")


def smime_name(address: str) -> str:
    """RFC 8162 section 3."""
    return _name(address, "_smimecert")


def certificates_in(records: Iterable[bytes]) -> tuple[bytes, ...]:
    """The certificates, DER, that SMIMEA records hold whole and by the domain's own word.

    records: RDATA. Those of an authority, of a bare key and of a hash are passed over: none of them is a certificate
    to encrypt to.
    """
    head = len(ALL_OF_A_DOMAINS_OWN)
    return tuple(record[head:] for record in records if record[:head] == ALL_OF_A_DOMAINS_OWN and record[head:])


def _name(address: str, label: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{hashlib.sha256(local.encode()).digest()[:HASH_OCTETS].hex()}.{label}.{domain.lower()}"
