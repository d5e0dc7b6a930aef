"""Random lives of a protected message and of all mail of our own about it: the invariants hold whatever is seen."""

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.message.entry import EntryState, MessageKind
from gateway.message.envelope import Notify
from gateway.message.queue_id import new_queue_id
from gateway.protect.errors import NoUsableCertificate, SealError
from gateway.store.rows import NewMessage, save_entry
from gateway.store.statements import Unit
from policy.decision import Method
from tests.gateway.delivery.office import (
    CIPHERTEXT,
    DAY,
    DEFERRED,
    DELIVERED,
    DOWNGRADED,
    EXPIRED_CERTIFICATE,
    LOST,
    MARKER,
    NO_TLS,
    RECIPIENT,
    REJECTED,
    SENDER,
    STALLED,
    Office,
    make_entry,
)
from tls.levels import TlsLevel

SAWS = (DELIVERED, DEFERRED, REJECTED, LOST, NO_TLS, EXPIRED_CERTIFICATE, STALLED, DOWNGRADED)
LADDERS = (
    (Method.TLS,),
    (Method.TLS, Method.PORTAL),
    (Method.TLS, Method.OPENPGP),
    (Method.TLS, Method.OPENPGP, Method.PORTAL),
    (Method.OPENPGP, Method.PORTAL),
    (Method.PORTAL,),
)
SEALERS = (CIPHERTEXT, SealError("no"), NoUsableCertificate("expired"))
ENDED = {"delivery.delivered", "delivery.bounced", "delivery.expired"}
ROUNDS = 6

pytestmark = pytest.mark.slow


async def age(office: Office, message: NewMessage, *, is_over: bool) -> None:
    """Let the deadlines of what waits pass: those of TLS, or all of them."""
    now = datetime.now(UTC)
    for entry in await office.entries(message.id):
        if entry.state is EntryState.QUEUED:
            since = entry.rung_since and now - DAY
            older = replace(entry, rung_since=since, expires_at=now if is_over else entry.expires_at)
            await office.store.commit(Unit(changes=(save_entry(older, release=True),)))


@pytest.mark.parametrize("seed", range(24))
async def test_a_life(office: Office, seed: int) -> None:
    """Invariants 1, 3 and 4: no clear text, one ending, nobody left without word, nothing kept without need."""
    chance = random.Random(seed)  # noqa: S311  # a life that can be lived again, no secret
    entry = make_entry(
        new_queue_id(),
        methods=chance.choice(LADDERS),
        urgent=chance.random() < 0.3,
        queued_at=datetime.now(UTC) - chance.choice((0, 1)) * DAY,
    )
    message = await office.accept(entry)
    for number in range(ROUNDS + 1):
        office.see(RECIPIENT, *chance.choices(SAWS, k=3))
        office.see(SENDER, *chance.choices(SAWS, k=3))
        office.sealer.answer = chance.choice(SEALERS)
        for one in (message, *office.taken):
            await office.work(one)
        for one in (message, *office.taken):
            await age(office, one, is_over=number == ROUNDS - 1)

    for job in office.transport.jobs:
        if MARKER in job.data:
            assert job.needs.level is TlsLevel.VERIFIED
    (last,) = await office.entries(message.id)
    endings = [kind for kind in await office.kinds(message.id) if kind in ENDED]
    waiting = await office.waiting(message.id)
    if last.state is EntryState.PORTAL:
        assert (endings, len(waiting), await office.is_sealed(message.id)) == ([], 1, True)
        assert [own.about_id for own in office.own(MessageKind.NOTICE)] == [message.id]
    else:
        assert last.state.is_ending
        assert (len(endings), waiting, await office.is_sealed(message.id)) == (1, (), False)
    if last.state in {EntryState.BOUNCED, EntryState.EXPIRED}:
        assert any(b"Action: failed" in own.body for own in office.own(MessageKind.DSN))
    assert all(own.sender == "" and own.entries[0].notify == {Notify.NEVER} for own in office.taken)
