"""What a peer's reply may look like once it is ours: it goes into queue, audit log and notices."""

import pytest

from gateway.delivery.replies import SHOWN_LIMIT, PeerReply, ReplyReader


def read(data: bytes) -> PeerReply:
    reader = ReplyReader()
    reader.feed(data)
    reply = reader.next_reply()
    assert reply is not None
    assert reader.is_empty
    return reply


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"550 a\rBcc: x@b.example\r\n", "550 a?Bcc: x@b.example"),  # a bare CR ends no line, here or anywhere later
        (b"550 a\x00b\x1b[2Jc\x7fd\te\r\n", "550 a?b?[2Jc?d?e"),  # nor may it draw on an operator's screen
        (b"550 \xc3\xa9\xff\r\n", "550 ???"),
        (b"550-a\x85b\r\n550 \x0cc\r\n", "550 a?b ?c"),
    ],
)
def test_what_cannot_be_printed_is_not_kept(said: bytes, shown: str) -> None:
    """OB-06: no reply can put a line into a notice or a log."""
    assert str(read(said)) == shown


def test_a_long_reply_is_shown_in_part() -> None:
    """OB-06: a whole reply may have 64 KB; what is kept of it, with every attempt, has not."""
    reply = read(b"".join(b"550-%d %b\r\n" % (number, b"x" * 500) for number in range(50)) + b"550 end\r\n")
    assert len(str(reply)) <= SHOWN_LIMIT
    assert str(reply).startswith("550 0 xxx")
