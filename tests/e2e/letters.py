"""Messages for tests: with health information and without, each with a marker that is found again wherever it goes."""

from email.message import EmailMessage
from itertools import count
from typing import Final

from tests.e2e.installation import USER

_numbers: Final = count(1)


def new_marker(word: str = "marker") -> str:
    """A word that occurs nowhere else."""
    return f"{word}zq{next(_numbers):05d}qz"


def plain(marker: str, *, to: str, sender: str = USER, subject: str = "Room booking") -> EmailMessage:
    """Nothing to protect."""
    return _message(sender, to, subject, f"The small meeting room is free on Thursday.\n\n{marker}\n")


def clinical(marker: str, *, to: str, sender: str = USER, subject: str = "Result") -> EmailMessage:
    """Identifiers tied to health context."""
    text = (
        "Patient: Maria Gonzalez\nDOB: 03/14/1961\nMRN: 00482913\nSSN: 219-09-9987\n\n"
        "Diagnosis: type 2 diabetes mellitus with chronic kidney disease (E11.22).\n"
        f"HbA1c 9.1 %. Metformin 1000 mg twice a day.\n\n{marker}\n"
    )
    return _message(sender, to, subject, text)


def _message(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = "Mon, 02 Mar 2026 10:00:00 +0000"
    message["Message-ID"] = f"<{new_marker('id')}@clinic.example>"
    message.set_content(text)
    return message
