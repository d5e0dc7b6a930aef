"""Messages waiting in the portal: what opens them, how often, and how long their content stays."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.message.entry import EntryState, QueueEntry
from gateway.store import portal, queue
from gateway.store.errors import ContentGone, MissingRow
from gateway.store.rows import PortalMessage, close_portal, destroy_if_finished, open_portal, publish_portal, save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from tests.gateway.store.parts import BODY, NOW, accept, make_entry, make_message

MINUTE = timedelta(minutes=1)
TOKEN = bytes(32)
ENTRY = make_entry("Q1")
CODE = portal.Secret(hash="$code$", expires_at=NOW + MINUTE, tries=3)
PIN = portal.Secret(hash="$pin$", expires_at=None, tries=5, kind="pin")
SESSION = portal.PortalSession(
    id_hash=b"i" * 32, token_hash=TOKEN, csrf_hash=b"c" * 32, created_at=NOW, seen_at=NOW
)  # fmt: skip


def waiting_message(entry: QueueEntry) -> PortalMessage:
    return PortalMessage(
        token_hash=TOKEN, entry_id=entry.id, queue_id=entry.queue_id, recipient=entry.recipient, sender=entry.sender,
        secret="code", published_at=NOW, expires_at=NOW + 9 * MINUTE,
    )  # fmt: skip


@pytest.fixture
async def published(store: Store) -> Store:
    """A store where one message waits in the portal."""
    await accept(store, make_message(ENTRY))
    in_portal = replace(ENTRY, state=EntryState.PORTAL)
    await store.commit(Unit(changes=(save_entry(in_portal, release=True), publish_portal(waiting_message(ENTRY)))))
    return store


async def test_without_a_secret_there_is_nothing_to_guess(published: Store) -> None:
    assert await portal.spend_try(published, TOKEN, now=NOW) is None


async def test_a_secret_bears_so_many_guesses_and_so_much_time(published: Store) -> None:
    await portal.set_secret(published, TOKEN, CODE, events=())
    assert await portal.spend_try(published, TOKEN, now=NOW + MINUTE) is None, "expired"
    left = [await portal.spend_try(published, TOKEN, now=NOW) for _ in range(4)]
    assert [None if guess is None else guess.tries_left for guess in left] == [2, 1, 0, None]
    await portal.set_secret(published, TOKEN, CODE, events=())
    assert await portal.spend_try(published, TOKEN, now=NOW) is not None, "a new code counts anew"


async def test_guesses_in_parallel_do_not_outrun_the_count(published: Store) -> None:
    """A try is spent before it is checked."""
    await portal.set_secret(published, TOKEN, CODE, events=())
    guesses = await asyncio.gather(*(portal.spend_try(published, TOKEN, now=NOW) for _ in range(30)))
    assert sum(guess is not None for guess in guesses) == CODE.tries


async def test_a_code_opens_one_session(published: Store) -> None:
    await portal.set_secret(published, TOKEN, CODE, events=())
    await portal.open_session(published, SESSION, secret_hash=CODE.hash, is_single_use=True, tries=0, events=())
    async with published.read() as conn:
        assert await portal.session(conn, SESSION.id_hash) == SESSION
    again = replace(SESSION, id_hash=b"j" * 32)
    with pytest.raises(MissingRow):
        await portal.open_session(published, again, secret_hash=CODE.hash, is_single_use=True, tries=0, events=())
    assert await portal.spend_try(published, TOKEN, now=NOW) is None


async def test_a_pin_stays_and_no_code_replaces_it(published: Store) -> None:
    """A message that switched to a PIN did so because no code can be mailed safely."""
    await portal.set_secret(published, TOKEN, CODE, events=())
    await portal.set_secret(published, TOKEN, PIN, events=())
    with pytest.raises(MissingRow):
        await portal.set_secret(published, TOKEN, CODE, events=())
    await portal.spend_try(published, TOKEN, now=NOW)
    await portal.open_session(published, SESSION, secret_hash=PIN.hash, is_single_use=False, tries=5, events=())
    guess = await portal.spend_try(published, TOKEN, now=NOW + 8 * MINUTE)
    assert guess is not None
    assert (guess.secret, guess.tries_left) == ("pin", 4)


async def test_content_stays_until_the_portal_message_is_closed(published: Store) -> None:
    """Picking up is an ending, but the recipient may come back until the message expires."""
    picked_up = replace(ENTRY, state=EntryState.PICKED_UP)
    await published.commit(
        Unit(changes=(save_entry(picked_up, release=True), open_portal(TOKEN, at=NOW), destroy_if_finished("Q1")))
    )
    assert await queue.load_body(published, "Q1") == BODY
    async with published.read() as conn:
        assert await portal.expired(conn, now=NOW) == ()
        (old,) = await portal.expired(conn, now=NOW + 9 * MINUTE)
    assert old.opened_at == NOW
    await portal.set_secret(published, TOKEN, CODE, events=())
    await portal.open_session(published, SESSION, secret_hash=CODE.hash, is_single_use=True, tries=0, events=())
    await published.commit(Unit(changes=(close_portal(TOKEN), destroy_if_finished("Q1"))))
    with pytest.raises(ContentGone):
        await queue.load_body(published, "Q1")
    async with published.read() as conn:
        assert await portal.session(conn, SESSION.id_hash) is None
        assert await portal.by_token_hash(conn, TOKEN) is None
