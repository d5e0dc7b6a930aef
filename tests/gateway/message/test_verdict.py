"""Every verdict has a reply; class and enhanced code agree; no reply says more than the peer needs."""

import re

import pytest

from gateway.message.verdict import REPLIES, Reply, Verdict

TEMPORARY = {Verdict.STORE_FULL, Verdict.STORE_SICK, Verdict.QUEUE_FULL, Verdict.NO_INSPECTOR, Verdict.SHUTTING_DOWN}


def test_every_verdict_has_a_reply() -> None:
    """style.md section 6: a missing row is a bug that shows here, not in a session."""
    assert set(REPLIES) == set(Verdict)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_replies(verdict: Verdict) -> None:
    """RFC 5321 section 4.2, RFC 3463: three digits, the same class twice, one line of printable US-ASCII."""
    reply = REPLIES[verdict]
    line = str(reply)
    assert re.fullmatch(r"[45]\d\d [45]\.\d{1,3}\.\d{1,3} [ -~]{1,100}", line)
    assert reply.enhanced[0] == str(reply.code)[0]
    assert len(line) + 2 <= 512  # RFC 5321 section 4.5.3.1.5


@pytest.mark.parametrize("verdict", list(Verdict))
def test_what_is_our_trouble_is_temporary(verdict: Verdict) -> None:
    """Invariants 2 and 5: the client keeps the message and tries again; what is wrong with the message is final."""
    assert (REPLIES[verdict].code < 500) is (verdict in TEMPORARY)


def test_class_cannot_disagree() -> None:
    assert Reply(451, "7.0", "later").enhanced == "4.7.0"
