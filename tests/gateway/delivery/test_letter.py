"""What one transaction may carry, and what a letter says of itself."""

import pytest

from gateway.delivery.letter import letter_of, make_batches
from gateway.message.entry import QueueEntry
from gateway.message.queue_id import new_queue_id
from policy.decision import Method
from tests.gateway.delivery.office import BODY, MARKER, make_entry, make_message

QUEUE_ID = new_queue_id()


def entries(*changes: dict[str, object]) -> tuple[QueueEntry, ...]:
    rows = enumerate(changes, 1)
    return tuple(make_entry(QUEUE_ID, number, **{"recipient": f"r{number}@b.example", **one}) for number, one in rows)


@pytest.mark.parametrize(
    ("changes", "sizes"),
    [
        ([{}, {}, {}], [3]),
        ([{}, {"recipient": "x@c.example"}, {}], [2, 1]),
        ([{}, {"protected": False}], [1, 1]),
        ([{}, {"requiretls": True}], [1, 1]),
        ([{}, {"recipient": "j\u00f6@b.example"}, {}], [2, 1]),
        ([{}, {"rung": 1}, {"rung": 1}], [1, 1, 1]),
        ([{"methods": (Method.PORTAL,)}] * 2, [1, 1]),
        ([{}] * 5, [3, 2]),
    ],
    ids=["together", "domains", "protection", "REQUIRETLS", "SMTPUTF8", "ciphertext alone", "portal alone", "at most"],
)
def test_batches(changes: list[dict[str, object]], sizes: list[int]) -> None:
    """Ciphertext is for one reader (CR-02); nobody shares a transaction with a recipient of other needs."""
    everybody = entries(*changes)
    batches = make_batches(letter_of(make_message(*everybody)), everybody, most=3)
    assert [len(batch.entries) for batch in batches] == sizes
    assert sorted(entry.id for batch in batches for entry in batch.entries) == sorted(entry.id for entry in everybody)


@pytest.mark.parametrize(
    ("body", "message_id", "date"),
    [
        (BODY, "<1@clinic.example>", ""),
        (b"From: a@b.example\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n\r\n", "", "Mon, 02 Mar 2026 10:00:00 +0000"),
        (b"no header at all", "", ""),
        (b"", "", ""),
    ],
)
def test_header_facts_for_notices(body: bytes, message_id: str, date: str) -> None:
    letter = letter_of(make_message(make_entry(QUEUE_ID), body=body))
    assert (letter.message_id, letter.date) == (message_id, date)


def test_a_letter_does_not_show_its_content() -> None:
    """KY-01: a traceback or a log line prints values."""
    entry = make_entry(QUEUE_ID)
    assert MARKER.decode() not in repr(make_batches(letter_of(make_message(entry)), (entry,), most=1))
