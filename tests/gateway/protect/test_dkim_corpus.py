"""dkimpy verifies a thousand messages in the shapes of real ones (CR-09)."""

import pytest

from gateway.protect.dkim import Signer
from tests.gateway.protect.corpus import SHAPES, as_transferred, corpus
from tests.gateway.protect.test_dkim import KEYS, NOW, verifies

COUNT = 1000


@pytest.mark.slow
def test_dkimpy_verifies_a_corpus() -> None:
    """CR-09: each by one of its two signatures, RSA and Ed25519 in turn for every shape."""
    signer = Signer(KEYS)
    bad = []
    for number, message in enumerate(corpus(COUNT)):
        signed = signer.sign(message, now=NOW)
        assert signed.endswith(message)
        # Blanks at the end of a last line without CRLF count for dkimpy alone (RFC 6376 section 3.4.4 ignores them).
        if not verifies(as_transferred(signed), (number // len(SHAPES)) % 2):
            bad.append(number)
    assert bad == []


def test_it_is_the_same_corpus_each_time() -> None:
    """A message that fails can be looked at; and there are as many shapes as it says."""
    first = list(corpus(len(SHAPES) * 2))
    assert first == list(corpus(len(SHAPES) * 2))
    assert len(set(first)) == len(first)
    assert not [message for message in first if b"\n" in message.replace(b"\r\n", b"")]
