"""A text below a message, and values masked in it: read by Python's own reader, and nothing else has changed."""

import base64
import binascii
import email
import email.policy
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.inspect.bodies import find_bodies
from gateway.message.bodyedit import Body, BodyEditError, Cut, Obstacle, edit, read_body
from policy.phi.report import Kind

BELOW = "This message is confidential."
HEAD = b"From: a@clinic.example\r\nSubject: x\r\n"


def message(kind: str, body: bytes, *, encoding: str = "") -> bytes:
    fields = f"Content-Type: {kind}\r\n" + (f"Content-Transfer-Encoding: {encoding}\r\n" if encoding else "")
    return HEAD + fields.encode() + b"\r\n" + body


def edited(data: bytes, *below: str, kinds: Sequence[Kind] = ()) -> bytes:
    return edit(data, find_bodies(data, kinds, adds=bool(below)), below=below)


def read(data: bytes, kind: str = "plain") -> str:
    """What a reader shows of the first body of that kind."""
    found = email.message_from_bytes(data, policy=email.policy.default).get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("kind", "body", "encoding"),
    [
        ("text/plain", b"Hello\r\n", ""),
        ("text/plain", b"Hello", ""),
        ("text/plain; charset=utf-8", "Grüße\r\n".encode(), "8bit"),
        ("text/plain; charset=iso-8859-1", "Grüße\r\n".encode("latin-1"), "8bit"),
        ('text/plain; charset="windows-1252"', "Grüße\r\n".encode("cp1252"), "8BIT"),
        ("text/plain; charset=utf-8", b"Gr=C3=BC=C3=9Fe=\r\n\r\n", "quoted-printable"),
        ("text/plain; charset=utf-8", base64.encodebytes("Grüße\r\n".encode()).replace(b"\n", b"\r\n"), "base64"),
    ],
)
def test_the_text_stands_below(kind: str, body: bytes, encoding: str) -> None:
    """In the charset and encoding of the body; all that stood there stands there."""
    data = message(kind, body, encoding=encoding)
    made = edited(data, BELOW)
    before, after = read(data), read(made)
    assert after == before.rstrip("\n") + f"\n\n{BELOW}\n"
    assert made.startswith(data[: data.index(b"\r\n\r\n") + 4])


def test_both_faces_of_an_alternative() -> None:
    """A reader of either sees it; what is attached is not touched, octet for octet."""
    alternative = (
        b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\n\r\nHello\r\n--b\r\n'
        b"Content-Type: text/html; charset=us-ascii\r\n\r\n<html><body><p>Hello</p></body></html>\r\n--b--\r\n"
    )
    attached = (
        b"Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nkeep me\r\n--a--\r\n"
    )
    data = message('multipart/mixed; boundary="a"', b"--a\r\n" + alternative + b"\r\n--a\r\n" + attached)
    made = edited(data, BELOW)
    assert read(made).endswith(f"\n{BELOW}\n")
    assert f"{BELOW}</p>\n</body>" in read(made, "html")
    assert made.endswith(attached)


def test_markup_in_a_disclaimer_is_words() -> None:
    """What is put below is text, in every charset."""
    made = edited(message("text/html", b"<p>Hello</p>\r\n"), "Bäcker & <b>Söhne</b>\nTel 1")
    assert b"B&#228;cker &amp; &lt;b&gt;S&#246;hne&lt;/b&gt;<br>\r\nTel 1</p>" in made


@pytest.mark.parametrize(
    ("data", "obstacle"),
    [
        (message('multipart/signed; protocol="x"; boundary="a"', b"--a\r\n\r\nx\r\n--a--\r\n"), Obstacle.SIGNED),
        (message('multipart/encrypted; boundary="a"', b"--a\r\n\r\nx\r\n--a--\r\n"), Obstacle.SIGNED),
        (message("application/pkcs7-mime", b"MII\r\n"), Obstacle.NO_TEXT),
        (message("text/calendar", b"BEGIN\r\n"), Obstacle.NO_TEXT),
        (message('multipart/alternative; boundary="a"', b"--a\r\nContent-Type: text/enriched\r\n\r\nx\r\n--a--\r\n"),
         Obstacle.NO_TEXT),
        (message("text/plain; charset=utf-7", b"x\r\n"), Obstacle.WRITTEN),
        (message("text/plain; charset=utf-8", b"\xff\r\n", encoding="8bit"), Obstacle.WRITTEN),
        (message("text/plain", b"\xc3\xbc\r\n"), Obstacle.WRITTEN),
        (message("text/plain", b"*no base64*\r\n", encoding="base64"), Obstacle.WRITTEN),
        (message("text/plain", b"x\r\n", encoding="x-uuencode"), Obstacle.WRITTEN),
        (message("text/html", b"<p>Hello</p><!-- \r\n"), Obstacle.UNSEEN),
        (message("text/html", b"<div style='display:none'>Hello\r\n"), Obstacle.UNSEEN),
        (message("text/html", b"<style>Hello\r\n"), Obstacle.UNSEEN),
        (message('multipart/mixed; boundary="a"', b"--a\r\n\r\nno end\r\n"), Obstacle.UNCLEAR),
        (message("text/plain", b"bare\nline\r\n"), Obstacle.UNCLEAR),
        (HEAD + b"Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx\r\n", Obstacle.UNCLEAR),
        (HEAD + b"Content-Type: text/plain; charset*0=utf-8\r\n\r\nx\r\n", Obstacle.UNCLEAR),
    ],
)  # fmt: skip
def test_what_is_never_changed(data: bytes, obstacle: Obstacle) -> None:
    """It is held instead: two readers could differ, somebody signed it, or it cannot be read back exactly."""
    with pytest.raises(BodyEditError) as caught:
        edited(data, BELOW)
    assert caught.value.obstacle is obstacle


@pytest.mark.parametrize("words", ["Grüße", "x" * 999])
def test_what_the_body_cannot_hold(words: str) -> None:
    """Letters that its charset has not; a line that no server takes."""
    with pytest.raises(BodyEditError):
        edited(message("text/plain", b"Hello\r\n"), words)


@pytest.mark.parametrize(
    ("kind", "body", "encoding"),
    [
        ("text/plain", b"SSN: 219-09-9999, again 219-09-9999\r\n", ""),
        ("text/html", b"<table><tr><td>SSN</td><td>219-09-9999</td></tr></table>\r\n", ""),
        ("text/plain; charset=utf-8", b"SSN: 219-09-=\r\n9999 \r\n", "quoted-printable"),
        ("text/plain", base64.encodebytes(b"SSN: 219-09-9999\r\n").replace(b"\n", b"\r\n"), "base64"),
    ],
)
def test_a_value_is_masked_everywhere(kind: str, body: bytes, encoding: str) -> None:
    made = edited(message(kind, body, encoding=encoding), kinds=[Kind.SSN])
    text = read(made, "html" if "html" in kind else "plain")
    assert "[ssn removed]" in text
    assert "9999" not in text


def test_other_kinds_stay() -> None:
    made = edited(message("text/plain", b"SSN: 219-09-9999, MRN: 0042317\r\n"), kinds=[Kind.SSN])
    assert read(made) == "SSN: [ssn removed], MRN: 0042317\n"


@pytest.mark.parametrize(
    "body",
    [
        Body(10, 5, False, "utf-8", "7bit"),
        Body(0, 10_000, False, "utf-8", "7bit"),
        Body(0, 10, False, "no-such", "7bit"),
        Body(0, 10, False, "utf-8", "gzip"),
        Body(0, 10, False, "utf-8", "7bit", (Cut(5, 3, Kind.SSN),)),
        Body(0, 10, False, "utf-8", "7bit", (Cut(0, 999, Kind.SSN),)),
        Body(0, 10, False, "utf-8", "7bit", (Cut(4, 6, Kind.SSN), Cut(5, 7, Kind.SSN))),
    ],
)
def test_a_child_that_lies_changes_nothing(body: Body) -> None:
    """What it says is looked at like a stranger's."""
    with pytest.raises(BodyEditError):
        edit(message("text/plain", b"Hello, this is a text\r\n"), [body], below=[BELOW])


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=300),
    st.sampled_from(["8bit", "base64", "quoted-printable"]),
)
def test_every_text_comes_back(text: str, encoding: str) -> None:
    """All that stood there is still there, letter for letter, or nothing is changed."""
    octets = text.replace("\n", "\r\n").encode()
    raw = {"base64": base64.encodebytes(octets).replace(b"\n", b"\r\n")}.get(encoding, octets)
    body = Body(0, len(raw), False, "utf-8", encoding)
    try:
        before = read_body(raw, body)
        made = edit(raw, [body], below=[BELOW])
    except BodyEditError:
        return
    after = read_body(made, Body(0, len(made), False, "utf-8", encoding))
    assert after.startswith(before)
    assert after.endswith(f"\r\n{BELOW}\r\n")


@pytest.mark.parametrize(
    "raw", [b"<p>Hello=0A there</p>=0A\r\nx", b"a=0Db\r\n", b"x" * 200, b".\r\n", b"blank =20\r\n"]
)
def test_quoted_printable_has_no_bare_line_end(raw: bytes) -> None:
    """SM-05: what was accepted must be deliverable, and no next hop is given a bare CR or LF."""
    body = Body(start=0, end=len(raw), is_html=False, charset="utf-8", encoding="quoted-printable")
    made = edit(raw, [body], below=[])
    assert made.count(b"\r\n") == made.count(b"\r") == made.count(b"\n")
    assert binascii.a2b_qp(made) == binascii.a2b_qp(raw)
    assert max(map(len, made.split(b"\r\n"))) <= 76


def test_a_value_inside_of_another_is_left() -> None:
    """Half a number removed would be a wrong number: a dose, an order, another day."""
    text = b"DOB 1/1/2001, seen 11/1/2001. MRN 4417-2203, order 94417-22031\r\n"
    made = read(edited(message("text/plain", text), kinds=[Kind.DOB]))
    assert "11/1/2001" in made
    assert "DOB 1/1/2001" not in made
