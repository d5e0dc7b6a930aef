"""Many messages at once, for deliveries: one hop to the database for all of them, statements compiled once."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa

from gateway.message.entry import MessageKind
from gateway.store.content import BODY, open_part
from gateway.store.errors import ContentError, ContentGone, DamagedContent
from gateway.store.store import THREAD_ABOVE_BYTES, Store
from gateway.store.tables import content, message

_THE_MESSAGE: Final = sa.bindparam("b_id", type_=sa.String)
_BODY: Final[sa.ColumnElement[str]] = sa.literal_column(f"'{BODY}'")  # no parameter: `Database.fetch` takes one
_SIZE: Final = sa.select(message.c.id, message.c.size).where(message.c.id == _THE_MESSAGE)

# One statement sees one state: a key that is there has its content.
_WHOLE: Final = (
    sa.select(
        message.c.id, message.c.kind, message.c.sender, message.c.login, message.c.envid, message.c.ret,
        message.c.about_id, message.c.received_at, message.c.master_key_id, message.c.wrapped_key,
        content.c.ciphertext,
    )
    .join_from(
        message, content, sa.and_(content.c.message_id == message.c.id, content.c.part == _BODY), isouter=True
    )
    .where(message.c.id == _THE_MESSAGE)
    .order_by(content.c.number)
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A message with its body, as it will be delivered."""

    id: str
    kind: MessageKind
    sender: str
    login: str
    envid: str
    ret: str
    about_id: str
    received_at: datetime
    body: bytes = field(repr=False)


async def sizes_of(store: Store, ids: Iterable[str]) -> Mapping[str, int]:
    """Octets of the bodies of messages; those that do not exist are left out. Raises: StoreSick."""
    return dict(await store.fetch(_SIZE, _rows(ids)))


async def load_whole(store: Store, ids: Iterable[str]) -> Mapping[str, Whole | ContentError]:
    """Read messages; the caller sees to it that all of them fit into memory.

    Returns: for each that exists, it, or why it cannot be read: ContentGone, DamagedContent (hold this message).
    Raises: StoreSick.
    """
    rows = await store.fetch(_WHOLE, _rows(ids))
    return {queue_id: await _open(store, list(found)) for queue_id, found in groupby(rows, itemgetter(0))}


async def _open(store: Store, rows: list[tuple[Any, ...]]) -> Whole | ContentError:
    """rows: of one message, a piece in each."""
    queue_id, kind, sender, login, envid, ret, about_id, received_at, key_id, wrapped_key, _ = rows[0]
    if wrapped_key is None:
        return ContentGone(f"{queue_id}: the content was destroyed or never stored")
    pieces = [row[-1] for row in rows if row[-1] is not None]
    try:
        data_key = store.vault.unwrap(queue_id, wrapped_key)
        if sum(map(len, pieces)) > THREAD_ABOVE_BYTES:
            body = await asyncio.to_thread(open_part, queue_id, BODY, pieces, data_key, key_id)
        else:
            body = open_part(queue_id, BODY, pieces, data_key, key_id)
    except DamagedContent as error:
        return DamagedContent(f"{queue_id}: {error}")
    return Whole(
        id=queue_id, kind=MessageKind(kind), sender=sender, login=login, envid=envid, ret=ret, about_id=about_id,
        received_at=received_at, body=body,
    )  # fmt: skip


def _rows(ids: Iterable[str]) -> list[dict[str, str]]:
    return [{"b_id": one} for one in dict.fromkeys(ids)]
