"""One requirement per host, merged from everything that has a say."""

import itertools

import pytest

from tls.failures import MEANINGS, STRIPPABLE, TlsFailure
from tls.levels import TlsLevel
from tls.requirement import HopTls, Needs, Requirement, requirement

NONE, ENCRYPTED, VERIFIED = TlsLevel


@pytest.mark.parametrize(("asked", "route"), list(itertools.product(TlsLevel, TlsLevel)))
def test_the_higher_level_counts(asked: TlsLevel, route: TlsLevel) -> None:
    """A route may raise what a message asks, never lower it."""
    assert requirement(Needs(level=asked), HopTls(route_level=route)).level is max(asked, route)


@pytest.mark.parametrize("level", list(TlsLevel))
def test_content_free_mail_may_go_past_the_route_only(level: TlsLevel) -> None:
    """RFC 8689 section 5: notices and DSNs; never below what they ask themselves."""
    needs = Needs(level=level, is_content_free=True)
    assert requirement(needs, HopTls(route_level=VERIFIED)).level is level


@pytest.mark.parametrize("level", list(TlsLevel))
def test_requiretls_needs_verified_tls(level: TlsLevel) -> None:
    """RFC 8689 section 4.2.1."""
    found = requirement(Needs(level=level, requiretls=True), HopTls())
    assert (found.level, found.requiretls) == (VERIFIED, True)


@pytest.mark.parametrize(
    ("hop", "requiretls"),
    [
        (HopTls(), False),
        (HopTls(is_smart_host=True), True),
        (HopTls(is_smart_host=True, is_attested=True), False),
    ],
)
def test_smart_host_proves_one_hop(hop: HopTls, requiretls: bool) -> None:
    """The ladder: attested, or REQUIRETLS carries the duty on."""
    assert requirement(Needs(level=VERIFIED, is_onward=True), hop).requiretls is requiretls
    assert not requirement(Needs(level=NONE), hop).requiretls


@pytest.mark.parametrize(
    ("needed", "vouched", "refusal"),
    [(True, False, TlsFailure.UNVOUCHED_MX), (True, True, None), (False, False, None)],
)
def test_unsigned_mx(needed: bool, vouched: bool, refusal: TlsFailure | None) -> None:
    """`tls.unsigned_mx = "climb"`."""
    assert requirement(Needs(level=VERIFIED, is_vouched=needed), HopTls(is_vouched=vouched)).refusal is refusal


def test_every_part_says_why() -> None:
    """Invariant 6: who asked for what, in words."""
    needs = Needs(level=VERIFIED, is_onward=True, is_vouched=True, requiretls=True)
    assert requirement(needs, HopTls(route_level=VERIFIED, is_smart_host=True)).reasons == (
        "message needs verified TLS",
        "sender asked for REQUIRETLS",
        "route asks for verified TLS",
        "host name must be vouched for",
        "smart host is not attested, so it must honour REQUIRETLS",
    )
    assert requirement(Needs(level=NONE), HopTls()) == Requirement()


def test_merging_does_not_depend_on_the_order() -> None:
    """Max and union: a later policy cannot undo an earlier one."""
    parts = [
        Requirement(level=ENCRYPTED),
        Requirement(level=VERIFIED, requiretls=True),
        Requirement(refusal=TlsFailure.UNVOUCHED_MX),
    ]
    merged = {part_a | part_b | part_c for part_a, part_b, part_c in itertools.permutations(parts)}
    assert merged == {Requirement(level=VERIFIED, requiretls=True, refusal=TlsFailure.UNVOUCHED_MX)}


def test_every_failure_has_words() -> None:
    assert set(MEANINGS) == set(TlsFailure)
    assert all(failure.is_definitive for failure in STRIPPABLE)
