"""Passwords: argon2id in threads, decoys, the short memory of successes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.intake import auth
from gateway.intake.auth import AuthBusyError, Authenticator, login_name
from gateway.intake.book import AccountBook
from gateway.intake.passwords import LETTERS, hash_password, hash_secret, matches, new_secret
from gateway.message.account import Account
from gateway.store import people
from gateway.store.store import Store
from gateway.store.vault import Vault
from tests.gateway.intake.harness import make_account

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"
STORED = hash_password(PASSWORD)
SECRET = new_secret()
SCANNER = make_account("scanner-3", "scan@clinic.example", "*@clinic.example", "<>", key=hash_secret(SECRET))


class Book(dict[str, str]):
    """People and their hashes in a dictionary, and one program."""

    async def by_login(self, login: str) -> Account | None:
        key = self.get(login)
        return None if key is None else make_account(login, login, key=key)

    async def by_secret(self, secret_hash: str) -> Account | None:
        return SCANNER if secret_hash == SCANNER.key else None


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


@pytest.mark.parametrize("user", ["scanner-3", "SCANNER-3", "scan@clinic.example", "Scan@Clinic.Example"])
async def test_a_program_signs_in_by_name_or_sender(
    authenticator: Authenticator, computed: list[str], user: str
) -> None:
    """Clients that demand an address give one that the credential sends as; no argon2 for a random secret."""
    assert await authenticator.verify(user, SECRET) == SCANNER
    assert computed == []


@pytest.mark.parametrize("user", ["scanner-4", "any@clinic.example", "*@clinic.example", "<>", "joe@clinic.example"])
async def test_a_secret_is_good_for_its_own_names_only(authenticator: Authenticator, user: str) -> None:
    assert await authenticator.verify(user, SECRET) is None


async def test_a_wrong_secret_costs_what_a_wrong_password_costs(
    authenticator: Authenticator, computed: list[str]
) -> None:
    """SA-06: whether the user name is a credential's, a person's or nobody's."""
    for user in ("scanner-3", "scan@clinic.example", "joe@clinic.example", "nobody@clinic.example"):
        assert await authenticator.verify(user, new_secret()) is None
    assert len(computed) == 4


def test_secrets_are_random_and_can_be_typed() -> None:
    """128 bits at least, in at most 32 characters."""
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert len(set(LETTERS)) ** len(SECRET) >= 2**128
    assert all(len(secret) <= 32 and set(secret) <= set(LETTERS) for secret in made)


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
    ("user", "name"),
    [
        ("Joe@X.Example", "joe@x.example"),
        ("Scanner-3", "scanner-3"),
        ("scanner 3", None),
        ("-", None),
        ("a\0b@x.example", None),
    ],
)
def test_login_names(user: str, name: str | None) -> None:
    assert login_name(user) == name


async def test_book_of_people(store: Store) -> None:
    """The store's people are the book; who was disabled is not in it any more."""
    now = datetime.now(UTC)
    person = people.Person(address="joe@clinic.example", password_hash=STORED, role="sender", created_at=now)
    await people.add(store, person, events=())
    book = AccountBook(store)
    joe = await book.by_login("joe@clinic.example")
    assert joe is not None
    assert (joe.key, joe.senders) == (STORED, frozenset({"joe@clinic.example"}))
    assert await book.by_login("nobody@clinic.example") is None
    await people.disable(store, "joe@clinic.example", at=now, events=())
    assert await book.by_login("joe@clinic.example") is None
