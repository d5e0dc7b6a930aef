"""The clerk with ladder, courier, own mail and a real store: what each attempt comes to, for everybody it concerns."""

import io
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import structlog

from gateway import log
from gateway.config.modes import CodeChannel
from gateway.delivery.letter import letter_of, make_batches
from gateway.message import pickup
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.envelope import Notify
from gateway.message.queue_id import new_queue_id
from gateway.protect.errors import NoUsableCertificate
from gateway.protect.notice import Secret
from gateway.store import domains
from gateway.store.errors import MissingRow
from gateway.store.store import Store
from policy.decision import Method
from tests.gateway.delivery.office import (
    CIPHERTEXT,
    DAY,
    DEFERRED,
    DELIVERED,
    DELIVERED_WITH_DSN,
    DOWNGRADED,
    EXPIRED_CERTIFICATE,
    FINGERPRINT,
    HOST,
    IN_CLEAR,
    LOST,
    MARKER,
    MINUTE,
    NO_TLS,
    RECIPIENT,
    REJECTED,
    SENDER,
    STALLED,
    Office,
    Saw,
    make_entries,
    make_entry,
    told,
    words,
)
from tls.levels import TlsLevel

PIN = re.compile(r"\b\d{4}-\d{4}\b")
TOKEN = re.compile(r"/m/([A-Za-z0-9_-]{43})")


# --- a sender's message: the five moves ---


async def test_delivery_ends_the_entry_with_its_evidence(office: Office) -> None:
    """Invariant 3: ending, evidence and destruction of the content in one transaction."""
    message = await office.send(make_entry(new_queue_id()))
    assert await office.state(message.id) is EntryState.DELIVERED
    (event,) = await office.events("delivery.delivered", message.id)
    assert event.data["tls_version"] == "TLSv1.3"
    assert event.data["verification"] == "webpki, MX unsigned"
    assert (event.data["host"], event.data["reply"]) == (HOST, "250 2.0.0 ok")
    assert not await office.is_sealed(message.id)
    assert office.taken == []


async def test_a_protected_message_asks_for_verified_tls(office: Office) -> None:
    """Invariant 1: the job that carries the words says so itself."""
    await office.send(make_entry(new_queue_id()))
    (job,) = office.transport.jobs
    assert MARKER in job.data
    assert job.needs.level is TlsLevel.VERIFIED


async def test_deferral_waits_and_gives_the_lease_back(office: Office, store: Store) -> None:
    office.see(RECIPIENT, DEFERRED)
    message = await office.send(make_entry(new_queue_id()))
    (entry,) = await office.entries(message.id)
    assert (entry.state, entry.attempts, entry.last_reply) == (EntryState.QUEUED, 1, DEFERRED.reply)
    assert entry.next_attempt_at > datetime.now(UTC)
    assert await office.kinds(message.id) == ["delivery.attempted", "delivery.deferred"]
    assert await office.is_sealed(message.id)


async def test_rejection_tells_the_sender_without_content(office: Office) -> None:
    """OB-11: null reverse path, no subject, no body; the DSN and its event are in the transaction of the ending."""
    office.see(RECIPIENT, REJECTED)
    message = await office.send(make_entry(new_queue_id(), orcpt="rfc822;pat@old.example"), envid="abc")
    assert await office.state(message.id) is EntryState.BOUNCED
    assert await office.kinds(message.id) == ["delivery.attempted", "delivery.bounced", "dsn.created"]
    (dsn,) = office.own(MessageKind.DSN)
    assert (dsn.sender, dsn.entries[0].recipient, dsn.about_id) == ("", SENDER, message.id)
    assert told(dsn) == [(RECIPIENT, "failed", "5.1.1")]
    assert b"<1@clinic.example>" in dsn.body
    assert b"Original-Envelope-Id: abc" in dsn.body
    assert MARKER not in dsn.body
    assert b"Secret subject" not in dsn.body
    assert not await office.is_sealed(message.id)


async def test_expiry_tells_the_sender(office: Office) -> None:
    """OB-10: too old at its next failure; the ending says so."""
    office.see(RECIPIENT, DEFERRED)
    old = datetime.now(UTC) - 5 * DAY
    message = await office.send(make_entry(new_queue_id(), queued_at=old, expires_at=old, delay_notified=True))
    assert await office.state(message.id) is EntryState.EXPIRED
    assert (await office.kinds(message.id))[-2:] == ["delivery.expired", "dsn.created"]
    (dsn,) = office.own(MessageKind.DSN)
    assert told(dsn) == [(RECIPIENT, "failed", "5.0.0")]


async def test_climb_to_openpgp_goes_on_at_once_and_tells_the_sender_once(office: Office) -> None:
    """The ladder: TLS refused for certain; ciphertext leaves over the same host, and only ciphertext."""
    office.see(RECIPIENT, NO_TLS, DELIVERED)
    message = await office.send(make_entry(new_queue_id()))
    assert await office.state(message.id) is EntryState.DELIVERED
    assert [MARKER in job.data for job in office.transport.jobs] == [True, False]
    assert office.transport.jobs[0].needs.level is TlsLevel.VERIFIED
    assert office.transport.jobs[1].data == CIPHERTEXT
    (notice,) = office.taken
    assert (notice.kind, notice.entries[0].recipient) == (MessageKind.SENDER_NOTICE, SENDER)
    assert not notice.entries[0].protected, "no PIN is in it"
    assert "offers no encryption" in words(notice)
    assert (await office.events("delivery.climbed"))[0].data["new"] == "openpgp"
    assert (await office.events("delivery.delivered"))[0].data["openpgp_keys"] == [FINGERPRINT]


async def test_climb_to_the_portal_publishes_with_a_pin(office: Office) -> None:
    """PO-02: where TLS was refused no code can be mailed; link to the recipient, PIN to the sender, one transaction."""
    office.see(RECIPIENT, EXPIRED_CERTIFICATE)
    message = await office.send(make_entry(new_queue_id(), methods=(Method.TLS, Method.PORTAL)))
    assert await office.state(message.id) is EntryState.PORTAL
    (waiting,) = await office.waiting(message.id)
    assert waiting.secret == Secret.PIN
    link, notice = office.own(MessageKind.NOTICE)[0], office.own(MessageKind.SENDER_NOTICE)[0]
    assert (link.entries[0].recipient, notice.entries[0].recipient) == (RECIPIENT, SENDER)
    found = TOKEN.search(words(link))
    assert found
    assert pickup.hash_token(found[1]) == waiting.token_hash
    pin = PIN.search(words(notice))
    assert pin
    assert pickup.is_right(waiting.secret_hash, pin[0])
    assert not PIN.search(words(link)), "whoever reads the recipient's mail must not learn it"
    assert "could not prove who it is" in words(notice)
    assert notice.entries[0].protected, "a PIN leaves over TLS or not at all"
    assert await office.is_sealed(message.id), "it waits to be read"


async def test_an_archive_that_needs_a_pin_is_held(office: Office) -> None:
    """Its sender does not know of it: nobody hears its address or a PIN, and the copy waits for a person."""
    office.see(RECIPIENT, EXPIRED_CERTIFICATE)
    message = await office.send(make_entry(new_queue_id(), methods=(Method.TLS, Method.PORTAL), archive=True))
    assert await office.state(message.id) is EntryState.HELD
    assert "nobody could be told" in str((await office.events("message.held"))[0].data["why"])
    assert office.taken == []
    assert await office.is_sealed(message.id)


async def test_an_archive_climbs_in_silence(office: Office) -> None:
    office.see(RECIPIENT, NO_TLS, DELIVERED)
    message = await office.send(make_entry(new_queue_id(), archive=True))
    assert await office.state(message.id) is EntryState.DELIVERED
    assert office.taken == []


async def test_portal_as_first_rung_asks_for_a_code(office: Office) -> None:
    """No TLS was refused: the code is mailed on request, and the sender has nothing to do."""
    message = await office.send(make_entry(new_queue_id(), methods=(Method.PORTAL,)))
    (waiting,) = await office.waiting(message.id)
    assert (waiting.secret, waiting.secret_hash) == (Secret.CODE, "")
    assert [own.kind for own in office.taken] == [MessageKind.NOTICE]
    assert office.transport.jobs == []


async def test_two_climbs_tell_two_ways(office: Office) -> None:
    """tls, openpgp, portal: the key is unfit too; each climb is told once, the PIN with the last."""
    office.see(RECIPIENT, NO_TLS)
    office.sealer.answer = NoUsableCertificate("it has expired")
    message = await office.send(make_entry(new_queue_id()))
    assert await office.state(message.id) is EntryState.PORTAL
    first, second = office.own(MessageKind.SENDER_NOTICE)
    assert not PIN.search(words(first))
    assert PIN.search(words(second))
    assert "There is no encryption key on file" in words(second)
    assert len(office.transport.jobs) == 1, "without a key nothing was sent"


async def test_ciphertext_that_a_route_bound_to_tls_also_gets_a_pin(office: Office) -> None:
    """PO-02: TLS was refused below the rung tls too; the code would have to leave the same way."""
    office.see(RECIPIENT, NO_TLS)
    message = await office.send(make_entry(new_queue_id(), methods=(Method.OPENPGP, Method.PORTAL)))
    (waiting,) = await office.waiting(message.id)
    assert waiting.secret == Secret.PIN


async def test_an_encrypted_channel_is_enough_for_a_code(store: Store) -> None:
    """`portal.code_channel = "encrypted"`: a bad certificate still hides the code from whoever only listens."""
    for saw, secret in ((EXPIRED_CERTIFICATE, Secret.CODE), (NO_TLS, Secret.PIN)):
        office = Office(store, channel=CodeChannel.ENCRYPTED)
        office.see(RECIPIENT, saw)
        message = await office.send(make_entry(new_queue_id(), methods=(Method.TLS, Method.PORTAL)))
        (waiting,) = await office.waiting(message.id)
        assert waiting.secret == secret


# --- several recipients ---


async def test_each_recipient_has_an_outcome_of_its_own(office: Office) -> None:
    """OB-01: three recipients of one transaction: delivered, retried, bounced, all committed at once."""
    office.see("b@b.example", DEFERRED)
    office.see("c@b.example", REJECTED)
    message = await office.send(*make_entries("a@b.example", "b@b.example", "c@b.example"))
    assert len(office.transport.jobs) == 1
    states = [entry.state for entry in await office.entries(message.id)]
    assert states == [EntryState.DELIVERED, EntryState.QUEUED, EntryState.BOUNCED]
    (dsn,) = office.own(MessageKind.DSN)
    assert told(dsn) == [("c@b.example", "failed", "5.1.1")]
    assert await office.is_sealed(message.id), "one is still to be delivered"
    office.see("b@b.example", DELIVERED)
    await office.work(message)
    assert not await office.is_sealed(message.id), "the last ending destroys the content"


async def test_one_notice_lists_all_that_failed_at_once(office: Office) -> None:
    """OB-11: one DSN lists all recipients of one change."""
    people = ("a@b.example", "b@b.example", "c@b.example")
    for address in people:
        office.see(address, REJECTED)
    await office.send(*make_entries(*people))
    (dsn,) = office.own(MessageKind.DSN)
    assert [recipient for recipient, _, _ in told(dsn)] == list(people)
    assert len(await office.events("dsn.created")) == 3


async def test_content_stays_while_a_copy_waits_in_the_portal(office: Office) -> None:
    """Invariant 4: destroyed after the last ending, not before."""
    office.see("b@b.example", NO_TLS)
    message = await office.send(*make_entries("a@b.example", "b@b.example", methods=(Method.TLS, Method.PORTAL)))
    assert [entry.state for entry in await office.entries(message.id)] == [EntryState.DELIVERED, EntryState.PORTAL]
    assert await office.is_sealed(message.id)


# --- who is told, and who is not ---


@pytest.mark.parametrize("saw", [REJECTED, DEFERRED, NO_TLS])
async def test_the_null_sender_is_told_nothing(office: Office, saw: Saw) -> None:
    """OB-10: a bounce is never bounced; nor does it get notices."""
    office.see(RECIPIENT, saw)
    old = datetime.now(UTC) - DAY
    await office.send(make_entry(new_queue_id(), sender="", methods=(Method.TLS, Method.PORTAL), queued_at=old))
    assert all(own.entries[0].recipient == RECIPIENT for own in office.taken)


async def test_without_a_sender_nobody_could_tell_a_pin(office: Office) -> None:
    office.see(RECIPIENT, NO_TLS)
    message = await office.send(make_entry(new_queue_id(), sender="", methods=(Method.TLS, Method.PORTAL)))
    (waiting,) = await office.waiting(message.id)
    assert waiting.secret == Secret.CODE


async def test_notify_never_is_honoured(office: Office) -> None:
    """OB-11, RFC 3461 section 4.1: neither failure nor delay."""
    office.see("a@b.example", REJECTED)
    office.see("b@b.example", DEFERRED)
    old = datetime.now(UTC) - DAY
    await office.send(*make_entries("a@b.example", "b@b.example", notify=frozenset({Notify.NEVER}), queued_at=old))
    assert office.taken == []


async def test_success_is_told_when_asked_for(office: Office) -> None:
    """RFC 3461 section 4.1; 5.2.2: the next hop does no DSN, so that nobody else would tell."""
    message = await office.send(make_entry(new_queue_id(), notify=frozenset({Notify.SUCCESS})))
    (dsn,) = office.own(MessageKind.DSN)
    assert told(dsn) == [(RECIPIENT, "relayed", "2.0.0")]
    assert (await office.kinds(message.id))[-1] == "dsn.created"


@pytest.mark.parametrize("rung", [0, 1])
async def test_success_is_told_once(office: Office, rung: int) -> None:
    """RFC 3461 section 5.2.1: a next hop that does DSN tells it, of ciphertext too; of the others we do."""
    office.see("a@b.example", DELIVERED_WITH_DSN)
    notify = frozenset({Notify.SUCCESS})
    await office.send(*make_entries("a@b.example", "b@b.example", notify=notify, rung=rung))
    assert [told(dsn) for dsn in office.own(MessageKind.DSN)] == [[("b@b.example", "relayed", "2.0.0")]]


async def test_the_portal_is_no_success(office: Office) -> None:
    """RFC 3461 section 4.1: nobody has the message yet, and the notice to its reader asks for no report of its own."""
    message = await office.send(
        make_entry(new_queue_id(), methods=(Method.PORTAL,), notify=frozenset({Notify.SUCCESS}))
    )
    assert await office.state(message.id) is EntryState.PORTAL
    assert office.own(MessageKind.DSN) == []
    (notice,) = office.own(MessageKind.NOTICE)
    assert notice.entries[0].notify == {Notify.NEVER}


async def test_a_delay_is_told_once(office: Office) -> None:
    """OB-10: half an hour after it was queued, and never again."""
    office.see(RECIPIENT, DEFERRED)
    old = datetime.now(UTC) - 31 * MINUTE
    message = await office.send(make_entry(new_queue_id(), queued_at=old))
    await office.work(message)
    (dsn,) = office.own(MessageKind.DSN)
    assert told(dsn) == [(RECIPIENT, "delayed", "4.2.0")]


async def test_a_lost_reply_is_recorded_as_possible_duplicate(office: Office) -> None:
    """OB-03: at least once, with the same Message-ID, and the log says so once."""
    office.see(RECIPIENT, LOST, LOST, DELIVERED)
    message = await office.send(make_entry(new_queue_id()))
    await office.work(message)
    assert len(await office.events("delivery.possible_duplicate")) == 1
    await office.work(message)
    assert await office.state(message.id) is EntryState.DELIVERED
    assert len({job.data for job in office.transport.jobs}) == 1


async def test_a_domain_that_had_tls_and_lost_it_raises_an_alarm(office: Office, store: Store) -> None:
    """TL-07: remembered across restarts, asked for at the next attempt, and told as a downgrade."""
    await office.send(make_entry(new_queue_id()))
    async with store.read() as conn:
        known = await domains.tls_seen(conn, "b.example")
    assert known is not None
    assert known.verified
    later = Office(store)
    later.see(RECIPIENT, DOWNGRADED)
    message = await later.send(make_entry(new_queue_id()))
    assert later.transport.jobs[0].tls_seen
    assert await later.state(message.id) is EntryState.QUEUED, "it waits, and does not climb at once"
    assert "delivery.tls_downgrade" in await later.kinds(message.id)
    assert b"mailward_tls_downgrades_total 1.0" in later.metrics.page()


async def test_clear_text_proves_no_tls(office: Office, store: Store) -> None:
    """An unprotected message may leave in clear; the domain is not remembered for TLS it did not show."""
    office.see(RECIPIENT, IN_CLEAR)
    await office.send(make_entry(new_queue_id(), protected=False, methods=(Method.TLS,)))
    async with store.read() as conn:
        assert await domains.tls_seen(conn, "b.example") is None
    assert b"mailward_unprotected_deliveries_total 1.0" in office.metrics.page()


async def test_a_refused_certificate_proves_that_tls_was_offered(office: Office, store: Store) -> None:
    """TL-07: a domain that shows an expired certificate today and no TLS tomorrow has lost it."""
    office.see(RECIPIENT, replace(EXPIRED_CERTIFICATE, level=TlsLevel.ENCRYPTED))
    message = await office.send(make_entry(new_queue_id(), methods=(Method.TLS, Method.PORTAL)))
    assert await office.state(message.id) is EntryState.PORTAL
    async with store.read() as conn:
        seen = await domains.tls_seen(conn, "b.example")
    assert seen is not None
    assert not seen.verified


async def test_uncertain_tls_waits_and_sends_nothing(office: Office) -> None:
    """Invariant 1: a stalled handshake is no reason to leave by another way before its time."""
    office.see(RECIPIENT, STALLED)
    message = await office.send(make_entry(new_queue_id()))
    assert await office.state(message.id) is EntryState.QUEUED
    assert office.taken == []


# --- what must not get out ---


async def test_no_secret_is_in_audit_log_or_log(office: Office) -> None:
    """PO-04, KY-01: token and PIN are nowhere but in the one mail that carries each."""
    written = io.StringIO()
    log.configure(level="debug", stream=written)
    office.see(RECIPIENT, NO_TLS)
    message = await office.send(make_entry(new_queue_id(), methods=(Method.TLS, Method.PORTAL)))
    link, notice = office.own(MessageKind.NOTICE)[0], office.own(MessageKind.SENDER_NOTICE)[0]
    token, pin = TOKEN.search(words(link)), PIN.search(words(notice))
    assert token
    assert pin
    for own in (link, notice):
        await office.work(own)
    structlog.reset_defaults()
    assert "sent" in written.getvalue()
    seen = [*await office.events(), *office.taken, await office.waiting(message.id), office.transport.jobs]
    everything = repr(seen) + written.getvalue()
    for secret in (token[1], pin[0], pin[0].replace("-", ""), MARKER.decode(), "Secret subject"):
        assert secret not in everything


async def test_nothing_is_true_before_it_is_durable(office: Office, store: Store) -> None:
    """Invariant 3: when the record cannot be written, no own mail is handed on and no metric counts."""
    ghost: QueueEntry = make_entry(new_queue_id())
    office.see(RECIPIENT, REJECTED)
    message = await office.accept(make_entry(new_queue_id()))
    stray = replace(message, id=ghost.queue_id, entries=(ghost,))
    (batch,) = make_batches(letter_of(stray), (ghost,), most=1)
    with pytest.raises(MissingRow):
        await office.clerk(batch)
    assert office.taken == []
    assert await office.events() == []
    assert b"mailward_delivery_attempts_total{" not in office.metrics.page()
