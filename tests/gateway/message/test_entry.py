"""One recipient's copy: what is an ending, which method is in use, and that nothing of it can be changed."""

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime

import pytest

from gateway.message.entry import ENDINGS, EntryState, MessageKind, QueueEntry
from gateway.message.envelope import DEFAULT_NOTIFY, Notify
from policy.decision import Method

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ENTRY = QueueEntry(
    id="Q-1", queue_id="Q", kind=MessageKind.MAIL, sender="s@a.example", recipient="r@b.example",
    state=EntryState.QUEUED, protected=True, methods=(Method.TLS, Method.PORTAL), queued_at=NOW, next_attempt_at=NOW,
    expires_at=NOW,
)  # fmt: skip


@pytest.mark.parametrize("state", list(EntryState))
def test_endings(state: EntryState) -> None:
    """Invariant 3: delivered, picked up, bounced, rejected, expired; whatever waits is none."""
    is_waiting = state in {EntryState.QUEUED, EntryState.HELD, EntryState.PORTAL}
    assert state.is_ending is not is_waiting
    assert (state in ENDINGS) is state.is_ending


def test_the_rung_in_use() -> None:
    assert ENTRY.method is Method.TLS
    assert replace(ENTRY, rung=1).method is Method.PORTAL
    with pytest.raises(IndexError):
        _ = replace(ENTRY, methods=()).method  # held mail has no ladder


def test_a_value_stays_what_it_is() -> None:
    with pytest.raises(FrozenInstanceError):
        ENTRY.protected = False  # type: ignore[misc]  # what this test is about


def test_without_a_wish_failures_and_delays_are_told() -> None:
    """RFC 3461 section 4.1 leaves it to us; invariant 3: silence endangers patients."""
    assert ENTRY.notify == DEFAULT_NOTIFY == {Notify.FAILURE, Notify.DELAY}
