"""The path, readable top to bottom: header, inspection, decision, one transaction, and only then 250.

Whatever goes wrong before the commit is a verdict for the client, who still has the message. After the commit the
message is delivered straight from memory; the store has it all the same.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from gateway.audit import events
from gateway.delivery.ownmail import OwnMail
from gateway.delivery.scheduler import Scheduler
from gateway.inspect.inspector import Inspector, NoInspector
from gateway.inspect.screened import Infected, Unscannable
from gateway.inspect.wire import pack_report
from gateway.log import get_logger
from gateway.message.account import may_send_as
from gateway.message.address import domain_of
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.envelope import Client, Envelope, Recipient
from gateway.message.event import Event
from gateway.message.hygiene import HeaderFacts, check
from gateway.message.queue_id import new_queue_id
from gateway.message.verdict import Accepted, Verdict
from gateway.metrics import Metrics
from gateway.pipeline.archive import to_archives, with_archives
from gateway.pipeline.backlog import Backlog
from gateway.pipeline.bindings import Bindings
from gateway.pipeline.brakes import Brakes
from gateway.pipeline.edits import BodyEdits, Changer
from gateway.pipeline.facts import FactFinder
from gateway.pipeline.footers import Shop
from gateway.pipeline.judged import Judged, log_accepted
from gateway.pipeline.ledger import Ledger
from gateway.pipeline.prepared import prepared
from gateway.pipeline.registers import Registers
from gateway.pipeline.rulings import Rulings
from gateway.pipeline.said import said_in
from gateway.pipeline.stopped import is_refused_whole, stop_events, stop_notice, stop_of
from gateway.pipeline.store_verdicts import STORE_VERDICTS
from gateway.pipeline.submit_policy import SubmitPolicy
from gateway.pipeline.suppress import find_suppressed, stopped_purpose
from gateway.store.certificates import Holders
from gateway.store.errors import StoreClosed, StoreFull, StoreSick, row_for
from gateway.store.rows import NewMessage, destroy_if_finished, new_message
from gateway.store.statements import Change, Unit
from gateway.store.store import Store
from policy.decision import Action, Decision
from policy.facts import Facts
from policy.phi.report import Report
from policy.purpose import PurposeSource
from policy.record import Cause
from policy.rules import RuleBook

# QD-05: clients wait ten minutes for the reply to their last dot (RFC 5321 section 4.5.3.2.6) and many only five; one
# that has gone sends again, so what is not inspected by then is refused instead of being sent twice.
INSPECTED_WITHIN_S: Final = 240

log = get_logger("pipeline")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """One form of a message, ready to be stored. own: notices about it."""

    new: NewMessage
    own: tuple[NewMessage, ...]
    changes: tuple[Change, ...]
    events: tuple[Event, ...]


class Pipeline:
    """Takes messages from the intake."""

    def __init__(
        self,
        policy: SubmitPolicy,
        *,
        store: Store,
        inspector: Inspector,
        facts: FactFinder,
        scheduler: Scheduler,
        own_mail: OwnMail,
        brakes: Brakes,
        backlog: Backlog,
        metrics: Metrics,
        shop: Shop | None = None,
        changer: Changer | None = None,
    ) -> None:
        self._policy = policy
        self._store = store
        self._holders = Holders(store)
        self._inspector = inspector
        self._facts = facts
        self._registers = Registers(store, facts.rules.facts)
        self._bindings = Bindings(store, facts.rules.facts)
        self._rulings = Rulings(store, facts, own_mail)
        self._ledger = Ledger(store, facts, self._registers)
        self._edits = BodyEdits(facts.rules, shop or Shop(base_url=""), changer, inspector)
        self._scheduler = scheduler
        self._own_mail = own_mail
        self._brakes = brakes
        self._backlog = backlog
        self._metrics = metrics
        self._inspecting = metrics.histogram("stage_duration_seconds", "inspect")
        self._storing = metrics.histogram("stage_duration_seconds", "store")

    @property
    def rules(self) -> RuleBook:
        """What it decides by."""
        return self._facts.rules

    async def submit(self, envelope: Envelope, data: bytes) -> Accepted | Verdict:
        """Take responsibility for a message, or say why not. `Accepted` means that it is on stable storage."""
        client = envelope.client
        header = check(
            data,
            hostname=self._policy.hostname,
            believes_headers=client.believes_headers,
            allows_utf8=envelope.smtputf8,
        )
        if isinstance(header, Verdict):
            return header
        if not self._may_write_as(envelope.client, header):
            return Verdict.FROM_NOT_YOURS
        until = asyncio.get_running_loop().time() + INSPECTED_WITHIN_S
        try:
            async with asyncio.timeout_at(until):
                with self._inspecting.time():
                    report = await self._inspector.inspect(data, subject_tags=self._policy.subject_tags)
        except (NoInspector, TimeoutError):
            return Verdict.NO_INSPECTOR
        except (Infected, Unscannable) as bad:
            return await self._turn_away(envelope, bad)
        said = said_in(header, self._registers.patient)  # kept, as the next is: a release decides anew
        report = replace(report, lowest_method=header.lowest_method, said=said, noticed=())
        try:
            facts = await self._facts_of(envelope, header, report, data)
        except (StoreFull, StoreSick, StoreClosed) as error:  # a register that cannot be read permits nothing
            return row_for(error, STORE_VERDICTS)
        judged = Judged(
            queue_id=new_queue_id(), envelope=envelope, header=header, report=facts.report, facts=facts,
            decisions=self._facts.decide(facts), data=data,
        )  # fmt: skip
        if is_refused_whole(judged):
            return await self._refuse(judged)
        try:
            async with asyncio.timeout_at(until):
                whole = await self._with_archives(judged)
                judged, forms = await self._edits.apply(whole, subject_tags=self._policy.subject_tags)
            with self._storing.time():
                await self._queue(await self._weigh(await self._ask_list(judged)), forms)
        except (NoInspector, TimeoutError):
            return Verdict.NO_INSPECTOR
        except (Infected, Unscannable) as bad:  # a changed copy is looked at once more, perhaps with newer lists
            return await self._turn_away(envelope, bad)
        except (StoreFull, StoreSick, StoreClosed) as error:
            self._brakes.uncount(envelope, is_protected=judged.is_protected)
            return row_for(error, STORE_VERDICTS)
        return Accepted(judged.queue_id)

    def may_accept(self) -> Verdict | None:
        """Why no message can be taken now, asked before DATA."""
        fault = self._store.fault
        return None if fault is None else row_for(fault, STORE_VERDICTS)

    def _may_write_as(self, client: Client, header: HeaderFacts) -> bool:
        """Who signed in is in From, Sender and resent fields only what he may send as (ID-04, ID-05); a trusted network
        writes for our domains (ID-02)."""
        if not client.login:
            return domain_of(header.from_address) in self._policy.domains
        return all(
            domain_of(claim) in self._policy.domains and may_send_as(claim, client.senders)
            for claim in (header.from_address, *header.claims)
        )

    async def _facts_of(self, envelope: Envelope, header: HeaderFacts, report: Report, data: bytes) -> Facts:
        await self._ledger.begin(envelope.received_at)
        sent = await self._rulings.sent(envelope, header, report, data)
        report = await self._registers.find_patient(report, purpose=sent.purpose)
        recipients = [recipient.address for recipient in envelope.recipients]
        answers = await self._registers.ask(
            recipients,
            patient=report.patient,
            perhaps=report.matched,
            purpose=sent.purpose,
            named=report.said.campaign,
            at=envelope.received_at,
        )
        return self._facts.gather(
            await self._holders.current(),
            sender=header.from_address,
            recipients=recipients,
            report=report,
            requiretls=envelope.requiretls,
            sent=sent,
            answers=answers,
            bindings=await self._bindings.ask(recipients, report),
        )

    async def _with_archives(self, judged: Judged) -> Judged:
        copied = to_archives(judged, self._facts)
        if copied is None:
            return judged
        about = await self._facts_of(copied, judged.header, judged.report, judged.data)
        return with_archives(judged, copied, about, self._facts)

    def _written_down(self, judged: Judged, cause: Cause) -> Change:
        return self._ledger.entry(
            judged.queue_id, judged.facts, judged.decisions,
            cause=cause, at=judged.envelope.received_at, patient=judged.report.patient,
        )  # fmt: skip

    async def _turn_away(self, envelope: Envelope, bad: Infected | Unscannable) -> Verdict:
        """The virus scanner has the last word: nothing is kept but that."""
        try:
            await self._store.commit(Unit(events=(events.message_infected(envelope, found=str(bad)),)))
        except (StoreFull, StoreSick, StoreClosed) as error:
            return row_for(error, STORE_VERDICTS)
        log.warning("refused after scanning", sender=envelope.sender, login=envelope.client.login, found=str(bad))
        return Verdict.INFECTED if isinstance(bad, Infected) else Verdict.UNSCANNABLE

    async def _refuse(self, judged: Judged) -> Verdict:
        """Rules refuse it for everybody: nothing is kept but why, and the notices about it."""
        notices = self._notices(judged)
        said = self._rulings.refused(judged.envelope, judged.decisions, queue_id=judged.queue_id)
        try:
            sealed = [await self._store.seal_message(message) for message in notices]
            changes = (change for message in sealed for change in new_message(message))
            unit = Unit(changes=(*changes, self._written_down(judged, Cause.REFUSED)), events=said)
            await self._store.commit(unit)
        except (StoreFull, StoreSick, StoreClosed) as error:
            return row_for(error, STORE_VERDICTS)
        self._count_decisions(judged)
        log.info("refused by policy", queue_id=judged.queue_id, sender=judged.envelope.sender)
        self._send(notices)
        return Verdict.REJECTED_BY_POLICY

    def _notices(self, judged: Judged) -> list[NewMessage]:
        return self._rulings.notices(
            judged.envelope,
            judged.decisions,
            author=judged.header.from_address,
            queue_id=judged.queue_id,
            is_braked=judged.braked is not None,
        )

    async def _ask_list(self, judged: Judged) -> Judged:
        """Who gets no bulk mail, if it is such."""
        sent = judged.facts.sent
        is_said = sent.purpose and sent.purpose_source is not PurposeSource.CONTENT  # words alone stop no care
        purpose = stopped_purpose(
            said=sent.purpose if is_said else judged.header.purpose,
            is_bulk=judged.report.bulk,
            is_protected=judged.is_protected,
        )
        people = [one.address for one in judged.envelope.recipients if one.address not in judged.archives]
        found = await find_suppressed(self._store, people, purpose=purpose)
        return replace(judged, purpose=purpose, suppressed=found)

    async def _weigh(self, judged: Judged) -> Judged:
        """Whether its login has sent so much that this message is held (issue 3, line 6)."""
        braked = await self._brakes.weigh(judged.envelope, is_protected=judged.is_protected)
        return judged if braked is None else replace(judged, braked=braked)

    async def _queue(self, judged: Judged, forms: Sequence[Judged]) -> None:
        """One transaction: each form sealed, an entry for each recipient, audit events, the word to a held sender."""
        written = list[_Written]()
        for form in forms:
            known = replace(form, braked=judged.braked, purpose=judged.purpose, suppressed=judged.suppressed)
            written.append(self._written(known))
            await asyncio.sleep(0)  # a hundred forms are a tenth of a second, and the loop is everybody's
        held = [entry for one in written for entry in one.new.entries if entry.state is EntryState.HELD]
        own = [*self._notices(judged), *self._rulings.of_brake(judged, held)]
        own += (notice for one in written for notice in one.own)
        new = [one.new for one in written]
        sealed = await self._store.seal_messages((*own, *new))  # a large one is on disk already
        await self._store.commit(
            Unit(
                changes=(
                    *(change for message in sealed for change in new_message(message)),
                    *(change for one in written for change in one.changes),
                ),
                events=tuple(event for one in written for event in one.events),
            )
        )
        self._count(judged)
        for form in forms:
            log_accepted(form)
        self._send([*new, *own])

    def _written(self, judged: Judged) -> _Written:
        """What is stored of one form."""
        envelope, now = judged.envelope, judged.envelope.received_at
        entries = tuple(
            self._entry(judged, number, recipient, decision)
            for number, (recipient, decision) in enumerate(
                zip(envelope.recipients, judged.decisions, strict=True), start=1
            )
        )
        held = [entry for entry in entries if entry.state is EntryState.HELD]
        stopped = [entry for entry in entries if entry.state.is_ending]
        new = NewMessage(
            id=judged.queue_id,
            kind=MessageKind.MAIL,
            sender=envelope.sender,
            login=envelope.client.login,
            envid=envelope.envid,
            ret=envelope.ret,
            received_at=now,
            body=prepared(judged, self._policy),
            report=pack_report(judged.report),
            entries=entries,
            traces=tuple(decision.trace + judged.hold_trace for decision in judged.decisions),
            lease_until=self._scheduler.lease_until,
        )
        told, notice = stop_notice(self._own_mail, new, stopped)
        finish = (destroy_if_finished(judged.queue_id),) if stopped else ()
        return _Written(
            new=new,
            own=(*self._rulings.words(judged, held, now=now), *notice),
            changes=(self._written_down(judged, Cause.RECEIVED), *finish),
            events=(*self._events(judged, held, now), *stop_events(judged, stopped, told, notice, now=now)),
        )

    def _send(self, new: Sequence[NewMessage]) -> None:
        """What was stored just now begins its way."""
        queued = (entry for message in new for entry in message.entries if entry.state is EntryState.QUEUED)
        self._backlog.take(sum(1 for _ in queued))
        self._scheduler.take_new(tuple(new))

    def _entry(self, judged: Judged, number: int, recipient: Recipient, decision: Decision) -> QueueEntry:
        now = judged.envelope.received_at
        stop = stop_of(judged, recipient, decision)
        is_held = decision.action is Action.HOLD or judged.braked
        return QueueEntry(
            id=f"{judged.queue_id}-{number}",
            queue_id=judged.queue_id,
            kind=MessageKind.MAIL,
            sender=judged.envelope.sender,
            recipient=recipient.address,
            state=stop.state if stop else EntryState.HELD if is_held else EntryState.QUEUED,
            last_reply=stop.reply if stop else "",
            protected=decision.protected,
            methods=decision.methods,
            queued_at=now,
            next_attempt_at=now,
            expires_at=now + self._policy.expire_after,
            notify=recipient.notify,
            orcpt=recipient.orcpt,
            requiretls=judged.envelope.requiretls,
            urgent=judged.header.urgent,
            sensitive=bool(judged.facts.sent.sensitivity),
            archive=recipient.address in judged.archives,
        )

    def _events(self, judged: Judged, held: Sequence[QueueEntry], now: datetime) -> list[Event]:
        found = Counter(finding.kind.value for finding in judged.report.findings)
        why = {
            one.recipient: judged.held_for.get(one.recipient) or self._rulings.why_held(one) for one in judged.decisions
        }
        braked = " ".join(judged.hold_trace)
        return [
            events.message_accepted(judged.envelope, queue_id=judged.queue_id, size=len(judged.data)),
            *(
                events.message_decided(
                    decision, at=now, queue_id=judged.queue_id, score=judged.report.score, found=found
                )
                for decision in judged.decisions
            ),
            *(
                events.message_held(entry, at=now, why=braked if entry.methods else why[entry.recipient])
                for entry in held
            ),
        ]

    def _count_decisions(self, judged: Judged) -> None:
        for decision in judged.decisions:
            protected = "yes" if decision.protected else "no"
            self._metrics.counter("policy_decisions", decision.action.value, protected).inc()

    def _count(self, judged: Judged) -> None:
        self._count_decisions(judged)
        for finding in judged.report.findings:
            certainty = "high" if finding.certainty >= 0.8 else "low"
            self._metrics.counter("phi_findings", finding.kind.value, certainty).inc()
        if judged.suppressed:
            self._metrics.counter("suppressed_recipients", judged.purpose).inc(len(judged.suppressed))
        self._metrics.counter("unscannable_parts").inc(len(judged.report.uninspectable))
