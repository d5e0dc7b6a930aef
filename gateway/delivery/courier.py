"""One attempt: bring a batch into the form of its rung, sign that form, and hand it to the transport.

A next hop that turns out to take no 8-bit message gets the 7-bit form in the same attempt, where there is one.

Nothing is decided here. Whatever goes wrong before a byte is sent is an outcome like any other: a message that cannot
be encrypted or signed waits, it never leaves in another form (CR-13, CR-12).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, Protocol

from gateway.config.values import HostPort
from gateway.delivery.copies import Copies
from gateway.delivery.discovery import KeyFinder
from gateway.delivery.job import SendJob
from gateway.delivery.letter import Batch
from gateway.delivery.needs import NeedsPolicy, needs_for
from gateway.delivery.outcome import NONE_ON_FILE, Outcome, Seen
from gateway.delivery.smime_ring import SmimeRing
from gateway.inspect.converter import Converter
from gateway.inspect.eightbit import NoSevenBitForm
from gateway.log import get_logger
from gateway.message.entry import MessageKind
from gateway.message.envelope import Recipient
from gateway.message.received import came_by_smtputf8
from gateway.metrics import Metrics
from gateway.protect.dkim import Signer
from gateway.protect.errors import NoUsableCertificate, SealError, SignError
from gateway.protect.sealer import Sealer
from gateway.store import certificates, smime_certificates
from gateway.store.own_keys import signer_of
from gateway.store.smime_certificates import USED, SmimeCertificate
from gateway.store.store import Store
from gateway.workers.errors import WorkerError
from policy.decision import Method

CANNOT_SIGN: Final = "451 4.7.0 The message could not be signed"
CANNOT_CONVERT: Final = "451 4.3.0 The message could not be converted at the moment"
CANNOT_SEAL: Final = "451 4.7.0 The message could not be encrypted at the moment"
TO_OUR_SENDERS: Final = frozenset({MessageKind.DSN, MessageKind.SENDER_NOTICE})
BUG: Final = "451 4.3.0 Local error"
NO_KEY: Final = "No usable OpenPGP key"
PENDING_KEY: Final = "451 4.7.0 Another OpenPGP key waits for a person's word"
PENDING_WHY: Final = (
    "Another OpenPGP key than the one on file was found for this recipient; `mailward key openpgp pending` shows it."
)
NO_CERTIFICATE: Final = "No usable S/MIME certificate"
# RFC 3461 section 5.2.1 hands the sender's RET on; a peer's notice takes a way that we do not choose, so it must not
# hold what we protect (TL-27), and RET=FULL is disregarded for REQUIRETLS (RFC 8689 section 5).
PROTECTED_RET: Final = "HDRS"

log = get_logger("delivery")


class Transport(Protocol):
    """`gateway.delivery.transport.Transport`, or a fake in tests."""

    async def send(self, job: SendJob) -> Sequence[Outcome]:
        """One outcome for each recipient of the job, in their order."""
        ...


class Rung(Protocol):
    """How one method is attempted."""

    async def __call__(self, batch: Batch, *, tls_seen: bool) -> Sequence[Outcome]: ...


class Courier:
    """inbound: `domain.inbound`, where DSNs and notices to our own senders go instead of MX.

    finder: looks for a recipient's key when none is on file; None: nobody does.
    """

    def __init__(
        self,
        *,
        store: Store,
        transport: Transport,
        signer: Signer,
        converter: Converter,
        sealer: Sealer,
        needs: NeedsPolicy,
        inbound: Mapping[str, HostPort],
        metrics: Metrics,
        smime: SmimeRing | None = None,
        finder: KeyFinder | None = None,
    ) -> None:
        self._store = store
        self._transport = transport
        self._sealer = sealer
        self._smime = smime or SmimeRing()
        self._finder = finder
        self._needs = needs
        self._inbound = inbound
        self._copies = Copies(signer, converter, metrics)
        self._sealing = metrics.histogram("stage_duration_seconds", "encrypt")
        self._by_method: Final[Mapping[Method, Rung]] = {
            Method.TLS: self._as_it_is,
            Method.SMIME: self._as_smime,
            Method.OPENPGP: self._as_openpgp,
            Method.PORTAL: self._into_portal,
        }

    async def attempt(self, batch: Batch, *, tls_seen: bool) -> Sequence[Outcome]:
        """Try the batch's rung once. tls_seen: its domain has offered TLS before. Returns: one outcome an entry.

        A bug is a failed attempt like any other: otherwise its entries would come again for ever and never end.
        """
        try:
            return await self._by_method[batch.method](batch, tls_seen=tls_seen)
        except Exception:
            log.exception("attempt failed by a bug", queue_id=batch.letter.id)
            return self._not_sent(batch, BUG, "Something went wrong on our side.")

    async def _as_it_is(self, batch: Batch, *, tls_seen: bool) -> Sequence[Outcome]:
        try:
            data = await self._copies.as_it_came(batch.letter)
        except SignError as why:
            return self._not_sent(batch, CANNOT_SIGN, str(why))
        outcomes = await self._send(batch, data, tls_seen=tls_seen)
        seven = tuple(one for one, saw in zip(batch.entries, outcomes, strict=True) if saw.seen is Seen.NOT_8BITMIME)
        if not seven:
            return outcomes
        again = iter(await self._as_seven_bit(replace(batch, entries=seven), outcomes, tls_seen=tls_seen))
        return [next(again) if outcome.seen is Seen.NOT_8BITMIME else outcome for outcome in outcomes]

    async def _as_seven_bit(self, batch: Batch, outcomes: Sequence[Outcome], *, tls_seen: bool) -> Sequence[Outcome]:
        """SM-19: for those whose next hop takes no 8-bit message. outcomes: of all, of the first try."""
        try:
            data = await self._copies.seven_bit(batch.letter)
        except NoSevenBitForm as obstacle:
            return [
                replace(outcome, why=f"{outcome.own_words}, and the message cannot be converted, because {obstacle}")
                for outcome in outcomes
                if outcome.seen is Seen.NOT_8BITMIME
            ]
        except SignError as why:
            return self._not_sent(batch, CANNOT_SIGN, str(why))
        except WorkerError as error:
            log.error("cannot convert", queue_id=batch.letter.id, why=type(error).__name__)
            return self._not_sent(batch, CANNOT_CONVERT, "The message could not be converted at the moment.")
        sent = await self._send(batch, data, tls_seen=tls_seen, may_turn_back=False)
        return [replace(outcome, is_seven_bit=True) for outcome in sent]

    async def _as_openpgp(self, batch: Batch, *, tls_seen: bool) -> Sequence[Outcome]:
        recipient = batch.entries[0].recipient
        ring = await self._ring(recipient)
        if not ring.usable and not ring.pending and self._finder and await self._finder.openpgp(recipient):
            ring = await self._ring(recipient)
        if ring.pending:
            return self._not_sent(batch, PENDING_KEY, PENDING_WHY, seen=Seen.KEY_PENDING)
        try:
            signer = await self._openpgp_signer(batch.letter.home)
            with self._sealing.time():
                sealed = await self._sealer.encrypt(
                    batch.letter.body, ring.usable, address=recipient.lower(), signer=signer
                )
            data = await self._copies.sign(sealed.message)
        except NoUsableCertificate as why:
            reply = NO_KEY if ring.usable else NONE_ON_FILE
            return self._not_sent(batch, reply, f"There is no usable OpenPGP key: {why}.", seen=Seen.NO_KEY)
        except (SealError, WorkerError, SignError) as why:
            log.error("cannot encrypt", queue_id=batch.letter.id, why=str(why) or type(why).__name__)
            return self._not_sent(batch, CANNOT_SEAL, "The message could not be encrypted at the moment.")
        outcomes = await self._send(batch, data, tls_seen=tls_seen)
        return [replace(outcome, keys=sealed.fingerprints) for outcome in outcomes]

    async def _as_smime(self, batch: Batch, *, tls_seen: bool) -> Sequence[Outcome]:
        recipient = batch.entries[0].recipient
        on_file = await self._certificates(recipient)
        if not any(one.trust in USED for one in on_file) and self._finder and await self._finder.smime(recipient):
            on_file = await self._certificates(recipient)
        try:
            candidates = await self._smime.candidates(on_file)
            identity = self._smime.identities.of(batch.letter.home)
            with self._sealing.time():
                sealed = await self._sealer.encrypt_smime(
                    batch.letter.body, candidates, address=recipient, identity=identity
                )
            data = await self._copies.sign(sealed.message)
        except NoUsableCertificate as why:
            reason = f"There is no usable S/MIME certificate: {why}."
            return self._not_sent(batch, NO_CERTIFICATE if on_file else NONE_ON_FILE, reason, seen=Seen.NO_KEY)
        except (SealError, WorkerError, SignError) as why:
            log.error("cannot encrypt", queue_id=batch.letter.id, why=str(why) or type(why).__name__)
            return self._not_sent(batch, CANNOT_SEAL, "The message could not be encrypted at the moment.")
        outcomes = await self._send(batch, data, tls_seen=tls_seen)
        return [replace(outcome, keys=sealed.fingerprints) for outcome in outcomes]

    async def _ring(self, recipient: str) -> certificates.Ring:
        async with self._store.read() as conn:
            return await certificates.ring(conn, recipient)

    async def _openpgp_signer(self, domain: str) -> bytes | None:
        """Read anew for each message, so that another key counts from the next one on, in every gateway."""
        async with self._store.read() as conn:
            return await signer_of(conn, self._store.vault, domain)

    async def _certificates(self, recipient: str) -> tuple[SmimeCertificate, ...]:
        async with self._store.read() as conn:
            return await smime_certificates.for_address(conn, recipient)

    async def _into_portal(self, batch: Batch, *, tls_seen: bool) -> Sequence[Outcome]:
        """Publishing is a change of the store alone, made with the outcome; there is nothing to attempt."""
        return self._not_sent(batch, "250 2.0.0 In the portal", "The message waits in the portal.", seen=Seen.DELIVERED)

    async def _send(
        self, batch: Batch, data: bytes, *, tls_seen: bool, may_turn_back: bool = True
    ) -> Sequence[Outcome]:
        first, letter = batch.entries[0], batch.letter
        via = self._inbound.get(batch.domain) if letter.kind in TO_OUR_SENDERS else None
        needs = needs_for(first, self._needs, has_pin=first.protected, is_inbound=via is not None)
        return await self._transport.send(
            SendJob(
                domain=batch.domain,
                mail_from=letter.sender,
                recipients=tuple(
                    Recipient(address=entry.recipient, notify=entry.notify, orcpt=entry.orcpt)
                    for entry in batch.entries
                ),
                data=data,
                needs=needs,
                envid=letter.envid,
                ret=PROTECTED_RET if first.protected or first.requiretls else letter.ret,
                smtputf8=_needs_smtputf8(batch, data),
                via=via,
                home=letter.home,
                tls_seen=tls_seen,
                may_turn_back=may_turn_back,
                is_reported=not needs.is_content_free,  # it goes past the policy; of reports RFC 8460 section 3 says so
            )
        )

    @staticmethod
    def _not_sent(batch: Batch, reply: str, why: str, *, seen: Seen = Seen.DEFERRED) -> Sequence[Outcome]:
        now = datetime.now(UTC)
        return [
            Outcome(recipient=entry.recipient, seen=seen, reply=reply, why=why, started_at=now)
            for entry in batch.entries
        ]


def _needs_smtputf8(batch: Batch, data: bytes) -> bool:
    """Whether the next hop must offer SMTPUTF8: for an address, or for a header that came by it (RFC 6531 3.2; SM-18).

    Raw octets above 127 in the header of mail that came without it go on as they came.
    """
    addresses = (batch.letter.sender, *(entry.recipient for entry in batch.entries))
    if not all(address.isascii() for address in addresses):
        return True
    return came_by_smtputf8(batch.letter.body) and not data[: data.find(b"\r\n\r\n")].isascii()
