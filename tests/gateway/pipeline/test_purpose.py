"""What a message is for, on its way: who says so, what contradicts it, and that a release knows it still."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.config import Settings
from gateway.control import queue as control
from gateway.control.office import Office
from gateway.message.entry import EntryState, QueueEntry
from gateway.message.verdict import Verdict
from gateway.store import consents
from gateway.store.consents import patient_key
from gateway.store.store import Store
from policy.consent import Consent, Kind
from tests.gateway.config.samples import settings
from tests.gateway.pipeline.counter import CLEAN, SENDER, Counter, envelope, letter

NOW = envelope().received_at
OFFER = b"Special offer: use the promo code FLU.\r\n"


def labelled(*more: str, packs: Sequence[str] = ("purpose",)) -> Settings:
    return settings(f"[policy]\npacks = [{', '.join(map(repr, packs))}]\n" + "".join(more))


def label(name: str, purpose: str, when: str = f'login == "{SENDER}"') -> str:
    return f'[[policy.label]]\nname = "{name}"\nwhen = \'{when}\'\npurpose = "{purpose}"\n'


HOLD_MARKETING = '[[policy.rule]]\nname = "m"\nwhen = \'purpose == "marketing"\'\naction = "hold"\n'


async def send(counter: Counter, *fields: bytes, believed: bool = True, body: bytes = b"Hello\r\n") -> QueueEntry:
    made = envelope()
    answer = await counter.pipeline.submit(
        replace(made, client=replace(made.client, believes_headers=believed)), letter(*fields, body=body)
    )
    assert not isinstance(answer, Verdict)
    (entry,) = await counter.entries(answer.queue_id)
    return entry


MARKETING, TREATMENT = b"X-Mailward-Purpose: marketing", b"X-Mailward-Purpose: treatment"


@pytest.mark.parametrize(
    ("labels", "fields", "believed", "state"),
    [
        ((), (MARKETING,), True, EntryState.HELD),
        ((), (MARKETING,), False, EntryState.QUEUED),
        ((label("a", "marketing"),), (), True, EntryState.HELD),
        ((label("a", "marketing"),), (TREATMENT,), True, EntryState.QUEUED),  # the nearer word counts
        ((label("a", "marketing"),), (TREATMENT,), False, EntryState.HELD),  # but only where it is believed
        ((label("a", "marketing", "urgent"),), (), True, EntryState.QUEUED),
        ((label("a", "marketing"), label("b", "treatment")), (), True, EntryState.HELD),
    ],
)
async def test_who_says_what_it_is_for(
    store: Store, labels: tuple[str, ...], fields: tuple[bytes, ...], believed: bool, state: EntryState
) -> None:
    counter = Counter(store, CLEAN, settings=labelled(HOLD_MARKETING, *labels))
    assert (await send(counter, *fields, believed=believed)).state is state


async def test_words_say_it_with_their_reason(store: Store) -> None:
    """Where nobody else does; and what they say against a claim holds the message, with the reason in the trace."""
    counter = Counter(store, None, settings=labelled(HOLD_MARKETING))
    assert (await send(counter, body=OFFER)).state is EntryState.HELD
    assert (await send(counter, TREATMENT, body=OFFER)).state is EntryState.HELD
    assert (await send(counter, TREATMENT)).state is EntryState.QUEUED
    by_words, claimed, _ = [event.data for event in await counter.events("message.decided")]
    assert by_words["rules"] == ["m"]
    assert 'Its purpose is marketing: it says "promo code"' in str(by_words["trace"])
    assert claimed["rules"] == ["purpose/contradicted"]
    assert "It is said to be treatment, but reads like marketing" in str(claimed["trace"])


AUTHORIZED = (b"X-Mailward-Purpose: authorized", b"X-Mailward-Patient: MRN-0042")
HELD_BY_ALL = '[[policy.rule]]\nname = "all"\nwhen = "not tagged"\naction = "hold"\n'
PORTAL = '[[policy.rule]]\nname = "p"\nwhen = "{}"\naction = "portal-only"\n'


@pytest.mark.parametrize(("is_given", "methods"), [(True, ("tls", "portal")), (False, ("portal",))])
async def test_a_release_decides_with_what_the_message_said(
    store: Store, is_given: bool, methods: tuple[str, ...]
) -> None:
    """Purpose and patient are kept, sealed, with the report: an authorization counts at the release as before."""
    more = PORTAL.format("not consent.authorized")
    counter = Counter(store, settings=labelled(HELD_BY_ALL, more, packs=()))
    if is_given:
        given = Consent(
            id="C1", patient=patient_key(store.vault, "MRN-0042"), kind=Kind.AUTHORIZATION, purposes=("authorized",),
            recipients=("pat@b.example",), given_at=NOW - timedelta(days=1), recorded_by="privacy", recorded_at=NOW,
        )  # fmt: skip
        await consents.add(store, [given], events=())
    entry = await send(counter, *AUTHORIZED)
    assert entry.state is EntryState.HELD
    assert await control.release(Office(store, counter.settings), queue_id=entry.queue_id, reason="seen") == 1
    (freed,) = await counter.entries(entry.queue_id)
    assert (freed.state, freed.methods) == (EntryState.QUEUED, methods)


async def test_what_was_said_is_sealed_and_nameless(store: Store) -> None:
    """The id of a patient is a keyed hash before it is kept."""
    counter = Counter(store)
    await send(counter, *AUTHORIZED)
    assert "MRN-0042" not in str([event.data for event in await counter.events()])
