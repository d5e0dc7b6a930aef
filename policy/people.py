"""Who reads mail at an address: patients, those who act for them, and who it is that a message is about. Pure.

A link says that a person of the register is reached at an address, as what, how that was verified, and from when to
when. The patient of a message is the one that its sender's system names, else the one whom its findings name
(`Report.patient`), else the one person whose own address the recipient's is; else nobody knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from policy.purpose import PROMOTION


class Tie(StrEnum):
    """As what a person is reached at an address; the value is the word of `mailward person link --as`."""

    SELF = "self"
    REPRESENTATIVE = "representative"  # 45 CFR 164.502(g)
    SHARED = "shared"  # the person's own, but others read it
    INVOLVED = "involved"  # in the person's care or its payment: 45 CFR 164.510(b)


class Basis(StrEnum):
    """Why somebody may act for a person (45 CFR 164.502(g)(2) to (4))."""

    PARENT = "parent"
    GUARDIAN = "guardian"  # of a minor
    POWER_OF_ATTORNEY = "power-of-attorney"
    COURT = "court"
    EXECUTOR = "executor"


ENDS_AT_MAJORITY: Final = frozenset({Basis.PARENT, Basis.GUARDIAN})


class Position(StrEnum):
    """What a recipient is to the patient of a message."""

    SELF = "self"
    REPRESENTATIVE = "representative"
    SHARED = "shared"
    INVOLVED = "involved"
    STRANGER = "stranger"  # the register has people, and none with that address
    UNKNOWN = "unknown"  # nobody asked, or the register is empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person. id: as the registers name patients. majority_at: when they come of age; None: they are."""

    id: str
    recorded_by: str
    recorded_at: datetime
    majority_at: datetime | None = None

    def is_minor(self, at: datetime) -> bool:
        return self.majority_at is not None and at < self.majority_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One person at one address, in lower case. basis: of a representative. verified: how; empty: not.

    suspended_at: since when the address bounces; ended_at: since when it is not theirs.
    """

    id: str
    person: str
    address: str
    tie: Tie
    from_at: datetime
    recorded_by: str
    recorded_at: datetime
    basis: Basis | None = None
    verified: str = ""
    until_at: datetime | None = None
    suspended_at: datetime | None = None
    ended_at: datetime | None = None

    def is_current(self, at: datetime) -> bool:
        """Whether it has begun and not ended; it may be suspended."""
        ends = (self.until_at, self.ended_at)
        return self.from_at <= at and all(end is None or at < end for end in ends)


@dataclass(frozen=True, slots=True)
class People:
    """The register. links: by address. persons: by id."""

    persons: Mapping[str, Person]
    links: Mapping[str, tuple[Link, ...]]


NOBODY: Final = People({}, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of one recipient; the defaults are what counts when nobody asked.

    patient: whom the message to this recipient is about, as the registers name them; empty: not known.
    is_patient: the address is one of a patient, or of who acts for one. is_minor: the patient is one.
    Where nobody is named, one of those who are linked there is. is_ambiguous: several read there, and nobody is named.
    """

    patient: str = ""
    position: Position = Position.UNKNOWN
    is_verified: bool = False
    is_patient: bool = True
    is_minor: bool = False
    is_ambiguous: bool = False


NOT_ASKED: Final = Standing()
# To whom the message is about the recipient, however many it goes to.
ABOUT_RECIPIENT: Final = PROMOTION | {"individual", "access"}


def acts(link: Link, person: Person | None, at: datetime) -> bool:
    """Whether a link counts: not suspended by a bounce, and a parent's only until majority."""
    if not link.is_current(at) or link.suspended_at is not None:
        return False
    is_over = link.tie is Tie.REPRESENTATIVE and link.basis in ENDS_AT_MAJORITY
    return not (is_over and (person is None or not person.is_minor(at)))


def answer(people: People, *, recipient: str, said: str, purpose: str, is_only: bool, at: datetime) -> Standing:
    """What the register says of one recipient, an address in lower case.

    said: the patient whom the sender's system names, else empty. is_only: nobody else gets the message.
    """
    if not people.links:
        return Standing(patient=said)
    current = [link for link in people.links.get(recipient, ()) if link.is_current(at)]
    counting = [link for link in current if acts(link, people.persons.get(link.person), at)]
    is_alone = len(current) == 1 and (is_only or purpose in ABOUT_RECIPIENT)
    patient = said or (_whose(counting) if is_alone else "")
    about = {patient} if patient else {link.person for link in current}
    persons = [people.persons[name] for name in about if name in people.persons]
    return Standing(
        patient=patient,
        position=_position(current, counting, patient),
        is_verified=any(link.verified for link in counting if link.person == patient),
        is_patient=any(link.tie is not Tie.INVOLVED for link in current),
        is_minor=any(person.is_minor(at) for person in persons),
        is_ambiguous=not patient and _has_several(current),
    )


def also_known_as(people: People, patient: str) -> frozenset[str]:
    """By what else registers may name a patient: the own addresses of that id, the ids of whose own that address is."""
    own = [link for links in people.links.values() for link in links if link.tie is Tie.SELF]
    return frozenset(link.address for link in own if link.person == patient) | {
        link.person for link in own if link.address == patient
    }


def _whose(links: Sequence[Link]) -> str:
    """The one person whose own address it is, when nobody else reads there."""
    return links[0].person if len(links) == 1 and links[0].tie is Tie.SELF else ""


def _has_several(links: Sequence[Link]) -> bool:
    return len({link.person for link in links}) > 1 or any(link.tie is Tie.SHARED for link in links)


def _position(current: Sequence[Link], counting: Sequence[Link], patient: str) -> Position:
    """The least private of what they are to the patient: what several are, all of them read.

    A link that no longer counts permits nothing, and yet somebody may still read there: who acted for the patient is
    then one that was involved, and the patient's own address one that others may have. Where nobody is named, one that
    is there for somebody else is there for whom the message is about.
    """
    ties = {_reads_as(link, counting) for link in current if link.person == patient or not patient}
    if _has_several(current):
        if not patient:
            return Position.SHARED
        ties = {Tie.SHARED if tie is Tie.SELF else tie for tie in ties}
    if not ties or (not patient and ties == {Tie.SELF}):
        return Position.STRANGER
    return Position(max(ties, key=LEAST_PRIVATE.index).value)


def _reads_as(link: Link, counting: Sequence[Link]) -> Tie:
    return link.tie if link in counting else LAPSED[link.tie]


LAPSED: Final[Mapping[Tie, Tie]] = {
    Tie.SELF: Tie.SHARED,
    Tie.REPRESENTATIVE: Tie.INVOLVED,
    Tie.SHARED: Tie.SHARED,
    Tie.INVOLVED: Tie.INVOLVED,
}
LEAST_PRIVATE: Final = (Tie.SELF, Tie.REPRESENTATIVE, Tie.SHARED, Tie.INVOLVED)
