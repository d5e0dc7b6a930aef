"""What has to stand in DNS for our mail to be believed, and whether an answer of DNS is that. Pure.

A table of wanted records, each with a judge: DKIM (RFC 6376), SPF (RFC 7208), DMARC (RFC 7489), and the addresses of
the names that we go by.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.protect.dkim_keys import DkimKey
from gateway.protect.dkim_rotation import Rotation

TXT_STRING: Final = 255  # octets in one string of a TXT record, RFC 1035 section 3.3
SPF_VERSION: Final = "v=spf1"
DMARC_VERSION: Final = "v=dmarc1"


class Verdict(StrEnum):
    """What DNS has, as against what is wanted."""

    OK = "ok"
    MISSING = "missing"
    WRONG = "wrong"
    UNKNOWN = "unknown"  # DNS did not answer


class Kind(StrEnum):
    """What is asked for."""

    TXT = "TXT"
    ADDRESS = "A or AAAA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One thing to publish.

    what: in a word, such as DKIM. text: the TXT record, empty where only the operator knows it. note: for the operator.
    judge: from the records of the name to what is wrong with them, empty when nothing is. is_needed: else it may be
    there, and `note` says why it need not.
    """

    what: str
    name: str
    kind: Kind
    text: str = ""
    note: str = ""
    judge: Callable[[Sequence[str]], str] = field(repr=False)
    is_needed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What DNS says of one wanted thing. why: in words, empty for OK."""

    what: str
    name: str
    verdict: Verdict
    why: str = ""


def wanted(
    keys: Sequence[DkimKey], *, domains: Sequence[str], through_others: frozenset[str], hosts: dict[str, str]
) -> Iterator[Wanted]:
    """Everything, domain by domain, then the hosts.

    through_others: the domains that leave through a smart host. hosts: name to what it is for.
    """
    for domain in domains:
        for key in keys:
            if key.domain == domain:
                yield dkim(key.name, key.dns_record())
        yield _spf(domain, next(iter(hosts), domain), is_through_others=domain in through_others)
        yield _dmarc(domain)
    for host, purpose in hosts.items():
        yield Wanted(what=purpose, name=host, kind=Kind.ADDRESS, note=f"the address of {purpose}", judge=_any_address)


def judge(one: Wanted, records: Sequence[str] | None) -> Finding:
    """records: None when DNS did not answer; TXT records as text otherwise, or addresses."""
    if records is None:
        return Finding(what=one.what, name=one.name, verdict=Verdict.UNKNOWN, why="DNS does not answer")
    if not one.is_needed:
        return Finding(what=one.what, name=one.name, verdict=Verdict.OK, why=one.note if records else "")
    if not records:
        return Finding(what=one.what, name=one.name, verdict=Verdict.MISSING, why=f"no {one.kind} record")
    why = one.judge(records)
    if why.startswith("no "):
        return Finding(what=one.what, name=one.name, verdict=Verdict.MISSING, why=why)
    return Finding(what=one.what, name=one.name, verdict=Verdict.WRONG if why else Verdict.OK, why=why)


def zone_line(name: str, record: str) -> str:
    """A TXT record as a line of a zone file, cut into strings that fit."""
    strings = " ".join(f'"{record[at : at + TXT_STRING]}"' for at in range(0, len(record), TXT_STRING))
    return f"{name}. IN TXT ( {strings} )"


def dkim(name: str, record: str, *, what: str = "DKIM", note: str = "", is_needed: bool = True) -> Wanted:
    """The record of one selector."""
    return Wanted(
        what=what,
        name=name,
        kind=Kind.TXT,
        text=record if is_needed else "",
        note=note,
        judge=lambda records: _dkim_fault(records, record),
        is_needed=is_needed,
    )


def rotated(domain: str, rotation: Rotation, *, now: datetime) -> Iterator[Wanted]:
    """What a rotation adds to the keys that sign: those before them, and those that wait for DNS."""
    for made in rotation.waiting:
        key = made.load(domain)
        yield dkim(key.name, key.dns_record(), what="DKIM (next)", note="`mailward key dkim rotate` waits for it")
    for old in rotation.retired:
        name, is_needed = f"{old.selector}._domainkey.{domain}", old.until > now
        words = "must stay until" if is_needed else "may be removed since"
        yield dkim(name, old.record, what="DKIM (old)", note=f"{words} {old.until:%Y-%m-%d}", is_needed=is_needed)


def _dkim_fault(records: Sequence[str], ours: str) -> str:
    """RFC 6376 section 3.6.2.2: more than one record is undefined, so it counts as wrong."""
    if len(records) > 1:
        return f"{len(records)} TXT records; verifiers may take either"
    found, own = _tags(records[0]), _tags(ours)
    if found.get("v", "DKIM1") != "DKIM1" or "p" not in found:
        return "not a DKIM record"
    if not found["p"]:
        return "the key is revoked (empty p=)"
    if found.get("k", "rsa") != own["k"] or found["p"] != own["p"]:
        return "another key than the one that signs"
    if "s" in found and not {"*", "email"} & set(found["s"].split(":")):
        return f"not for mail (s={found['s']})"
    if "h" in found and "sha256" not in found["h"].split(":"):
        return f"not for SHA-256 (h={found['h']})"
    return "marked as a test (t=y), so verifiers may ignore it" if "y" in found.get("t", "").split(":") else ""


def _spf(domain: str, host: str, *, is_through_others: bool) -> Wanted:
    """Who else sends for the domain only the operator knows, so the text is a beginning."""
    if is_through_others:
        return Wanted(
            what="SPF", name=domain, kind=Kind.TXT, note="the provider that the mail leaves through says what",
            judge=_spf_fault,
        )  # fmt: skip
    return Wanted(
        what="SPF", name=domain, kind=Kind.TXT, text=f"{SPF_VERSION} a:{host} -all",
        note="with every other server that sends for the domain", judge=_spf_fault,
    )  # fmt: skip


def _spf_fault(records: Sequence[str]) -> str:
    found = [text for text in records if text.lower().split(" ")[0] == SPF_VERSION]
    if not found:
        return "no record that begins with v=spf1"
    if len(found) > 1:  # RFC 7208 section 4.5
        return f"{len(found)} records that begin with v=spf1; that is a permanent error"
    return "it lets everybody send (+all)" if {"+all", "all"} & set(found[0].lower().split()) else ""


def _dmarc(domain: str) -> Wanted:
    return Wanted(
        what="DMARC",
        name=f"_dmarc.{domain}",
        kind=Kind.TXT,
        text="v=DMARC1; p=none",
        note="to begin with; quarantine or reject once it is known who sends for the domain",
        judge=_dmarc_fault,
    )


def _dmarc_fault(records: Sequence[str]) -> str:
    """RFC 7489 section 6.6.3: records of another kind do not count, and of two none does."""
    found = [text for text in records if text.lower().replace(" ", "").startswith(DMARC_VERSION)]
    if not found:
        return "no record that begins with v=DMARC1"
    if len(found) > 1:
        return f"{len(found)} records that begin with v=DMARC1; none counts"
    policy = _tags(found[0]).get("p", "").lower()
    return "" if policy in {"none", "quarantine", "reject"} else "its p= is none of none, quarantine, reject"


def _any_address(_: Sequence[str]) -> str:
    return ""


def _tags(record: str) -> dict[str, str]:
    """A tag list (RFC 6376 section 3.2); blanks in values are no part of them."""
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip(): "".join(value.split()) for name, sign, value in pairs if sign}
