"""Who a client certificate says its holder is. The TLS handshake has verified it by then; here only names are read."""

import re
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from gateway.message.address import AddressError, parse_address
from tls.unreadable import UNREADABLE

NAME: Final = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")  # what may stand in a log: printable US-ASCII, blanks inside


@dataclass(frozen=True, slots=True)
class Holder:
    """name: what logs and the audit log call the holder. addresses: e-mail addresses, lower case, in their order.

    names: all that `client_names` may ask for, lower case, `name` among them.
    """

    name: str
    addresses: tuple[str, ...] = ()
    names: frozenset[str] = field(default=frozenset(), compare=False)


def read_holder(der: bytes) -> Holder:
    """Read a verified certificate.

    der: the certificate, DER.
    Returns: name: the first of: DNS name, e-mail address, common name of the subject, SHA-256 fingerprint; never empty.
    addresses: of the subject alternative name only (RFC 9525 section 2: a subject proves nothing).
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        fingerprint = certificate.fingerprint(SHA256()).hex()
        names = _alternative_names(certificate)
        commons = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except UNREADABLE:  # fields that OpenSSL had no need to read
        return Holder("unreadable")
    mailboxes = names.get_values_for_type(x509.RFC822Name) if names else []
    hosts = names.get_values_for_type(x509.DNSName) if names else []
    candidates = [*hosts, *mailboxes, *(str(common.value) for common in commons)]
    name = next((text for text in candidates if NAME.fullmatch(text)), f"sha256:{fingerprint}")
    return Holder(name, tuple(_addresses(mailboxes)), frozenset(text.lower() for text in (name, *candidates)))


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def _addresses(mailboxes: list[str]) -> list[str]:
    """What our grammar takes; an odd one is no address of anybody here."""
    addresses = []
    for mailbox in mailboxes:
        try:
            addresses.append(parse_address(mailbox).lower())
        except AddressError:
            continue
    return addresses
