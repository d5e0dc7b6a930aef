"""Held mail that a person lets go: decided on anew, by the registers, the configuration and the keys of that moment.

How this works: what keeps a copy is asked in turn: no safe way is left, its recipient wants no such mail any more, a
rule holds it only since, a law wants something with it, a second person has to agree. Who breaks the glass passes over
all but the first. Whatever changes does so in one transaction, and a copy that stays is as it was.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import compress

from gateway.audit import admin, events
from gateway.control.approving import Approver, wanting
from gateway.control.below import NOTHING_LACKS, SHARED, Below, look_below
from gateway.control.glass import check_emergency, check_glass
from gateway.control.known_holds import Known, known_holds, newly_held, still_classed, with_archives
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.delivery.ownmail import OwnMail, OwnMailPolicy
from gateway.delivery.record import Record
from gateway.inspect.wire import unpack_report
from gateway.message.address import parse_from
from gateway.message.entry import EntryState, QueueEntry
from gateway.message.fields import split_message
from gateway.pipeline.bindings import Bindings
from gateway.pipeline.facts import FactFinder
from gateway.pipeline.ledger import Ledger
from gateway.pipeline.registers import Registers
from gateway.pipeline.suppress import REPLIES, find_suppressed, purpose_again
from gateway.protect.notice import RuleEnding, RuleNotice
from gateway.store import accounts, certificates, queue
from gateway.store.accounts import Directory
from gateway.store.errors import ContentError
from gateway.store.queue import MessageFacts
from gateway.store.rows import NewMessage, save_entry
from gateway.store.suppressions import Suppression
from policy.decision import Action, Decision
from policy.edits import lacking
from policy.facts import Facts, Sent
from policy.phi.report import Report
from policy.record import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person asks for; the arguments of `release`, `break_glass` and `release_many`.

    is_told: the answer says what keeps each copy, so whoever asks again knows it; a count of several messages does not.
    """

    queue_id: str
    reason: str
    by: str
    to: str = ""
    has_looked: bool = True
    breaks_glass: bool = False
    affiliation: str = ""
    shows: str = ""
    is_told: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Anew:
    """What a release decides by: the message as it was taken, registers and rules as they are now.

    entries: of the whole message.
    """

    finder: FactFinder
    ledger: Ledger
    known: Known
    facts: Facts
    about: MessageFacts | None
    people: Directory
    report: Report
    body: bytes = field(repr=False)
    entries: tuple[QueueEntry, ...]


async def _look_anew(office: Office, queue_id: str, held: Sequence[QueueEntry], *, has_looked: bool) -> _Anew:
    """Raises: Refused when the content cannot be read."""
    try:
        report = unpack_report(await queue.load_report(office.store, queue_id))
        body = await queue.load_body(office.store, queue_id)
    except ContentError as error:
        raise Refused(f"{queue_id}: its content cannot be read ({type(error).__name__})") from error
    async with office.store.read() as conn:
        holders = await certificates.on_file(conn)
        entries = await queue.of_message(conn, queue_id)
        about = await queue.message_facts(conn, queue_id)
        people = await accounts.directory(conn)
    finder, recipients = FactFinder(office.settings), [entry.recipient for entry in held]
    registers, known = Registers(office.store, finder.rules.facts), await known_holds(office, queue_id)
    report = replace(report, noticed=tuple(dict.fromkeys((*report.noticed, *known.told))))
    names = known.everybody or [entry.recipient for entry in entries]
    everybody = [address for address in names if address not in known.archives]  # as at first
    sent = finder.settle(
        _sent(finder, about, people, body, is_urgent=held[0].urgent),
        report,
        sender=_author(body),
        everybody=everybody,
    )
    sent = still_classed(sent, known)
    facts = finder.gather(
        holders,
        sender=_author(body),
        recipients=recipients,
        report=report,
        requiretls=held[0].requiretls,
        sent=sent,
        everybody=everybody,
        is_released=has_looked,
        answers=await registers.ask(
            recipients,
            patient=report.patient,
            perhaps=report.matched,
            purpose=sent.purpose,
            named=report.said.campaign,
            everybody=len(everybody),
            at=datetime.now(UTC),
        ),
        bindings=await Bindings(office.store, finder.rules.facts).ask(recipients, report),
    )
    return _Anew(
        finder=finder,
        ledger=Ledger(office.store, finder, registers),
        known=known,
        facts=with_archives(facts, known.archives),
        about=about,
        people=people,
        report=report,
        body=body,
        entries=entries,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One release. stopped: who of them wants no such mail by now. role: of who breaks the glass; else empty."""

    wish: Wish
    anew: _Anew
    below: Below
    stopped: Mapping[str, Suppression]
    role: str
    now: datetime


async def release_one(office: Office, wish: Wish) -> int:
    """Release what is held of one message, as `Office.changing` lets one at a time do.

    Returns: how many recipients go on. Raises: Refused with what keeps all of them; StoreError.
    """
    held = await held_of(office, wish.queue_id, wish.to)
    anew = await _look_anew(office, wish.queue_id, held, has_looked=wish.has_looked)
    role = _check_glass(office, anew, wish) if wish.breaks_glass else ""
    facts, decided = anew.facts, anew.finder.decide(anew.facts)
    below, stopped = await _below(office, anew, decided, wish), await _stopped(office, anew, held)
    case = _Case(wish=wish, anew=anew, below=below, stopped=stopped, role=role, now=datetime.now(UTC))
    await anew.ledger.begin(case.now)
    released, said, going = Record(), list[str](), set[str]()
    for entry, decision in zip(held, decided, strict=True):
        if objections := await _objections(office, entry, decision, case):
            said += (f"{entry.recipient}: {objection}" for objection in objections)
        else:
            going.add(entry.id)
    if below.body and going and len(going) < len(held):  # what is put below one copy is below all of them
        said.append(SHARED)
        going = set()
    if going:
        facts, decided = below.facts(facts), below.told_of(decided)
        released.add(changes=await below.changes(office, wish.queue_id, facts.report))
    for entry, decision in zip(held, decided, strict=True):
        if entry.id in going:
            _free(office, entry, decision, case, released)
    if wish.breaks_glass and going:
        released.own += _glass_notices(office, wish.queue_id, held, now=case.now)
    is_told = wish.is_told and not going  # where some go, the answer is their number
    facts, decided = _of(facts, decided, [is_told or entry.id in going for entry in held])
    cause, patient = Cause.RELEASED, anew.report.patient
    released.add(changes=[anew.ledger.entry(wish.queue_id, facts, decided, cause=cause, at=case.now, patient=patient)])
    if going or (said and is_told):
        await released.commit(office.store)
    if not going:
        raise Refused("\n".join(said))
    return len(going)


def _of(facts: Facts, decided: Sequence[Decision], which: Sequence[bool]) -> tuple[Facts, tuple[Decision, ...]]:
    """Of some. What is on record was read; what holds a copy only now goes for who asks again (`newly_held`)."""
    recipients = tuple(compress(facts.recipients, which))
    return replace(facts, recipients=recipients), tuple(compress(decided, which))


async def _below(office: Office, anew: _Anew, decided: Sequence[Decision], wish: Wish) -> Below:
    """What a law wants below the copies; in an emergency nobody waits for it."""
    if wish.breaks_glass:
        return NOTHING_LACKS
    return await look_below(office, anew.finder.rules, anew.facts, decided, body=anew.body, entries=anew.entries)


async def _stopped(office: Office, anew: _Anew, held: Sequence[QueueEntry]) -> Mapping[str, Suppression]:
    """Who of them wants no such mail by now; of mail that may be care, nobody."""
    purpose = purpose_again(anew.facts, is_protected=any(entry.protected for entry in held))
    people = [entry.recipient for entry in held if not entry.archive]
    return await find_suppressed(office.store, people, purpose=purpose)


def _check_glass(office: Office, anew: _Anew, wish: Wish) -> str:
    """Returns: the role of who may. Raises: Refused."""
    account = anew.people.by_login.get(wish.by.lower())
    role = check_glass(office, account, purpose=anew.facts.sent.purpose)
    check_emergency(anew.facts, affiliation=wish.affiliation)
    return role


def _free(office: Office, entry: QueueEntry, decision: Decision, case: _Case, released: Record) -> None:
    """One copy goes on."""
    anew, wish, now = case.anew, case.wish, case.now
    freed = replace(
        entry,
        state=EntryState.QUEUED,
        protected=entry.protected or decision.protected or wish.breaks_glass,  # OB-12: never downwards
        sensitive=entry.sensitive or bool(anew.facts.sent.sensitivity),
        methods=decision.methods,
        rung=0,
        rung_since=None,
        next_attempt_at=now,
        expires_at=now + office.settings.delivery.expire_after,
    )
    found = Counter(finding.kind.value for finding in anew.report.findings)
    by, login = wish.by, office.asker.login
    released.add(
        changes=[save_entry(freed, release=True)],
        events=[
            events.message_decided(decision, at=now, queue_id=wish.queue_id, score=anew.report.score, found=found),
            events.message_released(freed, at=now, by=by, why=wish.reason, login=login, shows=wish.shows),
        ],
    )
    if wish.breaks_glass:
        released.add(events=[admin.glass_broken(
            at=now, queue_id=wish.queue_id, recipient=entry.recipient, by=by, role=case.role,
            rules=[one for one in decision.rules if anew.finder.rules.by_name[one].action is Action.HOLD],
            why=wish.reason, affiliation=wish.affiliation, login=login,
        )])  # fmt: skip


async def _objections(office: Office, entry: QueueEntry, decision: Decision, case: _Case) -> Sequence[str]:
    """What keeps a copy; where the glass is broken only that no safe way is left. Empty: nothing."""
    anew, wish = case.anew, case.wish
    if not decision.methods:
        return decision.trace
    if wish.breaks_glass:
        return ()
    if listed := case.stopped.get(entry.recipient.lower()):
        return (f"{REPLIES[listed.reason]}; refuse it (mailward queue reject)",)
    rules = anew.finder.rules
    if fresh := newly_held(decision, anew.known, rules):
        return (f"{', '.join(fresh)} holds it only now; release it once more if it may go",)
    unsaid = lacking([rules.by_name[name] for name in decision.rules], anew.report)
    if objection := case.below.objection(entry.recipient, rules=unsaid, shows=wish.shows, by=wish.by):
        return (objection,)
    by_name = office.settings.policy.approvers_by_name
    approver = Approver(wish.by, wish.reason, case.now, office.asker, by_name, wish.shows)
    objection = await wanting(office.store, entry, decision, rules, approver, anew.about)
    return (objection,) if objection else ()


def _glass_notices(office: Office, queue_id: str, held: Sequence[QueueEntry], *, now: datetime) -> list[NewMessage]:
    """To who is told of what packs do: somebody let held mail go in an emergency."""
    own_mail = OwnMail(OwnMailPolicy.of(office.settings), lease=lambda: None)
    return [
        own_mail.rule_notice(
            RuleNotice(
                to=address, rules=("break-glass",), sender=held[0].sender, message_number=queue_id,
                recipients=tuple(entry.recipient for entry in held), ending=RuleEnding.UNSEALED,
            ),
            now=now,
        )
        for address in office.settings.policy.pack_notify
    ]  # fmt: skip


async def held_of(office: Office, queue_id: str, to: str) -> tuple[QueueEntry, ...]:
    async with office.store.read() as conn:
        entries = await queue.of_message(conn, queue_id)
    meant = [entry for entry in entries if not to or entry.recipient.lower() == to.lower()]
    held = tuple(entry for entry in meant if entry.state is EntryState.HELD)
    if not held:
        raise Refused(f"{queue_id}: nothing of it is held{f' for {to}' if to else ''}")
    return held


def _sent(
    finder: FactFinder, about: queue.MessageFacts | None, people: Directory, body: bytes, *, is_urgent: bool
) -> Sent:
    """What rules ask for, from what is kept of a message."""
    if about is None:
        return Sent(urgent=is_urgent)
    known = Sent(login=about.login, size=about.size, at=about.received_at, urgent=is_urgent)
    return finder.sent(people.by_login.get(about.login), known, body)


def _author(message: bytes) -> str:
    """The address in the From field, which the intake has seen to be exactly one."""
    (author,) = split_message(message).all("from")
    return parse_from(author.value, allows_utf8=True)
