"""What the answers to the self-test say of a resolver."""

import itertools

import pytest

from tls.dnssec.answers import Lookup, State, merge
from tls.dnssec.verify import WORDS, ResolverVerdict, judge_resolver, worst


def answer(state: State, *, is_secure: bool = False, is_servfail: bool = False) -> Lookup[str]:
    return Lookup(state=state, name="x.example", is_secure=is_secure, is_servfail=is_servfail)


SILENT, FOUND, ABSENT = (answer(state) for state in (State.FAILED, State.FOUND, State.ABSENT))
FAILED = answer(State.FAILED, is_servfail=True)
SECURE = answer(State.FOUND, is_secure=True)


@pytest.mark.parametrize(
    ("bogus", "signed", "verdict"),
    [
        (FAILED, SECURE, ResolverVerdict.VALIDATING),
        (FAILED, answer(State.ABSENT, is_secure=True), ResolverVerdict.VALIDATING),
        (FAILED, FOUND, ResolverVerdict.NO_AD),
        (FAILED, FAILED, ResolverVerdict.UNREACHABLE),
        (FAILED, SILENT, ResolverVerdict.UNREACHABLE),
        (SILENT, SECURE, ResolverVerdict.UNREACHABLE),
        (SILENT, SILENT, ResolverVerdict.UNREACHABLE),
        (FOUND, SECURE, ResolverVerdict.NOT_VALIDATING),
        (SECURE, SECURE, ResolverVerdict.NOT_VALIDATING),
        (ABSENT, SECURE, ResolverVerdict.NOT_VALIDATING),
        (FOUND, FAILED, ResolverVerdict.NOT_VALIDATING),
        (FOUND, FOUND, ResolverVerdict.NOT_VALIDATING),
    ],
)
def test_verdict(bogus: Lookup[str], signed: Lookup[str], verdict: ResolverVerdict) -> None:
    """TL-25: a bogus name is never answered, and a signed one comes with AD."""
    assert judge_resolver(bogus, signed) is verdict


def test_every_verdict_has_words() -> None:
    assert set(WORDS) == set(ResolverVerdict)


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(ResolverVerdict, 2)))
def test_the_worst_of_several_counts(one: ResolverVerdict, other: ResolverVerdict) -> None:
    """TL-25: an answer may come from either."""
    assert worst([one, other]) is worst([other, one]) is other


@pytest.mark.parametrize(
    ("first", "second", "state", "is_secure"),
    [
        (SECURE, SECURE, State.FOUND, True),
        (SECURE, FOUND, State.FOUND, False),
        (SECURE, ABSENT, State.FOUND, True),
        (SECURE, FAILED, State.FOUND, True),
        (FOUND, FAILED, State.FOUND, False),
        (FAILED, ABSENT, State.FAILED, False),
        (FAILED, FAILED, State.FAILED, False),
        (ABSENT, answer(State.ABSENT, is_secure=True), State.ABSENT, False),
    ],
)
def test_two_families(first: Lookup[str], second: Lookup[str], state: State, is_secure: bool) -> None:
    """A and AAAA as one answer: what failed hides nothing, what is unsigned taints."""
    for merged in (merge(first, second), merge(second, first)):
        assert (merged.state, merged.is_secure) == (state, is_secure)


def test_families_behind_different_aliases() -> None:
    """Then nobody knows which name the host has."""
    other: Lookup[str] = Lookup(state=State.FOUND, name="y.example", is_secure=True)
    assert not merge(SECURE, other).is_secure
