"""What rules ask of a message, and what follows from those that apply besides the decision itself."""

import functools
from collections.abc import Mapping, Sequence
from datetime import datetime

from gateway.audit import events
from gateway.delivery.ownmail import OwnMail
from gateway.message.entry import QueueEntry
from gateway.message.envelope import Envelope
from gateway.message.event import Event
from gateway.message.hygiene import HeaderFacts
from gateway.pipeline.brakes import braked_as
from gateway.pipeline.facts import FactFinder
from gateway.pipeline.judged import Judged
from gateway.protect.notice import RuleEnding, RuleNotice
from gateway.store.accounts import Accounts
from gateway.store.rows import NewMessage
from gateway.store.store import Store
from policy.decision import Action, Decision
from policy.facts import Sent
from policy.phi.report import Report
from policy.rules.book import Rule
from policy.rules.packs import Pack, load_pack


@functools.cache
def why_shipped() -> Mapping[str, str]:
    """What packs say of their rules."""
    return {one.rule.name: one.why for pack in Pack for one in load_pack(pack)}


# Notices name the recipient and may leave without TLS, so of a legal class they tell nothing; the record does.
A_RULE = "A mail rule of your organisation."
UNNAMED = "(named in the audit log alone)"
NO_METHOD = "no method is left that keeps it private"


class Rulings:
    """One for the pipeline."""

    def __init__(self, store: Store, facts: FactFinder, own_mail: OwnMail) -> None:
        self._accounts = Accounts(store)
        self._facts = facts
        self._own_mail = own_mail

    async def sent(self, envelope: Envelope, header: HeaderFacts, report: Report, data: bytes) -> Sent:
        """What is known of a message besides its content and recipients, and what it is for. Raises: StoreError."""
        account = (await self._accounts.current()).by_login.get(envelope.client.login)
        about = Sent(
            login=envelope.client.login,
            size=len(data),
            at=envelope.received_at,
            urgent=header.urgent,
        )
        everybody = [recipient.address for recipient in envelope.recipients]
        sent = self._facts.sent(account, about, data)
        return self._facts.settle(sent, report, sender=header.from_address, everybody=everybody)

    def refused(self, envelope: Envelope, decisions: Sequence[Decision], *, queue_id: str) -> tuple[Event, ...]:
        """The record of a message that a rule refuses, for each recipient that it does so for."""
        return tuple(
            events.message_refused(envelope, decision, queue_id=queue_id)
            for decision in decisions
            if decision.action is Action.REJECT
        )

    def why_held(self, decision: Decision) -> str:
        """The rules that hold it, else that no method is left."""
        book = self._facts.rules.by_name
        names = [name for name in decision.rules if book[name].action is Action.HOLD]
        return f"rule {', '.join(names)}" if names else NO_METHOD

    def reasons(self, decisions: Sequence[Decision], held_for: Mapping[str, str]) -> tuple[str, ...]:
        """Why a message is held, for its sender: what a pack says of its rule; nothing of the organisation's own, nor
        of a legal class.

        held_for: by recipient, why a copy could not be changed, in words of ours.
        """
        said, book = why_shipped(), self._facts.rules.by_name
        held = [decision for decision in decisions if decision.action is Action.HOLD]
        applied = dict.fromkeys(name for decision in held for name in decision.rules)
        holding = [name for name in applied if book[name].action is Action.HOLD]
        unchanged = [held_for[one.recipient].removeprefix("Held: ") for one in held if one.recipient in held_for]
        ruled = (A_RULE if book[name].tells_class else said.get(name, A_RULE) for name in holding)
        return tuple(dict.fromkeys((*ruled, *unchanged)))

    def words(self, judged: Judged, held: Sequence[QueueEntry], *, now: datetime) -> list[NewMessage]:
        """To the sender of one form: what of it needs a decision, and what was masked in it."""
        own = list[NewMessage]()
        if not judged.envelope.sender:
            return own
        if undecided := [entry for entry in held if not entry.methods and not entry.archive]:
            reasons = self.reasons(judged.decisions, judged.held_for)
            own.append(self._own_mail.held_notice(undecided, now=now, reasons=reasons))
        if judged.masked:
            told = [one.recipient for one in judged.decisions if one.recipient not in judged.archives]
            own.append(
                self._own_mail.masked_notice(
                    judged.envelope.sender, told, masked=judged.masked, queue_id=judged.queue_id, now=now
                )
            )
        return own

    def of_brake(self, judged: Judged, held: Sequence[QueueEntry]) -> list[NewMessage]:
        """To the sender: a brake is on, which is said once. held: of all forms."""
        if not (judged.braked and judged.braked.is_new and held and judged.envelope.sender):
            return []
        login, now = braked_as(judged.envelope), judged.envelope.received_at
        return [self._own_mail.brake_notice(held[0], login=login, reason=judged.braked.reason, now=now)]

    def notices(
        self, envelope: Envelope, decisions: Sequence[Decision], *, author: str, queue_id: str, is_braked: bool = False
    ) -> list[NewMessage]:
        """To whom rules that apply name: each once a message. author: shown where the envelope has no sender."""
        book, told = self._facts.rules.by_name, dict[str, set[str]]()
        for name in dict.fromkeys(name for decision in decisions for name in decision.rules):
            for address in book[name].notify:
                told.setdefault(address, set()).add(name)
        return [
            self._own_mail.rule_notice(
                RuleNotice(
                    to=address,
                    rules=shown([book[name] for name in book if name in names]),
                    sender=envelope.sender or author,
                    recipients=tuple(one.recipient for one in decisions if not names.isdisjoint(one.rules)),
                    ending=_ending([one for one in decisions if not names.isdisjoint(one.rules)], is_braked=is_braked),
                    message_number=queue_id,
                ),
                now=envelope.received_at,
            )
            for address, names in told.items()
        ]


def shown(rules: Sequence[Rule]) -> tuple[str, ...]:
    """The names of rules as a notice may have them: one word for all that would tell a class."""
    named = tuple(rule.name for rule in rules if not rule.tells_class)
    return named if len(named) == len(rules) else (*named, UNNAMED)


def _ending(decisions: Sequence[Decision], *, is_braked: bool) -> RuleEnding:
    actions = {decision.action for decision in decisions}
    if Action.REJECT in actions:
        return RuleEnding.REFUSED
    return RuleEnding.HELD if Action.HOLD in actions or is_braked else RuleEnding.SENT
