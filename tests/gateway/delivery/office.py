"""The parts that work a queue, put together on a real store; the world beyond the transport is a script, as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from gateway.audit.search import Query, search
from gateway.config.modes import CodeChannel
from gateway.config.values import HostPort
from gateway.delivery.about import About
from gateway.delivery.clerk import Clerk
from gateway.delivery.courier import Courier
from gateway.delivery.job import SendJob
from gateway.delivery.ladder import LadderPolicy
from gateway.delivery.letter import letter_of, make_batches
from gateway.delivery.needs import NeedsPolicy
from gateway.delivery.outcome import HostResult, Outcome, Seen
from gateway.delivery.ownmail import OwnMail, OwnMailPolicy
from gateway.delivery.publish import Publisher
from gateway.delivery.recheck import Recheck
from gateway.inspect.converter import Converter, convert_pool
from gateway.inspect.eightbit import find_edits
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.event import Event
from gateway.message.queue_id import new_queue_id
from gateway.message.sevenbit import to_seven_bit
from gateway.metrics import Metrics
from gateway.protect.dkim import Signer
from gateway.protect.dkim_keys import DkimKey
from gateway.protect.openpgp import Ciphertext
from gateway.protect.sealer import LIMITS, MODULE, Sealer
from gateway.protect.smime.mail import Candidate, Identity
from gateway.store import portal, queue
from gateway.store.rows import NewMessage, PortalMessage, new_message
from gateway.store.statements import Unit
from gateway.store.store import Store
from gateway.workers.pool import ChildPool
from policy.decision import Method
from tls.evidence import TlsEvidence
from tls.failures import TlsFailure
from tls.levels import TlsLevel

SENDER = "nurse@clinic.example"
RECIPIENT = "pat@b.example"
HOST = "mx.b.example"
MARKER = b"Marker of content"
BODY = (
    b"From: nurse@clinic.example\r\nMessage-ID: <1@clinic.example>\r\nSubject: Secret subject\r\n\r\n"
    + MARKER
    + b"\r\n"
)
CIPHERTEXT = (
    b"From: nurse@clinic.example\r\nSubject: ...\r\n"
    b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"\r\n\r\nsealed\r\n'
)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LADDER = LadderPolicy(
    tls_deadline=timedelta(hours=1), urgent_tls_deadline=5 * MINUTE, delay_notice=30 * MINUTE, retry=(MINUTE,)
)


@dataclass(frozen=True, slots=True)
class Saw:
    """What one attempt is to see for one recipient; level: of the session, NONE for clear text."""

    seen: Seen
    reply: str = ""
    failure: TlsFailure | None = None
    level: TlsLevel = TlsLevel.VERIFIED
    does_dsn: bool = False


DELIVERED = Saw(Seen.DELIVERED, "250 2.0.0 ok")
DELIVERED_WITH_DSN = Saw(Seen.DELIVERED, "250 2.0.0 ok", does_dsn=True)
IN_CLEAR = Saw(Seen.DELIVERED, "250 2.0.0 ok", level=TlsLevel.NONE)
REJECTED = Saw(Seen.REJECTED, "550 5.1.1 no such user")
DEFERRED = Saw(Seen.DEFERRED, "450 4.2.0 later")
LOST = Saw(Seen.LOST_AFTER_DOT, "451 4.4.2 connection lost after the final dot")
ONLY_7BIT = Saw(Seen.NOT_8BITMIME, "554 5.6.3 next hop does not support 8BITMIME")
NO_TLS = Saw(Seen.TLS_REFUSED, "550 5.7.5 no TLS", TlsFailure.NOT_OFFERED, TlsLevel.NONE)
EXPIRED_CERTIFICATE = Saw(Seen.TLS_REFUSED, "550 5.7.5 expired", TlsFailure.EXPIRED, TlsLevel.NONE)
STALLED = Saw(Seen.TLS_UNCERTAIN, "451 4.7.5 stalled", TlsFailure.BROKEN_HANDSHAKE, TlsLevel.NONE)
DOWNGRADED = Saw(Seen.TLS_DOWNGRADED, "451 4.7.5 no TLS", TlsFailure.NOT_OFFERED, TlsLevel.NONE)
EVIDENCE = ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "ab" * 32, "webpki, MX unsigned")


@dataclass
class FakeTransport:
    """script: address to what its attempts see, in turn, the last again and again; not in it: delivered."""

    script: dict[str, list[Saw]] = field(default_factory=dict)
    jobs: list[SendJob] = field(default_factory=list)

    async def send(self, job: SendJob) -> Sequence[Outcome]:
        self.jobs.append(job)
        return [self._outcome(job, recipient.address) for recipient in job.recipients]

    def _outcome(self, job: SendJob, address: str) -> Outcome:
        script = self.script.get(address, [DELIVERED])
        saw = script.pop(0) if len(script) > 1 else script[0]
        result = HostResult(host=HOST, ip="192.0.2.1", port=25, seen=saw.seen, reply=saw.reply, tls_failure=saw.failure)
        version, cipher, fingerprint, verification = EVIDENCE
        evidence = TlsEvidence(
            level=saw.level, version=version, cipher=cipher, fingerprint=fingerprint, verification=verification
        )
        return Outcome(
            recipient=address,
            seen=saw.seen,
            reply=saw.reply,
            why=result.words,
            started_at=datetime.now(UTC),
            host=HOST,
            ip="192.0.2.1",
            port=25,
            evidence=evidence if saw.level is not TlsLevel.NONE else None,
            hosts=(result,),
            does_dsn=saw.does_dsn,
        )


FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"


class FakeSealer(Sealer):
    """Gives the same ciphertext for everything, or raises what it is told to."""

    def __init__(self, answer: bytes | Exception = CIPHERTEXT) -> None:
        super().__init__(ChildPool(MODULE, 1, LIMITS, "never started"))
        self.answer = answer
        self.candidates: list[Candidate] = []  # of the last message for S/MIME
        self.signer: bytes | None = None  # of the last message for OpenPGP

    async def encrypt(
        self,
        message: bytes,
        certificates: Sequence[bytes],
        *,
        address: str = "",
        signer: bytes | None = None,
        neutral_subject: str = "...",
    ) -> Ciphertext:
        self.signer = signer
        if isinstance(self.answer, Exception):
            raise self.answer
        return Ciphertext(self.answer, (FINGERPRINT,))

    async def encrypt_smime(
        self, message: bytes, candidates: Sequence[Candidate], *, address: str, identity: Identity | None
    ) -> Ciphertext:
        self.candidates = list(candidates)
        return await self.encrypt(message, [])


class FakeConverter(Converter):
    """The real conversion without a child, or what it is told to raise. jobs: how many messages it converted."""

    def __init__(self) -> None:
        super().__init__(convert_pool())
        self.trouble: Exception | None = None
        self.jobs = 0

    async def to_seven_bit(self, data: bytes) -> bytes:
        self.jobs += 1
        if self.trouble is not None:
            raise self.trouble
        return to_seven_bit(data, find_edits(data))


@dataclass
class Office:
    """One installation without its doors. taken: mail of our own that was handed to the scheduler."""

    store: Store
    dkim: tuple[DkimKey, ...] = ()
    inbound: Mapping[str, HostPort] = field(default_factory=dict)
    channel: CodeChannel = CodeChannel.VERIFIED
    ladder: LadderPolicy = LADDER
    transport: FakeTransport = field(default_factory=FakeTransport)
    sealer: FakeSealer = field(default_factory=FakeSealer)
    converter: FakeConverter = field(default_factory=lambda: FakeConverter())
    metrics: Metrics = field(default_factory=Metrics)
    taken: list[NewMessage] = field(default_factory=list)
    recheck: Recheck | None = None

    def __post_init__(self) -> None:
        words = OwnMailPolicy(
            hostname="gw.clinic.example",
            base_url="https://secure.clinic.example",
            organisations={"clinic.example": "Clinic A"},
            expire_after=5 * DAY,
            held_for=30 * DAY,
        )
        self.own_mail = OwnMail(words, lease=lambda: None)
        self.about = About(self.store, self.own_mail, self.metrics)
        self.courier = Courier(
            store=self.store,
            transport=self.transport,
            signer=Signer(self.dkim),
            converter=self.converter,
            sealer=self.sealer,
            needs=NeedsPolicy(),
            inbound=self.inbound,
            metrics=self.metrics,
        )
        self.clerk = Clerk(
            store=self.store,
            courier=self.courier,
            ladder=self.ladder,
            own_mail=self.own_mail,
            about=self.about,
            publisher=Publisher(self.own_mail, lifetime=30 * DAY, channel=self.channel),
            metrics=self.metrics,
            take=self.taken.extend,
            recheck=self.recheck,
        )

    # --- what a test does ---

    async def accept(self, *entries: QueueEntry, **changes: Any) -> NewMessage:
        """Put a message into the store as the pipeline does."""
        message = make_message(*entries, **changes)
        await self.store.commit(Unit(changes=new_message(await self.store.seal_message(message))))
        return message

    async def work(self, message: NewMessage) -> None:
        """Work every entry of a message that is queued to its next rest, climbs included."""
        queued = tuple(entry for entry in await self.entries(message.id) if entry.state is EntryState.QUEUED)
        batches = list(make_batches(letter_of(message), queued, most=50))
        while batches:
            batches += await self.clerk(batches.pop(0))

    async def send(self, *entries: QueueEntry, **changes: Any) -> NewMessage:
        """Accept and work once."""
        message = await self.accept(*entries, **changes)
        await self.work(message)
        return message

    def see(self, address: str, *saws: Saw) -> None:
        self.transport.script[address] = list(saws)

    # --- what a test looks at ---

    async def entries(self, queue_id: str) -> tuple[QueueEntry, ...]:
        async with self.store.read() as conn:
            return await queue.of_message(conn, queue_id)

    async def state(self, queue_id: str) -> EntryState:
        """Of a message with one recipient."""
        (entry,) = await self.entries(queue_id)
        return entry.state

    async def events(self, kind: str = "", queue_id: str = "") -> list[Event]:
        async with self.store.read() as conn:
            return [found.event for found in await search(conn, Query(kind=kind, queue_id=queue_id))]

    async def kinds(self, queue_id: str) -> list[str]:
        return [event.kind for event in await self.events(queue_id=queue_id)]

    async def waiting(self, queue_id: str) -> tuple[PortalMessage, ...]:
        async with self.store.read() as conn:
            return await portal.of_message(conn, queue_id)

    async def is_sealed(self, queue_id: str) -> bool:
        """Whether the content is still there."""
        async with self.store.read() as conn:
            facts = await queue.message_facts(conn, queue_id)
        assert facts is not None
        return facts.is_sealed

    def own(self, kind: MessageKind) -> list[NewMessage]:
        return [message for message in self.taken if message.kind is kind]


def make_entry(queue_id: str, number: int = 1, **changes: Any) -> QueueEntry:
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "id": f"{queue_id}-{number}",
        "queue_id": queue_id,
        "kind": MessageKind.MAIL,
        "sender": SENDER,
        "recipient": RECIPIENT,
        "state": EntryState.QUEUED,
        "protected": True,
        "methods": (Method.TLS, Method.OPENPGP, Method.PORTAL),
        "queued_at": now,
        "next_attempt_at": now,
        "expires_at": now + 5 * DAY,
    }
    return QueueEntry(**(values | changes))


def make_entries(*recipients: str, **changes: Any) -> tuple[QueueEntry, ...]:
    """One message's entries."""
    queue_id = new_queue_id()
    return tuple(
        make_entry(queue_id, number, recipient=address, **changes) for number, address in enumerate(recipients, 1)
    )


def make_message(*entries: QueueEntry, **changes: Any) -> NewMessage:
    first = entries[0]
    values: dict[str, Any] = {
        "id": first.queue_id,
        "kind": first.kind,
        "sender": first.sender,
        "received_at": first.queued_at,
        "body": BODY,
        "entries": entries,
    }
    return NewMessage(**(values | changes))


def read(message: NewMessage) -> EmailMessage:
    """Mail of our own as a mail reader sees it."""
    return message_from_bytes(message.body, policy=policy.default)


def words(message: NewMessage) -> str:
    """The plain text of a notice, on one line."""
    part = read(message).get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().split())


def told(dsn: NewMessage) -> list[tuple[str, str, str]]:
    """Recipient, action and status of each group of a delivery status notice (RFC 3464)."""
    (status,) = (part for part in read(dsn).walk() if part.get_content_type() == "message/delivery-status")
    groups = list(status.iter_parts())[1:]
    return [(str(g["Final-Recipient"]).removeprefix("rfc822; "), str(g["Action"]), str(g["Status"])) for g in groups]
