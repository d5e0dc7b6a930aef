"""TLSA records: bytes to values, and which of them SMTP can use."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tls.errors import TlsaSyntaxError
from tls.unreadable import UNREADABLE

RECORD_LIMIT: Final = 64  # records of one host looked at; more are a mistake or an attack on our processor


class Usage(IntEnum):
    """RFC 7218 section 2.1."""

    PKIX_TA = 0
    PKIX_EE = 1
    DANE_TA = 2
    DANE_EE = 3


class Selector(IntEnum):
    """RFC 7218 section 2.2."""

    CERT = 0
    SPKI = 1


class Matching(IntEnum):
    """RFC 7218 section 2.3."""

    FULL = 0
    SHA2_256 = 1
    SHA2_512 = 2


DIGEST_LENGTHS: Final[Mapping[int, int]] = {Matching.SHA2_256: 32, Matching.SHA2_512: 64}
SMTP_USAGES: Final[frozenset[int]] = frozenset(
    {Usage.DANE_TA, Usage.DANE_EE}
)  # RFC 7672 section 3.1.3: 0 and 1 are unusable

SELECTORS: Final[frozenset[int]] = frozenset(Selector)


@dataclass(frozen=True, slots=True)
class Tlsa:
    """One record as it came; numbers, because unknown ones may come too."""

    usage: int
    selector: int
    matching: int
    data: bytes

    def __str__(self) -> str:
        """Presentation form (RFC 6698 section 2.2), as RFC 8460 reports it."""
        return f"{self.kind} {self.data.hex().upper()}"

    @property
    def kind(self) -> str:
        """The three numbers, such as `3 1 1`."""
        return f"{self.usage} {self.selector} {self.matching}"


def parse_tlsa(rdata: bytes) -> Tlsa:
    """Read the RDATA of one record.

    Raises: TlsaSyntaxError when it is too short.
    Source: RFC 6698 section 2.1.
    """
    if len(rdata) < 4:
        raise TlsaSyntaxError("a TLSA record has three numbers and data")
    return Tlsa(rdata[0], rdata[1], rdata[2], rdata[3:])


def select_usable(rdatas: Iterable[bytes]) -> tuple[Tlsa, ...]:
    """The records that can authenticate an SMTP server, in their order; the rest is as if it were not there.

    Source: RFC 7672 section 3.1.3 (usages), RFC 7671 section 10.1.2 (unknown numbers and malformed data are unusable),
    section 9 (of two digests for the same usage and selector only the stronger counts).
    """
    usable = [record for record in map(_read, list(rdatas)[:RECORD_LIMIT]) if record is not None and is_usable(record)]
    stronger = {(one.usage, one.selector) for one in usable if one.matching == Matching.SHA2_512}
    return tuple(
        record
        for record in dict.fromkeys(usable)
        if record.matching != Matching.SHA2_256 or (record.usage, record.selector) not in stronger
    )


def is_usable(record: Tlsa) -> bool:
    """Whether a record says something that can be compared with a chain."""
    if record.usage not in SMTP_USAGES or record.selector not in SELECTORS:
        return False
    if record.matching == Matching.FULL:
        return _is_whole(record)
    return DIGEST_LENGTHS.get(record.matching) == len(record.data)


def _is_whole(record: Tlsa) -> bool:
    """Whether data of matching type 0 is a certificate or a key."""
    try:
        if record.selector == Selector.CERT:
            x509.load_der_x509_certificate(record.data)
        else:
            load_der_public_key(record.data)
    except UNREADABLE:
        return False
    return True


def _read(rdata: bytes) -> Tlsa | None:
    try:
        return parse_tlsa(rdata)
    except TlsaSyntaxError:
        return None
