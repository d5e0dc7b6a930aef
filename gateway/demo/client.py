"""Handing a message in, as mail clients and the laboratory's system do it: plain smtplib. It blocks; use a thread."""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gateway.demo.installation import LOCAL, Ports
from gateway.demo.letters import Door, Letter, Way

TIME_LIMIT_S: Final = 30
REFUSED: Final = "550"
QUEUED: Final = re.compile(rb"Queued as (\S+)")


def hand_in(letter: Letter, ports: Ports, *, authority: Path, password: str) -> str:
    """Send one message to all of its recipients. Returns: the queue id, empty for one that is refused as promised.

    Raises: smtplib.SMTPException, OSError.
    """
    with _session(letter.door, ports, ssl.create_default_context(cafile=authority)) as session:
        session.ehlo_or_helo_if_needed()
        if letter.door is not Door.RELAY:
            session.login(letter.sender, password)
        _expect(session.mail(letter.sender))
        for recipient in letter.recipients:
            _expect(session.rcpt(recipient))
        answer = session.data(letter.data)
        if str(answer[0]) == REFUSED and Way.REFUSED in letter.ways.values():
            return ""
        reply = _expect(answer)
    found = QUEUED.search(reply)
    if found is None:
        raise smtplib.SMTPResponseException(250, "the reply names no queue id")
    return found[1].decode("ascii")


@contextmanager
def _session(door: Door, ports: Ports, context: ssl.SSLContext) -> Iterator[smtplib.SMTP]:
    """An encrypted session with one of the listeners."""
    if door is Door.SUBMISSIONS:
        with smtplib.SMTP_SSL(LOCAL, ports.submissions, timeout=TIME_LIMIT_S, context=context) as session:
            yield session
        return
    port = ports.submission if door is Door.SUBMISSION else ports.relay
    with smtplib.SMTP(LOCAL, port, timeout=TIME_LIMIT_S) as session:
        session.starttls(context=context)
        yield session


def _expect(answer: tuple[int, bytes]) -> bytes:
    """The text of a 2xx reply. Raises: SMTPResponseException for any other."""
    code, reply = answer
    if code // 100 != 2:
        raise smtplib.SMTPResponseException(code, reply.decode("ascii", "replace"))
    return reply
