"""Mail addresses, by our own grammar: it decides who may send as whom, so nothing is repaired (ID-01, ID-06).

Where SMTPUTF8 was agreed on, a local part may hold printable UTF-8 in normal form C and a domain U-labels, which become
A-labels (RFC 6531 section 3.3); otherwise all is US-ASCII. Address literals (`a@[192.0.2.1]`) are refused.
"""

import base64
import re
import unicodedata
from typing import Final

import idna

MAX_LOCAL: Final = 64  # octets, RFC 5321 section 4.5.3.1.1
MAX_DOMAIN: Final = 253  # RFC 5321 section 4.5.3.1.2 less the wire format's root and length octets
MAX_ADDRESS: Final = 254  # RFC 5321 section 4.5.3.1.3: a path of 256 less the angle brackets

ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"  # RFC 5322 section 3.2.3
DOT_STRING: Final = re.compile(rf"{ATOM}(?:\.{ATOM})*")  # RFC 5321 section 4.1.2
QUOTED: Final = re.compile(r'"((?:[ !#-\[\]-~]|\\[ -~])*)"')
UTF8_ATOM: Final = r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]|[^\x00-\x7f])+"  # RFC 6531 section 3.3
UTF8_DOT_STRING: Final = re.compile(rf"{UTF8_ATOM}(?:\.{UTF8_ATOM})*")
UTF8_QUOTED: Final = re.compile(r'"((?:[ !#-\[\]-~]|[^\x00-\x7f]|\\[ -~])*)"')
XTEXT_CHAR: Final = re.compile(r"[!-*,-<>-\[\]-~]")  # QCHAR
LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

# RFC 5322 section 3.4: `name <addr>`; the name is atoms, dots and quoted strings. One choice at each octet: linear.
NAME_ADDR: Final = re.compile(
    r"""(?P<name>(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~. \t\x80-\U0010ffff-]|"(?:[^"\\]|\\.)*")*)<(?P<address>[^<>]+)>"""
)
ADDR_COMMENT: Final = re.compile(r"(?P<address>[^\s()<>]+)[ \t]*\((?P<name>[^()<>\\\",;:]*)\)")  # old `addr (name)`
CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
ENCODED_WORD: Final = re.compile(r"=\?[^?\s]+\?([bBqQ])\?([^?\s]*)\?=")  # RFC 2047 section 2


class AddressError(ValueError):
    """Not one plain address. The text says why without quoting it."""


def parse_address(text: str, *, allows_utf8: bool = False) -> str:
    """Read an addr-spec.

    text: without angle brackets or route. allows_utf8: by SMTPUTF8.
    Returns: the local part as given (quotes dropped when not needed), `@`, the domain in lower case.
    Raises: AddressError.
    Source: RFC 5321 section 4.1.2, Mailbox; RFC 6531 section 3.3.
    """
    if allows_utf8 and not text.isascii():
        return _utf8_address(text)
    local, at, domain = text.rpartition("@")
    if not at:
        raise AddressError("no @ in address")
    address = f"{_local_part(local)}@{_domain(domain)}"
    if len(address) > MAX_ADDRESS:
        raise AddressError("address longer than 254 octets")
    return address


def _utf8_address(text: str) -> str:
    """As `parse_address`, for text that is not US-ASCII. What two systems could write differently is refused."""
    local, at, domain = text.rpartition("@")
    if not at:
        raise AddressError("no @ in address")
    if not unicodedata.is_normalized("NFC", local) or not text.isprintable():
        raise AddressError("not printable UTF-8 in normal form C")
    address = f"{_local_part(local, allows_utf8=True)}@{_domain(_to_a_labels(domain))}"
    if len(address.encode()) > MAX_ADDRESS:
        raise AddressError("address longer than 254 octets")
    return address


def _to_a_labels(domain: str) -> str:
    """RFC 5891, with the mapping of UTS 46 (case, width) before it, as people type."""
    try:
        return domain if domain.isascii() else idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError:
        raise AddressError("domain is not an internationalised host name") from None


def parse_from(value: bytes, *, allows_utf8: bool = False) -> str:
    """Read the body of a From field that holds exactly one plain address.

    value: folded, as `Field.value` gives it. allows_utf8: as in `parse_address`; a display name may be UTF-8 anyway.
    Returns: as `parse_address`.
    Raises: AddressError for none, several, a group, a route, an encoded word for an address, or a display name that is
    another address than the real one.
    Source: RFC 5322 section 3.6.2, without its obsolete forms.
    """
    try:
        text = value.replace(b"\r\n", b"").decode("utf-8").strip(" \t")
    except UnicodeDecodeError:
        raise AddressError("From is neither US-ASCII nor UTF-8") from None
    if CONTROL.search(text):
        raise AddressError("control character in From")
    match = NAME_ADDR.fullmatch(text) or ADDR_COMMENT.fullmatch(text)
    if match is None:
        return parse_address(text, allows_utf8=allows_utf8)
    address = parse_address(match["address"].strip(" \t"), allows_utf8=allows_utf8)
    name = _readable(match["name"])
    if "@" in name and name.strip(" \t\"'").lower() != address.lower():
        raise AddressError("the display name is another address")
    return address


def utf8_xtext(address: str) -> str:
    """An address in US-ASCII, as ORCPT and status notices write one of type `utf-8` (RFC 6533 section 3)."""
    return "".join(char if XTEXT_CHAR.fullmatch(char) else f"\\x{{{ord(char):X}}}" for char in address)


def domain_of(address: str) -> str:
    """The domain of a parsed address."""
    return address.rpartition("@")[2]


def _local_part(text: str, *, allows_utf8: bool = False) -> str:
    quoted = (UTF8_QUOTED if allows_utf8 else QUOTED).fullmatch(text)
    plain = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if len(text.encode("utf-8", "surrogatepass")) > MAX_LOCAL:
        raise AddressError("local part longer than 64 octets")
    if (UTF8_DOT_STRING if allows_utf8 else DOT_STRING).fullmatch(plain):
        return plain  # RFC 5321 section 4.1.2: the quoted form means the same and should not be used
    if not quoted:
        raise AddressError("local part is neither a dot-string nor quoted")
    return '"' + re.sub(r'(["\\])', r"\\\1", plain) + '"'


def _domain(text: str) -> str:
    domain = text.lower()
    labels = domain.split(".")
    if not text.isascii() or len(domain) > MAX_DOMAIN or not all(map(LABEL.fullmatch, labels)):
        raise AddressError("domain is not a host name in US-ASCII")
    if labels[-1].isdigit():
        raise AddressError("domain is an IP address")
    return domain


def _readable(name: str) -> str:
    """A display name as a reader sees it, good enough to spot an address in it."""
    return unicodedata.normalize("NFKC", ENCODED_WORD.sub(_decode_word, name))


def _decode_word(match: re.Match[str]) -> str:
    encoding, text = match[1].lower(), match[2]
    if encoding == "q":
        raw = re.sub(rb"=([0-9A-Fa-f]{2})", lambda m: bytes.fromhex(m[1].decode()), text.encode().replace(b"_", b" "))
        return raw.decode("utf-8", "replace")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", "replace")
    except ValueError:
        return text
