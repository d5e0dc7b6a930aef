"""The messages that the demonstration sends, who gets them, and by which way each copy is meant to leave."""

import email
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.utils import getaddresses, parseaddr
from enum import StrEnum
from functools import cached_property
from importlib.resources import files
from typing import Final


class Way(StrEnum):
    """How one recipient's copy left."""

    VERIFIED_TLS = "verified TLS"
    UNVERIFIED_TLS = "TLS, not verified"
    CLEAR = "no TLS"
    SMIME = "S/MIME"
    OPENPGP = "OpenPGP"
    PORTAL_CODE = "portal, mailed code"
    PORTAL_PIN = "portal, PIN"
    HELD = "held"
    REFUSED = "refused"

    @property
    def is_stopped(self) -> bool:
        """Whether policy stops it, so that nothing of it leaves."""
        return self in {Way.HELD, Way.REFUSED}

    @property
    def is_portal(self) -> bool:
        return self in {Way.PORTAL_CODE, Way.PORTAL_PIN}


class Door(StrEnum):
    """Where the clinic hands a message in: `mode` of a listener."""

    SUBMISSION = "submission"
    SUBMISSIONS = "submissions"
    RELAY = "relay"


@dataclass(frozen=True)
class Letter:
    """One message. name: its file in `messages`, without the ending. ways: what is promised for each recipient."""

    name: str
    title: str
    door: Door
    is_protected: bool
    ways: Mapping[str, Way]

    @cached_property
    def data(self) -> bytes:
        """As a mail client sends it, with CRLF."""
        file = files("gateway.demo") / "messages" / f"{self.name}.eml"
        return file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    @cached_property
    def message(self) -> Message:
        return email.message_from_bytes(self.data)

    @property
    def sender(self) -> str:
        return parseaddr(self.message["From"])[1]

    @property
    def recipients(self) -> tuple[str, ...]:
        """All in To and Cc."""
        fields = [*self.message.get_all("To", []), *self.message.get_all("Cc", [])]
        return tuple(address for _name, address in getaddresses(fields))


LETTERS: Final = (
    Letter(
        "01-lab-result", "Lab result (PDF)", Door.SUBMISSION, is_protected=True,
        ways={"osei@hospital.example": Way.VERIFIED_TLS},
    ),
    Letter(
        "02-referral", "Referral letter", Door.SUBMISSION, is_protected=True,
        ways={
            "referrals@labs.example": Way.PORTAL_PIN,
            "osei@hospital.example": Way.VERIFIED_TLS,
            "practice@gp.example": Way.OPENPGP,
            "heart@specialist.example": Way.SMIME,
        },
    ),
    Letter(
        "03-appointment", "Appointment reminder", Door.SUBMISSIONS, is_protected=True,
        ways={"ellen.brandt@oldclinic.example": Way.PORTAL_PIN},
    ),
    Letter(
        "04-claims", "Claim list (CSV)", Door.SUBMISSIONS, is_protected=True,
        ways={"claims@hospital.example": Way.VERIFIED_TLS},
    ),
    Letter(
        "05-hl7-result", "HL7 result", Door.RELAY, is_protected=True,
        ways={"practice@gp.example": Way.OPENPGP},
    ),
    Letter(
        "06-newsletter", "Newsletter", Door.SUBMISSION, is_protected=False,
        ways={"friends@oldclinic.example": Way.CLEAR},
    ),
    Letter(
        "07-invoice", "Supplier invoice", Door.SUBMISSION, is_protected=False,
        ways={"orders@labs.example": Way.UNVERIFIED_TLS},
    ),
    Letter(
        "08-secure-note", "[secure] note", Door.SUBMISSION, is_protected=True,
        ways={"osei@hospital.example": Way.VERIFIED_TLS},
    ),
    Letter(
        "09-results-to-patient", "Results to a patient", Door.SUBMISSION, is_protected=True,
        ways={"k.novak@mailbox.example": Way.PORTAL_CODE},
    ),
)  # fmt: skip

# What the registers have a say in: `gateway.demo.registers` fills them.
BY_REGISTERS: Final = (
    Letter(
        "10-offer", "Offer, not authorized", Door.RELAY, is_protected=False,
        ways={"ana.ruiz@mailbox.example": Way.REFUSED},
    ),
    Letter(
        "11-offer-wanted", "Offer, authorized", Door.RELAY, is_protected=False,
        ways={"jo.berg@hospital.example": Way.UNVERIFIED_TLS},
    ),
    Letter(
        "12-billing", "Claim, agreement ended", Door.RELAY, is_protected=True,
        ways={"files@billing.example": Way.HELD},
    ),
    Letter(
        "13-misaddressed", "Lab result, wrong patient", Door.RELAY, is_protected=True,
        ways={"k.novak@mailbox.example": Way.HELD},
    ),
)  # fmt: skip
EVERYTHING: Final = (*LETTERS, *BY_REGISTERS)
