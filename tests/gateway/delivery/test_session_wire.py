"""What a client session writes: parameters as they are offered, addresses and dots that break out of nothing."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.delivery.dialogue import Answer, Answered, Send
from gateway.delivery.outcome import Seen
from gateway.delivery.transaction import CRLF, STEP, Transaction, wire_content
from gateway.message.envelope import DEFAULT_NOTIFY, Notify, Recipient
from tests.gateway.delivery.dialogues import BODY, PLAIN, Feed, begin, make, ready, secured

OFFERED: Final = b"250-x\r\n250 REQUIRETLS\r\n"


def test_requiretls_is_asked_only_where_it_is_offered(feed: Feed) -> None:
    """TL-27: RFC 8689 4.2.1."""
    session = ready(feed)
    session.begin(make(requiretls=True))
    (step,) = session.steps()
    assert step == Answered(
        (Answer(Seen.NOT_REQUIRETLS, "550 5.7.30 next hop does not support REQUIRETLS"),), is_alive=True
    )
    offered = secured(feed, OFFERED)
    assert begin(offered, make(requiretls=True)) == b"MAIL FROM:<s@a.example> REQUIRETLS\r\n"


def test_a_wish_for_requiretls_stops_nothing(feed: Feed) -> None:
    """TL-27, RFC 8689 section 5: a notice about such a message asks where it can, and is not lost where it cannot."""
    assert begin(secured(feed, OFFERED), make(wishes_requiretls=True)) == b"MAIL FROM:<s@a.example> REQUIRETLS\r\n"
    assert begin(secured(feed, OFFERED), make()) == b"MAIL FROM:<s@a.example>\r\n"
    lacking = secured(feed, b"250 x\r\n")
    assert begin(lacking, make(wishes_requiretls=True)) == b"MAIL FROM:<s@a.example>\r\n"


def test_requiretls_said_in_clear_is_nobodys(feed: Feed) -> None:
    """TL-27, RFC 8689 section 2: whoever stands between may have written it."""
    session = ready(feed, OFFERED)
    assert not session.offers("REQUIRETLS")
    assert begin(session, make(wishes_requiretls=True)) == b"MAIL FROM:<s@a.example>\r\n"


@pytest.mark.parametrize(
    ("body", "more", "capabilities", "seen", "reply"),
    [
        ("Subject: grüezi\r\n".encode(), {}, b"250 x\r\n", Seen.NOT_8BITMIME, "554 5.6.3"),
        (BODY, {"smtputf8": True}, PLAIN, Seen.REJECTED, "553 5.6.7"),
        (BODY, {}, b"250-x\r\n250 SIZE 5\r\n", Seen.REJECTED, "552 5.3.4"),
    ],
)
def test_what_the_peer_cannot_take_is_not_sent(
    feed: Feed, body: bytes, more: dict[str, object], capabilities: bytes, seen: Seen, reply: str
) -> None:
    """SM-18, SM-19: 8-bit without 8BITMIME, SMTPUTF8, SIZE (RFC 1870): refused before MAIL, never mangled."""
    session = ready(feed, capabilities)
    session.begin(make(body=body, **more))
    (step,) = session.steps()
    assert isinstance(step, Answered)
    assert step.answers[0].seen is seen
    assert step.answers[0].reply.startswith(reply)
    assert step.is_alive


def test_parameters_follow_what_is_offered(feed: Feed) -> None:
    """RFC 1870, RFC 6152, RFC 3461."""
    session = ready(feed, b"250-x\r\n250-SIZE\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 DSN\r\n")
    person = Recipient(address="r@b.example", notify=frozenset({Notify.NEVER}), orcpt="rfc822;o@b.example")
    body = "Subject: grüezi\r\n".encode()
    transaction = Transaction(
        mail_from="",
        recipients=(person,),
        content=wire_content(body),
        size=len(body),
        is_8bit=True,
        envid="QQ314159",
        ret="HDRS",
    )
    assert begin(session, transaction).splitlines() == [
        b"MAIL FROM:<> SIZE=18 BODY=8BITMIME RET=HDRS ENVID=QQ314159",
        b"RCPT TO:<r@b.example> NOTIFY=NEVER ORCPT=rfc822;o@b.example",
        b"DATA",
    ]


@pytest.mark.parametrize(
    ("notify", "parameter"),
    [
        (DEFAULT_NOTIFY, b""),
        ({Notify.NEVER}, b" NOTIFY=NEVER"),
        ({Notify.FAILURE}, b" NOTIFY=FAILURE"),
        ({Notify.DELAY, Notify.SUCCESS, Notify.FAILURE}, b" NOTIFY=SUCCESS,FAILURE,DELAY"),
    ],
)
@pytest.mark.parametrize("is_offered", [True, False])
def test_notify_is_passed_on_as_it_was_given(
    feed: Feed, notify: frozenset[Notify], parameter: bytes, is_offered: bool
) -> None:
    """RFC 3461 5.2.1: the sender's wish, none where there was none, and nothing to a peer that does not know it."""
    session = ready(feed, b"250-x\r\n250 DSN\r\n" if is_offered else b"250 x\r\n")
    person = Recipient(address="r@b.example", notify=frozenset(notify))
    begin(session, replace(make(), recipients=(person,)))
    (rcpt,) = feed(session, b"250 ok\r\n")
    assert isinstance(rcpt, Send)
    assert rcpt.data == b"RCPT TO:<r@b.example>%s\r\n" % (parameter if is_offered else b"")
    assert session.offers("DSN") is is_offered


@pytest.mark.parametrize(
    "address", ["a\r\nRSET@b.example", "a b@b.example", "a>@b.example", "a@b.example>", "", "a@b\x00.example"]
)
def test_no_address_breaks_out_of_its_command(feed: Feed, address: str) -> None:
    """SM-12: the last wall behind intake."""
    session = ready(feed)
    if address:
        with pytest.raises(ValueError, match="may hold"):
            session.begin(make(address))


@pytest.mark.parametrize("value", ["Q1\r\nRSET", "Q1 BODY=8BITMIME", "Q\x001", "\u00e9"])
def test_no_parameter_breaks_out_of_its_command(feed: Feed, value: str) -> None:
    """SM-12: ENVID, RET and ORCPT come from the sender."""
    one = make()
    (person,) = one.recipients
    for changed in (
        replace(one, envid=value),
        replace(one, ret=value),
        replace(one, recipients=(replace(person, orcpt=value),)),
    ):
        with pytest.raises(ValueError, match="may hold"):
            ready(feed).begin(changed)


def test_quoted_local_part_is_sent_as_it_is(feed: Feed) -> None:
    """SM-17: valid, if rare."""
    assert b'RCPT TO:<"a b>"@b.example>' in begin(ready(feed), make('"a b>"@b.example'))


@pytest.mark.parametrize(
    ("data", "wire"),
    [
        (b"", b".\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"..\r\n", b"...\r\n.\r\n"),
        (b".x\r\n.y\r\n", b"..x\r\n..y\r\n.\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"no end", b"no end\r\n.\r\n"),
    ],
)
def test_dot_stuffing_is_exact(data: bytes, wire: bytes) -> None:
    """SM-08, RFC 5321 4.5.2."""
    assert wire_content(data) == wire


@pytest.mark.parametrize("before", [STEP - 3, STEP - 2, STEP - 1, STEP, STEP + 1])
@pytest.mark.parametrize("line", [b".\r\n", b"..x\r\n", b"a\r\n.\r\n", b"x\r\n"])
def test_dots_of_a_large_message_are_stuffed_where_it_is_cut(before: int, line: bytes) -> None:
    """SM-08: it is worked on in steps, and a dot may be the first octet of one."""
    data = b"x" * (before - 2) + CRLF + line * 3 + b"y" * (STEP - 1) + CRLF + line
    assert wire_content(data) == (CRLF + data).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


@pytest.mark.parametrize("bad", [b"\r", b"\n", b"\n.\r\n", b"\r\r\n"])
@pytest.mark.parametrize("before", [STEP - 2, STEP - 1, STEP, STEP + 1])
def test_a_bare_line_end_is_refused_where_a_large_message_is_cut(bad: bytes, before: int) -> None:
    """SM-05: no step ends between a CR and its LF."""
    with pytest.raises(ValueError, match="bare"):
        wire_content(b"x" * before + bad + b"x" * STEP + CRLF)


@pytest.mark.parametrize("data", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\n", b"a\r\r\n", b"\n"])
def test_bare_line_ends_never_reach_the_wire(data: bytes) -> None:
    """SM-05: smuggling needs a bare CR or LF."""
    with pytest.raises(ValueError, match="bare CR or LF"):
        wire_content(data)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.sampled_from([b".", b"..", b"x", b"\r\n", b"\r\n."])).map(b"".join))
def test_stuffed_message_ends_once_and_reads_back(data: bytes) -> None:
    """SM-08: exactly one end, and the receiver sees the same bytes."""
    wire = wire_content(data)
    assert (b"\r\n" + wire).count(b"\r\n.\r\n") == 1
    back = (b"\r\n" + wire[:-3]).replace(b"\r\n..", b"\r\n.")[2:]
    assert back in (data, data + b"\r\n")
