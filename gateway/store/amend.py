"""Other content for a message that is in the store already: a person lets it go, and a law wants something below it.

The message keeps its key, so what destroys that destroys this as well. Whoever uses it has made sure that nobody
delivers the message meanwhile, and that no copy of it has left as it was.
"""

import asyncio

import sqlalchemy as sa

from gateway.store.content import BODY, REPORT, Part, Piece, seal_part
from gateway.store.errors import ContentGone
from gateway.store.rows import clear_content
from gateway.store.statements import Change, Op
from gateway.store.store import Store
from gateway.store.tables import message


async def amended(store: Store, queue_id: str, *, body: bytes, report: bytes) -> tuple[Change, ...]:
    """The rows that put other content in the place of a message's; they fail where it was destroyed meanwhile.

    body, report: as of `NewMessage`. Raises: ContentGone, DamagedContent.
    """
    query = sa.select(message.c.wrapped_key, message.c.master_key_id).where(message.c.id == queue_id)
    async with store.read() as conn:
        key = (await conn.execute(query)).one_or_none()
    if key is None or key.wrapped_key is None:
        raise ContentGone(f"{queue_id}: the content was destroyed or never stored")
    data_key = store.vault.unwrap(queue_id, key.wrapped_key)

    def seal() -> list[Piece]:
        parts = (Part(message_id=queue_id, name=name, data=data) for name, data in ((BODY, body), (REPORT, report)))
        return [piece for part in parts for piece in seal_part(part, data_key, key.master_key_id)]

    pieces = await asyncio.to_thread(seal)
    return (clear_content(queue_id, size=len(body)), *(Change(Op.INSERT_CONTENT, piece) for piece in pieces))
