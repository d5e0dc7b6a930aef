"""Whether a message goes to somebody else than it is about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.binding import is_other_patient

PEOPLE = st.frozensets(st.sampled_from("abc"))


@pytest.mark.parametrize(
    ("named", "owners", "expected"),
    [
        (["a"], "b", True),
        (["a"], "a", False),
        (["a"], "", False),  # nobody on the index has the address: a colleague, a practice
        ([], "b", False),
        ([""], "b", False),  # the name of nobody known
        (["a"], "ab", False),  # a mailbox that two share
        (["ab"], "b", False),  # twins: one of them is meant
        (["b", "a"], "b", True),  # names the right one, and somebody else
    ],
)
def test_who_may_read_it(named: list[str], owners: str, expected: bool) -> None:
    """A message that names A is not for the mailbox of a different known patient."""
    assert is_other_patient([frozenset(one) for one in named], frozenset(owners)) is expected


@pytest.mark.slow
@given(st.lists(PEOPLE), PEOPLE, PEOPLE)
def test_one_more_name_never_frees(named: list[frozenset[str]], more: frozenset[str], owners: frozenset[str]) -> None:
    """Monotonic: what else a message says cannot undo that it names somebody else."""
    if is_other_patient(named, owners):
        assert is_other_patient([*named, more], owners)
