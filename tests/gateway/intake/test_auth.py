"""Passwords: argon2id in threads, decoys, the short memory of successes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.intake import auth
from gateway.intake.auth import AuthBusyError, Authenticator, login_name
from gateway.intake.book import PeopleBook
from gateway.intake.passwords import hash_password, matches
from gateway.store import people
from gateway.store.store import Store
from gateway.store.vault import Vault

PASSWORD = "correct horse battery"
STORED = hash_password(PASSWORD)


class Book(dict[str, str]):
    """People in a dictionary."""

    async def get(self, address: str) -> str | None:  # type: ignore[override]  # the real book awaits
        return dict.get(self, address)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def authenticator(clock: Clock) -> AsyncIterator[Authenticator]:
    made = Authenticator(Book({"joe@clinic.example": STORED}), clock)
    yield made
    made.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(url="sqlite", data_dir=tmp_path, vault=Vault(bytes(32)), node="test")
    yield opened
    await opened.close()


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that argon2 was run for."""
    calls: list[str] = []

    def counting(stored: str, password: str) -> bool:
        calls.append(stored)
        return matches(stored, password)

    monkeypatch.setattr(auth, "matches", counting)
    return calls


def test_hashes() -> None:
    """Argon2id; the same characters composed otherwise are the same password; garbage in the book matches nothing."""
    assert STORED.startswith("$argon2id$")
    assert matches(hash_password("pass\u00e9"), "passe\u0301")
    assert not matches("garbage", PASSWORD)


async def test_right_and_wrong(authenticator: Authenticator) -> None:
    assert await authenticator.verify("Joe@Clinic.Example", PASSWORD)
    assert not await authenticator.verify("joe@clinic.example", PASSWORD + " ")


@pytest.mark.parametrize("user", ["nobody@clinic.example", "not an address", ""])
async def test_unknown_users_cost_the_same(authenticator: Authenticator, computed: list[str], user: str) -> None:
    """SA-06: one argon2 run with our own parameters, whoever asks."""
    assert not await authenticator.verify(user, PASSWORD)
    (decoy,) = computed
    assert decoy.split("$")[:4] == STORED.split("$")[:4]


async def test_success_is_remembered_for_a_minute(
    authenticator: Authenticator, computed: list[str], clock: Clock
) -> None:
    for _ in range(3):
        assert await authenticator.verify("joe@clinic.example", PASSWORD)
    assert len(computed) == 1
    assert not await authenticator.verify("joe@clinic.example", "wrong")
    clock.now += auth.REMEMBER_S + 1
    assert await authenticator.verify("joe@clinic.example", PASSWORD)
    assert len(computed) == 3


async def test_changed_password_ends_the_memory(clock: Clock) -> None:
    """A new hash or a disabled person counts at once."""
    book = Book({"joe@clinic.example": STORED})
    authenticator = Authenticator(book, clock)
    assert await authenticator.verify("joe@clinic.example", PASSWORD)
    book["joe@clinic.example"] = hash_password("something else")
    assert not await authenticator.verify("joe@clinic.example", PASSWORD)
    book.clear()
    assert not await authenticator.verify("joe@clinic.example", "something else")
    authenticator.close()


async def test_waiting_is_bounded(authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch) -> None:
    """SA-06: a flood of guesses is told to try later, instead of filling memory."""
    monkeypatch.setattr(auth, "WAITING", 2)
    outcomes = await asyncio.gather(
        *(authenticator.verify("joe@clinic.example", "wrong") for _ in range(4)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes].count(AuthBusyError) == 2


@pytest.mark.parametrize(
    ("user", "name"), [("Joe@X.Example", "joe@x.example"), ("joe", None), ("a\0b@x.example", None)]
)
def test_login_names(user: str, name: str | None) -> None:
    assert login_name(user) == name


async def test_book_of_people(store: Store) -> None:
    """The store's people are the book; who was disabled is not in it any more."""
    now = datetime.now(UTC)
    person = people.Person(address="joe@clinic.example", password_hash=STORED, role="sender", created_at=now)
    await people.add(store, person, events=())
    book = PeopleBook(store)
    assert await book.get("joe@clinic.example") == STORED
    assert await book.get("nobody@clinic.example") is None
    await people.disable(store, "joe@clinic.example", at=now, events=())
    assert await book.get("joe@clinic.example") is None
