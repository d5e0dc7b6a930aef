"""Subject tags in every disguise (ID-09)."""

import email
import email.policy
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.phi.classify import classify_message
from policy.phi.subject import has_tag, remove_tags
from tests.policy.phi.messages import mail

TAGS = ("[secure]", "#secure")


def _shown(value: bytes) -> str:
    """Return what another parser shows for a field body."""
    message = email.message_from_bytes(b"Subject:" + value + b"\r\n\r\n", policy=email.policy.default)
    return str(message["subject"])


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (" [secure] Lab results", "Lab results"),
        (" Lab [SeCuRe] results", "Lab results"),
        (" Lab results #secure", "Lab results"),
        (" =?utf-8?q?=5Bsecure=5D_R=C3=A9sultat?=", "R\u00e9sultat"),
        (" =?utf-8?b?W3NlY3VyZV0gaGVsbG8=?=", "hello"),
        (" =?utf-8?q?=5Bsec?=\r\n =?utf-8?q?ure=5D_hello?=", "hello"),
        (
            " a long subject that folds right before\r\n [secure] the tag",
            "a long subject that folds right before the tag",
        ),
        (" [s\u0435cure] hello", "hello"),
        (" [sec\u200bure] hello", "hello"),
        (" [secure][secure] #secure hello", "hello"),
    ],
)
def test_a_tag_raises_the_level_and_leaves(value: str, left: str) -> None:
    """ID-09: encoded words, folds, case and look-alikes give the same result as plain."""
    raw = value.encode()
    assert classify_message(mail("hi", subject=value.strip()), subject_tags=TAGS).tagged
    cleaned = remove_tags(raw, TAGS)
    assert _shown(cleaned) == left
    assert cleaned.isascii()


def test_nothing_left_is_neutral() -> None:
    """A subject that was only the tag leaves an empty field body."""
    assert remove_tags(b" [secure]\r\n", TAGS) == b""


@pytest.mark.parametrize(
    "value", [b" hello", b" secure hello", b" =?utf-8?q?R=C3=A9sultat?=", b"", b" =?utf-8?q?broken"]
)
def test_without_a_tag_not_a_byte_changes(value: bytes) -> None:
    """Whole header fields are left as they came when there is no reason to touch them."""
    assert remove_tags(value, TAGS) is value
    assert not classify_message(mail("hi", subject=value.decode().strip()), subject_tags=TAGS).tagged


@pytest.mark.parametrize("tags", [(), ("",), ("  ",)])
def test_no_tags_match_nothing(tags: tuple[str, ...]) -> None:
    """An empty tag is in every text and must not count."""
    assert not has_tag("anything", tags)


@given(st.text(max_size=300))
def test_what_comes_back_is_one_field(text: str) -> None:
    """ID-10: no decoded text can start a new header line, whatever it holds."""
    encoded = f" [secure] {text}".encode("utf-8", errors="surrogatepass")
    lines = remove_tags(encoded, TAGS).split(b"\r\n")
    assert all(line.startswith(b" ") or not line for line in lines)
    assert not any(b"\n" in line or b"\r" in line for line in lines)


@pytest.mark.parametrize(
    "value",
    [b" " + b"[secure]" * 5000, b" " + b"[sec" * 40 + b"ure]" * 40, b" " + b"[sec" * 9000 + b"ure]" * 9000],
    ids=["many", "nested", "nested and long"],
)
def test_a_subject_made_of_tags_costs_little(value: bytes) -> None:
    """The tags are taken out on the event loop; cutting one after the other took 99 s for 3,000 of them."""
    began = time.process_time()
    remove_tags(value, TAGS)
    assert time.process_time() - began < 1
