"""Values to rows and back: pure builders of the changes that a unit is made of."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from gateway.message.entry import EntryState, MessageKind, QueueEntry
from gateway.message.envelope import Notify
from gateway.store.content import Piece
from gateway.store.statements import Change, Op
from policy.decision import Method

REPLY_LETTERS: Final = 512  # the column's width

PORTAL_COLUMNS: Final = (
    "token_hash",
    "entry_id",
    "queue_id",
    "recipient",
    "sender",
    "secret",
    "secret_hash",
    "secret_expires_at",
    "tries_left",
    "published_at",
    "expires_at",
    "opened_at",
    "sensitive",
)

# Columns of an entry that are the same in row and value.
_PLAIN: Final = (
    "protected",
    "rung",
    "rung_since",
    "attempts",
    "queued_at",
    "next_attempt_at",
    "expires_at",
    "last_reply",
    "orcpt",
    "requiretls",
    "urgent",
    "delay_notified",
    "tls_refused",
    "possible_duplicate",
    "sensitive",
    "archive",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message on its way into the store.

    about_id: for notices, codes and DSNs, the message they are about; else empty.
    body: what will be delivered; report: the encoded inspection report, b"" when there was none.
    traces: for each entry, in order, the sentences that explain its decision.
    lease_until: entries that are QUEUED are born leased to this node until then; None leaves them to any worker.
    """

    id: str
    kind: MessageKind
    sender: str
    received_at: datetime
    body: bytes = field(repr=False)
    entries: tuple[QueueEntry, ...] = field(repr=False)
    traces: tuple[tuple[str, ...], ...] = ()
    report: bytes = field(default=b"", repr=False)
    login: str = ""
    envid: str = ""
    ret: str = ""
    about_id: str = ""
    lease_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A message whose content is ciphertext; `new_message` makes it visible. pieces: those not yet written ahead."""

    new: NewMessage
    owner: str
    master_key_id: str
    wrapped_key: bytes = field(repr=False)
    pieces: tuple[Piece, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalMessage:
    """One message waiting in the portal for one recipient; tokens, codes and PINs only as hashes.

    secret: "code" (mailed on request) or "pin" (the sender tells it). secret_hash: argon2id, empty while there is none.
    sensitive: as of its entry.
    """

    token_hash: bytes = field(repr=False)
    entry_id: str
    queue_id: str
    recipient: str
    sender: str
    secret: str
    published_at: datetime
    expires_at: datetime
    secret_hash: str = field(default="", repr=False)
    secret_expires_at: datetime | None = None
    tries_left: int = 0
    opened_at: datetime | None = None
    sensitive: bool = False


def new_message(sealed: Sealed) -> tuple[Change, ...]:
    """The rows that make a sealed message and its entries visible."""
    new = sealed.new
    row = {
        "id": new.id,
        "kind": new.kind.value,
        "sender": new.sender,
        "login": new.login,
        "envid": new.envid,
        "ret": new.ret,
        "about_id": new.about_id,
        "size": len(new.body),
        "received_at": new.received_at,
        "master_key_id": sealed.master_key_id,
        "wrapped_key": sealed.wrapped_key,
    }
    traces = new.traces or ((),) * len(new.entries)
    return (
        Change(Op.INSERT_MESSAGE, row),
        *(Change(Op.INSERT_CONTENT, piece) for piece in sealed.pieces),
        *(
            Change(Op.INSERT_ENTRY, _entry_row(entry, trace, sealed))
            for entry, trace in zip(new.entries, traces, strict=True)
        ),
    )


def clear_content(queue_id: str, *, size: int) -> Change:
    """Make room for other content of a message, of this size; fails where the content was destroyed."""
    return Change(Op.CLEAR_CONTENT, {"b_id": queue_id, "size": size})


def save_entry(entry: QueueEntry, *, release: bool) -> Change:
    """Write what delivery may change in an entry; release gives the lease back, an ending always should."""
    row = {"b_id": entry.id, **_standing(entry)}
    if release:
        return Change(Op.RELEASE_ENTRY, {**row, "lease_owner": "", "lease_until": None})
    return Change(Op.SAVE_ENTRY, row)


def renew_lease(entry_id: str, *, owner: str, until: datetime) -> Change:
    """Hold an entry longer; does nothing when the lease has passed to another owner."""
    return Change(Op.RENEW_LEASE, {"b_id": entry_id, "b_owner": owner, "lease_until": until})


def destroy_key(queue_id: str) -> Change:
    """Destroy a message's key and its ciphertext now, whatever waits for it (a person deleted it)."""
    return Change(Op.DESTROY, {"b_id": queue_id})


def destroy_if_finished(queue_id: str) -> Change:
    """The same, if after this unit every recipient has an ending and no portal message waits; else nothing."""
    return Change(Op.DESTROY_FINISHED, {"b_id": queue_id})


def drop_pieces(queue_id: str) -> Change:
    """Remove pieces that were written ahead of a message that was never accepted."""
    return Change(Op.DROP_PIECES, {"b_id": queue_id})


def publish_portal(waiting: PortalMessage) -> Change:
    """Put a message into the portal for one recipient; its entry must exist."""
    return Change(
        Op.PUBLISH_PORTAL,
        {column: getattr(waiting, column) for column in PORTAL_COLUMNS},
    )


def open_portal(token_hash: bytes, *, at: datetime) -> Change:
    """Note that the recipient has opened it."""
    return Change(Op.OPEN_PORTAL, {"b_token_hash": token_hash, "opened_at": at})


def set_pin(token_hash: bytes, *, secret_hash: str, tries: int) -> Change:
    """From now on a PIN opens it, whatever did before; guesses count anew."""
    row = {"b_token_hash": token_hash, "secret": "pin", "secret_hash": secret_hash}
    return Change(Op.SET_PIN, {**row, "secret_expires_at": None, "tries_left": tries})


def close_portal(token_hash: bytes) -> Change:
    """Take it out of the portal, sessions included; its content goes with `destroy_if_finished`."""
    return Change(Op.CLOSE_PORTAL, {"b_token_hash": token_hash})


def saw_tls(domain: str, *, at: datetime, verified: bool) -> Change:
    """Remember that a domain offered TLS, and whether it was ever verified (TL-07)."""
    return Change(Op.SAW_TLS, {"b_domain": domain, "b_seen_at": at, "b_verified": verified})


def read_entry(row: sa.RowMapping) -> QueueEntry:
    """A row of the table `entry` as the value."""
    return QueueEntry(
        id=row["id"],
        queue_id=row["queue_id"],
        kind=MessageKind(row["kind"]),
        sender=row["sender"],
        recipient=row["recipient"],
        state=EntryState(row["state"]),
        methods=tuple(Method(word) for word in row["methods"].split(",") if word),
        notify=frozenset(Notify(word) for word in row["notify"].split(",") if word),
        **{name: row[name] for name in _PLAIN},
    )


def read_portal(row: sa.RowMapping) -> PortalMessage:
    """A row of the table `portal_message` as the value."""
    return PortalMessage(**{column: row[column] for column in PORTAL_COLUMNS})


def _standing(entry: QueueEntry) -> dict[str, Any]:
    """What delivery may change. A peer's reply can be longer than its column; the rest of the line is dropped."""
    return {
        "state": entry.state.value,
        "protected": entry.protected,
        "methods": ",".join(method.value for method in entry.methods),
        "rung": entry.rung,
        "rung_since": entry.rung_since,
        "attempts": entry.attempts,
        "next_attempt_at": entry.next_attempt_at,
        "expires_at": entry.expires_at,
        "last_reply": entry.last_reply[:REPLY_LETTERS],
        "urgent": entry.urgent,
        "delay_notified": entry.delay_notified,
        "tls_refused": entry.tls_refused,
        "possible_duplicate": entry.possible_duplicate,
        "sensitive": entry.sensitive,
    }


def _entry_row(entry: QueueEntry, trace: tuple[str, ...], sealed: Sealed) -> dict[str, Any]:
    leased = sealed.new.lease_until is not None and entry.state is EntryState.QUEUED
    return {
        "id": entry.id,
        "queue_id": entry.queue_id,
        "kind": entry.kind.value,
        "sender": entry.sender,
        "recipient": entry.recipient,
        "domain": entry.recipient.rpartition("@")[2],
        **_standing(entry),
        "queued_at": entry.queued_at,
        "notify": ",".join(sorted(entry.notify)),
        "archive": entry.archive,
        "orcpt": entry.orcpt,
        "requiretls": entry.requiretls,
        "trace": msgspec.json.encode(trace).decode(),
        "lease_owner": sealed.owner if leased else "",
        "lease_until": sealed.new.lease_until if leased else None,
    }
