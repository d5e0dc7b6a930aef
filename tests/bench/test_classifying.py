"""The comparison of classifiers: what it measures, and what it says where a contender is missing."""

import shutil
from pathlib import Path

import pytest

from bench.classifying import LARGE, kinds, small
from bench.rspamd import patterns, running_rspamd
from policy.phi.classify import classify_message


def test_the_patterns_are_those_of_the_detectors() -> None:
    """A detector without its pattern there would make rspamd look faster than it is."""
    expressions = [expression for expression, _ in patterns()]
    assert len(expressions) == len(set(expressions)) > 40
    for word in ("mrn", "ssn", "date of birth", "npi", "hcpcs", "mmol/l", "your"):
        assert any(word in expression for expression in expressions), word


def test_rspamd_that_is_missing_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with running_rspamd(tmp_path) as server:
        assert server == "rspamd is not installed"


@pytest.mark.slow
def test_large_messages_are_read_to_their_end() -> None:
    """They are texts of a real length, and inside all limits: otherwise their speed would be that of giving up."""
    for title, message in kinds(small()).items():
        assert len(message) >= LARGE
        assert not classify_message(message).uninspectable, title
