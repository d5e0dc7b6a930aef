"""The pipeline at its counter: real store, policy and own mail; the inspector works in this process, or as told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.audit.search import Query, search
from gateway.config import Settings
from gateway.delivery.letter import Batch
from gateway.delivery.ownmail import OwnMail, OwnMailPolicy
from gateway.delivery.scheduler import Scheduler
from gateway.inspect.bodies import find_bodies
from gateway.inspect.editor import Edited
from gateway.inspect.inspector import Inspector, inspector_pool
from gateway.message.bodyedit import edit
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.envelope import Client, Envelope, Recipient
from gateway.message.event import Event
from gateway.message.verdict import Accepted, Verdict
from gateway.metrics import Metrics
from gateway.pipeline.backlog import Backlog
from gateway.pipeline.brakes import Brakes
from gateway.pipeline.facts import FactFinder
from gateway.pipeline.submit import Pipeline
from gateway.pipeline.submit_policy import SubmitPolicy
from gateway.store import queue
from gateway.store.store import Store
from policy.phi.classify import classify_message
from policy.phi.report import Kind, Report
from tests.gateway.config.samples import settings

SENDER = "nurse@clinic.example"
RECIPIENT = "pat@b.example"
CLEAN = Report(phi=False, score=0.0)
PHI = Report(phi=True, score=0.9)


class Reader(Inspector):
    """answer: what every inspection comes to; None: classify here, without a child."""

    def __init__(self, answer: Report | Exception | None) -> None:
        super().__init__(inspector_pool(1))
        self.answer = answer

    async def inspect(self, data: bytes, *, subject_tags: Sequence[str]) -> Report:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer or classify_message(data, subject_tags=subject_tags)


class Here:
    """Edits without a child."""

    fault: Exception | None = None
    is_blind = False

    async def edit(self, data: bytes, *, below: Sequence[str], kinds: frozenset[Kind]) -> Edited:
        if self.fault:
            raise self.fault
        bodies = find_bodies(data, kinds, adds=bool(below))
        if self.is_blind:
            bodies = tuple(replace(body, cuts=body.cuts[1:]) for body in bodies)
        masked = [cut.kind for body in bodies for cut in body.cuts]
        return Edited(edit(data, bodies, below=below), {kind: masked.count(kind) for kind in masked})


class Nobody:
    """A worker for a scheduler that never runs."""

    async def __call__(self, batch: Batch, sent: Callable[[], None]) -> tuple[Batch, ...]:
        raise AssertionError(batch.letter.id)

    async def hold(self, entries: Sequence[QueueEntry]) -> None:
        raise AssertionError(entries[0].id)


@dataclass
class Counter:
    """One installation that takes mail and never delivers it. changer: of bodies; None: there is nobody to do so."""

    store: Store
    answer: Report | Exception | None = PHI
    settings: Settings = field(default_factory=settings)
    changer: Here | None = None

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.store, Nobody())
        self.metrics = Metrics()
        self.backlog = Backlog(self.store, limit=self.settings.limits.queue_messages, metrics=self.metrics)
        self.pipeline = Pipeline(
            SubmitPolicy(
                hostname="gw.clinic.example",
                domains=frozenset({"clinic.example"}),
                subject_tags=self.settings.policy.subject_tags,
                expire_after=timedelta(days=5),
            ),
            store=self.store,
            inspector=Reader(self.answer),
            facts=FactFinder(self.settings),
            scheduler=self.scheduler,
            own_mail=OwnMail(OwnMailPolicy.of(self.settings), lease=lambda: self.scheduler.lease_until),
            brakes=Brakes(self.store, self.settings.brake, self.metrics),
            backlog=self.backlog,
            metrics=self.metrics,
            changer=self.changer,
        )

    async def submit(self, data: bytes, *recipients: str, **changes: Any) -> Accepted | Verdict:
        return await self.pipeline.submit(envelope(*recipients, **changes), data)

    async def accept(self, data: bytes, *recipients: str, **changes: Any) -> str:
        """Submit what must be taken. Returns: its queue id."""
        answer = await self.submit(data, *recipients, **changes)
        assert isinstance(answer, Accepted), answer
        return answer.queue_id

    async def entries(self, queue_id: str) -> tuple[QueueEntry, ...]:
        async with self.store.read() as conn:
            return await queue.of_message(conn, queue_id)

    async def everything(self) -> tuple[QueueEntry, ...]:
        async with self.store.read() as conn:
            return await queue.listing(conn, queue.Filter())

    async def own(self, kind: MessageKind) -> list[QueueEntry]:
        return [entry for entry in await self.everything() if entry.kind is kind]

    async def kept(self, queue_id: str) -> bytes:
        return await queue.load_body(self.store, queue_id)

    async def events(self, kind: str = "") -> list[Event]:
        async with self.store.read() as conn:
            return [found.event for found in await search(conn, Query(kind=kind))]

    async def states(self, queue_id: str) -> list[EntryState]:
        return [entry.state for entry in await self.entries(queue_id)]


def envelope(
    *recipients: str, login: str = SENDER, sender: str = SENDER, senders: frozenset[str] | None = None, **changes: Any
) -> Envelope:
    """senders: what the login may send as; a person's own address unless told."""
    client = Client(
        listener="127.0.0.1:587", ip="192.0.2.7", port=40000, helo="pc", login=login, tls_version="TLSv1.3",
        tls_cipher="TLS_AES_256_GCM_SHA384", senders=frozenset({login}) if senders is None else senders,
    )  # fmt: skip
    people = tuple(Recipient(address=address) for address in recipients or (RECIPIENT,))
    return Envelope(sender=sender, recipients=people, client=client, received_at=datetime.now(UTC), **changes)


def letter(*fields: bytes, author: str = SENDER, body: bytes = b"Hello\r\n") -> bytes:
    """A message with From and further raw fields."""
    lines = [f"From: {author}".encode(), *fields]
    return b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body
