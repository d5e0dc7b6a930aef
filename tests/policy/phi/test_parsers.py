"""MP-16: what any parser of mail may show to a recipient is scanned, or the message counts as protected."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.policy.phi import test_hiding, test_mime
from tests.policy.phi.nasty_mail import nasty_mail
from tests.policy.phi.parsers import MARK, WITNESSES, WORD, corpus, missed, ours, seen

CORPUS = tuple(dict.fromkeys(corpus(test_hiding, test_mime)))


def test_the_corpus_is_there() -> None:
    """The messages are taken from other tests, which may change their form."""
    assert len(CORPUS) > 60


@pytest.mark.parametrize("name", WITNESSES)
def test_words_of_the_corpus(name: str) -> None:
    """MP-16: nasty messages that were written by hand."""
    for data in CORPUS:
        said, is_doubted = ours(data)
        for text in seen(WITNESSES[name], data):
            is_plain = (
                text.isascii() and text.isprintable() and "<" not in text and "\\u" not in text and "=?" not in text
            )
            if is_plain and not is_doubted:
                assert not missed(text, said, WORD), data


@pytest.mark.slow
@given(nasty_mail())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_marks_of_made_messages(data: bytes) -> None:
    """MP-01 to MP-05, MP-16: structures, encodings and boundaries that are read differently."""
    said, is_doubted = ours(data)
    if is_doubted:
        return
    for name, witness in WITNESSES.items():
        for text in seen(witness, data):
            assert not missed(text, said, MARK), name
