"""Reads the labelled mail that the model is trained on and measured with; `mail/README.md` has the form."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAIL: Final = Path(__file__).with_name("mail")
_HEAD: Final = re.compile(r"(?P<label>phi|not_phi) *\| *(?P<kind>\S+)")
_FIELD: Final = re.compile(r"(?P<name>Subject|From): *(?P<value>.*)")
_SENDER: Final = '"Office" <office@sender.example>'


class LabelledMailBroken(Exception):
    """A file of labelled mail does not have the form; mend the line that is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledMail:
    """One message. file: name of its file, without ending. number: from 1. kind: for statistics."""

    file: str
    number: int
    kind: str
    is_phi: bool
    subject: str
    sender: str
    body: str

    @property
    def name(self) -> str:
        """What a list of misses calls it."""
        return f"{self.file}-{self.number:02}"

    @property
    def group(self) -> str:
        """What it counts as: phi, hard or ordinary."""
        return "phi" if self.is_phi else "hard" if self.kind.startswith("hard") else "ordinary"

    @property
    def data(self) -> bytes:
        """The message as it travels (RFC 5322)."""
        body = self.body.replace("\n", "\r\n")
        return (
            f"From: {self.sender}\r\nTo: reader@recipient.example\r\nSubject: {self.subject}\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n"
        ).encode()


def labelled_mail(place: Path = MAIL) -> Iterator[LabelledMail]:
    """Yield the messages of a file, or of all files (*.txt) of a folder in the order of their names.

    Raises: LabelledMailBroken with file and number of the message; OSError.
    """
    for path in sorted(place.glob("*.txt")) if place.is_dir() else [place]:
        for number, piece in enumerate(f"\n{path.read_text(encoding='utf-8')}".split("\n=== ")[1:], 1):
            yield _message(path.stem, number, piece)


def _message(file: str, number: int, piece: str) -> LabelledMail:
    first, *lines = piece.split("\n")
    head = _HEAD.match(first)
    if not head:
        raise LabelledMailBroken(f"{file}: message {number} has no label")
    fields: dict[str, str] = {}
    while lines and (field := _FIELD.fullmatch(lines[0])):
        fields[field["name"]] = field["value"].partition("     (")[0].strip()
        del lines[0]
    body = "\n".join(lines).strip("\n")
    if not body and not fields.get("Subject"):
        raise LabelledMailBroken(f"{file}: message {number} is empty")
    return LabelledMail(
        file=file,
        number=number,
        kind=head["kind"],
        is_phi=head["label"] == "phi",
        subject=fields.get("Subject", ""),
        sender=fields.get("From", _SENDER),
        body=body,
    )
