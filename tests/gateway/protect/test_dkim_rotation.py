"""Rotation of DKIM keys, as values (CR-12)."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.protect.dkim_keys import DkimKey, generate_key
from gateway.protect.dkim_rotation import Rotation, read_rotations, write_rotations

NOW = datetime(2026, 11, 24, tzinfo=UTC)
UNTIL = NOW + timedelta(days=14)
DOMAIN = "clinic.example"
CONFIGURED = tuple(DkimKey.load(DOMAIN, name, generate_key("ed25519")) for name in ("s1", "s2"))


def selectors(keys: tuple[DkimKey, ...]) -> list[str]:
    return [key.selector for key in keys]


def test_made_keys_wait() -> None:
    """CR-12: until the switch the old ones sign, and a second try goes on with the same keys."""
    waiting = Rotation().prepared(CONFIGURED, now=NOW)
    assert waiting.in_effect(CONFIGURED) == CONFIGURED
    assert [one.selector for one in waiting.waiting] == ["m20261124-ed25519", "m20261124-ed25519-2"]
    assert waiting.prepared(CONFIGURED, now=NOW + timedelta(days=2)) == waiting
    assert read_rotations(write_rotations({DOMAIN: waiting})) == {DOMAIN: waiting}


def test_switched_keys_sign_and_the_old_records_stay() -> None:
    """CR-12: each key in the place of the one before it; no line of keys is ever left without one."""
    once = Rotation().prepared(CONFIGURED, now=NOW).switched(CONFIGURED, until=UNTIL)
    assert selectors(once.in_effect(CONFIGURED)) == ["m20261124-ed25519", "m20261124-ed25519-2"]
    assert [(one.selector, one.until) for one in once.retired] == [("s1", UNTIL), ("s2", UNTIL)]
    assert once.retired[0].record == CONFIGURED[0].dns_record()
    twice = once.prepared(CONFIGURED, now=NOW).switched(CONFIGURED, until=UNTIL)
    assert selectors(twice.in_effect(CONFIGURED)) == ["m20261124-ed25519-3", "m20261124-ed25519-4"]
    assert len(twice.made) == 2
    assert [one.selector for one in twice.retired][2:] == ["m20261124-ed25519", "m20261124-ed25519-2"]


def test_a_selector_written_into_the_configuration_signs() -> None:
    """What an operator changes by hand counts: a rotation replaces only what it knows."""
    rotation = Rotation().prepared(CONFIGURED, now=NOW).switched(CONFIGURED, until=UNTIL)
    hand = DkimKey.load(DOMAIN, "hand", generate_key("ed25519"))
    assert selectors(rotation.in_effect((hand, CONFIGURED[1]))) == ["hand", "m20261124-ed25519-2"]


@pytest.mark.slow
def test_the_algorithm_stays() -> None:
    """RSA follows RSA: not every verifier knows Ed25519."""
    rsa = DkimKey.load(DOMAIN, "r", generate_key("rsa"))
    (made,) = Rotation().prepared((rsa,), now=NOW).waiting
    assert made.load(DOMAIN).algorithm == "rsa-sha256"
