"""gateway.message.compose: nothing that is put in can add a header or a line."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.message.compose import Heading, field, mailbox, multipart, render, text_part, unstructured
from gateway.message.fields import check_field, split_message

NOW = datetime(2026, 11, 24, 3, 45, tzinfo=UTC)


def read(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.default)


def write(text: str) -> bytes:
    heading = Heading(
        from_address="secure-mail@clinic.example",
        from_name=text,
        to="b@example.org",
        subject=text,
        message_id="1@gw.clinic.example",
        now=NOW,
    )
    parts = (text_part(text), text_part(f"<p>{text}</p>", subtype="html"))
    return render(heading, multipart("alternative", parts, seed=heading.message_id))


@given(st.text(max_size=200))
def test_any_text_gives_the_same_fields(text: str) -> None:
    """ID-10. Invariant: the names of the fields do not depend on the text, and every octet is 7-bit in short lines."""
    data = write(text)
    names = [f.name for f in split_message(data).fields]
    assert names == ["date", "from", "to", "subject", "message-id", "mime-version", "content-type"]
    assert data.isascii()
    assert b"\0" not in data.partition(b"\r\n\r\n")[0]
    assert max(map(len, data.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("text", ["Clinic A", "Clínica Á", "x" * 300, "=?utf-8?q?Bcc?=", 'Say "a\\b"', "Aé" * 60])
def test_text_comes_back(text: str) -> None:
    """RFC 2047, RFC 2045: what a reader decodes is what was meant."""
    message = read(write(text))
    assert message["Subject"] == text
    name = message["From"].addresses[0].display_name  # some versions put blanks between encoded words
    assert name.replace(" ", "") == text.replace(" ", "")
    assert message["From"].addresses[0].addr_spec == "secure-mail@clinic.example"
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().rstrip("\n") == text


@pytest.mark.parametrize("attack", ["a\r\nBcc: x@y", "a\nBcc: x@y", "a\rBcc: x@y", "a\u2028Bcc: x", "a\0b", "a\x85b"])
def test_line_breaks_become_blanks(attack: str) -> None:
    """ID-10."""
    for raw in (field("X", attack), field("From", mailbox(attack, "a@b.example")), field("S", unstructured(attack))):
        check_field(raw)
        assert b"\r\n" not in raw[:-2].replace(b"\r\n ", b"")


def test_encoded_words_are_short() -> None:
    """RFC 2047 section 2: 75 characters a word, 76 a line."""
    raw = field("Subject", unstructured("é" * 300))
    assert all(len(line) <= 76 for line in raw.split(b"\r\n"))
