"""What a mail administrator finds in the log of a delivery."""

import io
import re
from collections.abc import Iterator

import pytest
import structlog

from gateway import log
from gateway.delivery.outcome import Seen
from gateway.message.queue_id import new_queue_id
from tests.gateway.delivery.office import DEFERRED, DELIVERED, RECIPIENT, REJECTED, STALLED, Office, Saw, make_entry


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    log.configure(stream=stream)
    yield stream
    structlog.reset_defaults()


async def test_a_deferral_says_what_was_seen_and_answered(office: Office, written: io.StringIO) -> None:
    """Codes, not words: a server may quote the subject in its reply (invariant 4)."""
    office.see(RECIPIENT, Saw(Seen.DEFERRED, "450 4.2.0 Your message 'Biopsy of Pat' is greylisted"))
    await office.send(make_entry(new_queue_id()))
    (line,) = [line for line in written.getvalue().splitlines() if ": deferred: " in line]
    assert "seen=deferred, reply=450 4.2.0, " in line
    assert "Biopsy" not in line


@pytest.mark.parametrize(
    ("saw", "ending"),
    [
        (DELIVERED, r"dsn=2\.0\.0, status=sent \(250 2\.0\.0 delivered\)"),
        (REJECTED, r"dsn=5\.1\.1, status=bounced \(550 5\.1\.1 rejected\)"),
        (DEFERRED, r"dsn=4\.2\.0, status=deferred \(450 4\.2\.0 deferred\)"),
        (STALLED, r"dsn=4\.7\.5, status=deferred \(451 4\.7\.5 tls-uncertain\)"),
    ],
)
async def test_every_delivery_has_a_line_like_postfix(office: Office, saw: Saw, ending: str) -> None:
    """The fields that tools read, in their order; delays are queue, connection and transmission (postconf(5))."""
    stream = io.StringIO()
    log.configure(style="postfix", stream=stream, host="gw")
    office.see(RECIPIENT, saw)
    message = await office.send(make_entry(new_queue_id()))
    structlog.reset_defaults()
    lines = [line for line in stream.getvalue().splitlines() if f" {message.id}: to=" in line]
    number = r"\d+(?:\.\d+)?"
    assert len(lines) == 1
    assert re.search(
        rf"to=<pat@b\.example>, relay=mx\.b\.example\[192\.0\.2\.1\]:25, delay={number},"
        rf" delays={number}/{number}/{number}/{number}, {ending}$",
        lines[0],
    ), lines[0]
    assert "no such user" not in stream.getvalue()


async def test_our_own_mail_is_in_the_log_before_it_is_delivered(office: Office, written: io.StringIO) -> None:
    office.see(RECIPIENT, REJECTED)
    message = await office.send(make_entry(new_queue_id()))
    (line,) = [line for line in written.getvalue().splitlines() if ": written: " in line]
    assert f"kind=dsn, about={message.id}" in line
