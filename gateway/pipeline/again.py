"""Decisions made again from their records: by another policy, or by what registers say now.

How this works: the facts are those of the record. What the configuration says of a recipient's way is read anew; what
registers said stays as it was, unless nobody asked them then or the caller wants to know what they say now. Another
policy has other labels, so there the message may be for something else, and the registers are asked about that; what
waits in the queue stays for what it was taken for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final

from gateway.config import Settings
from gateway.config.ways import default_for, recipient_facts
from gateway.pipeline.bindings import INDEX, Bindings, binding_of
from gateway.pipeline.facts import FactFinder
from gateway.pipeline.registers import Answers, Registers
from gateway.store.kept import Readable
from policy.decision import Decision
from policy.facts import Facts, RecipientFacts
from policy.record import Kept

# What each register answers, by its name in `Registers.asks`: fields of an answer and of the facts about a recipient.
FIELDS: Final = {"consent": "consents", "baa": "agreement", "campaign": "campaign", "people": "standing"}


@dataclass(frozen=True, slots=True)
class Made:
    """asked_now: registers that were asked only now, because the first decision did not need them."""

    facts: Facts
    decisions: tuple[Decision, ...]
    asked_now: tuple[str, ...] = ()


class Again:
    """One policy, and the registers of an installation."""

    def __init__(self, settings: Settings, store: Readable) -> None:
        self._settings = settings
        self._finder = FactFinder(settings)
        self._registers = Registers(store, self._finder.rules.facts)
        self._bindings = Bindings(store, self._finder.rules.facts)

    @property
    def registers(self) -> Registers:
        """What is asked."""
        return self._registers

    @property
    def asks_anything(self) -> bool:
        """Whether a register has a say in mail of any purpose."""
        return bool(self._registers.asks(""))

    @property
    def finder(self) -> FactFinder:
        """Whose policy it is."""
        return self._finder

    async def by_policy(self, kept: Kept, *, at: datetime) -> Made:
        """As it would have been decided then. Raises: StoreError."""
        facts, was = kept.facts, kept.facts.sent
        sent = self._finder.settle(was, facts.report, sender=was.sender, everybody=facts.addresses)
        known = kept.asked if sent.purpose == was.purpose else ()  # they said it of another purpose
        late = tuple(name for name in self._registers.asks(sent.purpose) if name not in known)
        if not {"consent", "people"}.isdisjoint(late):  # whom the findings mean was not asked for either
            report = await self._registers.find_patient(facts.report, purpose=sent.purpose)
            facts = replace(facts, report=report)
            matched = replace(kept.thin.report, matched=report.matched)
            kept = replace(kept, thin=replace(kept.thin, report=matched), patient=kept.patient or report.patient)
        answers = await self._ask(kept, at, sent.purpose) if late else {}
        recipients = tuple(answered(to, answers, late) for to in facts.recipients)
        if self._bindings.asks_anything and INDEX not in kept.asked:
            bound = await self._bindings.ask([to.address for to in recipients], facts.report)
            recipients = tuple(replace(to, binding=binding_of(bound, to.address)) for to in recipients)
            late += (INDEX,)
        return self._made(replace(facts, sent=sent, recipients=recipients), asked_now=late)

    async def by_registers(self, kept: Kept, *, at: datetime) -> Made:
        """As it is to be decided now. Raises: StoreError."""
        facts, asked = kept.facts, self._registers.asks(kept.thin.sent.purpose)
        answers = await self._ask(kept, at, facts.sent.purpose)
        return self._made(
            replace(facts, recipients=tuple(answered(to, answers, asked) for to in facts.recipients)), asked_now=asked
        )

    async def _ask(self, kept: Kept, at: datetime, purpose: str) -> Mapping[str, Answers]:
        facts = kept.thin
        return await self._registers.ask(
            [to.address for to in facts.recipients], patient=kept.patient, purpose=purpose, at=at,
            named=facts.report.said.campaign, everybody=len(facts.addresses), perhaps=facts.report.matched,
        )  # fmt: skip

    def _made(self, facts: Facts, *, asked_now: tuple[str, ...]) -> Made:
        settings, sender = self._settings, facts.sent.sender
        again = replace(
            facts,
            default=default_for(settings.policy, settings.domain, sender=sender),
            recipients=tuple(self._way(to, sender) for to in facts.recipients),
        )
        return Made(again, self._finder.decide(again), asked_now)

    def _way(self, to: RecipientFacts, sender: str) -> RecipientFacts:
        way = recipient_facts(
            self._settings.delivery, self._settings.domain, sender=sender, address=to.address,
            has_openpgp_key=to.has_openpgp_key, has_smime_certificate=to.has_smime_certificate,
        )  # fmt: skip
        return replace(
            to,
            methods=way.methods,
            source=way.source,
            is_route_opportunistic=way.is_route_opportunistic,
            is_tls_vouched=way.is_tls_vouched,
        )


def answered(to: RecipientFacts, answers: Mapping[str, Answers], which: tuple[str, ...]) -> RecipientFacts:
    """A recipient with what these registers say now."""
    said = answers.get(to.address.lower(), Answers())
    changed: dict[str, Any] = {
        one.name: getattr(said, one.name) for one in fields(said) if one.name in {FIELDS.get(name) for name in which}
    }
    return replace(to, **changed)
