"""The table of letters agrees with the files, and shows what the issue names."""

import pytest

from gateway.demo.letters import BY_REGISTERS, EVERYTHING, LETTERS, Door, Letter, Way
from gateway.demo.world import CLINIC, HOSTS
from gateway.message.address import domain_of


@pytest.mark.parametrize("letter", LETTERS, ids=lambda letter: letter.name)
def test_header_and_table_name_the_same_recipients(letter: Letter) -> None:
    """Every recipient has a promise, at a domain with a server; the sender is one of the clinic's."""
    assert set(letter.recipients) == set(letter.ways)
    assert {domain_of(recipient) for recipient in letter.recipients} <= {host.domain for host in HOSTS}
    assert domain_of(letter.sender) == CLINIC


@pytest.mark.parametrize("letter", LETTERS, ids=lambda letter: letter.name)
def test_a_protected_letter_is_promised_no_way_in_clear(letter: Letter) -> None:
    """Invariant 1: no rung of any ladder is plain text, or TLS with nobody knows whom."""
    if letter.is_protected:
        assert not set(letter.ways.values()) & {Way.CLEAR, Way.UNVERIFIED_TLS}


def test_every_way_and_every_door_is_shown() -> None:
    """Issue line 12: at least eight messages; good and expired certificate, no TLS, a key on file, code and PIN."""
    assert len(LETTERS) >= 8
    assert {way for letter in EVERYTHING for way in letter.ways.values()} == set(Way)
    assert {letter.door for letter in LETTERS} == set(Door)


def test_the_registers_have_a_say_in_four() -> None:
    """An offer that nobody authorized, one that somebody did, an agreement that ended, a slip of the address."""
    assert [list(letter.ways.values()) for letter in BY_REGISTERS] == [
        [Way.REFUSED], [Way.UNVERIFIED_TLS], [Way.HELD], [Way.HELD],
    ]  # fmt: skip
    for letter in BY_REGISTERS:
        assert set(letter.recipients) == set(letter.ways)
        assert letter.message["X-Mailward-Purpose"]
