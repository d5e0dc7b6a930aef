"""Hands a message to the hosts of a domain, one after the other, until each recipient has an answer.

`Transport.send` never raises for what a peer, the network or DNS does: that is an `Outcome`. The ladder decides what
follows from it.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from gateway.delivery.connection import Connection
from gateway.delivery.dialer import Dialer, NoConnection
from gateway.delivery.dialogue import Answer, Answered, Closed
from gateway.delivery.feedback import Event, event_of
from gateway.delivery.fold import FINAL, deciding, fold
from gateway.delivery.greeting import tls_reply
from gateway.delivery.job import SendJob
from gateway.delivery.outcome import Grounds, HostResult, Outcome, Seen
from gateway.delivery.pool import PeerKey, Pool, PoolLimits, Slots
from gateway.delivery.published import Publications
from gateway.delivery.routes import Hop, Router, Unroutable
from gateway.delivery.shaping import Shaping
from gateway.delivery.tls_report import SeenTls, TlsObserver, seen_at, seen_refused
from gateway.delivery.transaction import Transaction, wire_content
from gateway.message.envelope import Recipient
from tls.evidence import TlsEvidence
from tls.failures import TlsFailure
from tls.levels import TlsLevel
from tls.published import NOTHING
from tls.requirement import Requirement, requirement
from tls.weight import Weight, weigh

RESTING: Final = "451 4.4.1 host could not be reached lately"
OFF_LOOP: Final = 262_144  # octets from which a message is prepared in a thread
WEIGHED: Final = {
    Weight.REFUSED: Seen.TLS_REFUSED,
    Weight.UNCERTAIN: Seen.TLS_UNCERTAIN,
    Weight.MISMATCH: Seen.TLS_MISMATCH,
}


@dataclass(slots=True)
class _Progress:
    """One recipient's way through the hosts."""

    recipient: Recipient
    results: list[HostResult] = field(default_factory=list)
    evidence: TlsEvidence | None = None
    reused: int = 0
    ready_at: float = 0.0  # when the connection of the last transaction was ready, by the loop's clock
    done_at: float = 0.0

    @property
    def is_open(self) -> bool:
        return not self.results or self.results[-1].seen not in FINAL

    def note(self, result: HostResult) -> None:
        """The last word of a host counts, not that of a kept connection which had died before."""
        if self.results and (self.results[-1].host, self.results[-1].port) == (result.host, result.port):
            self.results.pop()
        self.results.append(result)


class Transport:
    """Sends jobs. Keeps connections between them; `close` ends those."""

    def __init__(
        self,
        router: Router,
        dialer: Dialer,
        publications: Publications,
        *,
        limits: PoolLimits,
        clock: Callable[[], datetime],
        observer: TlsObserver | None = None,
        shaping: Shaping | None = None,
    ) -> None:
        """clock: the wall clock, aware, for `Outcome.started_at`. observer: is told of each new session's TLS.

        shaping: who is left alone; None: nobody.
        """
        self._shaping = shaping
        self._router = router
        self._publications = publications
        self._dialer = dialer
        self._pool = Pool(limits)
        self._slots = Slots(limits)
        self._clock = clock
        self._observer = observer

    def admit_no_more(self) -> None:
        """Who is ready to go and waits for his destination is cancelled; who has been at a host goes on to his end."""
        if self._shaping is not None:
            self._shaping.entrance.close()

    async def close(self) -> None:
        """End the kept connections; takes a few seconds at most. Jobs under way are the caller's to cancel."""
        await self._pool.close()

    async def send(self, job: SendJob) -> tuple[Outcome, ...]:
        """Deliver a message. Returns: an outcome for each recipient, in their order."""
        if self._shaping is None:
            return await self._send_in_turn(job)
        async with self._shaping.entrance.passage(job.domain, may_turn_back=job.may_turn_back) as is_open:
            if not is_open:
                return _alike(job, self._clock(), Seen.DEFERRED, f"451 4.4.1 {job.domain} could not be reached lately")
            began = asyncio.get_running_loop().time()
            outcomes = await self._send_in_turn(job)
            took_s = asyncio.get_running_loop().time() - began
            self._shaping.domains.note(job.domain, event_of(outcomes), took_s=took_s)
        return outcomes

    async def _send_in_turn(self, job: SendJob) -> tuple[Outcome, ...]:
        async with self._slots.slot(str(job.via or job.domain)):
            return await self._send(job)

    async def _send(self, job: SendJob) -> tuple[Outcome, ...]:
        started_at, began = self._clock(), asyncio.get_running_loop().time()
        try:
            content = await _prepare(job.data)
            hops = await self._router.hops(job.domain, job.via, home=job.home)
        except ValueError:
            return _alike(job, started_at, Seen.REJECTED, "554 5.6.0 message has a bare CR or LF and cannot be sent")
        except Unroutable as error:
            seen = Seen.REJECTED if error.is_permanent else Seen.DEFERRED
            return _alike(job, started_at, seen, error.reply)
        people = [_Progress(recipient) for recipient in job.recipients]
        for hop in hops:
            waiting = [person for person in people if person.is_open]
            if waiting:
                await self._try_host_in_turn(hop, job, content, waiting)
        return tuple(_outcome(person, job, started_at, began) for person in people)

    async def _try_host_in_turn(self, hop: Hop, job: SendJob, content: bytes, people: list[_Progress]) -> None:
        """As many at once as the host takes, for all domains together; a host that rests is passed over."""
        if self._shaping is None:
            await self._try_host(hop, job, content, people)
            return
        name = f"{hop.host}:{hop.port}"
        async with self._shaping.gate.passage(name) as is_open:
            if not is_open:
                _note_all(people, _unreached(hop, Requirement(), NoConnection(Closed(Seen.DEFERRED, RESTING))))
                return
            asked = [person.ready_at for person in people]
            await self._try_host(hop, job, content, people)
            # Without an address nobody asked the host; what TLS does is no reason to leave it alone.
            is_unreached = all(
                person.ready_at == before and person.results[-1].seen is Seen.DEFERRED
                for person, before in zip(people, asked, strict=True)
            )
            if hop.addresses:  # noted before he leaves, so that as many are woken as there is room for then
                self._shaping.hosts.note(name, Event.UNREACHED if is_unreached else Event.REACHED)

    async def _try_host(self, hop: Hop, job: SendJob, content: bytes, people: list[_Progress]) -> None:
        """Give everybody who waits a result of this host."""
        hop = await self._with_publications(hop, job)
        needed = requirement(job.needs, hop.tls)
        if needed.refusal is not None:
            self._observe(job, seen_refused(hop, job.domain, needed.refusal))
            _note_all(people, _refused(hop, needed, needed.refusal))
            return
        key = PeerKey(hop.host, hop.port, needed.kept_for, hop.identity)
        may_reuse = True
        while people:
            connection = await self._connection(hop, needed, key, job, may_reuse=may_reuse)
            if isinstance(connection, NoConnection):
                _note_all(people, _unreached(hop, needed, connection))
                return
            transaction, grounds = _transaction(job, content, needed, people), _grounds(hop, needed, connection)
            people = await self._exchange(connection, hop, transaction, grounds, people)
            may_reuse = connection.is_usable  # a kept one that broke is followed by a new one (TL-30)
            self._pool.keep(key, connection)

    async def _with_publications(self, hop: Hop, job: SendJob) -> Hop:
        """What a host publishes belongs to what is known of it.

        Content-free mail goes past it (RFC 8689 section 5), but where a password goes along.
        """
        if job.needs.is_content_free and not hop.tls.is_known:
            return hop
        published = await self._publications.of(hop, job.domain)
        return replace(hop, tls=replace(hop.tls, published=published))

    async def _connection(
        self, hop: Hop, needed: Requirement, key: PeerKey, job: SendJob, *, may_reuse: bool
    ) -> Connection | NoConnection:
        kept = self._pool.take(key, job.domain) if may_reuse else None
        if kept is not None:
            return kept
        made = await self._dialer.connect(hop, needed)
        self._observe(job, seen_at(hop, job.domain, made))
        return made

    def _observe(self, job: SendJob, seen: SeenTls | None) -> None:
        if self._observer is not None and seen is not None and job.is_reported:
            self._observer.session(seen)

    async def _exchange(
        self, connection: Connection, hop: Hop, transaction: Transaction, grounds: Grounds, people: list[_Progress]
    ) -> list[_Progress]:
        """Run one transaction. Returns: those whom another one at this host may still serve."""
        loop, used = asyncio.get_running_loop(), connection.sent
        ready_at = loop.time()
        try:
            answered = await connection.send(transaction)
        except BaseException:  # cancelled in the middle: nobody may use this connection again
            connection.close()
            raise
        for person, answer in _pairs(people, answered):
            person.note(_host_result(connection, hop, grounds, answer))
            person.evidence = _vouched(connection.evidence, hop)
            person.reused, person.ready_at, person.done_at = used, ready_at, loop.time()
        if not answered.is_alive and used == 0:
            return []  # only a kept connection that broke is followed by a new one
        return [person for person, answer in _pairs(people, answered) if answer.is_again]


def _pairs(people: list[_Progress], answered: Answered) -> Iterator[tuple[_Progress, Answer]]:
    return zip(people, answered.answers, strict=True)


async def _prepare(data: bytes) -> bytes:
    """The message as it goes over the wire; a large one is prepared in a thread. Raises: ValueError."""
    if len(data) < OFF_LOOP:
        return wire_content(data)
    return await asyncio.to_thread(wire_content, data)


def _transaction(job: SendJob, content: bytes, needed: Requirement, people: list[_Progress]) -> Transaction:
    return Transaction(
        mail_from=job.mail_from,
        recipients=tuple(person.recipient for person in people),
        content=content,
        size=len(job.data),
        is_8bit=not job.data.isascii(),
        envid=job.envid,
        ret=job.ret,
        smtputf8=job.smtputf8,
        requiretls=needed.requiretls,
        wishes_requiretls=job.needs.wishes_requiretls,
        data=job.data,
    )


def _note_all(people: list[_Progress], result: HostResult) -> None:
    for person in people:
        person.note(result)
        person.evidence = result.evidence


def _grounds(hop: Hop, needed: Requirement, made: Connection | NoConnection | None = None) -> Grounds:
    published = hop.tls.published or NOTHING
    return Grounds(
        reasons=needed.reasons,
        dnssec=published.dnssec_words,
        sts=published.sts_words,
        unmet_wish=None if made is None else made.unmet_wish,
    )


def _refused(hop: Hop, needed: Requirement, failure: TlsFailure) -> HostResult:
    """A host that cannot meet the requirement whatever it says; it is not connected to."""
    return HostResult(
        host=hop.host,
        ip="",
        port=hop.port,
        seen=WEIGHED[weigh(failure, needed)],
        reply=tls_reply(failure, is_definitive=failure.is_definitive),
        tls_failure=failure,
        grounds=_grounds(hop, needed),
    )


def _unreached(hop: Hop, needed: Requirement, trouble: NoConnection) -> HostResult:
    """A host that gave no session."""
    closed, failure = trouble.closed, trouble.closed.tls_failure
    is_mismatch = failure is not None and weigh(failure, needed) is Weight.MISMATCH
    return HostResult(
        host=hop.host,
        ip=trouble.ip,
        port=hop.port,
        seen=Seen.TLS_MISMATCH if is_mismatch else closed.seen,
        reply=tls_reply(failure, is_definitive=False) if is_mismatch and failure is not None else closed.reply,
        tls_failure=failure,
        grounds=_grounds(hop, needed, trouble),
        evidence=trouble.evidence,
    )


def _host_result(connection: Connection, hop: Hop, grounds: Grounds, answer: Answer) -> HostResult:
    return HostResult(
        host=hop.host,
        ip=connection.ip,
        port=hop.port,
        seen=answer.seen,
        reply=answer.reply,
        tls_failure=connection.tls_failure,
        does_dsn=connection.does_dsn,
        grounds=grounds,
    )


def _vouched(evidence: TlsEvidence | None, hop: Hop) -> TlsEvidence | None:
    """Evidence that also says who named the host."""
    if evidence is None or evidence.level < TlsLevel.VERIFIED:
        return evidence
    return replace(evidence, verification=f"{evidence.verification}, {hop.tls.naming}")


def _alike(job: SendJob, started_at: datetime, seen: Seen, reply: str) -> tuple[Outcome, ...]:
    """The same outcome for everybody, without any host."""
    return tuple(
        Outcome(recipient=recipient.address, seen=seen, reply=reply, why=reply, started_at=started_at)
        for recipient in job.recipients
    )


def _outcome(person: _Progress, job: SendJob, started_at: datetime, began: float) -> Outcome:
    seen = fold(person.results, tls_seen=job.tls_seen)
    told_by = deciding(person.results, seen)
    return Outcome(
        recipient=person.recipient.address,
        seen=seen,
        reply=told_by.reply,
        why=_why(person, seen),
        started_at=started_at,
        host=told_by.host,
        ip=told_by.ip,
        port=told_by.port,
        evidence=person.evidence,
        hosts=tuple(person.results),
        reused=person.reused,
        does_dsn=told_by.does_dsn,
        is_asked=person.ready_at > 0,
        tls_failure=told_by.tls_failure,
        grounds=told_by.grounds,
        connect_s=max(0.0, person.ready_at - began),
        send_s=person.done_at - person.ready_at,
    )


def _why(person: _Progress, seen: Seen) -> str:
    """One sentence: who took the message and how, or what each host had to say."""
    last = person.results[-1]
    if seen is Seen.DELIVERED and person.evidence is not None:
        proof = person.evidence
        return f"{last.host} took the message over {proof.version} ({proof.verification})"
    if seen is Seen.DELIVERED:
        why = f", since it {last.tls_failure.words}" if last.tls_failure else ""
        return f"{last.host} took the message in clear{why}"
    return "; ".join(dict.fromkeys(result.words for result in person.results))
