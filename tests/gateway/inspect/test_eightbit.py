"""Which changes give a message its 7-bit form, and which messages have none (SM-19)."""

import re
from email import message_from_bytes, policy
from email.message import Message
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.inspect.eightbit import NoSevenBitForm, Obstacle, find_edits
from gateway.message.sevenbit import Change, is_seven_bit, to_seven_bit

TOP = b"From: a@b.example\r\nSubject: hi\r\nMIME-Version: 1.0\r\n"
UMLAUT = "Grüezi mitenand\r\n".encode()


def convert(data: bytes) -> bytes:
    return to_seven_bit(data, find_edits(data))


def shape(message: Message) -> tuple[Any, ...]:
    """What a reader sees: fields but for the encoding, the decoded octets of each leaf, the tree."""
    hidden = {"content-transfer-encoding", "mime-version"}
    fields = [(name, value) for name, value in message.items() if name.lower() not in hidden]
    inner = message.get_payload() if message.is_multipart() else message.get_payload(decode=True)
    rest = (message.preamble, message.epilogue)
    return fields, rest, [shape(one) for one in inner if isinstance(one, Message)] if isinstance(inner, list) else inner


def read(data: bytes) -> tuple[Any, ...]:
    return shape(message_from_bytes(data, policy=policy.compat32))


# --- messages of every shape ---

_numbers = count()
lines = st.binary(max_size=60).map(lambda line: line.translate(None, b"\r\n\0")) | st.sampled_from(
    [b".", b"From x", b"a ", "é".encode() * 700, b"x" * 1200, "äöü ".encode() * 20, b"plain words in ASCII, as usual"]
)
bodies = st.lists(lines, max_size=6).map(b"\r\n".join).filter(lambda body: b"\n--" not in b"\n" + body)
labels = st.sampled_from(
    [b"", *(b"Content-Transfer-Encoding: %b\r\n" % name for name in (b"7bit", b"8Bit", b"binary"))]
)
kinds = st.sampled_from(
    [b"", b"Content-Type: text/plain; charset=utf-8\r\n", b"Content-type: application/x\r\n", b"X-A: b\r\n c\r\n"]
)
leaves = st.builds(lambda kind, label, body: (kind + label, body), kinds, labels, bodies)
coded = st.sampled_from(
    [
        (b"Content-Transfer-Encoding: base64\r\nContent-Type: image/png\r\n", b"iVBORw0K\r\nAAAA"),
        (b"Content-Transfer-Encoding: quoted-printable\r\n", b"a=C3=A9 =\r\nb"),
    ]
)  # fmt: skip
Entity = tuple[bytes, bytes]


def signed(text: bytes) -> Entity:
    boundary = b"=_%06d_" % next(_numbers)
    body = b"--%b\r\n\r\n%b\r\n--%b\r\n\r\nsignature\r\n--%b--" % (boundary, text, boundary, boundary)
    return b'Content-Type: multipart/signed; boundary="%b"\r\n' % boundary, body


def mixed(parts: list[Entity], label: bytes, preamble: bytes, subtype: bytes) -> Entity:
    boundary = b"=_%06d_" % next(_numbers)
    body = preamble + b"".join(b"--%b\r\n%b\r\n%b\r\n" % (boundary, *part) for part in parts) + b"--%b--" % boundary
    return b'Content-Type: multipart/%b;\r\n boundary="%b"\r\n%b' % (subtype, boundary, label), body


def attached(entity: Entity, label: bytes) -> Entity:
    return b"Content-Type: message/rfc822\r\n" + label, b"Subject: inner\r\n%b\r\n%b" % entity


entities = st.recursive(
    leaves | coded | st.builds(signed, st.sampled_from([b"a", b"b \r\nc"])),
    lambda inner: (
        st.builds(
            mixed,
            st.lists(inner, min_size=1, max_size=3),
            labels,
            st.sampled_from([b"", b"preamble\r\n"]),
            st.sampled_from([b"mixed", b"alternative"]),
        )
        | st.builds(attached, inner, labels)
    ),
    max_leaves=6,
)


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(entity=entities, is_mime=st.booleans(), is_ended=st.booleans())
def test_nothing_that_a_reader_sees_changes(entity: Entity, is_mime: bool, is_ended: bool) -> None:
    """SM-19, RFC 6152 3: 7-bit, lines of 998, and to another parser than ours the same tree with the same octets."""
    header, body = entity
    data = (TOP if is_mime else TOP.replace(b"MIME-Version: 1.0\r\n", b"")) + header + b"\r\n" + body
    data += b"\r\n" if is_ended or not body else b""
    made = convert(data)
    assert is_seven_bit(made)
    before, after = read(data), read(made)
    if not data.endswith(b"\r\n") and made.endswith(b"\r\n"):
        after = read(made.removesuffix(b"\r\n"))  # base64 at the very end: a line end that is no octet of the body
    assert after == before
    assert find_edits(made) == ()
    assert made == data or not is_seven_bit(data) or re.search(rb"(?i)8bit|binary", data)


# --- one by one ---


def test_a_plain_text_becomes_quoted_printable() -> None:
    """SM-19: the field stands where the old one stood, and nothing else moved."""
    data = (
        TOP
        + b"Content-Type: text/plain; charset=utf-8\r\ncontent-transfer-encoding:\r\n 8bit\r\nX-Z: y\r\n\r\n"
        + UMLAUT
    )
    assert convert(data) == (
        TOP
        + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\nX-Z: y\r\n\r\n"
        b"Gr=C3=BCezi mitenand\r\n"
    )


def test_mail_without_mime_gets_the_two_fields_it_needs() -> None:
    """RFC 2045 section 4: an encoding means nothing without MIME-Version. Which charset it is, nobody said."""
    assert convert(b"From: a@b.example\r\n\r\n" + UMLAUT) == (
        b"From: a@b.example\r\nContent-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n\r\n"
        b"Gr=C3=BCezi mitenand\r\n"
    )


def test_composite_parts_are_relabelled_never_encoded() -> None:
    """RFC 2045 6.4, RFC 2046 5.2.1: 8bit and binary become 7bit; what is inside message/rfc822 is converted there."""
    inner = b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + UMLAUT
    data = TOP + (
        b"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n--b\r\n"
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + inner + b"--b--\r\n"
    )
    made = convert(data)
    assert made.count(b"Content-Transfer-Encoding: 7bit\r\n") == 2
    assert made.count(b"Content-Transfer-Encoding: quoted-printable\r\n") == 1
    assert made.count(b"MIME-Version") == 2


def test_a_digest_holds_messages() -> None:
    """RFC 2046 5.1.5: the default type of its parts."""
    data = (
        TOP + b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\n" + UMLAUT + b"--b--\r\n"
    )
    changes = [edit.change for edit in find_edits(data)]
    assert changes == [Change.SAY_QUOTED, Change.SAY_MIME, Change.QUOTE_TEXT]
    assert read(convert(data)) == read(data)


def test_a_long_line_is_encoded_too() -> None:
    """SM-19, RFC 2045 2.7: 7bit is lines of 998 at most."""
    data = TOP + b"\r\n" + b"x" * 999 + b"\r\n"
    assert b"Content-Transfer-Encoding: quoted-printable" in convert(data)


def part(header: bytes, body: bytes) -> bytes:
    return TOP + header + b"\r\n" + body


MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n"
OBSTACLES = {
    "8-bit header": (TOP + "X: é\r\n\r\n".encode() + UMLAUT, Obstacle.HEADER),
    "long header": (TOP + b"X: " + b"y" * 999 + b"\r\n\r\n" + UMLAUT, Obstacle.HEADER),
    "8-bit header of a part": (
        part(MIXED, 'b\r\n--b\r\nContent-Disposition: attachment; filename="é"\r\n\r\na\r\n--b--\r\n'.encode()),
        Obstacle.HEADER,
    ),
    "8-bit header inside": (
        part(b"Content-Type: message/rfc822\r\n", "Subject: é\r\n\r\na\r\n".encode()), Obstacle.HEADER,
    ),
    "signed": (
        part(b"Content-Type: multipart/signed; boundary=b\r\n", b"--b\r\n\r\n" + UMLAUT + b"--b\r\n\r\ns\r\n--b--\r\n"),
        Obstacle.SIGNED,
    ),
    "signed inside": (
        part(
            MIXED,
            b"--b\r\nContent-Type: multipart/signed; boundary=c\r\n\r\n--c\r\n\r\n" + UMLAUT
            + b"--c\r\n\r\ns\r\n--c--\r\n--b\r\n\r\n" + UMLAUT + b"--b--\r\n",
        ),
        Obstacle.SIGNED,
    ),
    "delivery status": (part(b"Content-Type: message/delivery-status\r\n", b"A: b\r\n\r\n" + UMLAUT), Obstacle.FIXED),
    "partial": (part(b"Content-Type: message/partial\r\n", UMLAUT), Obstacle.FIXED),
    "encoded already": (part(b"Content-Transfer-Encoding: quoted-printable\r\n", UMLAUT), Obstacle.FIXED),
    "base64 multipart": (
        part(MIXED + b"Content-Transfer-Encoding: base64\r\n", b"--b\r\n\r\n" + UMLAUT + b"--b--\r\n"),
        Obstacle.FIXED,
    ),
    "preamble": (part(MIXED, UMLAUT + b"--b\r\n\r\na\r\n--b--\r\n"), Obstacle.FIXED),
    "epilogue": (part(MIXED, b"--b\r\n\r\na\r\n--b--\r\n" + UMLAUT), Obstacle.FIXED),
    "two types": (part(b"Content-Type: text/plain\r\nContent-Type: text/html\r\n", UMLAUT), Obstacle.UNCLEAR),
    "two encodings": (
        part(b"Content-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: base64\r\n", UMLAUT), Obstacle.UNCLEAR,
    ),
    "no end": (part(MIXED, b"--b\r\n\r\n" + UMLAUT), Obstacle.UNCLEAR),
    "goes on after the end": (part(MIXED, b"--b\r\n\r\na\r\n--b--\r\n--b\r\n\r\n" + UMLAUT), Obstacle.UNCLEAR),
    "no boundary": (part(b"Content-Type: multipart/mixed\r\n", UMLAUT), Obstacle.UNCLEAR),
    "two boundaries": (
        part(b"Content-Type: multipart/mixed; boundary=b; boundary=c\r\n", b"--b\r\n\r\n" + UMLAUT + b"--b--\r\n"),
        Obstacle.UNCLEAR,
    ),
    "boundary in pieces": (
        part(b"Content-Type: multipart/mixed; boundary*0=b\r\n", b"--b\r\n\r\n" + UMLAUT + b"--b--\r\n"),
        Obstacle.UNCLEAR,
    ),
    "part without an empty line": (part(MIXED, b"--b\r\nno header\r\n" + UMLAUT + b"--b--\r\n"), Obstacle.UNCLEAR),
    "odd type": (part(b"Content-Type: multipart (x)/mixed; boundary=b\r\n", UMLAUT), Obstacle.UNCLEAR),
    "bare LF": (part(b"", b"a\nb\r\n" + UMLAUT), Obstacle.UNCLEAR),
}  # fmt: skip


@pytest.mark.parametrize("case", OBSTACLES)
def test_what_has_no_seven_bit_form(case: str) -> None:
    """SM-19: signed, unclear or fixed by MIME: it is never edited inside."""
    data, obstacle = OBSTACLES[case]
    with pytest.raises(NoSevenBitForm) as raised:
        find_edits(data)
    assert raised.value.obstacle is obstacle


@pytest.mark.parametrize("case", ["signed", "delivery status", "no end", "odd type"])
def test_what_is_clean_may_be_anything(case: str) -> None:
    """A part that needs no change is left alone, whatever it is, and does not keep the rest from its change."""
    odd = OBSTACLES[case][0].removeprefix(TOP).replace(UMLAUT, b"Gruezi mitenand\r\n")
    data = part(
        b"Content-Type: multipart/mixed; boundary=outer\r\n", b"--outer\r\n" + odd + b"--outer\r\n\r\n" + UMLAUT
    )
    made = convert(data + b"--outer--\r\n")
    assert odd in made
    assert is_seven_bit(made)


def test_nesting_is_bounded() -> None:
    """RX: twenty levels, not more; and no recursion error."""
    data = TOP
    for level in range(60):
        data += b"Content-Type: multipart/mixed; boundary=b%03d_\r\n\r\n--b%03d_\r\n" % (level, level)
    data += b"\r\n" + UMLAUT + b"".join(b"--b%03d_--\r\n" % level for level in reversed(range(60)))
    with pytest.raises(NoSevenBitForm):
        find_edits(data)
