"""Command lines and the tables of what may come when."""

import pytest

from gateway.intake import commands, replies
from gateway.intake.commands import Command, Stage, parse_command, refusal
from gateway.intake.errors import HangUpError, RefusedError
from gateway.intake.protocol import VERBS
from gateway.message.verdict import Reply


def test_tables_agree() -> None:
    """Each known verb is served, and none that is known is refused as not implemented."""
    assert set(VERBS) == commands.KNOWN
    assert not commands.KNOWN & (commands.NOT_IMPLEMENTED | commands.FOREIGN)


@pytest.mark.parametrize("name", [name for name in dir(replies) if isinstance(getattr(replies, name), Reply)])
def test_replies_are_one_short_line(name: str) -> None:
    """RFC 5321 section 4.5.3.1.5: 512 octets with CRLF; printable US-ASCII."""
    text = str(getattr(replies, name))
    assert len(text) <= 510
    assert text.isascii()
    assert text.isprintable()


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"noop", Command("NOOP", "")),
        (b"Mail  FROM:<a@b.example> ", Command("MAIL", "FROM:<a@b.example>")),
        (b"EHLO c.example", Command("EHLO", "c.example")),
    ],
)
def test_commands(line: bytes, command: Command) -> None:
    assert parse_command(line) == command


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"", replies.UNKNOWN_COMMAND),
        (b" NOOP", replies.UNKNOWN_COMMAND),
        (b"NOOP\tx", replies.BAD_CHARACTER),
        (b"RCPT TO:<\xe4@x.example>", replies.NOT_ASCII),
        (b"QUIT now", replies.NO_ARGUMENT_ALLOWED),
        (b"HELO", replies.ARGUMENT_NEEDED),
        (b"BDAT 1", replies.NOT_IMPLEMENTED),
        (b"NOOP " + b"x" * 2044, replies.LINE_TOO_LONG),
    ],
)
def test_refused_lines(line: bytes, reply: Reply) -> None:
    """SM-11, SM-12, SM-13, SM-16."""
    with pytest.raises(RefusedError) as caught:
        parse_command(line)
    assert caught.value.reply is reply


@pytest.mark.parametrize(
    "line", [b"GET / HTTP/1.1", b"connect a:25 HTTP/1.1", b"Subject: x", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2"]
)
def test_other_protocols(line: bytes) -> None:
    """SM-10, SA-11: no error budget."""
    with pytest.raises(HangUpError):
        parse_command(line)


@pytest.mark.parametrize("verb", sorted(commands.KNOWN))
def test_nothing_is_served_too_early(verb: str) -> None:
    """RFC 3207 section 4, RFC 4954 section 6: mail verbs wait for TLS, EHLO and AUTH, each of them."""
    stages = [
        Stage(needs_tls=True, needs_auth=False, has_hello=True),
        Stage(needs_tls=False, needs_auth=True, has_hello=True),
        Stage(needs_tls=False, needs_auth=False, has_hello=False),
    ]
    refused = [refusal(verb, stage) is not None for stage in stages]
    assert all(refused) == (verb in commands.MAIL_VERBS)
    assert refusal(verb, Stage(needs_tls=False, needs_auth=False, has_hello=True)) is None
