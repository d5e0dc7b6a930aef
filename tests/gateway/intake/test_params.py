"""Arguments of MAIL and RCPT."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.errors import RefusedError
from gateway.intake.params import Mail, Offer, parse_mail, parse_rcpt
from gateway.message.envelope import DEFAULT_NOTIFY, Notify, Recipient

OFFER = Offer(extended=True, message_size=1000, requiretls=True)


def test_mail_with_all_parameters() -> None:
    """SM-15: keywords in any case; AUTH= is read and not kept (RFC 4954 section 5)."""
    argument = "from:<a@b.example> size=10 Body=8bitmime AUTH=e+3Dmc2@b.example ret=hdrs ENVID=QQ+2B1 REQUIRETLS"
    assert parse_mail(argument, OFFER) == Mail(
        sender="a@b.example", envid="QQ+2B1", ret="HDRS", body_8bit=True, smtputf8=False, requiretls=True
    )


def test_null_sender() -> None:
    assert parse_mail("FROM:<>", OFFER) == Mail(
        sender="", envid="", ret="", body_8bit=False, smtputf8=False, requiretls=False
    )


@pytest.mark.parametrize(
    ("argument", "recipient"),
    [
        ("TO:<b@x.example>", Recipient(address="b@x.example", notify=DEFAULT_NOTIFY, orcpt="")),
        (
            "to: <b@X.Example> notify=success,delay orcpt=rfc822;b@y.example",
            Recipient(
                address="b@x.example", notify=frozenset({Notify.SUCCESS, Notify.DELAY}), orcpt="rfc822;b@y.example"
            ),
        ),
        ("TO:<b@x.example> NOTIFY=NEVER", Recipient(address="b@x.example", notify=frozenset({Notify.NEVER}))),
        ('TO:<"a > b"@x.example>', Recipient(address='"a > b"@x.example')),
    ],
)
def test_recipients(argument: str, recipient: Recipient) -> None:
    """RFC 3461 section 4; SM-17: a quoted local part may hold blanks and brackets."""
    assert parse_rcpt(argument, OFFER, smtputf8=False) == recipient


def test_smtputf8() -> None:
    """SM-18, RFC 6531 3.4, RFC 6533 3: addresses as they are, domains in A-labels, ORCPT in its US-ASCII form."""
    assert parse_mail("FROM:<j\u00f6@b\u00fccher.example> SMTPUTF8", OFFER).sender == "j\u00f6@xn--bcher-kva.example"
    argument = "TO:<j\u00f6@x.example> ORCPT=utf-8;j\u00f6+@x.example"
    with pytest.raises(RefusedError):
        parse_rcpt(argument, OFFER, smtputf8=True)  # a bare plus is an escape
    argument = "TO:<j\u00f6@x.example> ORCPT=UTF-8;j\u00f6@x.example"
    assert parse_rcpt(argument, OFFER, smtputf8=True) == Recipient(
        address="j\u00f6@x.example", orcpt=r"UTF-8;j\x{F6}@x.example"
    )
    with pytest.raises(RefusedError):
        parse_rcpt(argument, OFFER, smtputf8=False)


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("FROM a@b.example", 501),
        ("FROM:a@b.example", 501),
        ("FROM:<a@b.example", 501),
        ("FROM:<a@b.example>SIZE=1", 501),
        ("FROM:<a b@b.example>", 501),
        ("FROM:<a@b.example> SIZE", 501),
        ("FROM:<a@b.example> SIZE=-1", 501),
        ("FROM:<a@b.example> SIZE=123456789012345678901", 501),
        ("FROM:<a@b.example> SIZE=1001", 552),
        ("FROM:<a@b.example> =x", 501),
        ("FROM:<a@b.example> AUTH", 501),
        ("FROM:<a@b.example> AUTH=a=b", 501),
        ("FROM:<a@b.example> RET=SOME", 501),
        ("FROM:<a@b.example> ENVID=" + "x" * 101, 501),
        ("FROM:<a@b.example> REQUIRETLS=1", 501),
        ("FROM:<a@b.example> NOTIFY=NEVER", 555),
        ("FROM:<a@b.example> SMTPUTF8=x", 501),
        ("FROM:<\u00e9@b.example>", 553),
        ("FROM:<a@b\u00fccher.example>", 553),
        ("FROM:<e\u0301@b.example> SMTPUTF8", 553),
        ("FROM:<a\u200bb@b.example> SMTPUTF8", 553),
        ("FROM:<a@b.example> SIZE=\u0663", 501),
        ("FROM:<a@b.example> RET=HDR\u017f", 501),
        ("FROM:<a@b>> SIZE=1", 501),
        ("FROM:<@a,@b:u@c.example>", 553),
        ("FROM:<a@@b.example>", 553),
        ("FROM:<a@[192.0.2.1]>", 553),
    ],
)
def test_bad_mail(argument: str, code: int) -> None:
    """SM-14, SM-15, SM-17."""
    with pytest.raises(RefusedError) as caught:
        parse_mail(argument, OFFER)
    assert caught.value.reply.code == code


@given(st.text(max_size=200))
def test_only_its_own_error(text: str) -> None:
    """Whatever comes, the answer is a value or a refusal."""
    for parse in (parse_mail, partial(parse_rcpt, smtputf8=True)):
        for keyword in ("", "FROM:", "TO:<", "FROM:<a@b.example> SMTPUTF8 ", "FROM:<a@b.example> "):
            try:
                parse(keyword + text, OFFER)
            except RefusedError as refused:
                assert 500 <= refused.reply.code < 600  # noqa: PT017  # either outcome is right


@pytest.mark.slow
def test_hostile_path_is_linear() -> None:
    """A path made to backtrack costs no more than its length."""
    with pytest.raises(RefusedError):
        parse_mail('FROM:<"' + '\\"' * 5000, OFFER)
    with pytest.raises(RefusedError):
        parse_mail("FROM:<" + '"a"' * 3000 + "\\", OFFER)
