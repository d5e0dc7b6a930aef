"""What the registers say of a message's recipients: one read a message, and only when a rule or a purpose asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.message.address import domain_of
from gateway.store import consents
from gateway.store.consents import patient_key
from gateway.store.kept import Readable
from gateway.store.organisations import Organisations
from policy import baa, consent
from policy.baa import NO_AGREEMENT, Agreement
from policy.consent import Consents
from policy.facts import UNASKED
from policy.grounds import ABOUT_THEMSELVES
from policy.rules.facts import PURPOSES

ASKED_BY: Final = ("consent.", "baa.")  # facts that need the registers


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one recipient."""

    consents: Consents = UNASKED
    agreement: Agreement = NO_AGREEMENT


NOTHING_ASKED: Final[Mapping[str, Answers]] = {}


class Registers:
    """One for the pipeline. asked: names of all facts that rules ask for."""

    def __init__(self, store: Readable, asked: frozenset[str]) -> None:
        self._store = store
        self._organisations = Organisations(store)
        self._asked = {prefix: any(name.startswith(prefix) for name in asked) for prefix in ASKED_BY}

    def patient(self, said: str) -> str:
        """Whom `X-Mailward-Patient` means, as the register has it; empty for nobody."""
        return patient_key(self._store.vault, said)

    def asks(self, purpose: str) -> tuple[str, ...]:
        """Which registers a message of this purpose is held against: `consent` and `baa`."""
        word = purpose.strip().lower()
        wanted = {"consent.": self._asked["consent."] or word in ABOUT_THEMSELVES, "baa.": self._asked["baa."]}
        return tuple(prefix.rstrip(".") for prefix in ASKED_BY if wanted[prefix])

    async def ask(
        self, recipients: Sequence[str], *, patient: str, purpose: str, at: datetime
    ) -> Mapping[str, Answers]:
        """The answers by recipient, in lower case; none where nobody needs them. patient: as `patient` gives it.

        Raises: StoreError.
        """
        word = purpose.strip().lower()
        purpose = word if word in PURPOSES else "unknown"
        asks_consents = self._asked["consent."] or purpose in ABOUT_THEMSELVES
        if not asks_consents and not self._asked["baa."]:
            return {}
        names = [address.lower() for address in recipients]
        entries: Sequence[consent.Consent] = ()
        if asks_consents:
            async with self._store.read() as conn:
                entries = await consents.of_patients(conn, [*names, *([patient] if patient else [])])
        by_domain = await self._organisations.current() if self._asked["baa."] else {}
        return {
            name: Answers(
                consent.answer(entries, recipient=name, patient=patient, purpose=purpose, at=at)
                if asks_consents
                else UNASKED,
                baa.answer(by_domain, domain=domain_of(name), purpose=purpose, at=at),
            )
            for name in names
        }
