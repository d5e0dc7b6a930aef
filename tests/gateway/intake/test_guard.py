"""SA-06: guessing is slow, from one place and from many, and wrong passwords are on record."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.audit.search import Query, search
from gateway.brake import REMEMBERED
from gateway.intake.auth import AuthBusyError
from gateway.intake.book import AccountBook
from gateway.intake.guard import Guard, Scope
from gateway.message.account import Account
from gateway.store import people
from gateway.store.store import Store
from gateway.store.vault import Vault
from tests.gateway.intake.harness import Server, connected, make_account

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


class Record:
    """What was written down, and how long answers waited."""

    def __init__(self) -> None:
        self.failures: list[tuple[str, str, str]] = []
        self.locks: list[tuple[Scope, str]] = []
        self.told: list[Scope] = []
        self.delays: list[float] = []

    async def note_failure(self, login: str, ip: str, why: str) -> None:
        self.failures.append((login, ip, why))

    async def note_lock(self, scope: Scope, login: str, ip: str) -> None:
        self.locks.append((scope, login))

    async def pause(self, seconds: float) -> None:
        self.delays.append(seconds)


@pytest.fixture
def noted() -> Record:
    return Record()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(noted: Record, clock: Clock) -> Guard:
    return Guard(Passwords(), noted, locked=noted.told.append, clock=clock, pause=noted.pause)


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


async def test_failures_are_noted(guard: Guard, noted: Record) -> None:
    """By account and address; what is no login, perhaps a password in the wrong field, is not even handed on."""
    await fail(guard, 1)
    await fail(guard, 1, user="hunter2 !")
    await guard.verify(JOE, RIGHT, ip=HERE)
    await asyncio.sleep(0)
    assert noted.failures == [(JOE, HERE, "password")]


@pytest.mark.parametrize(("user", "why"), [("scanner", "network"), ("old-scanner", "expired")])
async def test_a_right_secret_in_the_wrong_place_or_time_is_a_failure(
    guard: Guard, noted: Record, user: str, why: str
) -> None:
    """SA-06: counted and noted like a wrong one."""
    assert await guard.verify(user, RIGHT, ip=HERE) is None
    await asyncio.sleep(0)
    assert noted.failures == [(user, HERE, why)]
    assert await fail(guard, 40) == 29


async def test_the_answer_to_a_wrong_password_comes_later_with_each(guard: Guard, noted: Record, clock: Clock) -> None:
    """Known or unknown, by place as by account; a success is never delayed, and time forgives."""
    await fail(guard, 10)
    assert noted.delays == [0, 0, 0, 0.5, 1, 2, 4, 4, 4, 4]
    clock.now += 3600
    noted.delays.clear()
    await fail(guard, 10, user="nobody@clinic.example")
    assert noted.delays == [0, 0, 0, 0.5, 1, 2, 4, 4, 4, 4]
    clock.now += 3600
    noted.delays.clear()
    await fail(guard, 6, ip="10.0.0.{0}")
    assert noted.delays == [0, 0, 0, 0.5, 1, 2]
    noted.delays.clear()
    assert await guard.verify(JOE, RIGHT, ip=HERE)
    assert noted.delays == []


async def test_a_lock_is_told_once_an_hour(guard: Guard, noted: Record, clock: Clock) -> None:
    """Log, metric and audit log hear of it, not of each try that it lets through."""
    await fail(guard, 40)
    clock.now += 60
    await fail(guard, 10)
    assert noted.told == [Scope.NETWORK]
    await fail(guard, 200, ip="10.0.0.{0}")
    await asyncio.sleep(0)
    assert noted.told == [Scope.NETWORK, Scope.ACCOUNT]
    assert noted.locks == [(Scope.NETWORK, JOE), (Scope.ACCOUNT, JOE)]
    clock.now += 3600
    await fail(guard, 40)
    assert noted.told.count(Scope.NETWORK) == 2


async def test_an_account_where_it_is_known_is_locked_by_itself(guard: Guard, noted: Record) -> None:
    assert await guard.verify(JOE, RIGHT, ip=HERE)
    await fail(guard, 40)
    assert noted.told == [Scope.ACCOUNT_HERE]


async def test_a_locked_network_is_told_to_come_later(
    server: Server, guard: Guard, noted: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SA-06 at the running server: three wrong passwords a session, thirty a network; then 454 for a right one too."""
    monkeypatch.setattr(server.backend, "verify", guard.verify)
    replies = [reply for _ in range(10) for reply in await guess(server, JOE, "wrong", times=3)]
    assert {reply[:9] for reply in replies} == {b"535 5.7.8", b"421 4.7.0"}
    assert len(noted.delays) == 30
    assert await guess(server, JOE, RIGHT, times=1) == [b"454 4.7.0 Temporary authentication failure, try later\r\n"]


async def guess(server: Server, user: str, password: str, *, times: int) -> list[bytes]:
    """The replies to so many tries in one session; a closed one says nothing."""
    secret = base64.b64encode(f"\0{user}\0{password}".encode())
    async with connected(server, "submissions") as wire:
        await wire.ask(b"EHLO c.example")
        return [await wire.ask(b"AUTH PLAIN " + secret) for _ in range(times)]


async def test_memory_is_bounded(guard: Guard) -> None:
    """As many names and networks as an attacker likes."""
    for number in range(100):
        await fail(guard, 1, ip=f"2001:db8:0:{number:x}::1", user=f"user{number}@clinic.example")
    held = [*guard._by_place._free_at, *guard._by_account._free_at]
    assert len(held) == 200
    assert guard._by_place._remembered == guard._by_account._remembered == REMEMBERED


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
    await book.note_lock(Scope.ACCOUNT, JOE, HERE)
    await book.note_lock(Scope.ACCOUNT, "nobody@clinic.example", HERE)
    await book.note_lock(Scope.NETWORK, "nobody@clinic.example", HERE)
    for _ in range(200):
        await book.note_lock(Scope.NETWORK, "", HERE)
    async with store.read() as conn:
        locked = [found.event.data for found in await search(conn, Query(kind="auth.locked"))]
        (found,) = await search(conn, Query(kind="auth.failed"))
    assert locked[:2] == [
        {"scope": "account", "login": JOE, "client_ip": HERE},
        {"scope": "network", "login": "", "client_ip": HERE},
    ]
    assert len(locked) == 100, "strangers cannot fill the audit log"
    assert found.event.data == {"login": JOE, "client_ip": HERE, "why": "password"}
