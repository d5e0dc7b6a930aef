"""QD-05: responsibility is refused before the client has lost its patience."""

import asyncio
from collections.abc import Sequence

import pytest

from gateway.intake import turns
from gateway.message.verdict import Verdict
from gateway.pipeline import submit
from gateway.store import queue
from gateway.store.store import Store
from policy.phi.report import Report
from tests.gateway.pipeline.counter import Counter, Reader, letter


async def test_what_is_not_inspected_in_time_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """451, and nothing of it is committed later, when the client has already sent it again."""

    async def wait_in_line(self: Reader, data: bytes, *, subject_tags: Sequence[str]) -> Report:
        never: asyncio.Future[Report] = asyncio.get_running_loop().create_future()
        return await never

    monkeypatch.setattr(submit, "INSPECTED_WITHIN_S", 0.01)
    monkeypatch.setattr(Reader, "inspect", wait_in_line)
    assert await Counter(store).submit(letter()) is Verdict.NO_INSPECTOR
    async with store.read() as conn:
        assert await queue.listing(conn, queue.Filter()) == ()


def test_a_turn_and_an_inspection_leave_a_margin_before_the_client_gives_up() -> None:
    """QD-05, RFC 5321 section 4.5.3.2.6: clients wait ten minutes after the dot; commit and reply need some of it."""
    assert turns.WITHIN_S + submit.INSPECTED_WITHIN_S <= 600 - 60
