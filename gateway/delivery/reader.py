"""Letters that have to be read from the store at their turn: who asks while one reading is under way shares the next.

Bounded: one reading holds at most `TOGETHER_BYTES`, or one letter; whoever asks is under way and counted already.
"""

from typing import Final

from gateway.delivery.letter import Letter
from gateway.store.errors import ContentError
from gateway.store.reading import Whole, load_whole
from gateway.store.store import Store
from gateway.together import Asked, Together, waiting

TOGETHER: Final = 64  # letters in one reading
TOGETHER_BYTES: Final = 4 * 1024 * 1024


_Asked = Asked[str, Letter]  # by queue id


class Reader:
    """`read` at any time, from one loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._line: Together[str, Letter] = Together(
            self._answer, name="letters", most=TOGETHER, most_size=TOGETHER_BYTES
        )

    async def read(self, queue_id: str, size: int) -> Letter:
        """size: of its body, in octets. Raises: ContentError; StoreSick; LookupError where there is no such message."""
        return await self._line.ask(queue_id, size)

    async def _answer(self, batch: list[_Asked]) -> None:
        try:
            found = await load_whole(self._store, (asked.question for asked in batch))
        except Exception as error:  # the callers get it
            for asked in waiting(batch):
                asked.answer.set_exception(error)
            return
        for asked in waiting(batch):
            match found.get(asked.question):
                case Whole() as whole:
                    asked.answer.set_result(_letter(whole))
                case ContentError() as why:
                    asked.answer.set_exception(why)
                case None:  # entries refer to their message by a foreign key
                    asked.answer.set_exception(LookupError(asked.question))


def _letter(whole: Whole) -> Letter:
    return Letter(
        id=whole.id,
        kind=whole.kind,
        sender=whole.sender,
        login=whole.login,
        envid=whole.envid,
        ret=whole.ret,
        about_id=whole.about_id,
        received_at=whole.received_at,
        body=whole.body,
    )
