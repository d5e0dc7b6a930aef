"""SM-19: a next hop without 8BITMIME gets the 7-bit form, signed as it arrives, or the message takes another way."""

import asyncio
import gc
from collections.abc import Sequence
from dataclasses import replace
from weakref import ref

import dkim
import pytest

from gateway.delivery.courier import Courier
from gateway.delivery.letter import Batch, letter_of
from gateway.delivery.needs import NeedsPolicy
from gateway.delivery.outcome import Outcome, Seen
from gateway.inspect.eightbit import NoSevenBitForm, Obstacle
from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.sevenbit import is_seven_bit
from gateway.metrics import Metrics
from gateway.protect.dkim import Signer
from gateway.store.store import Store
from gateway.workers.errors import PoolUnavailable
from policy.decision import Method
from tests.faulty import certificates
from tests.faulty.server import Script
from tests.gateway.delivery.conftest import Net
from tests.gateway.delivery.office import (
    DELIVERED,
    ONLY_7BIT,
    RECIPIENT,
    FakeConverter,
    FakeSealer,
    Office,
    make_entries,
    make_message,
    told,
    words,
)
from tests.gateway.protect.test_dkim import KEYS, records

BODY = (
    b"From: nurse@clinic.example\r\nSubject: Secret subject\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    + "Grüezi, the result is fine.\r\n".encode()
)
SIGNED_BY_ITS_AUTHOR = (
    b"From: nurse@clinic.example\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n"
    + "Grüezi\r\n".encode()
    + b"--b\r\n\r\nsignature\r\n--b--\r\n"
)
PEOPLE = ("a@b.example", "b@b.example", "c@b.example")


def batch(*entries: QueueEntry, body: bytes = BODY) -> Batch:
    return Batch(letter=letter_of(make_message(*entries, body=body)), entries=entries)


async def attempt(office: Office, one: Batch) -> Sequence[Outcome]:
    return await office.courier.attempt(one, tls_seen=False)


async def test_the_seven_bit_form_goes_in_the_same_attempt(store: Store) -> None:
    """SM-19: converted, then signed, and only for those who need it; the others keep what they got."""
    office = Office(store, dkim=KEYS)
    office.see(PEOPLE[0], ONLY_7BIT, DELIVERED)
    office.see(PEOPLE[2], ONLY_7BIT, DELIVERED)
    outcomes = await attempt(office, batch(*make_entries(*PEOPLE)))
    assert [(outcome.recipient, outcome.seen) for outcome in outcomes] == [(one, Seen.DELIVERED) for one in PEOPLE]
    assert [outcome.is_seven_bit for outcome in outcomes] == [True, False, True]
    first, second = office.transport.jobs
    assert [one.address for one in second.recipients] == [PEOPLE[0], PEOPLE[2]]
    assert not is_seven_bit(first.data)
    assert is_seven_bit(second.data)
    assert b"Gr=C3=BCezi" in second.data
    for job in office.transport.jobs:
        assert dkim.verify(job.data, dnsfunc=records())


async def test_several_domains_share_one_conversion(office: Office) -> None:
    """SM-19: once for each message and form, however many batches ask for it at once."""
    for person in PEOPLE:
        office.see(person, ONLY_7BIT, DELIVERED)
    entries = make_entries(*PEOPLE)
    whole = batch(*entries)
    await asyncio.gather(*(attempt(office, replace(whole, entries=(entry,))) for entry in entries))
    assert office.converter.jobs == 1
    assert len({id(job.data) for job in office.transport.jobs if is_seven_bit(job.data)}) == 1


@pytest.mark.slow
async def test_an_obstacle_is_found_once_and_keeps_nothing_alive(office: Office) -> None:
    """A message that cannot be converted is not read again for each recipient, and its letter is let go."""
    office.see(PEOPLE[0], ONLY_7BIT)
    one = batch(*make_entries(PEOPLE[0]), body=SIGNED_BY_ITS_AUTHOR)
    for _ in range(2):
        (outcome,) = await attempt(office, one)
        assert (outcome.seen, outcome.reply[:9]) == (Seen.NOT_8BITMIME, "554 5.6.3")
        assert outcome.why.endswith(f"cannot be converted, because {Obstacle.SIGNED}")
    assert (office.converter.jobs, len(office.transport.jobs)) == (1, 2)
    letter = ref(one.letter)
    del one
    gc.collect()
    assert letter() is None


async def test_what_has_no_seven_bit_form_comes_back(office: Office) -> None:
    """SM-19: with no rung below: 5.6.3, in our words, before anything was sent."""
    office.see(RECIPIENT, ONLY_7BIT)
    message = await office.send(*make_entries(RECIPIENT, methods=(Method.TLS,)), body=SIGNED_BY_ITS_AUTHOR)
    assert await office.state(message.id) is EntryState.BOUNCED
    (dsn,) = office.own(MessageKind.DSN)
    assert told(dsn) == [(RECIPIENT, "failed", "5.6.3")]
    assert "mx.b.example takes no 8-bit messages" in words(dsn)


async def test_what_has_no_seven_bit_form_climbs(office: Office) -> None:
    """SM-19: the rungs below are 7-bit themselves; the sender hears why."""
    office.see(RECIPIENT, ONLY_7BIT)
    message = await office.send(
        *make_entries(RECIPIENT, methods=(Method.TLS, Method.PORTAL)), body=SIGNED_BY_ITS_AUTHOR
    )
    assert await office.state(message.id) is EntryState.PORTAL
    (notice,) = office.own(MessageKind.SENDER_NOTICE)
    assert "takes no 8-bit messages, and yours could not be converted" in words(notice)


@pytest.mark.parametrize("is_ours", [True, False])
async def test_an_authors_signature_is_replaced_or_respected(store: Store, is_ours: bool) -> None:
    """SM-19: encoding a body breaks its DKIM signature; that is done only where ours vouches for the domain anew."""
    office = Office(store, dkim=KEYS if is_ours else ())
    office.see(RECIPIENT, ONLY_7BIT, DELIVERED)
    came = b"DKIM-Signature: v=1; d=clinic.example; s=other; b=abc\r\n" + BODY
    (outcome,) = await attempt(office, batch(*make_entries(RECIPIENT), body=came))
    assert outcome.seen is (Seen.DELIVERED if is_ours else Seen.NOT_8BITMIME)
    assert is_ours or str(Obstacle.AUTHOR) in outcome.why


@pytest.mark.parametrize(
    ("trouble", "seen"),
    [(PoolUnavailable(), Seen.DEFERRED), (NoSevenBitForm(Obstacle.UNCLEAR), Seen.NOT_8BITMIME)],
)
async def test_without_a_converter_nothing_is_sent(office: Office, trouble: Exception, seen: Seen) -> None:
    """SM-19: busy: it waits; two children died of it: it has no 7-bit form. Never 8-bit octets to a 7-bit server."""
    office.converter.trouble = trouble
    office.see(RECIPIENT, ONLY_7BIT)
    (outcome,) = await attempt(office, batch(*make_entries(RECIPIENT)))
    assert outcome.seen is seen
    assert len(office.transport.jobs) == 1


@pytest.mark.parametrize("does_8bit", [True, False])
async def test_on_the_wire(net: Net, store: Store, does_8bit: bool) -> None:
    """SM-19, RFC 6152 3: one connection; BODY=8BITMIME where it is offered, else 7-bit octets that verify."""
    offers = ("PIPELINING", *(["8BITMIME"] if does_8bit else []))
    (server,) = await net.serve(Script(tls=certificates.good("mx1.b.example"), extensions=offers))
    courier = Courier(
        store=store,
        transport=net.transport,
        signer=Signer(KEYS),
        converter=FakeConverter(),
        sealer=FakeSealer(),
        needs=NeedsPolicy(),
        inbound={},
        metrics=Metrics(),
    )
    outcomes = await courier.attempt(batch(*make_entries(*PEOPLE)), tls_seen=False)
    assert {outcome.seen for outcome in outcomes} == {Seen.DELIVERED}
    assert server.connections == 1
    (message,) = server.messages
    assert message.recipients == list(PEOPLE)
    assert is_seven_bit(message.data) is not does_8bit
    assert dkim.verify(message.data, dnsfunc=records())
    (mail,) = [one.line for one in server.commands if one.line.startswith(b"MAIL")]
    assert (b"BODY=8BITMIME" in mail) is does_8bit
