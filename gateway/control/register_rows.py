"""Rows of text, as commands and imported files give them, to entries of the registers. Pure but for what it is given.

A row is a mapping of columns to texts; several words in one column stand apart by blanks. What is missing is empty, and
a column that nobody knows is an error: it could be the condition under which somebody consented.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final, Generic, TypeVar

from gateway.message.address import AddressError, parse_address
from policy.baa import Organisation, Relation
from policy.consent import ANY, BOUND_TO_RECIPIENT, NEEDS_EVIDENCE, TOPICS, Consent, Kind
from policy.rules.facts import PURPOSES

CONSENT_COLUMNS: Final = (
    "patient", "kind", "purposes", "recipients", "given", "expires", "evidence", "topics", "covers",
)  # fmt: skip
ORGANISATION_COLUMNS: Final = (
    "name", "relation", "domains", "purposes", "qsoa", "agreed", "expires", "contact",
)  # fmt: skip
SAID: Final = (PURPOSES - {"unknown"}) | {ANY}
ALL_CARE: Final = frozenset({"treatment", "payment", "operations"})
DOMAIN: Final = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]")
SHA256: Final = re.compile(r"[0-9a-f]{64}")
NAME: Final = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
COVERS: Final = re.compile(r"[ -~]{0,200}")  # it is put below mail, whatever charset that has
MOST_FAULTS: Final = 100  # of an import, shown

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Maker:
    """Who records, and when. key: of a patient, `gateway.store.consents.patient_key`. new_id: of an entry."""

    by: str
    now: datetime
    key: Callable[[str], str]
    new_id: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What came of many rows. faults: number of the row, counted from 1, and what is wrong with it."""

    entries: tuple[T, ...]
    faults: tuple[tuple[int, str], ...]


def read_all(rows: Sequence[Mapping[str, str]], read: Callable[[Mapping[str, str]], T]) -> Read[T]:
    """Read every row; what is wrong with one says nothing of the next."""
    entries, faults = list[T](), list[tuple[int, str]]()
    for number, row in enumerate(rows, start=1):
        try:
            entries.append(read(row))
        except ValueError as why:
            faults.append((number, str(why)))
    return Read(tuple(entries), tuple(faults[:MOST_FAULTS]))


def read_consent(row: Mapping[str, str], maker: Maker) -> Consent:
    """Raises: ValueError with what is missing or wrong, in words."""
    texts = read_texts(row, CONSENT_COLUMNS)
    kind = read_word(texts["kind"], tuple(Kind), "kind")
    given = read_date(texts["given"], "given") or maker.now
    expires = read_date(texts["expires"], "expires")
    purposes = _purposes(texts["purposes"])
    recipients = tuple(dict.fromkeys(read_recipient(word) for word in texts["recipients"].split()))
    evidence = texts["evidence"].lower()
    if given > maker.now:
        raise ValueError("given: lies in the future")
    if expires is not None and expires <= given:
        raise ValueError("expires: is not after it was given")
    if evidence and not SHA256.fullmatch(evidence):
        raise ValueError("evidence: is not the SHA-256 of a document, 64 hexadecimal digits")
    if kind in NEEDS_EVIDENCE and not evidence:
        raise ValueError(f"evidence: {kind} needs the SHA-256 of the signed document, or of the warning that was shown")
    _check_bounds(kind, purposes, recipients, expires)
    return Consent(
        id=maker.new_id(),
        patient=_patient(texts["patient"], kind, maker),
        kind=kind,
        purposes=purposes or (ANY,),
        recipients=recipients,
        given_at=given,
        expires_at=expires,
        evidence=evidence,
        recorded_by=maker.by,
        recorded_at=maker.now,
        topics=_topics(texts["topics"], kind),
        covers=_covers(texts["covers"], kind),
    )


def _covers(text: str, kind: Kind) -> str:
    """Which information it is about, where it is about a patient's information."""
    if not COVERS.fullmatch(text):
        raise ValueError("covers: at most 200 letters of US-ASCII")
    if text and kind not in BOUND_TO_RECIPIENT - {Kind.RESTRICTION}:
        raise ValueError(f"covers: {kind} has none")
    return text.rstrip(".")


def _topics(text: str, kind: Kind) -> tuple[str, ...]:
    """What an authorization names expressly."""
    words = {word.replace("-", "_") for word in text.lower().split()}
    if strange := sorted(words - {*TOPICS}):
        raise ValueError(f"topics: {', '.join(strange)}: none of {', '.join(TOPICS)}")
    if words and kind is not Kind.AUTHORIZATION:
        raise ValueError(f"topics: an authorization names some; {kind} does not")
    return tuple(word for word in TOPICS if word in words)


def read_organisation(row: Mapping[str, str], maker: Maker) -> Organisation:
    """Raises: ValueError with what is missing or wrong, in words."""
    texts = read_texts(row, ORGANISATION_COLUMNS)
    relation = read_word(texts["relation"] or Relation.ASSOCIATE.value, set(Relation) - {Relation.UNKNOWN}, "relation")
    agreed, expires = read_date(texts["agreed"], "agreed"), read_date(texts["expires"], "expires")
    domains = tuple(dict.fromkeys(_domain(word) for word in texts["domains"].split()))
    purposes = _purposes(texts["purposes"])
    if not NAME.fullmatch(texts["name"]):
        raise ValueError("name: 1 to 128 letters")
    if len(texts["contact"]) > 320:
        raise ValueError("contact: at most 320 letters")
    if not domains:
        raise ValueError("domains: at least one is needed")
    if texts["qsoa"].lower() not in {"", "yes", "no"}:
        raise ValueError("qsoa: is yes or no")
    is_qsoa = texts["qsoa"].lower() == "yes"
    if (relation is Relation.ASSOCIATE or is_qsoa) and (agreed is None or not purposes):
        raise ValueError("an agreement needs the date when it begins and the purposes that it permits")
    if expires is not None and (agreed is None or expires <= agreed):
        raise ValueError("expires: is not after the agreement begins")
    return Organisation(
        name=texts["name"],
        relation=relation,
        domains=domains,
        purposes=purposes,
        is_qsoa=is_qsoa,
        agreed_at=agreed,
        expires_at=expires,
        contact=texts["contact"],
        recorded_by=maker.by,
        recorded_at=maker.now,
    )


def _check_bounds(kind: Kind, purposes: Sequence[str], recipients: Sequence[str], expires: datetime | None) -> None:
    """What the form of a consent must hold."""
    if kind not in BOUND_TO_RECIPIENT:
        if recipients:
            raise ValueError(f"recipients: {kind} is about mail to the patient; name none")
        return
    if not recipients or not purposes:  # 45 CFR 164.508(c)(1)(iii), (iv); 42 CFR 2.31(a)(4), (5)
        raise ValueError(f"{kind} names its recipients and its purposes")
    if kind in {Kind.AUTHORIZATION, Kind.PSYCHOTHERAPY} and ANY in purposes:
        raise ValueError("purposes: an authorization describes each purpose (45 CFR 164.508(c)(1)(iv))")
    if kind is not Kind.RESTRICTION and expires is None and not (kind is Kind.PART2 and ALL_CARE.issuperset(purposes)):
        raise ValueError("expires: is needed (45 CFR 164.508(c)(1)(v), 42 CFR 2.31(a)(7))")


def read_texts(row: Mapping[str, str], columns: Sequence[str]) -> dict[str, str]:
    """The values of a row, without blanks around them. Raises: ValueError for a column that nobody knows."""
    if strange := sorted(set(row) - set(columns)):
        raise ValueError(f"no such column: {', '.join(strange)}; there are {', '.join(columns)}")
    texts = {column: row.get(column, "") for column in columns}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("every value is a text")
    return {column: text.strip() for column, text in texts.items()}


def read_word(text: str, words: Collection[T], column: str) -> T:
    for word in words:
        if str(word) == text:
            return word
    raise ValueError(f"{column}: {text!r} is none of {', '.join(sorted(map(str, words)))}")


def _purposes(text: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(text.lower().split()))
    if strange := sorted(set(words) - SAID):
        raise ValueError(f"purposes: {', '.join(strange)}: none of {', '.join(sorted(SAID))}")
    return words


def read_date(text: str, column: str) -> datetime | None:
    """A day means its beginning in UTC; a time needs its zone."""
    if not text:
        return None
    try:
        if len(text) == len("2026-11-24"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{column}: {text!r} is no date; write 2026-11-24 or 2026-11-24T15:00:00Z") from None
    if at.tzinfo is None:
        raise ValueError(f"{column}: {text!r} has no time zone; write a Z behind it")
    return at.astimezone(UTC)


def _patient(text: str, kind: Kind, maker: Maker) -> str:
    if not text:
        raise ValueError("patient: an address, or the organisation's id of the patient")
    if "@" in text:
        return read_address(text)
    if kind not in BOUND_TO_RECIPIENT:
        raise ValueError(f"patient: {kind} is about mail to an address; give the address")
    return maker.key(text)


def read_recipient(word: str) -> str:
    return read_address(word) if "@" in word else _domain(word)


def _domain(word: str) -> str:
    domain = word.lower()
    if not DOMAIN.fullmatch(domain):
        raise ValueError(f"{word!r} is no domain")
    return domain


def read_address(text: str) -> str:
    """An address in lower case. Raises: ValueError."""
    try:
        return parse_address(text).lower()
    except AddressError as why:
        raise ValueError(f"{text!r} is no address: {why}") from None
