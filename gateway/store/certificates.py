"""Recipients' OpenPGP certificates: public data, kept as they came, and why each is believed to be its address's.

What a look-up finds never takes the place of a key that counts (CR-03): it waits for a person's word, and until then
nothing is encrypted to that address, neither to the old key nor to the new one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.event import Event
from gateway.store import smime_certificates
from gateway.store.kept import Kept
from gateway.store.store import Store
from gateway.store.tables import openpgp_certificate as table


class Trust(StrEnum):
    """Why a certificate is believed to be its address's, or why not."""

    PERSON = "person"  # somebody imported it or compared it with the recipient: pinned
    DOMAIN = "domain"  # the address's own domain said so, when no other was on file
    NONE = "none"  # a stranger said so: on file, not used
    PENDING = "pending"  # it differs from what is on file: waits for a person, and mail to the address with it
    REVOKED = "revoked"  # by its owner; what is served without the revocation later does not bring it back
    REFUSED = "refused"  # a person said no; it is not asked about again


class Source(StrEnum):
    """Where a certificate came from."""

    FILE = "file"
    WKD = "wkd"
    DNS = "dns"
    VKS = "vks"


class Age(StrEnum):
    """What another copy of a key has of its owner's revocations of subkeys and user ids, beside the one on file."""

    SAME = ""
    NEWER = "newer"  # all of them, and more
    OLDER = "older"  # not all of them


COUNTED = frozenset({Trust.PERSON, Trust.DOMAIN})
TAKEN = COUNTED | {Trust.PENDING, Trust.REVOKED}  # what another key must not take the place of silently
FINAL = frozenset({Trust.REVOKED, Trust.REFUSED})  # until a person imports it
GIVES = {Source.FILE: Trust.PERSON, Source.WKD: Trust.DOMAIN, Source.DNS: Trust.DOMAIN, Source.VKS: Trust.NONE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """address: the recipient it is used for, all in lower case. certificate: the transferable public key, binary.

    spelled: the address as it was asked for, case and all, since DNS hashes it so; empty: nobody asked. age: of one
    that was found, beside the same key on file.
    """

    fingerprint: str
    address: str
    certificate: bytes = field(repr=False)
    imported_at: datetime
    expires_at: datetime | None = None
    trust: Trust = Trust.PERSON
    source: Source = Source.FILE
    spelled: str = ""
    age: Age = Age.SAME


@dataclass(frozen=True, slots=True)
class Ring:
    """What to encrypt to. usable: binary, newest first; empty while pending, the fingerprints that wait for a word."""

    usable: tuple[bytes, ...] = ()
    pending: tuple[str, ...] = ()


async def add(store: Store, new: Certificate, *, events: Sequence[Event]) -> None:
    """Import a certificate for an address by a person's word; the same one is replaced (renewed expiry)."""

    async def work(conn: AsyncConnection) -> None:
        await _put(conn, new)

    await store.transact(work, events=lambda _: events)


async def found(
    store: Store,
    news: Sequence[Certificate],
    *,
    is_revoked: bool = False,
    events: Callable[[Sequence[Certificate]], Sequence[Event]],
) -> tuple[Certificate, ...]:
    """File what one look-up found for one address (CR-03). is_revoked: these are keys that their owner has revoked.

    events: of what was filed. Returns: what was filed, with the trust that it has now; what a person refused, and what
    is there as it is, are not among it.
    """

    async def work(conn: AsyncConnection) -> tuple[Certificate, ...]:
        addresses = {new.address for new in news}
        known = [_read(row) for row in (await conn.execute(_of(*addresses))).mappings()]
        filed = judge_found(news, known, is_revoked=is_revoked)
        for one in filed:
            await _put(conn, one)
        return filed

    return await store.transact(work, events=events)


def judge_found(
    news: Sequence[Certificate], known: Sequence[Certificate], *, is_revoked: bool
) -> tuple[Certificate, ...]:
    """What of a look-up is to be filed, and with which trust. known: what is on file for the address."""
    before = {one.fingerprint: one for one in known}
    is_taken = any(one.trust in TAKEN for one in known)
    filed: list[Certificate] = []
    for new in news:
        old = before.get(new.fingerprint)
        given = GIVES[new.source]
        if old is not None:
            if old.certificate != new.certificate and (_is_ended(old) if is_revoked else _is_renewed(old, new)):
                filed.append(replace(new, trust=Trust.REVOKED if is_revoked else old.trust, source=old.source))
        elif not is_revoked:
            filed.append(replace(new, trust=Trust.PENDING if is_taken and given is not Trust.NONE else given))
    return tuple(filed)


def _is_ended(old: Certificate) -> bool:
    return old.trust not in FINAL


def _is_renewed(old: Certificate, new: Certificate) -> bool:
    """Whether another copy of a key takes its place without a person.

    Its owner's signature does not make it the newest: an older copy lacks the revocation of a subkey. So what a person
    pinned changes by a person's import alone, and any other by a later end alone. What the owner has revoked is taken
    whoever pinned it, and never given back.
    """
    if old.trust in FINAL or new.age is Age.OLDER:
        return False
    if new.age is Age.NEWER:
        return True
    if old.trust in FINAL | {Trust.PERSON} or old.expires_at is None:
        return False
    return new.expires_at is None or new.expires_at > old.expires_at


async def ring(conn: AsyncConnection, address: str) -> Ring:
    """The certificates of one recipient that count; whether they are still usable the caller must judge.

    Revoked ones are among them, so that they are refused with the reason.
    """
    known = [_read(row) for row in (await conn.execute(_of(address.lower()))).mappings()]
    if pending := tuple(one.fingerprint for one in known if one.trust is Trust.PENDING):
        return Ring(pending=pending)
    return Ring(usable=tuple(one.certificate for one in known if one.trust in COUNTED | {Trust.REVOKED}))


async def for_address(conn: AsyncConnection, address: str) -> tuple[bytes, ...]:
    """The usable ones of `ring`."""
    return (await ring(conn, address)).usable


async def copies(conn: AsyncConnection, *, address: str = "", fingerprint: str = "") -> tuple[Certificate, ...]:
    """All that is on file for an address, lower case, or of a key, whatever its trust."""
    mine = table.c.address == address if address else table.c.fingerprint == fingerprint
    return tuple(_read(row) for row in (await conn.execute(sa.select(table).where(mine))).mappings())


async def holders(conn: AsyncConnection) -> frozenset[str]:
    """The addresses, in lower case, that have a certificate that counts, and none that waits for a person."""
    counted = sa.select(table.c.address).where(table.c.trust.in_(COUNTED)).distinct()
    waiting = sa.select(table.c.address).where(table.c.trust == Trust.PENDING)
    return frozenset((await conn.execute(counted.where(table.c.address.not_in(waiting)))).scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class OnFile:
    """The addresses, in lower case, that have an OpenPGP key, and those that have an S/MIME certificate with trust."""

    openpgp: frozenset[str] = frozenset()
    smime: frozenset[str] = frozenset()


async def on_file(conn: AsyncConnection) -> OnFile:
    """As the registers have it now; whether a key is still usable is judged before each use."""
    return OnFile(openpgp=await holders(conn), smime=await smime_certificates.holders(conn))


class Holders(Kept[OnFile]):
    """The same, kept in memory."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, on_file)


async def everything(conn: AsyncConnection) -> tuple[Certificate, ...]:
    """All certificates, by address."""
    rows = await conn.execute(sa.select(table).order_by(table.c.address, table.c.imported_at.desc()))
    return tuple(_read(row) for row in rows.mappings())


async def trust(store: Store, fingerprint: str, *, events: Sequence[Event]) -> bool:
    """Believe a certificate by a person's word, beside others of its addresses. Returns: whether it was there."""

    async def work(conn: AsyncConnection) -> bool:
        change = sa.update(table).where(table.c.fingerprint == fingerprint).values(trust=Trust.PERSON)
        return (await conn.execute(change)).rowcount > 0

    return await store.transact(work, events=lambda was_there: events if was_there else ())


async def accept(store: Store, fingerprint: str, *, events: Sequence[Event]) -> bool:
    """Take a pending certificate in place of the others of its addresses. Returns: whether one was pending."""

    async def work(conn: AsyncConnection) -> bool:
        mine = (table.c.fingerprint == fingerprint) & (table.c.trust == Trust.PENDING)
        addresses = list((await conn.execute(sa.select(table.c.address).where(mine))).scalars())
        others = table.c.address.in_(addresses) & (table.c.fingerprint != fingerprint)
        await conn.execute(sa.update(table).where(others).values(trust=Trust.REFUSED))
        await conn.execute(sa.update(table).where(mine).values(trust=Trust.PERSON))
        return bool(addresses)

    return await store.transact(work, events=lambda was_there: events if was_there else ())


async def reject(store: Store, fingerprint: str, *, events: Sequence[Event]) -> bool:
    """Refuse a pending certificate for good; what was on file counts again. Returns: whether one was pending."""

    async def work(conn: AsyncConnection) -> bool:
        mine = (table.c.fingerprint == fingerprint) & (table.c.trust == Trust.PENDING)
        return (await conn.execute(sa.update(table).where(mine).values(trust=Trust.REFUSED))).rowcount > 0

    return await store.transact(work, events=lambda was_there: events if was_there else ())


async def forget(store: Store, fingerprint: str, *, events: Sequence[Event]) -> bool:
    """Forget a certificate, for all its addresses. Returns: whether it was there."""

    async def work(conn: AsyncConnection) -> bool:
        return (await conn.execute(sa.delete(table).where(table.c.fingerprint == fingerprint))).rowcount > 0

    return await store.transact(work, events=lambda was_there: events if was_there else ())


def _of(*addresses: str) -> sa.Select[tuple[object, ...]]:
    return sa.select(table).where(table.c.address.in_(addresses)).order_by(table.c.imported_at.desc())


async def _put(conn: AsyncConnection, new: Certificate) -> None:
    old = (table.c.fingerprint == new.fingerprint) & (table.c.address == new.address)
    await conn.execute(sa.delete(table).where(old))
    await conn.execute(
        sa.insert(table),
        {
            "fingerprint": new.fingerprint,
            "address": new.address,
            "certificate": new.certificate,
            "imported_at": new.imported_at,
            "expires_at": new.expires_at,
            "trust": new.trust.value,
            "source": new.source.value,
            "spelled": new.spelled,
        },
    )


def _read(row: sa.RowMapping) -> Certificate:
    return Certificate(**{**row, "trust": Trust(row["trust"]), "source": Source(row["source"])})
