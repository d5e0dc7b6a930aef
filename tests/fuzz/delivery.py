"""What a next hop says: replies, and whole sessions as their client sees them."""

import re
from collections.abc import Mapping
from typing import Final

from gateway.delivery.dialogue import Answered, Closed, Phase, Ready, Send, Step, UpgradeTls
from gateway.delivery.outcome import Seen
from gateway.delivery.replies import (
    LINE_LIMIT,
    LINES_LIMIT,
    REPLY_LIMIT,
    SHOWN_LIMIT,
    PeerReply,
    ReplyError,
    ReplyReader,
    codes_of,
)
from gateway.delivery.session import ClientSession
from gateway.delivery.transaction import Transaction, wire_content
from gateway.message.envelope import Recipient
from tests.fuzz.target import Target, pieces, split_choice
from tests.fuzz.words import REPLIES
from tls.failures import TlsFailure
from tls.levels import TlsLevel

TRANSACTION: Final = Transaction(
    mail_from="a@clinic.example",
    recipients=(Recipient(address="b@x.example"), Recipient(address="c@x.example")),
    content=wire_content(b"Subject: x\r\n\r\n.secret\r\n"),
    size=24,
    is_8bit=False,
)
MAIL_VERBS: Final = re.compile(rb"MAIL|RCPT|DATA|secret")
LEVELS: Final = (TlsLevel.NONE, TlsLevel.ENCRYPTED, TlsLevel.VERIFIED)


def replies(data: bytes) -> None:
    """OB-06: whole or octet by octet the same replies and the same end; each within every bound, and printable."""
    results = [_read(data, size) for size in (0, 1, 5)]
    assert results[0] == results[1] == results[2]
    for reply in results[0]:
        if not isinstance(reply, PeerReply):
            continue
        assert 200 <= reply.code < 600
        assert 0 < len(reply.lines) <= LINES_LIMIT
        assert sum(map(len, reply.lines)) <= REPLY_LIMIT
        assert all(len(line) <= LINE_LIMIT and line.isascii() for line in reply.lines)
        assert str(reply).isprintable()
        assert len(str(reply)) <= SHOWN_LIMIT
        assert codes_of(str(reply)).startswith(str(reply.code))
        assert not reply.enhanced or reply.enhanced[0] == str(reply.code)[0]


def _read(data: bytes, size: int) -> list[PeerReply | str]:
    reader, read = ReplyReader(), list[PeerReply | str]()
    for piece in pieces(data, size):
        reader.feed(piece)
        try:
            while (reply := reader.next_reply()) is not None:
                read.append(reply)
        except ReplyError:
            read.append("no reply")
            return read
    return read


def client(data: bytes) -> None:
    """Invariant 1, TL-01, TL-02, OB-06: no next hop makes a session raise, send mail below its level of TLS, write
    anything but its own commands, or answer for a message twice; and each recipient has one answer.
    """
    choice, said = split_choice(data)
    level = LEVELS[choice % 3]
    reached = LEVELS[choice // 3 % 3]
    for size in (0, 1, choice >> 4 or 2):
        _talk(said, size, level, reached)


def _talk(said: bytes, size: int, level: TlsLevel, reached: TlsLevel) -> None:
    """One session. reached: what the handshake proves, or that it fails."""
    session, begun = ClientSession("gw.clinic.example", level), 0
    seen: list[Step] = []
    for piece in (b"", *pieces(said, size)):
        session.feed(piece)
        for step in session.steps():
            seen.append(step)
            match step:
                case Send():
                    secure = session.tls >= level
                    assert secure or not MAIL_VERBS.search(bytes(step.data)), "mail below its level"
                    assert bytes(step.data).endswith(b"\r\n") or session.phase is Phase.CONTENT
                case UpgradeTls() if reached is TlsLevel.NONE:
                    session.tls_failed(TlsFailure.BROKEN_HANDSHAKE)
                case UpgradeTls():
                    session.tls_started(reached)
                case Ready():
                    assert session.tls >= level
                    session.begin(TRANSACTION)
                    begun += 1
                case Answered():
                    assert len(step.answers) == len(TRANSACTION.recipients)
                    assert all(answer.reply.isprintable() for answer in step.answers)
                case Closed():
                    assert session.phase is Phase.CLOSED
    session.lost("connection lost")
    seen += session.steps()
    assert session.phase is Phase.CLOSED
    assert sum(isinstance(step, Answered) for step in seen) == begun
    _check_end(seen)


def _check_end(seen: list[Step]) -> None:
    """After the final dot went out nobody is told that the message surely did not arrive, unless the peer said so."""
    has_dot = any(isinstance(step, Send) and step.is_end for step in seen)
    for step in seen:
        if isinstance(step, Answered) and not has_dot:
            assert all(answer.seen not in {Seen.DELIVERED, Seen.LOST_AFTER_DOT} for answer in step.answers)


TARGETS: Final[Mapping[str, Target]] = {
    "replies": Target(run=replies, words=REPLIES, seeds=(b"".join(REPLIES), b"250-a\n250-b\n250 c\n", b"250")),
    "client": Target(
        run=client,
        words=REPLIES,
        seeds=(
            b"\x00" + REPLIES[0] + b"250 mx.example\r\n" + REPLIES[4] * 4 + REPLIES[3] + REPLIES[4],
            b"\x04" + REPLIES[0] + REPLIES[1] + REPLIES[2],
            b"\x08" + REPLIES[0] + REPLIES[1] + REPLIES[2] + b"250 AUTH\r\n",
            b"\x01" + REPLIES[0] + REPLIES[8] + REPLIES[4],
        ),
    ),
}
