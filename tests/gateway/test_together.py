"""Who asks while an answer is under way shares the next one; a batch has its bounds."""

import asyncio

import pytest

from gateway.together import Asked, Together, waiting


class Desk:
    """Answers with the question doubled; keeps what came together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.line: Together[int, int] = Together(self.serve, name="desk", most=3, most_size=10)

    async def serve(self, batch: list[Asked[int, int]]) -> None:
        self.batches.append([asked.question for asked in batch])
        await asyncio.sleep(0)
        for asked in waiting(batch):
            if asked.question < 0:
                asked.answer.set_exception(ValueError("below zero"))
            else:
                asked.answer.set_result(2 * asked.question)


async def test_those_who_come_together_share_an_answer() -> None:
    desk = Desk()
    assert await asyncio.gather(*(desk.line.ask(number, 1) for number in range(5))) == [0, 2, 4, 6, 8]
    assert desk.batches == [[0, 1, 2], [3, 4]]
    assert await desk.line.ask(7, 1) == 14, "it begins anew"


async def test_a_batch_has_a_size_and_a_large_question_goes_alone() -> None:
    desk = Desk()
    await asyncio.gather(*(desk.line.ask(number, size) for number, size in enumerate((6, 5, 99, 1))))
    assert desk.batches == [[0], [1], [2], [3]]


async def test_one_that_fails_or_gives_up_leaves_the_others() -> None:
    desk = Desk()
    gone = asyncio.create_task(desk.line.ask(1, 1))
    bad, good = asyncio.create_task(desk.line.ask(-1, 1)), asyncio.create_task(desk.line.ask(2, 1))
    await asyncio.sleep(0)
    gone.cancel()
    assert await good == 4
    with pytest.raises(ValueError, match="below zero"):
        await bad
    with pytest.raises(asyncio.CancelledError):
        await gone
