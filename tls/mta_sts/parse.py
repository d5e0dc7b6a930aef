"""The TXT record and the policy body of MTA-STS: bytes to values. Nothing half-read leaves this file."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tls.errors import StsSyntaxError

SIZE_LIMIT: Final = 65_536  # octets of a policy, RFC 8461 section 3.3
MX_LIMIT: Final = 1_000  # mx lines; no domain has as many hosts
MAX_AGE_LIMIT_S: Final = 31_557_600  # a year, RFC 8461 section 3.2

RECORD_START: Final = re.compile(rb"v=STSv1[ \t]*;")  # RFC 8461 section 3.1; blanks as its ABNF has them
RECORD_FIELD: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)")
RECORD_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}")

POLICY_FIELD: Final = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})[ \t]*:[ \t]*([^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]*))"
)
MAX_AGE: Final = re.compile(r"[0-9]{1,10}")
NAME_LIMIT: Final = 255  # octets, RFC 5321 section 4.5.3.1.2
LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
MX_PATTERN: Final = re.compile(rf"(?:\*\.)?{LABEL}(?:\.{LABEL})*")  # RFC 8461 section 3.2: ["*" "."] Domain


class Mode(Enum):
    """RFC 8461 section 5."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class StsPolicy:
    """max_age_s: 0 to 31557600. mx: lower-case A-labels, a pattern may begin with `*.`; empty only for mode none."""

    mode: Mode
    max_age_s: int
    mx: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """As RFC 8460 section 4.4 reports it (`policy-string`)."""
        hosts = (f"mx: {pattern}" for pattern in self.mx)
        return ("version: STSv1", f"mode: {self.mode.value}", *hosts, f"max_age: {self.max_age_s}")

    @property
    def text(self) -> str:
        """A body that `parse_policy` reads as this value again; how a policy is stored."""
        return "".join(f"{line}\n" for line in self.lines)


def parse_record(strings: tuple[bytes, ...]) -> str | None:
    """Read what `_mta-sts.<domain>` holds.

    strings: its TXT records, each in one piece.
    Returns: the id, or None when no record is one of MTA-STS: the domain announces no policy.
    Raises: StsSyntaxError when several are, or the one that is has a fault. RFC 8461 section 3.1: then too no policy
    is announced; what is cached stays.
    """
    ours = [text for text in strings if RECORD_START.match(text)]
    if not ours:
        return None
    if len(ours) > 1:
        raise StsSyntaxError("more than one MTA-STS record")
    try:
        fields = [field.strip(" \t") for field in ours[0].decode("ascii").split(";")]
    except UnicodeDecodeError as error:
        raise StsSyntaxError("MTA-STS record is not ASCII") from error
    if not fields[-1]:
        fields.pop()  # RFC 8461 section 3.1: the delimiter may end the record
    found: dict[str, str] = {}
    for field in fields[1:]:
        match = RECORD_FIELD.fullmatch(field)
        if match is None:
            raise StsSyntaxError("MTA-STS record has a field that is none")
        found.setdefault(match[1], match[2])  # RFC 8461 section 3.2: of a field given twice the first counts
    if RECORD_ID.fullmatch(found.get("id", "")) is None:
        raise StsSyntaxError("MTA-STS record has no id of 1 to 32 letters and digits")
    return found["id"]


def parse_policy(body: bytes) -> StsPolicy:
    """Read an MTA-STS policy body.

    body: as fetched, LF or CRLF lines, at most 64 KiB.
    Returns: the policy; max_age in seconds; mx patterns as lower-case A-labels, each once.
    Raises: StsSyntaxError with the number of the line; never returns a half-read policy.
    Source: RFC 8461 section 3.2; unknown fields are ignored, of a field given twice, other than mx, the first counts.
    """
    if len(body) > SIZE_LIMIT:
        raise StsSyntaxError("policy is larger than 64 KiB")
    fields: dict[str, str] = {}
    hosts: list[str] = []
    for number, line in enumerate(_lines(body), start=1):
        match = POLICY_FIELD.fullmatch(line.rstrip(" \t"))
        if match is None:
            raise StsSyntaxError(f"line {number}: not a field")
        if match[1] == "mx":
            hosts.append(_pattern(match[2], number))
        else:
            fields.setdefault(match[1], match[2])
    if len(hosts) > MX_LIMIT:
        raise StsSyntaxError(f"more than {MX_LIMIT} mx")
    return _policy(fields, tuple(dict.fromkeys(hosts)))


def _lines(body: bytes) -> list[str]:
    """Split at LF and CRLF only: other line ends of Unicode are text of an extension."""
    try:
        lines = body.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise StsSyntaxError("policy is not UTF-8") from error
    lines = [line.removesuffix("\r") for line in lines]
    while lines and not lines[-1].strip(" \t"):
        lines.pop()  # RFC 8461 3.2 has no blank lines; we take them at the end, because the policy is whole without
    return lines


def _pattern(value: str, number: int) -> str:
    if MX_PATTERN.fullmatch(value) is None or len(value) > NAME_LIMIT:
        raise StsSyntaxError(f"line {number}: mx is no host name, nor one behind `*.`")
    return value.lower()


def _policy(fields: dict[str, str], hosts: tuple[str, ...]) -> StsPolicy:
    if fields.get("version") != "STSv1":
        raise StsSyntaxError("version is not STSv1")
    try:
        mode = Mode(fields.get("mode"))
    except ValueError as error:
        raise StsSyntaxError("mode is not enforce, testing or none") from error
    if MAX_AGE.fullmatch(fields.get("max_age", "")) is None:
        raise StsSyntaxError("max_age is not 1 to 10 digits")
    if not hosts and mode is not Mode.NONE:
        raise StsSyntaxError(f"mode {mode.value} without mx")
    # RFC 8461 3.2 says at most a year; we hold a longer one for a year, because refusing it would take protection away
    return StsPolicy(mode=mode, max_age_s=min(int(fields["max_age"]), MAX_AGE_LIMIT_S), mx=hosts)
