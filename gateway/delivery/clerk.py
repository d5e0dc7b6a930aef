"""The worker of the scheduler: one attempt for a batch, the ladder's step for each recipient, one transaction for all.

How this works: `MAIL` maps each move of the ladder to what it means for a sender's message; mail of our own (notices,
codes, status reports) ends quietly or, through `about.py`, changes the message that it is about.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from gateway.audit import admin, events
from gateway.delivery.about import UNKNOWN_GROUNDS, UNREADABLE, UNRECORDED, About
from gateway.delivery.courier import TO_OUR_SENDERS, Courier
from gateway.delivery.hardbounce import hard_status
from gateway.delivery.ladder import Alarm, LadderPolicy, Move, Step, next_step
from gateway.delivery.letter import Batch, Letter, make_batches
from gateway.delivery.lines import log_attempt
from gateway.delivery.outcome import Outcome, Seen
from gateway.delivery.ownmail import OwnMail
from gateway.delivery.publish import Publisher, cause_of
from gateway.delivery.recheck import Recheck
from gateway.delivery.record import Record
from gateway.log import get_logger
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.envelope import Notify
from gateway.message.event import Event
from gateway.metrics import Metrics
from gateway.protect.notice import Cause
from gateway.store import domains, suppressions
from gateway.store.errors import ContentError, StoreClosed, StoreError
from gateway.store.persons import suspend
from gateway.store.rows import NewMessage, destroy_if_finished, save_entry, saw_tls
from gateway.store.store import Store
from gateway.store.suppressions import Reason, Suppression, suppress
from policy.decision import Method
from tls.failures import TlsFailure
from tls.levels import TlsLevel

TakeOwnMail = Callable[[Sequence[NewMessage]], None]  # `Scheduler.take_new`

log = get_logger("delivery")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One recipient after an attempt: before, what was seen, and the ladder's answer."""

    letter: Letter
    before: QueueEntry
    outcome: Outcome
    step: Step
    at: datetime

    @property
    def entry(self) -> QueueEntry:
        """As it has to be saved."""
        return self.step.entry


class Clerk:
    """Callable as `scheduler.Worker`."""

    def __init__(
        self,
        *,
        store: Store,
        courier: Courier,
        ladder: LadderPolicy,
        own_mail: OwnMail,
        about: About,
        publisher: Publisher,
        metrics: Metrics,
        take: TakeOwnMail,
        recheck: Recheck | None = None,
    ) -> None:
        self._store = store
        self._courier = courier
        self._ladder = ladder
        self._own_mail = own_mail
        self._publisher = publisher
        self._about = about
        self._metrics = metrics
        self._take = take
        self._recheck = recheck
        self._tls_known: dict[str, bool] = {}  # domain: verified; what the store remembers of those met in this run
        self._mail: Final = {
            Move.DONE: self._done,
            Move.WAIT: self._wait,
            Move.CLIMB: self._climb,
            Move.BOUNCE: self._give_back,
            Move.EXPIRE: self._give_back,
        }

    async def __call__(self, batch: Batch, sent: Callable[[], None] = lambda: None) -> tuple[Batch, ...]:
        """Work one batch to its next rest. An outcome that cannot be recorded, by a bug, holds it for a person."""
        if (instead := await self._look_again(batch)) is not None:
            sent()
            return instead
        outcomes = await self._courier.attempt(batch, tls_seen=await self._offered_tls(batch.domain))
        sent()
        try:
            results, record = await self._record(batch, outcomes)
        except StoreClosed:
            raise
        except Exception:
            log.exception("outcome could not be recorded, message held", queue_id=batch.letter.id)
            await self._set_aside(batch.entries, UNRECORDED)
            return ()
        for result in results:
            self._count(result)
        self._take(record.own)
        return make_batches(batch.letter, tuple(record.following), most=len(batch.entries))

    async def _look_again(self, batch: Batch) -> tuple[Batch, ...] | None:
        """Stop or redirect what may not go on as it is. Returns: what is to be tried instead; None: nothing changed.

        While a register that has a say cannot be read, nothing is tried: the lease lapses, and the mail comes again.
        """
        if self._recheck is None:
            return None
        now = datetime.now(UTC)
        try:
            review = await self._recheck(batch.entries, now=now)
        except ContentError as error:  # it will not be better later, so a person looks
            log.error("decision record cannot be read, held", queue_id=batch.letter.id, why=type(error).__name__)
            await self._set_aside(batch.entries, UNKNOWN_GROUNDS)
            return ()
        except StoreError as error:
            log.warning("registers cannot be read, mail waits", queue_id=batch.letter.id, why=type(error).__name__)
            return ()
        if not review.changed:
            return None
        record, touched = Record(), {one.entry.id for one in review.changed}
        record.add(changes=review.kept, events=[one.event for one in review.changed])
        for why in dict.fromkeys(one.why for one in review.changed if one.why):
            stopped = [one.entry for one in review.changed if one.why == why]
            await self._about.set_aside(stopped, record, why=why, at=now)
            record.afterwards.append(partial(self._metrics.counter("stopped_in_queue").inc, len(stopped)))
        for one in review.changed:
            if not one.why:
                record.add(changes=[save_entry(one.entry, release=False)])
                record.following.append(one.entry)
        await record.commit(self._store)
        self._take(record.own)
        left = [entry for entry in batch.entries if entry.id not in touched]
        return make_batches(batch.letter, (*left, *record.following), most=len(batch.entries))

    async def _record(self, batch: Batch, outcomes: Sequence[Outcome]) -> tuple[list[Result], Record]:
        """Take the ladder's step for each recipient, and make all of it durable in one transaction."""
        now = datetime.now(UTC)
        results = [
            Result(
                letter=batch.letter,
                before=entry,
                outcome=outcome,
                step=next_step(entry, outcome, self._ladder, now=now, jitter=random.random()),  # noqa: S311  # spread, no secret
                at=now,
            )
            for entry, outcome in zip(batch.entries, outcomes, strict=True)
        ]
        record = Record()
        for result in results:
            self._note_attempt(result, record)
            if result.before.kind is MessageKind.MAIL:
                await self._mail[result.step.move](result, record)
            else:
                await self._own(result, record)
        self._tell_sender(results, record)
        await record.commit(self._store)
        return results, record

    async def hold(self, entries: Sequence[QueueEntry]) -> None:
        """Entries of one message whose content cannot be read."""
        await self._set_aside(entries, UNREADABLE)

    async def _set_aside(self, entries: Sequence[QueueEntry], why: str) -> None:
        record = Record()
        await self._about.set_aside(entries, record, why=why, at=datetime.now(UTC))
        await record.commit(self._store)
        self._take(record.own)

    # --- a sender's message ---

    async def _done(self, result: Result, record: Record) -> None:
        if result.entry.state is EntryState.PORTAL:
            await self._publisher.publish(result.entry, record, cause=Cause.POLICY, at=result.at)
            return
        record.add(events=[events.delivery_delivered(result.before, _try(result), at=result.at)])
        self._end(result, record)

    async def _wait(self, result: Result, record: Record) -> None:
        record.add(
            changes=[save_entry(result.entry, release=True)],
            events=[events.delivery_deferred(result.entry, at=result.at, why=result.step.why)],
        )
        if result.entry.possible_duplicate and not result.before.possible_duplicate:
            host = result.outcome.host
            record.add(events=[events.delivery_possible_duplicate(result.entry, at=result.at, host=host)])

    async def _climb(self, result: Result, record: Record) -> None:
        """One rung down in comfort, none in safety; the sender is told once. The portal needs no attempt of its own."""
        old, new, cause = result.before.method, result.entry.method, cause_of(result.outcome)
        record.add(
            events=[events.delivery_climbed(result.before, at=result.at, old=old, new=new, why=result.step.why)],
        )
        if new is Method.PORTAL:
            await self._publisher.publish(result.entry, record, cause=cause, at=result.at)
            return
        record.add(changes=[save_entry(result.entry, release=False)])
        record.following.append(result.entry)
        if result.letter.sender and not result.entry.archive:
            record.own.append(self._own_mail.climb_notice(result.entry, cause=cause, pin="", now=result.at))

    async def _give_back(self, result: Result, record: Record) -> None:
        record.add(events=[_given_back(result)])
        await self._suppress(result, record)
        self._end(result, record)

    async def _suppress(self, result: Result, record: Record) -> None:
        """From now on no bulk mail for an address that does not exist; clinical mail does not ask the list."""
        address, status = result.before.recipient.lower(), hard_status(result.outcome)
        if not status or result.before.kind in TO_OUR_SENDERS:
            return
        record.add(changes=[suspend(address, at=result.at)])  # whoever it is linked to is not reached there
        async with self._store.read() as conn:
            if await suppressions.among(conn, [address]):
                return
        new = Suppression(
            address=address, reason=Reason.BOUNCE, created_at=result.at, status=status, queue_id=result.letter.id
        )
        event = admin.suppression_added(
            at=result.at, address=address, reason=new.reason.value, by="delivery", why="its server says so",
            about_id=new.queue_id, status=status,
        )  # fmt: skip
        record.add(changes=[suppress(new)], events=[event])
        record.afterwards.append(self._metrics.counter("suppressions").inc)

    def _end(self, result: Result, record: Record) -> None:
        record.add(changes=[save_entry(result.entry, release=True), destroy_if_finished(result.entry.queue_id)])

    # --- mail of our own ---

    async def _own(self, result: Result, record: Record) -> None:
        if result.step.move is Move.WAIT:
            await self._wait(result, record)
            return
        if result.step.move is Move.CLIMB:
            raise AssertionError("mail of our own has one rung")
        is_delivered = result.step.move is Move.DONE
        if is_delivered:
            record.add(events=[events.delivery_delivered(result.before, _try(result), at=result.at)])
        else:
            record.add(events=[_given_back(result)])
            await self._suppress(result, record)
        self._end(result, record)
        await self._about.ended(result.letter, result.entry, record, is_delivered=is_delivered, at=result.at)

    # --- what all have in common ---

    def _note_attempt(self, result: Result, record: Record) -> None:
        if result.before.method is not Method.PORTAL:
            tried = replace(result.before, attempts=result.entry.attempts)
            record.add(events=[events.delivery_attempted(tried, _try(result), at=result.at)])
        if result.step.alarm is not None:
            record.add(events=[_alarm(result, result.step.alarm)])
        evidence, domain = result.outcome.evidence, result.before.recipient.rpartition("@")[2]
        if evidence is not None:
            verified = evidence.level is TlsLevel.VERIFIED
            if self._tls_known.get(domain, False) < verified or domain not in self._tls_known:
                record.add(changes=[saw_tls(domain, at=result.at, verified=verified)])
                self._tls_known[domain] = verified

    async def _offered_tls(self, domain: str) -> bool:
        if domain in self._tls_known:
            return True
        async with self._store.read() as conn:
            seen = await domains.tls_seen(conn, domain)
        if seen is not None:
            self._tls_known[domain] = seen.verified
        return seen is not None

    def _tell_sender(self, results: Sequence[Result], record: Record) -> None:
        """One status notice for all recipients that failed at once, and one for all that are late (RFC 3464)."""
        mail = [one for one in results if one.before.kind is MessageKind.MAIL and one.letter.sender]
        failed = [one for one in mail if one.step.move in GIVEN_BACK and Notify.FAILURE in one.before.notify]
        late = [one for one in mail if one.step.is_delay_notice_due]
        done = [one for one in mail if _wants_success(one)]
        makers: tuple[tuple[list[Result], Callable[..., NewMessage], str], ...] = (
            (failed, self._own_mail.failure, "failed"),
            (late, self._own_mail.delay, "delayed"),
            (done, self._own_mail.relayed, "relayed"),
        )
        for group, make, action in makers:
            if not group:
                continue
            letter, at = group[0].letter, group[0].at
            message = make(letter, [_told(one) for one in group], now=at)
            record.own.append(message)
            record.add(
                events=[
                    events.dsn_created(one.entry, at=at, dsn_id=message.id, action=action, to=letter.sender)
                    for one in group
                ]
            )

    def _count(self, result: Result) -> None:
        entry, outcome, step = result.before, result.outcome, result.step
        self._metrics.counter("delivery_attempts", entry.method.value, outcome.seen.value).inc()
        if entry.kind is MessageKind.TLS_REPORT and step.entry.state.is_ending:
            self._metrics.counter("tls_reports", "mail", "sent" if step.move is Move.DONE else "dropped").inc()
        if step.move is Move.DONE and entry.method is not Method.PORTAL:
            age = (result.at - entry.queued_at).total_seconds()
            self._metrics.histogram("delivery_duration_seconds", entry.method.value).observe(age)
            proof = outcome.evidence
            self._metrics.counter(
                "tls_sessions", proof.version if proof else "none", proof.level.name.lower() if proof else "clear"
            ).inc()
            if proof is None and entry.kind is MessageKind.MAIL and entry.method is Method.TLS:
                self._metrics.counter("unprotected_deliveries").inc()
        if step.alarm is Alarm.TLS_DOWNGRADE:
            self._metrics.counter("tls_downgrades").inc()
        if step.alarm is Alarm.TLS_MISMATCH:
            self._metrics.counter("tls_mismatches").inc()
        log_attempt(entry, outcome, step, received_at=result.letter.received_at, at=result.at)


GIVEN_BACK: Final = frozenset({Move.BOUNCE, Move.EXPIRE})


def _told(result: Result) -> tuple[QueueEntry, str, str]:
    """What a status notice says of a recipient; of a protected message no word of a server, which may quote it."""
    is_open = not result.before.protected or result.outcome.seen is Seen.DELIVERED
    return result.entry, result.step.why if is_open else result.outcome.own_words, result.outcome.host


def _given_back(result: Result) -> Event:
    if result.step.move is Move.EXPIRE:
        return events.delivery_expired(result.entry, at=result.at)
    return events.delivery_bounced(result.entry, at=result.at, why=result.step.why)


def _wants_success(result: Result) -> bool:
    """Only where the next hop is not asked to tell it: the sender gets one answer (RFC 3461 section 5.2.2)."""
    is_delivered = result.step.move is Move.DONE and result.entry.state is EntryState.DELIVERED
    return is_delivered and not result.outcome.does_dsn and Notify.SUCCESS in result.before.notify


def _name(failure: TlsFailure | None) -> str:
    return "" if failure is None else failure.value


def _alarm(result: Result, alarm: Alarm) -> Event:
    """A mismatch is told by the host that it was seen at, which need not be the one that the outcome is told by."""
    entry, outcome, at = result.before, result.outcome, result.at
    if alarm is Alarm.TLS_DOWNGRADE:
        return events.delivery_tls_downgrade(entry, at=at, host=outcome.host, why=result.step.why)
    last = outcome.mismatches[-1]
    return events.delivery_tls_mismatch(
        entry,
        at=at,
        host=last.host,
        why="; ".join(dict.fromkeys(host.words for host in outcome.mismatches)),
        tls_failure=_name(last.tls_failure),
        certificate="" if last.evidence is None else last.evidence.fingerprint,
    )


def _try(result: Result) -> events.Try:
    outcome, grounds = result.outcome, result.outcome.grounds
    return events.Try(
        method=result.before.method,
        seen=outcome.seen.value,
        host=outcome.host,
        ip=outcome.ip,
        port=outcome.port,
        reply=outcome.reply,
        evidence=outcome.evidence,
        keys=outcome.keys,
        is_seven_bit=outcome.is_seven_bit,
        required=grounds.reasons,
        dnssec=grounds.dnssec,
        mta_sts=grounds.sts,
        tls_failure=_name(outcome.tls_failure),
        unmet_wish=_name(grounds.unmet_wish),
        hosts=tuple(host.words for host in outcome.hosts) if len(outcome.hosts) > 1 else (),
        took_s=outcome.connect_s + outcome.send_s,
    )
