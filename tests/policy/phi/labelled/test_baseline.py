"""No change makes the classifier worse in any kind of message than its interval allows (`make eval` prints them)."""

from dataclasses import replace

import pytest

from bench.crossed import Crossed, crossed
from bench.wilson import wilson
from policy.phi import examine
from policy.phi.data.mail import labelled_mail
from tests.policy.phi.labelled.baseline import counted, counted_unseen, losses, read
from tests.policy.phi.labelled.write import messages


@pytest.fixture(scope="module")
def unseen() -> list[Crossed]:
    """The short mail, each file judged by a model that has not seen it."""
    return list(crossed(list(labelled_mail())))


@pytest.mark.slow
def test_nothing_is_lost(unseen: list[Crossed]) -> None:
    """If the messages or the classifier changed on purpose: `python -m bench.evaluate --write-baseline`."""
    now = {**counted(messages()), **counted_unseen(unseen)}
    assert list(losses(read(), now)) == []
    assert set(now) == set(read()), "a new kind needs its row in the baseline"


def test_the_set_is_large_and_the_same_each_time() -> None:
    """At least 150 messages, as many with PHI as near misses and harmless ones."""
    first = list(messages())
    assert first == list(messages())
    assert len({message.data for message in first if message.is_phi}) == sum(message.is_phi for message in first)
    assert len({message.data for message in first}) >= 150
    labels = [message.label for message in first]
    assert labels.count("phi") == labels.count("near") == labels.count("harmless")


@pytest.mark.slow
def test_a_classifier_that_hears_no_label_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: identifiers are lost, so kinds that hang on them lose more than their interval."""
    monkeypatch.setattr(examine, "find_identifiers", lambda view: ())
    lost = list(losses(read(), counted(messages())))
    assert any(line.startswith("detector: mrn: recall 0.000") for line in lost)


@pytest.mark.slow
def test_a_classifier_without_its_model_is_seen(unseen: list[Crossed]) -> None:
    """The attack: the model says nothing, and a third of the short mail is lost."""
    alone = [replace(item, by_both=item.by_rules) for item in unseen]
    lost = list(losses(read(), counted_unseen(alone)))
    assert any(line.startswith("phi: short mail: recall ") for line in lost)


@pytest.mark.parametrize(
    ("expected", "now", "is_lost"),
    [
        ({"phi: a": (20, 20)}, {"phi: a": (18, 20)}, False),  # 0.900; 20 of 20 make 0.839 likely
        ({"phi: a": (20, 20)}, {"phi: a": (16, 20)}, True),
        ({"harmless: a": (0, 20)}, {"harmless: a": (3, 20)}, False),
        ({"harmless: a": (0, 20)}, {"harmless: a": (4, 20)}, True),
        ({"detector: ssn": (6, 6)}, {"detector: ssn": (3, 6)}, True),
        ({"phi: a": (20, 20)}, {}, True),
    ],
)
def test_what_counts_as_a_loss(
    expected: dict[str, tuple[int, int]], now: dict[str, tuple[int, int]], is_lost: bool
) -> None:
    assert bool(list(losses(expected, now))) is is_lost


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (5, 10, 0.237, 0.763), (81, 263, 0.255, 0.366)],
)
def test_wilson(hits: int, of: int, low: float, high: float) -> None:
    """The last row is the example of R. G. Newcombe, Statistics in Medicine 17 (1998), table I."""
    assert wilson(hits, of) == pytest.approx((low, high), abs=0.0006)
