"""What the registers say of a message's recipients: one read a message, and only when a rule or a purpose asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from gateway.message.address import domain_of
from gateway.pipeline.patients import matched
from gateway.store import consents, persons
from gateway.store.campaigns import Campaigns
from gateway.store.consents import patient_key
from gateway.store.faults import reading_registers
from gateway.store.kept import Readable
from gateway.store.organisations import Organisations
from policy import baa, campaign, consent, people
from policy.baa import NO_AGREEMENT, Agreement
from policy.campaign import NO_CAMPAIGN, CampaignAnswer
from policy.consent import Consents
from policy.facts import UNASKED
from policy.grounds import ABOUT_THEMSELVES
from policy.people import NOBODY, NOT_ASKED, People, Standing
from policy.phi.report import Report
from policy.purpose import PROMOTION
from policy.rules.facts import PURPOSES

ASKED_BY: Final[Mapping[str, tuple[str, ...]]] = {  # facts that need each register, or begin like this
    "consent.": ("consent.",),
    "baa.": ("baa.",),
    "campaign.": ("campaign.", "marketing"),
    "people.": ("consent.", "patient.", "recipient.patient", "recipient.position", "recipient.verified"),
}


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one recipient."""

    consents: Consents = UNASKED
    agreement: Agreement = NO_AGREEMENT
    campaign: CampaignAnswer = NO_CAMPAIGN
    standing: Standing = NOT_ASKED


NOTHING_ASKED: Final[Mapping[str, Answers]] = {}


class Registers:
    """One for the pipeline. asked: names of all facts that rules ask for."""

    def __init__(self, store: Readable, asked: frozenset[str]) -> None:
        self._store = store
        self._organisations = Organisations(store)
        self._campaigns = Campaigns(store)
        self._asked = {
            register: any(name.startswith(begin) for name in asked for begin in begins)
            for register, begins in ASKED_BY.items()
        }

    def patient(self, said: str) -> str:
        """Whom `X-Mailward-Patient` means, as the register has it; empty for nobody."""
        return patient_key(self._store.vault, said)

    def asks(self, purpose: str) -> tuple[str, ...]:
        """Which registers a message of this purpose is held against: `consent`, `baa`, `campaign`, `people`."""
        is_theirs = purpose.strip().lower() in ABOUT_THEMSELVES
        wanted = self._asked | {name: self._asked[name] or is_theirs for name in ("consent.", "people.")}
        return tuple(register.rstrip(".") for register in ASKED_BY if wanted[register])

    async def ask(
        self, recipients: Sequence[str], *, patient: str, purpose: str, at: datetime, named: str = "",
        everybody: int = 0, perhaps: Sequence[str] = (),
    ) -> Mapping[str, Answers]:  # fmt: skip
        """The answers by recipient, in lower case; none where nobody needs them.

        patient: as `patient` gives it. named: the campaign that the message names. everybody: how many get the message
        where `recipients` are only some of them. perhaps: whom else it may be about (`Report.matched`), for what is
        forbidden.
        Raises: StoreError.
        """
        word = purpose.strip().lower()
        purpose = word if word in PURPOSES else "unknown"
        asked = self.asks(purpose)
        if not asked:
            return {}
        names = [address.lower() for address in recipients]
        with reading_registers():
            by_domain = await self._organisations.current() if "baa" in asked else {}
            reviewed = await self._campaigns.current() if "campaign" in asked else {}
            standings, entries, aliases = await self._of_people(
                names, patient, purpose, at, asked, is_only=max(everybody, len(set(names))) == 1, perhaps=perhaps
            )
        return {
            name: Answers(
                _consents(entries, name, standings[name], purpose, at, aliases) if "consent" in asked else UNASKED,
                baa.answer(by_domain, domain=domain_of(name), purpose=purpose, at=at),
                campaign.answer(reviewed, name=named, purpose=purpose, recipient=name, at=at),
                standings[name],
            )
            for name in names
        }

    async def _of_people(
        self,
        names: Sequence[str],
        patient: str,
        purpose: str,
        at: datetime,
        asked: Sequence[str],
        *,
        is_only: bool,
        perhaps: Sequence[str],
    ) -> tuple[Mapping[str, Standing], Sequence[consent.Consent], frozenset[str]]:
        """Who the recipients are, the consents of all that the message may be about, and the patient's other names."""
        known, aliases, entries = NOBODY, frozenset(perhaps) - {""}, tuple[consent.Consent, ...]()
        async with self._store.read() as conn:
            if "people" in asked or ("consent" in asked and patient):
                linked = await persons.around(conn, names, patient=patient)
                known = linked if "people" in asked else NOBODY
                aliases |= people.also_known_as(linked, patient) if patient else frozenset()
            standings = {name: _standing(known, name, patient, purpose, at, is_only=is_only) for name in names}
            if "consent" in asked:
                who = {*names, *aliases, *(one.patient for one in standings.values() if one.patient)}
                entries = await consents.of_patients(conn, who)
        return standings, entries, aliases

    async def find_patient(self, report: Report, *, purpose: str) -> Report:
        """The report with whom of the index its findings may mean, where a register is asked about that.

        Raises: StoreError.
        """
        asks = not {"consent", "people"}.isdisjoint(self.asks(purpose))
        return replace(report, matched=await matched(self._store, report) if asks else ())


def _standing(known: People, name: str, patient: str, purpose: str, at: datetime, *, is_only: bool) -> Standing:
    return people.answer(known, recipient=name, said=patient, purpose=purpose, is_only=is_only, at=at)


def _consents(
    entries: Sequence[consent.Consent],
    recipient: str,
    standing: Standing,
    purpose: str,
    at: datetime,
    aliases: frozenset[str],
) -> Consents:
    """Of one recipient: where several read and nobody is named, nobody consented, and everybody opted out.

    Who is not on the register of people is known by the address alone, which promotion is then about.
    """
    if standing.is_ambiguous:
        about = consent.answer(entries, recipient=recipient, patient="", purpose=purpose, at=at, aliases=aliases)
        return replace(UNASKED, restricted=about.restricted)  # a restriction names its patient
    patient = standing.patient or (recipient if purpose in PROMOTION else "")
    return consent.answer(entries, recipient=recipient, patient=patient, purpose=purpose, at=at, aliases=aliases)
