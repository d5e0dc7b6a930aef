"""SA-06: guessing is slow, from one place and from many, and wrong passwords are on record."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.audit.search import Query, search
from gateway.intake.auth import AuthBusyError
from gateway.intake.book import AccountBook
from gateway.intake.guard import Guard
from gateway.message.account import Account
from gateway.store import people
from gateway.store.store import Store
from gateway.store.vault import Vault
from tests.gateway.intake.harness import make_account

JOE = "joe@clinic.example"
RIGHT = "correct horse battery"
HERE = "192.0.2.1"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ACCOUNTS = {
    JOE: make_account(JOE, JOE),
    "scanner": make_account("scanner", networks=(ip_network("10.0.0.0/8"),)),
    "old-scanner": make_account("old-scanner", expires_at=LONG_AGO),
}


class Passwords:
    async def verify(self, user: str, password: str) -> Account | None:
        return ACCOUNTS.get(user.lower()) if password == RIGHT else None


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def noted() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(noted: list[tuple[str, str, str]], clock: Clock) -> Guard:
    async def note(account: str, ip: str, why: str) -> None:
        noted.append((account, ip, why))

    return Guard(Passwords(), note_failure=note, clock=clock)


async def fail(guard: Guard, count: int, *, ip: str = HERE, user: str = JOE) -> int:
    """How many of so many wrong guesses were looked at."""
    looked_at = 0
    for number in range(count):
        try:
            looked_at += not await guard.verify(user, "wrong", ip=ip.format(number))
        except AuthBusyError:
            continue
    return looked_at


async def test_one_network_has_thirty_then_one_in_twenty_seconds(guard: Guard, clock: Clock) -> None:
    """Whatever accounts it tries; the right password does not help it either."""
    assert await fail(guard, 20) + await fail(guard, 20, user="nobody@clinic.example") == 30
    with pytest.raises(AuthBusyError):
        await guard.verify(JOE, RIGHT, ip=HERE)
    assert await guard.verify(JOE, RIGHT, ip="198.51.100.1")
    clock.now += 20
    assert await fail(guard, 5) == 1


async def test_one_account_has_a_hundred_from_everywhere(guard: Guard) -> None:
    """One guess from each of many networks."""
    assert await fail(guard, 200, ip="10.0.0.{0}") == 100
    with pytest.raises(AuthBusyError):
        await guard.verify(JOE, RIGHT, ip=HERE)


async def test_who_logged_in_before_is_not_locked_out(guard: Guard) -> None:
    """An attacker elsewhere cannot keep the clinic's devices from sending."""
    assert await guard.verify(JOE, RIGHT, ip=HERE)
    await fail(guard, 200, ip="10.0.0.{0}")
    assert await guard.verify("Joe@Clinic.Example", RIGHT, ip=HERE)


async def test_a_neighbour_with_an_old_password_locks_nobody_out(guard: Guard) -> None:
    """Behind one address of a clinic a scanner tries all night; who has logged in from there still may."""
    assert await guard.verify(JOE, RIGHT, ip=HERE)
    await fail(guard, 100, user="scanner@clinic.example")
    assert await guard.verify(JOE, RIGHT, ip=HERE)


async def test_guessing_where_it_logged_in_before_is_slow_too(guard: Guard) -> None:
    assert await guard.verify(JOE, RIGHT, ip=HERE)
    assert await fail(guard, 100) == 30


async def test_success_costs_nothing(guard: Guard) -> None:
    assert all([await guard.verify(JOE, RIGHT, ip=HERE) for _ in range(200)])


async def test_failures_are_noted(guard: Guard, noted: list[tuple[str, str, str]]) -> None:
    """By account and address; what is no login, perhaps a password in the wrong field, is not even handed on."""
    await fail(guard, 1)
    await fail(guard, 1, user="hunter2 !")
    await guard.verify(JOE, RIGHT, ip=HERE)
    await asyncio.sleep(0)
    assert noted == [(JOE, HERE, "password")]


@pytest.mark.parametrize(("user", "why"), [("scanner", "network"), ("old-scanner", "expired")])
async def test_a_right_secret_in_the_wrong_place_or_time_is_a_failure(
    guard: Guard, noted: list[tuple[str, str, str]], user: str, why: str
) -> None:
    """SA-06: counted and noted like a wrong one."""
    assert await guard.verify(user, RIGHT, ip=HERE) is None
    await asyncio.sleep(0)
    assert noted == [(user, HERE, why)]
    assert await fail(guard, 40) == 29


async def test_a_right_secret_in_its_place(guard: Guard) -> None:
    assert await guard.verify("scanner", RIGHT, ip="10.1.2.3") == ACCOUNTS["scanner"]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(url="sqlite", data_dir=tmp_path, vault=Vault(bytes(32)), node="test")
    yield opened
    await opened.close()


async def test_a_wrong_password_enters_the_audit_log(store: Store) -> None:
    """For people who exist; strangers cannot fill it."""
    person = people.Person(address=JOE, password_hash="", role="user", created_at=datetime.now(UTC))
    await people.add(store, person, events=())
    book = AccountBook(store)
    await book.note_failure(JOE, HERE, "password")
    await book.note_failure("nobody@clinic.example", HERE, "password")
    await book.note_failure("hunter2", HERE, "password")
    async with store.read() as conn:
        (found,) = await search(conn, Query(kind="auth.failed"))
    assert found.event.data == {"login": JOE, "client_ip": HERE, "why": "password"}
