"""What the detectors hand to the tie: a stretch of text that points at a person, or that speaks of health."""

from enum import Enum, auto
from typing import NamedTuple

from policy.phi.report import Kind


class Role(Enum):
    """What a person or an identifier is in the message, as far as the words around tell."""

    PATIENT = auto()  # said to be a patient, member, insured person or a relative of one
    READER = auto()  # the mail speaks to its reader as to a patient
    UNKNOWN = auto()
    STAFF = auto()  # a provider, an employee, the sender, somebody in a signature


class Mention(NamedTuple):
    """One stretch of one text.

    strength: for a person, how surely it points at an individual in the patient's role; for health, how much it says
    about somebody's health; 0 to 1 both.
    why: how it was recognised, in words that hold no value.
    """

    kind: Kind
    start: int
    end: int
    value: str
    strength: float
    why: str
    role: Role = Role.UNKNOWN

    def __repr__(self) -> str:
        return f"Mention({self.kind}, {self.start}:{self.end}, {self.role.name}, {self.strength:.2f})"
