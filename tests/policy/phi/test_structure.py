"""The scan of raw bytes: limits before any parser (MP-17), shapes that parsers read differently (MP-05, MP-07)."""

import time

import pytest

from policy.phi.classify import classify_message
from policy.phi.structure import scan
from tests.policy.phi.messages import mail, multipart, text_part


def _nested(depth: int) -> bytes:
    opening = "".join(
        f'Content-Type: multipart/mixed; boundary="b{level}"\r\n\r\n--b{level}\r\n' for level in range(depth)
    )
    return f"From: a@b.example\r\n{opening}Content-Type: text/plain\r\n\r\nhi\r\n".encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (mail("x", content_type='multipart/mixed; boundary="b"') + b"--b\r\n\r\nx\r\n" * 100_001, "100,001 parts"),
        (mail("x", extra="".join(f"X-{number}: y\r\n" for number in range(50_000))), "50,000 header fields"),
        (mail("x", content_type="text/plain" + "; a=b" * 20_000), "20,000 parameters"),
        (mail("x", extra="To: " + ", ".join(["someone@far.example"] * 6_000) + "\r\n"), "a To field of 100 kB"),
        (_nested(2_000), "2,000 levels"),
        (multipart(["Content-Type: text/plain" + "; a=b" * 20_000 + "\r\n\r\nx"]), "20,000 parameters inside a part"),
    ],
)
def test_too_much_is_refused_on_counts(data: bytes, why: str) -> None:
    """MP-17: raw counts refuse it, and classification neither parses nor calls it clean."""
    started = time.process_time()
    assert scan(data).limits, why
    assert time.process_time() - started < 2.5  # 50 ms on a quiet machine; the parser would take minutes
    report = classify_message(data)
    assert report.protected
    assert report.from_addresses


@pytest.mark.parametrize(
    ("content_type", "why"),
    [
        ('multipart/mixed; boundary=""', "an empty boundary"),
        ('multipart/mixed; boundary*0="b"; boundary*1="1"', "a boundary cut into pieces"),
        ('multipart/mixed; boundary="b1"; boundary="b2"', "two boundaries"),
        ('multipart/mixed; boundary="b\x001"', "a NUL inside"),
        ('multipart/mixed; boundary="=?utf-8?q?b1?="', "an encoded word"),
        (f'multipart/mixed; boundary="{"b" * 71}"', "longer than 70 characters"),
        ('multipart/mixed; boundary="b<1>"', "characters that RFC 2046 does not allow"),
    ],
)
def test_ambiguous_boundaries_are_noted(content_type: str, why: str) -> None:
    """MP-05: RFC 2046 section 5.1.1 says how a boundary is written; anything else is read differently by someone."""
    data = mail("--b1\r\n\r\nhello\r\n--b1--", content_type=content_type)
    assert scan(data).ambiguities, why
    assert classify_message(data).protected


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b"From: a@b.example\r\nContent-Type : text/html\r\n", "a blank before the colon"),
        (b" From: a@b.example\r\nSubject: x\r\n", "a leading blank"),
        (b"From: a@b.example\rSubject: x\r\n", "a bare CR"),
        (b"From: a@b.example\n\rSubject: x\r\n", "LF CR"),
    ],
)
def test_misshapen_headers_are_noted(header: bytes, why: str) -> None:
    """MP-07: two programs end this header at different places."""
    assert classify_message(header + b"\r\nhello\r\n").uninspectable, why


@pytest.mark.parametrize(
    "data", [mail("hello"), multipart([text_part("a"), text_part("b")]), mail("--\r\nAnn\r\n" * 500)]
)
def test_plain_mail_passes(data: bytes) -> None:
    """Ordinary mail, also with hundreds of signature dashes, is neither limited nor ambiguous."""
    shape = scan(data)
    assert not shape.limits
    assert not shape.ambiguities
