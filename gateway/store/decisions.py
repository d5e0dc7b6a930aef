"""Decision records: sealed, because a recipient with a topic is health information; kept for `retention.evidence`.

A record is compact JSON of `policy.record.Kept`, deflated and sealed for its row. A field that a later release adds has
its default in older records, and one that it drops is passed over; so no migration opens them.
"""

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store.errors import DamagedContent
from gateway.store.register_tables import decision_correction, decision_policy, decision_record
from gateway.store.statements import Change, Op
from gateway.store.store import Store
from gateway.store.times import micros
from gateway.store.vault import Vault
from policy.decision import Action
from policy.record import Cause, Kept
from policy.rules.version import PolicyVersion

RECORD: Final = "decision_record.ciphertext"
CORRECTION: Final = "decision_correction.ciphertext"
LEVEL: Final = (
    1  # of zlib: a third of the size in a twentieth of a millisecond; more saves a tenth and costs the triple
)
LARGEST: Final = 64 * 1024 * 1024  # bytes of one record, inflated
AT_ONCE: Final = 200  # records read together

_ENCODE: Final = msgspec.json.Encoder().encode
_DECODE: Final = msgspec.json.Decoder(Kept).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One act of deciding. policy_id: of the policy that did it."""

    queue_id: str
    at: datetime
    cause: Cause
    policy_id: str
    kept: Kept = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a person says a decision should have been. action: None when the action was right and its reason was not."""

    id: str
    queue_id: str
    recipient: str
    at: datetime
    recorded_by: str
    action: Action | None
    why: str = field(repr=False)


class _Words(msgspec.Struct, frozen=True):
    """What of a correction is sealed."""

    recipient: str
    action: Action | None
    why: str


def record(vault: Vault, stored: Stored) -> Change:
    """The row of one act of deciding; it belongs into the transaction that obeys it."""
    place = _place(stored.queue_id, stored.at)
    return Change(
        Op.INSERT_DECISION,
        {
            "queue_id": stored.queue_id,
            "at": stored.at,
            "cause": stored.cause.value,
            "policy_id": stored.policy_id,
            "master_key_id": vault.key_id,
            "ciphertext": vault.seal_row(RECORD, place, zlib.compress(_ENCODE(stored.kept), LEVEL)),
        },
    )


async def know_policy(store: Store, version: PolicyVersion, *, at: datetime) -> None:
    """Write down a policy that is about to decide, unless it has before."""
    new = sa.insert(decision_policy).from_select(
        ["id", "first_at", "body"],
        sa.select(
            sa.literal(version.id), sa.literal(at, type_=decision_policy.c.first_at.type), sa.literal(version.body)
        ).where(~sa.exists().where(decision_policy.c.id == version.id)),
    )

    async def work(conn: AsyncConnection) -> None:
        await conn.execute(new)

    await store.transact(work, is_register=False)


async def policy_body(conn: AsyncConnection, policy_id: str) -> str:
    """The policy as JSON; empty when it is not known."""
    query = sa.select(decision_policy.c.body).where(decision_policy.c.id == policy_id)
    found: str | None = (await conn.execute(query)).scalar_one_or_none()
    return found or ""


async def of_message(conn: AsyncConnection, vault: Vault, queue_id: str) -> tuple[Stored, ...]:
    """All records of one message, oldest first. Raises: DamagedContent."""
    query = sa.select(decision_record).where(decision_record.c.queue_id == queue_id).order_by(decision_record.c.at)
    return tuple(opened(row, vault) for row in (await conn.execute(query)).mappings())


async def sealed_since(
    conn: AsyncConnection, begin: datetime, *, causes: Collection[Cause], after: tuple[datetime, str]
) -> Sequence[sa.RowMapping]:
    """One page of the rows from a time on, in their order. after: time and message of the last one before it."""
    c = decision_record.c
    query = (
        sa.select(decision_record)
        .where(c.at >= begin, c.cause.in_([cause.value for cause in causes]))
        .where(sa.or_(c.at > after[0], sa.and_(c.at == after[0], c.queue_id > after[1])))
        .order_by(c.at, c.queue_id)
        .limit(AT_ONCE)
    )
    return (await conn.execute(query)).mappings().all()


async def correct(store: Store, new: Correction, *, events: Sequence[Event]) -> None:
    """Append a correction; nothing that stands is changed."""
    words = msgspec.json.encode(_Words(new.recipient, new.action, new.why))
    row = {
        "id": new.id,
        "queue_id": new.queue_id,
        "at": new.at,
        "recorded_by": new.recorded_by,
        "master_key_id": store.vault.key_id,
        "ciphertext": store.vault.seal_row(CORRECTION, new.id, words),
    }

    async def work(conn: AsyncConnection) -> None:
        await conn.execute(sa.insert(decision_correction), row)

    await store.transact(work, events=lambda _: events)


async def corrections(conn: AsyncConnection, vault: Vault, queue_id: str = "") -> tuple[Correction, ...]:
    """Those of one message, or all, oldest first. Raises: DamagedContent."""
    query = sa.select(decision_correction).order_by(decision_correction.c.at, decision_correction.c.id)
    if queue_id:
        query = query.where(decision_correction.c.queue_id == queue_id)
    return tuple(_corrected(row, vault) for row in (await conn.execute(query)).mappings())


async def forget(store: Store, *, before: datetime) -> int:
    """Destroy records older than `retention.evidence`, with their corrections. Returns: how many records."""

    async def work(conn: AsyncConnection) -> int:
        gone = await conn.execute(sa.delete(decision_record).where(decision_record.c.at < before))
        await conn.execute(sa.delete(decision_correction).where(decision_correction.c.at < before))
        return gone.rowcount

    return await store.transact(work)


def _place(queue_id: str, at: datetime) -> str:
    return f"{queue_id}/{micros(at)}"


def opened(row: sa.RowMapping, vault: Vault) -> Stored:
    """A row as the value. Raises: DamagedContent."""
    packed = vault.open_row(RECORD, _place(row["queue_id"], row["at"]), row["ciphertext"])
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(packed, LARGEST)
        if not inflater.eof:
            raise DamagedContent(f"{row['queue_id']}: the decision record is too large")
        return Stored(
            queue_id=row["queue_id"],
            at=row["at"],
            cause=Cause(row["cause"]),
            policy_id=row["policy_id"],
            kept=_DECODE(text),
        )
    except (zlib.error, msgspec.MsgspecError, ValueError) as error:  # of a release that had other words, or damaged
        raise DamagedContent(f"{row['queue_id']}: the decision record cannot be read") from error


def _corrected(row: sa.RowMapping, vault: Vault) -> Correction:
    words = msgspec.json.decode(vault.open_row(CORRECTION, row["id"], row["ciphertext"]), type=_Words)
    return Correction(
        id=row["id"],
        queue_id=row["queue_id"],
        at=row["at"],
        recorded_by=row["recorded_by"],
        recipient=words.recipient,
        action=words.action,
        why=words.why,
    )
