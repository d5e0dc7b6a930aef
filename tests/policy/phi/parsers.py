"""Other parsers of mail as witnesses: what any of them takes for content, and what our reader makes of the same."""

import contextlib
import email
import email.policy
import re
from collections.abc import Callable, Iterator, Mapping
from email.errors import MessageError
from email.message import EmailMessage, Message
from typing import Final

import fast_mail_parser
import pytest

from policy.phi import structure
from policy.phi.mime import Reading, parse, read_message
from policy.phi.normalise import normalise

MARK: Final = re.compile(r"mark[0-9]{2}x")  # stands where a message may hide something; see `nasty_mail`
WORD: Final = re.compile(r"\b[A-Za-z0-9]{5,20}\b")  # what is longer is left encoded by a witness


def ours(data: bytes) -> tuple[str, bool]:
    """Return all that our reader hands to the detectors, and whether it doubts anything, so that mail is protected."""
    shape = structure.scan(data)
    if shape.limits:
        return "", True
    reading = Reading()
    read_message(parse(data), reading)
    return "\n".join(text.content for text in reading.texts), bool(shape.ambiguities or reading.uninspectable)


def standard(data: bytes) -> Iterator[str]:
    """Yield what the standard library takes for content, in its modern way."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    yield from _standard_parts(message)


def standard_old(data: bytes) -> Iterator[str]:
    """Yield the same in the way that most programs in Python use."""
    for part in email.message_from_bytes(data).walk():
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            yield payload.decode("latin-1") if isinstance(payload, bytes) else ""


def _standard_parts(message: Message) -> Iterator[str]:
    for part in message.walk():
        if isinstance(part, EmailMessage) and not part.is_multipart():
            try:
                content = part.get_content()
            except (LookupError, ValueError, TypeError, AttributeError, MessageError):
                content = part.get_payload(decode=True)
            yield content.decode("latin-1") if isinstance(content, bytes) else str(content)
        yield str(part.get("subject", ""))


def rust(data: bytes) -> Iterator[str]:
    """Yield what a parser in Rust takes for content."""
    mail = fast_mail_parser.parse_email(data)
    yield mail.subject
    yield from (*mail.text_plain, *mail.text_html)
    for attachment in mail.attachments:
        yield attachment.content.decode("latin-1")
        yield attachment.filename or ""


FAULTS: Final = (
    fast_mail_parser.ParseError, LookupError, ValueError, TypeError, AttributeError, MessageError, AssertionError,
)  # fmt: skip
WITNESSES: Final[Mapping[str, Callable[[bytes], Iterator[str]]]] = {
    "standard": standard,
    "standard, old": standard_old,
    "rust": rust,
}


def seen(witness: Callable[[bytes], Iterator[str]], data: bytes) -> list[str]:
    """Return what a witness sees; one that fails on a message sees what it got to."""
    found: list[str] = []
    with contextlib.suppress(*FAULTS):
        found.extend(witness(data))
    return found


def missed(said: str, ours_said: str, pattern: re.Pattern[str]) -> set[str]:
    """Return the words of a witness that our reader did not hand on."""
    return set(pattern.findall(normalise(said))) - set(pattern.findall(ours_said))


def corpus(*modules: object) -> Iterator[bytes]:
    """Yield the messages that tests in these modules are parametrised with."""
    for module in modules:
        for test in vars(module).values():
            for mark in getattr(test, "pytestmark", ()):
                if isinstance(mark, pytest.Mark) and mark.name == "parametrize":
                    yield from (
                        value for row in mark.args[1] if isinstance(row, tuple) for value in row if _is_mail(value)
                    )


def _is_mail(value: object) -> bool:
    return isinstance(value, bytes) and b"\r\n\r\n" in value
