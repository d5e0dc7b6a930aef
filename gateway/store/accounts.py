"""Everybody who may sign in: people and programs in one directory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.message.account import Account
from gateway.store import credentials, people
from gateway.store.credentials import Credential
from gateway.store.kept import Kept
from gateway.store.people import Person
from gateway.store.store import Store


@dataclass(frozen=True, slots=True)
class Directory:
    """by_login: who may sign in now. by_secret: programs, by the SHA-256 of their secret."""

    by_login: Mapping[str, Account] = field(default_factory=dict)
    by_secret: Mapping[str, Account] = field(default_factory=dict)


async def directory(conn: AsyncConnection) -> Directory:
    """Read people, their delegations, and credentials."""
    persons = await people.everyone(conn)
    others = await people.delegations(conn)
    living = [one for one in await credentials.everything(conn) if one.revoked_at is None]
    programs = [_program(one) for one in living]
    accounts = [_person(one, others.get(one.address, ())) for one in persons if one.disabled_at is None] + programs
    return Directory(by_login={one.login: one for one in accounts}, by_secret={one.key: one for one in programs})


class Accounts(Kept[Directory]):
    """The directory of an open store."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, directory)


def _person(one: Person, others: Sequence[str]) -> Account:
    senders = frozenset({one.address, *others})
    return Account(login=one.address, is_program=False, key=one.password_hash, senders=senders, role=one.role)


def _program(one: Credential) -> Account:
    return Account(
        login=one.name,
        is_program=True,
        key=one.secret_hash,
        senders=frozenset(one.senders),
        networks=tuple(ip_network(text) for text in one.networks),
        expires_at=one.expires_at,
        allowance=one.allowance,
    )
