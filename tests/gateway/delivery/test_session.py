"""The client session as a dialogue of bytes, fed whole and byte by byte."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.delivery.dialogue import Answer, Answered, Closed, Phase, Ready, Send, UpgradeTls
from gateway.delivery.greeting import Greeting
from gateway.delivery.outcome import Seen
from gateway.delivery.session import ClientSession
from tests.gateway.delivery.dialogues import BANNER, BODY, PLAIN, SECURE, Feed, answers, begin, make, ready, said, whole
from tls.failures import TlsFailure
from tls.levels import TlsLevel


def test_whole_transaction_is_pipelined(feed: Feed) -> None:
    """RFC 2920: the envelope in one write, the message after 354, one answer, ready again."""
    session = ready(feed)
    assert begin(session, make()) == (b"MAIL FROM:<s@a.example>\r\nRCPT TO:<r@b.example>\r\nDATA\r\n")
    assert said(feed(session, b"250 ok\r\n250 ok\r\n354 go\r\n")) == BODY + b".\r\n"
    assert session.phase is Phase.DOT
    assert feed(session, b"250 2.0.0 taken\r\n") == [
        Answered((Answer(Seen.DELIVERED, "250 2.0.0 taken"),), is_alive=True)
    ]
    assert begin(session, make()).startswith(b"MAIL")  # no RSET after a whole transaction


def test_one_command_at_a_time_without_pipelining(feed: Feed) -> None:
    """RFC 5321: a server that does not offer PIPELINING hears one command and answers it before the next."""
    session = ready(feed, b"250 mx.b.example\r\n")
    assert begin(session, make()) == b"MAIL FROM:<s@a.example>\r\n"
    assert said(feed(session, b"250 ok\r\n")) == b"RCPT TO:<r@b.example>\r\n"
    assert said(feed(session, b"250 ok\r\n")) == b"DATA\r\n"
    assert said(feed(session, b"354 go\r\n")) == BODY + b".\r\n"
    assert [answer.seen for answer in answers(feed(session, b"250 ok\r\n"))] == [Seen.DELIVERED]


def test_starttls_then_ehlo_again(feed: Feed) -> None:
    """RFC 3207 4.2: nothing learned in clear counts; MAIL only inside TLS."""
    session = ClientSession("gw.a.example", TlsLevel.VERIFIED)
    feed(session, BANNER)
    assert said(feed(session, SECURE)) == b"STARTTLS\r\n"
    assert feed(session, b"220 go\r\n") == [UpgradeTls()]
    session.tls_started(TlsLevel.VERIFIED)
    assert said(list(session.steps())) == b"EHLO gw.a.example\r\n"
    assert feed(session, b"250 mx.b.example\r\n") == [Ready()]
    assert begin(session, make()) == b"MAIL FROM:<s@a.example>\r\n"  # PIPELINING was said in clear only


NO_TLS = {
    "none offered": (PLAIN, b"", TlsFailure.NOT_OFFERED),
    "EHLO unknown": (b"502 what?\r\n", b"", TlsFailure.NOT_OFFERED),
    "454": (SECURE, b"454 4.7.0 not now\r\n", TlsFailure.STARTTLS_DEFERRED),
    "421": (SECURE, b"421 4.7.0 not now\r\n", TlsFailure.STARTTLS_DEFERRED),
    "502": (SECURE, b"502 5.5.1 no\r\n", TlsFailure.STARTTLS_REFUSED),
    "354": (SECURE, b"354 go\r\n", TlsFailure.BROKEN_HANDSHAKE),
    "250": (SECURE, b"250 ok\r\n", TlsFailure.BROKEN_HANDSHAKE),
}


@pytest.mark.parametrize("level", [TlsLevel.ENCRYPTED, TlsLevel.VERIFIED])
@pytest.mark.parametrize("case", NO_TLS)
def test_no_mail_without_the_needed_tls(feed: Feed, case: str, level: TlsLevel) -> None:
    """TL-01: whatever the server answers, not one byte of MAIL leaves."""
    capabilities, reply, failure = NO_TLS[case]
    session = ClientSession("gw.a.example", level)
    steps = feed(session, BANNER) + feed(session, capabilities) + feed(session, reply)
    closed = steps[-1]
    assert isinstance(closed, Closed)
    assert closed.tls_failure is failure
    assert closed.seen is (Seen.TLS_REFUSED if failure.is_definitive else Seen.TLS_UNCERTAIN)
    assert b"MAIL" not in said(steps)
    with pytest.raises(RuntimeError):
        session.begin(make())


@pytest.mark.parametrize("level", list(TlsLevel))
def test_injected_clear_text_after_220_ends_the_session(level: TlsLevel) -> None:
    """TL-02: the rest of the segment is not the server's, and nothing is sent after it."""
    session = ClientSession("gw.a.example", level)
    whole(session, BANNER)
    whole(session, SECURE)
    (closed,) = whole(session, b"220 go\r\n250 AUTH\r\n")
    assert isinstance(closed, Closed)
    assert closed.tls_failure is TlsFailure.INJECTED
    assert closed.seen is Seen.TLS_UNCERTAIN


def test_clear_text_during_the_handshake_ends_the_session() -> None:
    """TL-02: also when it comes a moment later."""
    session = ClientSession("gw.a.example", TlsLevel.VERIFIED)
    for data in (BANNER, SECURE, b"220 go\r\n"):
        whole(session, data)
    (closed,) = whole(session, b"250 AUTH\r\n")
    assert isinstance(closed, Closed)
    assert closed.tls_failure is TlsFailure.INJECTED


def test_less_tls_than_needed_sends_nothing() -> None:
    """A shell that proved too little cannot make the session send (invariant 1)."""
    session = ClientSession("gw.a.example", TlsLevel.VERIFIED)
    for data in (BANNER, SECURE, b"220 go\r\n"):
        whole(session, data)
    session.tls_started(TlsLevel.ENCRYPTED)
    (closed,) = session.steps()
    assert isinstance(closed, Closed)


@pytest.mark.parametrize("level", list(TlsLevel))
def test_ehlo_unknown_inside_tls_says_nothing_of_tls(level: TlsLevel) -> None:
    """TL-01, OB-06: TLS was had, so this is no host without it, and HELO in its place would hide REQUIRETLS."""
    session = ClientSession("gw.a.example", level)
    for reply in (BANNER, SECURE, b"220 go\r\n"):
        whole(session, reply)
    session.tls_started(TlsLevel.VERIFIED)
    assert said(list(session.steps())) == b"EHLO gw.a.example\r\n"
    assert whole(session, b"502 5.5.1 what?\r\n") == [Closed(Seen.DEFERRED, "502 5.5.1 what?")]
    assert session.tls_failure is None


@pytest.mark.parametrize("level", [TlsLevel.ENCRYPTED, TlsLevel.VERIFIED])
def test_no_mail_even_where_the_greeting_was_fooled(monkeypatch: pytest.MonkeyPatch, level: TlsLevel) -> None:
    """TL-01: `begin` looks itself, whatever led to it."""
    monkeypatch.setattr(Greeting, "_do_without_tls", lambda greeting, _: greeting._be_ready())
    session = ClientSession("gw.a.example", level)
    whole(session, BANNER)
    assert whole(session, PLAIN) == [Ready()]
    with pytest.raises(RuntimeError, match="no message"):
        session.begin(make())
    assert list(session.steps()) == []


def test_a_session_that_needs_tls_has_to_try_it() -> None:
    with pytest.raises(ValueError, match="has to try"):
        ClientSession("gw.a.example", TlsLevel.ENCRYPTED, is_tls_tried=False)


@pytest.mark.parametrize(("reply", "failure"), [("454 no", "STARTTLS_DEFERRED"), ("502 no", "STARTTLS_REFUSED")])
def test_opportunistic_session_goes_on_in_clear(feed: Feed, reply: str, failure: str) -> None:
    """RFC 7435: unprotected mail does not need TLS; the reason is kept."""
    session = ClientSession("gw.a.example", TlsLevel.NONE)
    feed(session, BANNER)
    feed(session, SECURE)
    assert feed(session, f"{reply}\r\n".encode()) == [Ready()]
    assert session.tls_failure is TlsFailure[failure]


def test_helo_only_where_tls_is_not_needed(feed: Feed) -> None:
    """RFC 5321 3.2: a server that does not know EHLO gets HELO, and no extensions."""
    session = ClientSession("gw.a.example", TlsLevel.NONE)
    feed(session, BANNER)
    assert said(feed(session, b"500 what?\r\n")) == b"HELO gw.a.example\r\n"
    assert feed(session, b"250 hello\r\n") == [Ready()]


@pytest.mark.parametrize("banner", [b"554 go away\r\n", b"421 busy\r\n", b"250 hm\r\n"])
def test_greeting_that_is_no_welcome_defers(feed: Feed, banner: bytes) -> None:
    """OB-05, OB-06: a 5xx greeting is about the host: the next MX is tried, then the mail waits."""
    (closed,) = feed(ClientSession("gw.a.example", TlsLevel.NONE), banner)
    assert isinstance(closed, Closed)
    assert (closed.seen, closed.tls_failure) == (Seen.DEFERRED, None)


def test_ehlo_refused_by_policy_defers(feed: Feed) -> None:
    """OB-06: 550 to EHLO is not "unknown command"."""
    session = ClientSession("gw.a.example", TlsLevel.VERIFIED)
    feed(session, BANNER)
    (closed,) = feed(session, b"550 5.7.1 not you\r\n")
    assert isinstance(closed, Closed)
    assert closed.seen is Seen.DEFERRED


def test_each_recipient_has_its_own_answer(feed: Feed) -> None:
    """OB-01: 250, 450 and 550."""
    session = ready(feed)
    begin(session, make("a@b.example", "b@b.example", "c@b.example"))
    feed(session, b"250 ok\r\n250 ok\r\n450 4.2.1 later\r\n550 5.1.1 who?\r\n354 go\r\n")
    seen = [answer.seen for answer in answers(feed(session, b"250 ok\r\n"))]
    assert seen == [Seen.DELIVERED, Seen.DEFERRED, Seen.REJECTED]


@pytest.mark.parametrize("reply", ["452 4.5.3 too many", "552 5.5.3 too many"])
@pytest.mark.parametrize("first", [True, False])
def test_one_recipient_too_many_is_asked_again(feed: Feed, reply: str, first: bool) -> None:
    """OB-02: 452 or 552 to RCPT while others got through means a second transaction, not a bounce."""
    session = ready(feed)
    begin(session, make("a@b.example", "b@b.example"))
    rcpt = [reply, "250 ok"] if first else ["250 ok", reply]
    feed(session, "\r\n".join(["250 ok", *rcpt, "354 go", ""]).encode())
    refused = answers(feed(session, b"250 ok\r\n"))[0 if first else 1]
    assert (refused.seen, refused.is_again) == (Seen.DEFERRED, True)


def test_limits_rcptmax_is_kept(feed: Feed) -> None:
    """OB-02, RFC 9422: no more recipients at once than the server says."""
    session = ready(feed, b"250-x\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=1 MAILMAX=5\r\n")
    assert begin(session, make("a@b.example", "b@b.example")).count(b"RCPT") == 1
    feed(session, b"250 ok\r\n250 ok\r\n354 go\r\n")
    first, second = answers(feed(session, b"250 ok\r\n"))
    assert (first.seen, second.is_again) == (Seen.DELIVERED, True)


def test_all_recipients_refused_sends_no_message(feed: Feed) -> None:
    """RFC 2920 3.1: DATA was pipelined, but nobody takes the message; the next one begins with RSET."""
    session = ready(feed)
    begin(session, make())
    (step,) = feed(session, b"250 ok\r\n550 5.1.1 who?\r\n503 5.5.1 no recipients\r\n")
    assert step == Answered((Answer(Seen.REJECTED, "550 5.1.1 who?"),), is_alive=True)
    assert begin(session, make()).startswith(b"RSET\r\nMAIL")


def test_354_without_recipients_ends_the_session(feed: Feed) -> None:
    """RFC 2920 3.1: a final dot would send an empty message; nothing is sent at all."""
    session = ready(feed)
    begin(session, make())
    steps = feed(session, b"250 ok\r\n550 5.1.1 who?\r\n354 go\r\n")
    assert said(steps) == b""
    assert steps == [Answered((Answer(Seen.REJECTED, "550 5.1.1 who?"),), is_alive=False)]


@pytest.mark.parametrize(
    "replies", [b"250 ok\r\n250 ok\r\n250 ok\r\n", b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n"]
)
def test_a_success_instead_of_354_is_none(feed: Feed, replies: bytes) -> None:
    """OB-06: a server whose replies are one off says 250 to DATA; nothing was sent, so nothing was delivered."""
    session = ready(feed)
    begin(session, make())
    steps = feed(session, replies)
    assert said(steps) == b""
    assert [answer.seen for answer in answers(steps)] == [Seen.DEFERRED]
    assert session.phase is Phase.CLOSED


@pytest.mark.parametrize("pipelined", [True, False])
def test_mail_refused_answers_everybody(feed: Feed, pipelined: bool) -> None:
    """OB-06: 550 to MAIL is permanent for all recipients."""
    session = ready(feed, PLAIN if pipelined else b"250 x\r\n")
    begin(session, make("a@b.example", "b@b.example"))
    more = b"503 no\r\n503 no\r\n503 no\r\n" if pipelined else b""
    given_answers = answers(feed(session, b"550 5.7.1 not from you\r\n" + more))
    assert [answer.reply for answer in given_answers] == ["550 5.7.1 not from you"] * 2


def test_mail_refused_then_closed_stays_permanent(feed: Feed) -> None:
    """OB-06: 550 to the pipelined MAIL, then the connection ends."""
    session = ready(feed)
    begin(session, make())
    feed(session, b"550 5.7.1 no\r\n")
    session.lost("connection lost")
    assert [answer.seen for answer in answers(list(session.steps()))] == [Seen.REJECTED]


@pytest.mark.parametrize(
    ("before", "phase"),
    [(b"", Phase.MAIL), (b"250 ok\r\n", Phase.RCPT), (b"250 ok\r\n250 ok\r\n", Phase.DATA)],
)
def test_lost_before_the_dot_defers(feed: Feed, before: bytes, phase: Phase) -> None:
    """TL-05: nothing was accepted, nothing is in doubt."""
    session = ready(feed)
    begin(session, make())
    feed(session, before)
    assert session.phase is phase
    session.lost("connection lost")
    (step,) = session.steps()
    assert isinstance(step, Answered)
    assert (step.answers[0].seen, step.is_alive) == (Seen.DEFERRED, False)
    assert phase.value in step.answers[0].reply


def test_lost_after_the_dot_is_unknown(feed: Feed) -> None:
    """OB-03: only those who were accepted may have the message."""
    session = ready(feed)
    begin(session, make("a@b.example", "b@b.example"))
    feed(session, b"250 ok\r\n250 ok\r\n550 who?\r\n354 go\r\n")
    session.lost("connection lost")
    seen = [answer.seen for answer in answers(list(session.steps()))]
    assert seen == [Seen.LOST_AFTER_DOT, Seen.REJECTED]


def test_nonsense_after_the_dot_is_unknown(feed: Feed) -> None:
    """OB-06: junk is transient, and after the dot the peer may have the message."""
    session = ready(feed)
    begin(session, make())
    feed(session, b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert [answer.seen for answer in answers(feed(session, b"999 what\r\n"))] == [Seen.LOST_AFTER_DOT]


def test_a_request_for_more_after_the_dot_is_unknown(feed: Feed) -> None:
    """OB-03: whoever asks for the message once more may have one of it; nothing else is said to it."""
    session = ready(feed)
    begin(session, make())
    feed(session, b"250 ok\r\n250 ok\r\n354 go\r\n")
    (answered,) = feed(session, b"354 go\r\n")
    assert isinstance(answered, Answered)
    assert ([answer.seen for answer in answered.answers], answered.is_alive) == ([Seen.LOST_AFTER_DOT], False)


@pytest.mark.parametrize("early", [b"250 thanks\r\n", b"552 5.3.4 too big\r\n"])
def test_reply_before_the_end_of_the_message_is_never_a_success(early: bytes) -> None:
    """A 250 that comes with the 354 answers a message that the peer has not got."""
    session = ready(whole)
    begin(session, make())
    session.feed(b"250 ok\r\n250 ok\r\n354 go\r\n" + early)
    steps = list(session.steps())
    assert said(steps) == b""
    assert answers(steps)[0].seen is (Seen.REJECTED if early.startswith(b"5") else Seen.DEFERRED)


TRANSACTION = [b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 ok\r\n"]


@pytest.mark.parametrize("at", range(len(TRANSACTION)))
def test_421_is_transient_everywhere(feed: Feed, at: int) -> None:
    """OB-05: at MAIL, RCPT, DATA and after the dot; the session is over."""
    session = ready(feed)
    begin(session, make())
    for reply in TRANSACTION[:at]:
        feed(session, reply)
    (step,) = feed(session, b"421 4.3.2 going down\r\n")
    assert step == Answered((Answer(Seen.DEFERRED, "421 4.3.2 going down", is_again=True),), is_alive=False)


def test_421_between_messages_closes(feed: Feed) -> None:
    """OB-05: a server that ends an idle session."""
    (closed,) = feed(ready(feed), b"421 4.4.2 idle\r\n")
    assert isinstance(closed, Closed)


@pytest.mark.parametrize("last", [b"421 4.4.2 bye\r\n", b"\r\n", b"250 ok\r\n", b"x" * 5000])
def test_what_follows_the_answer_in_one_segment_does_not_undo_it(last: bytes) -> None:
    """OB-03, OB-05: many servers close after a message; it was taken, and is not sent again."""
    session = ready(whole)
    begin(session, make())
    session.feed(b"250 ok\r\n250 ok\r\n354 go\r\n")
    said(list(session.steps()))
    answered, closed = whole(session, b"250 2.0.0 taken\r\n" + last)
    assert answered == Answered((Answer(Seen.DELIVERED, "250 2.0.0 taken"),), is_alive=True)
    assert isinstance(closed, Closed)
    assert session.phase is Phase.CLOSED


@pytest.mark.parametrize(
    "junk",
    [
        b"what\r\n",
        b"25\r\n",
        b"650 x\r\n",
        b"150 x\r\n",
        b"250-a\r\n251 b\r\n",
        b"250_a\r\n",
        b"\r\n",
        b"x" * 5000,
        b"250-" + b"y" * 4096 + b"\r\n",
        b"250-z\r\n" * 101,
        (b"250-" + b"y" * 2000 + b"\r\n") * 40,
    ],
    ids=lambda junk: repr(junk[:12]),
)
def test_junk_is_transient_and_bounded(junk: bytes) -> None:
    """OB-06: differing codes, no code, endless lines and replies."""
    session = ready(whole)
    begin(session, make())
    assert [answer.seen for answer in answers(whole(session, junk))] == [Seen.DEFERRED]


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"250 ok\r\n", b"354 go\r\n", b"220 x\r\n", PLAIN, SECURE])))
def test_no_peer_makes_the_session_raise_or_send_mail_in_clear(chunks: list[bytes]) -> None:
    """Invariant 1: bytes of any kind; a session that needs TLS and never gets it never says MAIL."""
    session = ClientSession("gw.a.example", TlsLevel.ENCRYPTED)
    sent = b""
    for chunk in chunks:
        session.feed(chunk)
        for step in session.steps():
            assert not isinstance(step, Ready)
            sent += bytes(step.data) if isinstance(step, Send) else b""
    assert not re.search(rb"MAIL|RCPT|DATA", sent)
