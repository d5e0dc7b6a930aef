"""The queue for operators: look, hurry, release or refuse held mail. Reasons given here land in the audit log."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.audit import admin, events
from gateway.control import history, look
from gateway.control.approving import Approver, wanting
from gateway.control.below import NOTHING_LACKS, SHARED, Below, look_below
from gateway.control.changes import BY
from gateway.control.glass import check_emergency, check_glass
from gateway.control.known_holds import Known, known_holds, newly_held, still_classed, with_archives
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.delivery.about import About
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
from gateway.protect.notice import RuleEnding, RuleNotice
from gateway.store import accounts, brakes, certificates, queue
from gateway.store.accounts import Directory
from gateway.store.errors import ContentError
from gateway.store.fetching import through
from gateway.store.queue import MessageFacts
from gateway.store.rows import NewMessage, save_entry
from policy.decision import Action, Decision
from policy.edits import lacking
from policy.facts import Facts, Sent
from policy.phi.report import Report
from policy.record import Cause


async def listing(office: Office, *, everything: bool = False) -> list[dict[str, Any]]:
    """Entries that have no ending yet, or all; in the order of their arrival."""
    async with office.store.read() as conn:
        return list(await look.records(through(conn), queue.Filter(states=() if everything else queue.UNFINISHED)))


async def show(office: Office, *, queue_id: str) -> dict[str, Any]:
    """One message: for each recipient where it stands and why, every attempt with its evidence, and its decision.

    Raises: Refused when there is none.
    """
    async with office.store.read() as conn:
        facts = await queue.message_facts(conn, queue_id)
        if facts is None:
            raise Refused(f"there is no message {queue_id}")
        entries = await queue.of_message(conn, queue_id)
        rows = {row["entry"]: row for row in await look.records(through(conn), queue.Filter(queue_id=queue_id))}
        traces = {entry.id: await queue.trace(conn, entry.id) for entry in entries}
        attempts, reasons = await history.attempts_of(conn, queue_id), await history.reasons_of(conn, entries)
    return {
        "queue_id": facts.id,
        "kind": facts.kind.value,
        "sender": facts.sender,
        "login": facts.login,
        "size": facts.size,
        "received_at": facts.received_at.isoformat(),
        "content": "sealed" if facts.is_sealed else "destroyed",
        "recipients": [
            {
                **rows[entry.id],
                "why": reasons.get(entry.id, ""),
                "urgent": entry.urgent,
                "attempted": attempts.get(entry.id, []),
                "trace": list(traces[entry.id]),
            }
            for entry in entries
        ],
    }


async def flush(office: Office, *, which: Mapping[str, Any] | None = None) -> int:
    """Make what waits due now, all of it or what matches. which: `Filter` as plain values. Returns: how many."""
    try:
        found = msgspec.convert(which or {}, queue.Filter)
    except msgspec.ValidationError as error:
        raise Refused(f"queue.flush: {error}", 2) from None
    return await queue.hurry(office.store, now=datetime.now(UTC), which=found)


async def release(office: Office, *, queue_id: str, reason: str, to: str = "", by: str = BY, shows: str = "") -> int:
    """Decide anew on what is held, by today's configuration and keys; a way that is not safe is never opened by hand.

    to: of one recipient only. by: who decides, which is written down. shows: where the message itself says what a law
    wants with it and nobody can put there (`control.below`). Returns: how many recipients go on.
    Raises: Refused with the sentences of the decision when none can, and where a second person must agree.
    """
    async with office.changing:
        return await _release(office, _Wish(queue_id=queue_id, reason=reason, to=to, by=by, shows=shows.strip()))


async def break_glass(
    office: Office, *, queue_id: str, reason: str, by: str, to: str = "", affiliation: str = ""
) -> int:
    """Let held treatment mail go in an emergency, protected: no rule and no second person keeps it (`control.glass`).

    affiliation: who receives it and where they work, which records of a Part 2 programme need.
    Returns: how many recipients go on. Raises: Refused when this person may not, or no safe way is left.
    """
    if not reason.strip():
        raise Refused("a reason is needed; it is kept in the audit log", 2)
    async with office.changing:
        wish = _Wish(queue_id=queue_id, reason=reason, to=to, by=by, breaks_glass=True, affiliation=affiliation.strip())
        return await _release(office, wish)


async def release_many(
    office: Office, *, ids: Sequence[str], reason: str, has_looked: bool = True, by: str = BY
) -> dict[str, int]:
    """The same for several messages. ids: of messages. Returns: recipients `released`, messages still `held`.

    has_looked: a person decided on these very messages; else what a rule holds stays held.
    """
    counted = {"released": 0, "held": 0}
    for queue_id in ids:
        try:
            async with office.changing:
                counted["released"] += await _release(
                    office, _Wish(queue_id=queue_id, reason=reason, by=by, has_looked=has_looked)
                )
        except Refused:
            counted["held"] += 1
    return counted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What a person asks for; the arguments of `release`, `break_glass` and `release_many`."""

    queue_id: str
    reason: str
    by: str
    to: str = ""
    has_looked: bool = True
    breaks_glass: bool = False
    affiliation: str = ""
    shows: str = ""


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


async def _release(office: Office, wish: _Wish) -> int:
    held = await _held(office, wish.queue_id, wish.to)
    anew = await _look_anew(office, wish.queue_id, held, has_looked=wish.has_looked)
    role = _check_glass(office, anew, wish) if wish.breaks_glass else ""
    now, released, said = datetime.now(UTC), Record(), list[str]()
    facts, decided = anew.facts, anew.finder.decide(anew.facts)
    below = await _below(office, anew, decided, wish)
    await anew.ledger.begin(now)
    going = set[str]()
    for entry, decision in zip(held, decided, strict=True):
        if objections := await _objections(office, entry, decision, anew, wish, below, now):
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
            _free(office, entry, decision, anew, wish, role, released, now)
    if wish.breaks_glass and going:
        released.own += _glass_notices(office, wish.queue_id, held, now=now)
    kept = anew.ledger.entry(wish.queue_id, facts, decided, cause=Cause.RELEASED, at=now, patient=anew.report.patient)
    released.add(changes=[kept])
    if going or said:
        await released.commit(office.store)
    if not going:
        raise Refused("\n".join(said))
    return len(going)


async def _below(office: Office, anew: _Anew, decided: Sequence[Decision], wish: _Wish) -> Below:
    """What a law wants below the copies; in an emergency nobody waits for it."""
    if wish.breaks_glass:
        return NOTHING_LACKS
    return await look_below(office, anew.finder.rules, anew.facts, decided, body=anew.body, entries=anew.entries)


def _check_glass(office: Office, anew: _Anew, wish: _Wish) -> str:
    """Returns: the role of who may. Raises: Refused."""
    account = anew.people.by_login.get(wish.by.lower())
    role = check_glass(office, account, purpose=anew.facts.sent.purpose)
    check_emergency(anew.facts, affiliation=wish.affiliation)
    return role


def _free(
    office: Office, entry: QueueEntry, decision: Decision, anew: _Anew, wish: _Wish, role: str, released: Record,
    now: datetime,
) -> None:  # fmt: skip
    """One copy goes on. role: of who breaks the glass."""
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
            at=now, queue_id=wish.queue_id, recipient=entry.recipient, by=by, role=role,
            rules=[one for one in decision.rules if anew.finder.rules.by_name[one].action is Action.HOLD],
            why=wish.reason, affiliation=wish.affiliation, login=login,
        )])  # fmt: skip


async def _objections(
    office: Office, entry: QueueEntry, decision: Decision, anew: _Anew, wish: _Wish, below: Below, now: datetime
) -> Sequence[str]:
    """What keeps a copy; where the glass is broken only that no safe way is left. Empty: nothing."""
    if not decision.methods:
        return decision.trace
    if wish.breaks_glass:
        return ()
    rules = anew.finder.rules
    if fresh := newly_held(decision, anew.known, rules):
        return (f"{', '.join(fresh)} holds it only now; release it once more if it may go",)
    unsaid = lacking([rules.by_name[name] for name in decision.rules], anew.report)
    if objection := below.objection(entry.recipient, rules=unsaid, shows=wish.shows, by=wish.by):
        return (objection,)
    by_name = office.settings.policy.approvers_by_name
    approver = Approver(wish.by, wish.reason, now, office.asker, by_name)
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


async def release_login(office: Office, *, login: str, reason: str) -> dict[str, int]:
    """Take the brake off a login, and release what it holds, each message as `release` does; counting begins anew.

    Returns: how many recipients go on (`released`), and of how many messages nothing does (`held`).
    Raises: Refused when no brake is on.
    """
    now, name = datetime.now(UTC), login.lower()
    event = admin.brake_released(at=now, login=name, by=BY, why=reason)
    standing = (await brakes.Standings(office.store).current()).get(name)
    if standing is None or not await brakes.release(office.store, name, at=now, events=(event,)):
        raise Refused(f"no brake is on for {name}; `mailward audit search --kind brake.` shows when one was")
    async with office.store.read() as conn:
        waiting = await brakes.held_since(conn, name, since=standing.engaged_at)
    return await release_many(office, ids=waiting, reason=reason, has_looked=False)


async def reject(office: Office, *, queue_id: str, reason: str, to: str = "") -> int:
    """Refuse what is held, for one recipient or all; the sender is told. Returns: how many recipients."""
    async with office.changing:
        return await _reject(office, queue_id=queue_id, reason=reason, to=to)


async def _reject(office: Office, *, queue_id: str, reason: str, to: str) -> int:
    held = await _held(office, queue_id, to)
    about = About(office.store, OwnMail(OwnMailPolicy.of(office.settings), lease=lambda: None))
    now = datetime.now(UTC)
    rejected = [replace(entry, state=EntryState.REJECTED) for entry in held]
    record = Record(events=[events.message_rejected(entry, at=now, by=BY, why=reason) for entry in rejected])
    await about.give_back(rejected, record, why="Your privacy team decided not to send it", at=now)
    await record.commit(office.store)
    return len(rejected)


async def _held(office: Office, queue_id: str, to: str) -> tuple[QueueEntry, ...]:
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
