"""Values of the configuration file: durations, sizes, addresses, names, files.

Each `parse_x` takes what stood in the file and returns a value that is right, or raises ValueError with a text that
says what would be right. `fields.py` hands these parsers to pydantic.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from policy.decision import PolicyDefault
from policy.edits import MASKABLE
from policy.phi.report import Kind
from policy.purpose import PURPOSES, UNKNOWN
from policy.sensitivity import STATE, Sensitivity

UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=366),  # never shorter than a calendar year: retention is a legal minimum
}
LONGEST: Final = 100 * UNITS["y"]  # so that adding it to now stays within datetime
SIZES: Final = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
LARGEST: Final = 1 << 40

DURATION: Final = re.compile(r"([0-9]{1,9})([smhdwy])")
RATE: Final = re.compile(r"([1-9][0-9]{0,6})/([smh])")
SIZE: Final = re.compile(r"([0-9]{1,9})(B|KiB|MiB|GiB)")
LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")  # RFC 5890 section 2.3.1, LDH label
SELECTOR: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")  # RFC 6376 section 3.1
FIELD_NAME: Final = re.compile(r"[Xx]-[A-Za-z0-9-]{1,60}")
FIELD_TEXT: Final = re.compile(r"[!-~](?:[ -~]{0,198}[!-~])?")
RULE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # no slash: that tells the rule of a pack
HTTPS: Final = 443
NAME_LIMIT: Final = 253  # RFC 1035 section 2.3.4, in its text form
MAILBOX: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")  # before the @, without quotes
TENANT: Final = re.compile(r"(X-[!-9;-~]{1,80}):[ ]*([!-~](?:[ -~]{0,500}[!-~])?)")
SHORTEST_PROOF: Final = 16  # characters


@dataclass(frozen=True, slots=True)
class HostPort:
    """A host (name in lower case, or IP address without brackets) and a TCP or UDP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TenantProof:
    """A header field that proves whose mail it is: its name as written, and the value, which is a secret."""

    name: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many within a time."""

    count: int
    per: timedelta

    @property
    def pause(self) -> timedelta:
        """From one to the next."""
        return self.per / self.count


def _text(value: object, example: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f'must be text in quotes, such as "{example}"')
    return value


def parse_duration(value: object) -> timedelta:
    """Read a duration such as "30s", "4h" or "6y" (a year counts 366 days).

    Raises: ValueError for anything else, and past 100 years.
    """
    if isinstance(value, timedelta):
        return value
    text = _text(value, "4h")
    match = DURATION.fullmatch(text)
    if match is None:
        digits = re.search(r"[0-9]{1,9}", text)
        guess = f"{digits[0]}{_nearest_unit(text)}" if digits else "4h"
        raise ValueError(f'"{text}" is not a duration; write "{guess}" (units: {", ".join(UNITS)})')
    count, unit = int(match[1]), UNITS[match[2]]
    if count > LONGEST // unit:
        raise ValueError(f'"{text}" is too long; at most "100y"')
    return count * unit


def _nearest_unit(text: str) -> str:
    """The unit that a mistyped duration most likely meant: its first unit letter, else hours."""
    return next((letter for letter in text.lower() if letter in UNITS), "h")


def parse_rate(value: object) -> Rate:
    """Read a rate such as "5/s", "100/m" or "3600/h". Raises: ValueError for anything else."""
    if isinstance(value, Rate):
        return value
    text = _text(value, "100/m")
    match = RATE.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not a rate; write a number and /s, /m or /h, such as "100/m"')
    return Rate(int(match[1]), UNITS[match[2]])


def parse_size(value: object) -> int:
    """Read a size such as "50MiB" as bytes. Raises: ValueError for anything else, and past 1 TiB."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f'{value} has no unit; write "{value}B" or "50MiB"')
    text = _text(value, "50MiB")
    match = SIZE.fullmatch(text)
    if match is None:
        digits = re.search(r"[0-9]{1,9}", text)
        letter = next((c for c in text.upper() if c in "KMG"), "M")
        guess = f"{digits[0] if digits else '50'}{letter}iB"
        raise ValueError(f'"{text}" is not a size; write "{guess}" (units: {", ".join(SIZES)})')
    size = int(match[1]) * SIZES[match[2]]
    if size > LARGEST:
        raise ValueError(f'"{text}" is too large; at most "1024GiB"')
    return size


def parse_name(value: object) -> str:
    """Read a domain or host name as A-labels, lower case, two labels or more, no trailing dot (RFC 5890, RFC 1035).

    Raises: ValueError otherwise.
    """
    text = _text(value, "clinic.example").lower()
    if not text.isascii():
        raise ValueError(f'"{text}" is not in A-label form; write the name that begins with xn--')
    labels = text.split(".")
    if len(text) > NAME_LIMIT or len(labels) < 2 or not all(LABEL.fullmatch(label) for label in labels):
        raise ValueError(f'"{text}" is not a full domain name; write it like "mail.clinic.example"')
    if labels[-1].isdigit():
        raise ValueError(f'"{text}" is not a domain name; an IP address cannot stand here')
    return text


def parse_pattern(value: object) -> str:
    """Read a destination: a domain name, or "*." and a domain name for its sub-domains. Raises: ValueError."""
    text = _text(value, "*.partner.example")
    return "*." + parse_name(text[2:]) if text.startswith("*.") else parse_name(text)


def parse_host(value: object) -> str:
    """Read a host name, "localhost" or an IP address (IPv6 without brackets). Raises: ValueError."""
    text = _text(value, "mx.partner.example").lower()
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text if text == "localhost" else parse_name(text)


def parse_address(value: object) -> HostPort:
    """Read "host:port" with IPv6 in brackets, port 1 to 65535. Raises: ValueError."""
    address = parse_bind(value)
    if address.port == 0:
        raise ValueError(f'"{value}" has port 0; write a port from 1 to 65535')
    return address


def parse_bind(value: object) -> HostPort:
    """Read "host:port" to listen on; port 0 lets the system choose. Raises: ValueError."""
    if isinstance(value, HostPort):
        return value
    text = _text(value, "127.0.0.1:25")
    match = re.fullmatch(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:]+)):(?P<port>[0-9]{1,5})", text)
    if match is None or int(match["port"]) > 65535:
        hint = "host:port, IPv6 in brackets, such as 127.0.0.1:25 or [::1]:25"
        raise ValueError(f'"{text}" is not an address; write {hint}')
    if match["v6"] and not _is_v6(match["v6"]):
        raise ValueError(f'"{text}" is not an address; only an IPv6 address stands in brackets')
    return HostPort(parse_host(match["v6"] or match["host"]), int(match["port"]))


def _is_v6(text: str) -> bool:
    try:
        return bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False


def parse_network(value: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Read a network such as "10.0.0.0/8"; a lone address is a network of one. Raises: ValueError."""
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    text = _text(value, "10.0.0.0/8")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f'"{text}" is not a network; write it like "10.0.0.0/8" or "2001:db8::/32"') from None
    if "/" in text and ipaddress.ip_address(text.split("/")[0]) != network.network_address:
        raise ValueError(f'"{text}" points at a host inside a network; write "{network}"')
    return network


def parse_tenant(value: object) -> TenantProof:
    """Read `Name: value` of a field that nothing else needs. Raises: ValueError, which never quotes the secret."""
    if isinstance(value, TenantProof):
        return value
    match = TENANT.fullmatch(_text(value, "X-Clinic-Proof: 5b7c0f6e2d1a4983"))
    if match is None:
        raise ValueError('must be "Name: value", the name beginning with X-, the value printable US-ASCII')
    if len(match[2]) < SHORTEST_PROOF:
        raise ValueError(f"has a value that can be guessed; use {SHORTEST_PROOF} characters or more")
    return TenantProof(match[1], match[2])


def parse_file(value: object) -> Path:
    """Read an absolute path. Raises: ValueError for a relative or empty one."""
    if isinstance(value, Path):
        return value
    text = _text(value, "/etc/mailward/key.pem")
    if not text.startswith("/") or "\0" in text:
        raise ValueError(f'"{text}" is not an absolute path; write it from the root, with a leading /')
    return Path(text)


def parse_command(words: tuple[str, ...]) -> tuple[str, ...]:
    """A program by its absolute path, and its arguments; empty: none. Raises: ValueError."""
    if words and not words[0].startswith("/"):
        raise ValueError(f'"{words[0]}" is not an absolute path; no shell looks for the program')
    if any("\0" in word for word in words):
        raise ValueError("holds a NUL")
    return words


def parse_origin(value: object) -> str:
    """Read an https origin such as "https://secure.clinic.example", without a trailing slash. Raises: ValueError."""
    text = _text(value, "https://secure.clinic.example")
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise ValueError(f'"{text}" is not a web address; write it like "https://secure.clinic.example"') from None
    if url.scheme != "https" or not host:
        raise ValueError(f'"{text}" is not an https address; write it like "https://secure.clinic.example"')
    if url.path not in {"", "/"} or url.query or url.fragment or url.username is not None:
        raise ValueError(f'"{text}" has more than a host; write "https://{url.netloc.rpartition("@")[2]}"')
    origin = f"https://{HostPort(parse_host(host), port or HTTPS)}"
    return origin.removesuffix(f":{HTTPS}")


def parse_mailbox(value: object) -> str:
    """Read a mail address of ours such as "postmaster@clinic.example". Raises: ValueError."""
    text = _text(value, "postmaster@clinic.example")
    local, _, domain = text.rpartition("@")
    if not MAILBOX.fullmatch(local):
        raise ValueError(f'"{text}" is not a mail address; write it like "postmaster@clinic.example"')
    return f"{local}@{parse_name(domain)}"


def parse_policy_default(value: object) -> PolicyDefault:
    """Read "protect-phi" or "protect-all". Raises: ValueError."""
    if not isinstance(value, str) or value not in {default.value for default in PolicyDefault}:
        raise ValueError(f'"{value}" is not known; write "protect-phi" or "protect-all"')
    return PolicyDefault(value)


def parse_fields(value: object) -> dict[str, str]:
    """Read header fields to add: names that begin with X-, one line of printable US-ASCII each. Raises: ValueError."""
    if not isinstance(value, dict):
        raise ValueError('must be a table, such as { "X-Clinic-Class" = "restricted" }')
    for name, text in value.items():
        if not FIELD_NAME.fullmatch(name) or name.lower().startswith("x-mailward-"):
            raise ValueError(f'"{name}" cannot be added; a name begins with X-, such as "X-Clinic-Class"')
        if not isinstance(text, str) or not FIELD_TEXT.fullmatch(text):
            raise ValueError(f"{name} needs a text of 1 to 200 printable US-ASCII characters")
    return value


def parse_sensitivity(value: object) -> Sensitivity:
    """Read a word of X-Mailward-Sensitivity. Raises: ValueError."""
    word = _text(value, "part2").lower()
    if word not in set(Sensitivity):
        raise ValueError(f'"{word}" is no class; write one of {", ".join(Sensitivity)}')
    return Sensitivity(word)


def parse_state(value: object) -> str:
    """Read a state as the post abbreviates it. Raises: ValueError."""
    text = _text(value, "NY").upper()
    if not STATE.fullmatch(text):
        raise ValueError(f'"{text}" is no state; write its two letters, such as "NY"')
    return text


def parse_purpose(value: object) -> str:
    """Read a word of X-Mailward-Purpose. Raises: ValueError."""
    word = _text(value, "marketing").lower()
    if word not in PURPOSES or word == UNKNOWN:
        raise ValueError(f'"{word}" is no purpose; write one of {", ".join(sorted(PURPOSES - {UNKNOWN}))}')
    return word


def parse_maskable(value: object) -> Kind:
    """Read a kind of findings that can be masked. Raises: ValueError."""
    word = _text(value, "ssn").lower()
    if word not in MASKABLE:
        raise ValueError(f'"{word}" cannot be masked; write one of {", ".join(sorted(MASKABLE))}')
    return Kind(word)


def parse_rule_name(value: object) -> str:
    """Read the name of a rule: what traces and the audit log call it. Raises: ValueError."""
    text = _text(value, "no-ssn-lists")
    if not RULE_NAME.fullmatch(text):
        raise ValueError(f'"{text}" is no name of a rule; letters, digits and hyphens, such as "no-ssn-lists"')
    return text


def parse_selector(value: object) -> str:
    """Read a DKIM selector (RFC 6376 section 3.1). Raises: ValueError."""
    text = _text(value, "s2026a")
    if not SELECTOR.fullmatch(text):
        raise ValueError(f'"{text}" is not a DKIM selector; letters, digits and hyphens, such as "s2026a"')
    return text.lower()
