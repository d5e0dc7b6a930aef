"""Every write of the hot path as one enum and one table of prepared statements.

A unit says *what* as `Change(op, row)`; the writer turns a batch of units into one executemany for each statement, in
the order in which `Op` declares them: parents before children, endings before the destruction that depends on them.
Within one op the order of submission is kept. Statements are portable between SQLite and PostgreSQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.sql.dml import Delete, Insert, Update

from gateway.message.entry import ENDINGS
from gateway.message.event import Event
from gateway.store.register_tables import decision_record, person_link, suppression
from gateway.store.schema import UtcMicros
from gateway.store.tables import content, domain_tls, entry, message, portal_message, portal_session

Statement = Insert | Update | Delete | sa.Select[Any]  # SELECT only to lock rows


class Op(Enum):
    """Kinds of change, in the order in which a batch runs them."""

    INSERT_MESSAGE = auto()
    CLEAR_CONTENT = auto()  # to make room for other content of the same message
    INSERT_CONTENT = auto()
    INSERT_ENTRY = auto()
    INSERT_DECISION = auto()
    SAVE_ENTRY = auto()  # the lease is kept
    RELEASE_ENTRY = auto()  # the lease is given back
    RENEW_LEASE = auto()
    PUBLISH_PORTAL = auto()
    OPEN_PORTAL = auto()
    SET_PIN = auto()
    CLOSE_PORTAL = auto()
    SAW_TLS = auto()
    SUPPRESS = auto()
    SUSPEND_LINKS = auto()
    DESTROY_FINISHED = auto()  # the content, if every recipient has an ending and no portal message waits
    DESTROY = auto()  # the content, at once
    DROP_PIECES = auto()  # pieces written ahead of a message that never came


@dataclass(frozen=True, slots=True)
class Change:
    """One row's worth of one op; `gateway.store.rows` builds them. A row's repr is not shown: it may hold addresses."""

    op: Op
    row: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Change({self.op.name})"


@dataclass(frozen=True, slots=True)
class Unit:
    """What must become durable together: rows and the audit events that tell about them."""

    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of ciphertext, what a batch is measured by."""
        return sum(len(change.row["ciphertext"]) for change in self.changes if change.op is Op.INSERT_CONTENT)


_THE_MESSAGE: Final = sa.bindparam("b_id", type_=sa.String)
_THE_ENTRY: Final = sa.bindparam("b_id", type_=sa.String)
_THE_TOKEN: Final = sa.bindparam("b_token_hash", type_=sa.LargeBinary)
_THE_DOMAIN: Final = sa.bindparam("b_domain", type_=sa.String)
_SEEN_AT: Final = sa.bindparam("b_seen_at", type_=UtcMicros)
_VERIFIED: Final = sa.bindparam("b_verified", type_=sa.Boolean)
_SUPPRESSED: Final = {
    column.name: sa.bindparam(f"b_{column.name}", type_=column.type) for column in suppression.columns
}

# One comparison for each ending: an `IN` expands its list at run time, which executemany cannot do.
_waits: Final = sa.and_(*(entry.c.state != ending.value for ending in sorted(ENDINGS)))

# SET takes every other key of the row; _THE_ENTRY says which row. An entry that has its ending never gets another, so
# whoever decided on what it was a moment ago finds no row (invariant 3).
_save_entry: Final = sa.update(entry).where(entry.c.id == _THE_ENTRY, _waits)
_unfinished: Final = sa.or_(
    sa.exists().where(entry.c.queue_id == _THE_MESSAGE, _waits),
    sa.exists().where(portal_message.c.queue_id == _THE_MESSAGE),
)
_destroyed: Final = sa.exists().where(message.c.id == _THE_MESSAGE, message.c.wrapped_key.is_(None))

STATEMENTS: Final[Mapping[Op, tuple[Statement, ...]]] = {
    Op.INSERT_MESSAGE: (sa.insert(message),),
    Op.CLEAR_CONTENT: (
        # Not of a message whose content was destroyed meanwhile, so what follows has no place either (KY-06).
        sa.update(message).where(message.c.id == _THE_MESSAGE, message.c.wrapped_key.is_not(None)),
        sa.delete(content).where(content.c.message_id == _THE_MESSAGE),
    ),
    Op.INSERT_CONTENT: (sa.insert(content),),
    Op.INSERT_ENTRY: (sa.insert(entry),),
    Op.INSERT_DECISION: (sa.insert(decision_record),),
    Op.SAVE_ENTRY: (_save_entry,),
    Op.RELEASE_ENTRY: (_save_entry,),
    Op.RENEW_LEASE: (_save_entry.where(entry.c.lease_owner == sa.bindparam("b_owner", type_=sa.String)),),
    Op.PUBLISH_PORTAL: (sa.insert(portal_message),),
    Op.OPEN_PORTAL: (sa.update(portal_message).where(portal_message.c.token_hash == _THE_TOKEN),),
    Op.SET_PIN: (sa.update(portal_message).where(portal_message.c.token_hash == _THE_TOKEN),),
    Op.CLOSE_PORTAL: (
        sa.delete(portal_session).where(portal_session.c.token_hash == _THE_TOKEN),
        sa.delete(portal_message).where(portal_message.c.token_hash == _THE_TOKEN),
    ),
    Op.SAW_TLS: (
        sa.update(domain_tls)
        .where(domain_tls.c.domain == _THE_DOMAIN)
        .values(seen_at=_SEEN_AT, verified=sa.or_(domain_tls.c.verified, _VERIFIED)),
        sa.insert(domain_tls).from_select(
            ["domain", "seen_at", "verified"],
            sa.select(_THE_DOMAIN, _SEEN_AT, _VERIFIED).where(~sa.exists().where(domain_tls.c.domain == _THE_DOMAIN)),
        ),
    ),
    Op.SUPPRESS: (
        sa.insert(suppression).from_select(
            list(_SUPPRESSED),
            sa.select(*_SUPPRESSED.values()).where(~sa.exists().where(suppression.c.address == _SUPPRESSED["address"])),
        ),
    ),
    Op.SUSPEND_LINKS: (
        sa.update(person_link)
        .where(
            person_link.c.address == sa.bindparam("b_address", type_=sa.String),
            person_link.c.suspended_at.is_(None),
            person_link.c.ended_at.is_(None),
        )
        .values(suspended_at=sa.bindparam("b_at", type_=UtcMicros)),
    ),
    Op.DESTROY_FINISHED: (
        sa.update(message).where(message.c.id == _THE_MESSAGE, ~_unfinished).values(wrapped_key=None),
        sa.delete(content).where(content.c.message_id == _THE_MESSAGE, _destroyed),
    ),
    Op.DESTROY: (
        sa.update(message).where(message.c.id == _THE_MESSAGE).values(wrapped_key=None),
        sa.delete(content).where(content.c.message_id == _THE_MESSAGE),
    ),
    Op.DROP_PIECES: (
        sa.delete(content).where(
            content.c.message_id == _THE_MESSAGE, ~sa.exists().where(message.c.id == _THE_MESSAGE)
        ),
    ),
}

# Each row of these must find its row: one that does not is a lost or a second ending (invariant 3), so the unit fails.
EXACT: Final = frozenset({Op.CLEAR_CONTENT, Op.SAVE_ENTRY, Op.RELEASE_ENTRY, Op.OPEN_PORTAL, Op.SET_PIN, Op.DESTROY})
SHREDS: Final = frozenset({Op.DESTROY_FINISHED, Op.DESTROY})
