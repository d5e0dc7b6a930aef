"""One mail transaction as bytes: the commands of the envelope and the message as it stands on the wire."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.message.envelope import DEFAULT_NOTIFY, Notify, Recipient

CRLF: Final = b"\r\n"
STEP: Final = 256 * 1024  # octets
# RFC 5321 section 4.1.2, Mailbox, no stricter than needed: nothing in it can end the path early.
PATH: Final = re.compile(
    r"""(?:"(?:[^\x00-\x1f\x7f"\\]|\\[\x20-\x7e])*"|[^\x00-\x20\x7f<>"@]+)@[^\x00-\x20\x7f<>"@]+"""
)
PARAMETER: Final = re.compile(r"[\x21-\x7e]+")  # RFC 5321 section 4.1.2, esmtp-value
NOTIFY_ORDER: Final = (Notify.SUCCESS, Notify.FAILURE, Notify.DELAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """What goes over a session at once.

    content: from `wire_content`. size: octets of the message before dot-stuffing (RFC 1870 section 3).
    requiretls: RFC 8689, or no delivery. wishes_requiretls: where it is offered.
    data: the same message for BDAT, not dot-stuffed; empty: DATA only.
    """

    mail_from: str
    recipients: tuple[Recipient, ...]
    content: bytes = field(repr=False)
    size: int
    is_8bit: bool
    envid: str = ""
    ret: str = ""
    smtputf8: bool = False
    requiretls: bool = False
    wishes_requiretls: bool = False
    data: bytes = field(default=b"", repr=False)


def wire_content(data: bytes) -> bytes:
    """A message as DATA sends it, final dot included (RFC 5321 section 4.5.2).

    data: lines end with CRLF; a last line without one gets one.
    Raises: ValueError for a bare CR or LF: between servers that differ on it, it smuggles (SM-05).
    """
    last = b"" if not data or data.endswith(CRLF) else CRLF
    return b"".join((*map(_stuffed, _whole_lines(data)), last, b".\r\n"))


def _whole_lines(data: bytes) -> Iterator[bytes]:
    """Cut behind line feeds: one step over 25 MB would keep the interpreter from all other threads meanwhile."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + STEP) + 1 or len(data)
        yield data[start:end]
        start = end


def _stuffed(data: bytes) -> bytes:
    """data: begins where a line begins. Raises: ValueError, see wire_content."""
    if not data.count(CRLF) == data.count(b"\r") == data.count(b"\n"):
        raise ValueError("bare CR or LF in a message")
    stuffed = data.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if data.startswith(b".") else stuffed


def mail_command(transaction: Transaction, extensions: frozenset[str]) -> bytes:
    """`MAIL FROM` with the parameters that the peer understands.

    extensions: EHLO keywords, upper case. Raises: ValueError when a value could break out of the command.
    """
    parameters = []
    if "SIZE" in extensions:
        parameters.append(f"SIZE={transaction.size}")  # RFC 1870
    if transaction.is_8bit:
        parameters.append("BODY=8BITMIME")  # RFC 6152
    if transaction.smtputf8:
        parameters.append("SMTPUTF8")  # RFC 6531
    if transaction.requiretls or (transaction.wishes_requiretls and "REQUIRETLS" in extensions):
        parameters.append("REQUIRETLS")  # RFC 8689
    if "DSN" in extensions:  # RFC 3461 section 4
        parameters += [f"RET={transaction.ret}"] if transaction.ret else []
        parameters += [f"ENVID={transaction.envid}"] if transaction.envid else []
    return _command("MAIL FROM:", transaction.mail_from, parameters)


def rcpt_command(recipient: Recipient, extensions: frozenset[str]) -> bytes:
    """`RCPT TO` with the DSN wishes of the sender where the peer honours them (RFC 3461 section 4).

    Raises: ValueError when a value could break out of the command.
    """
    parameters = []
    if "DSN" in extensions:
        wishes = ",".join(wish for wish in NOTIFY_ORDER if wish in recipient.notify) or Notify.NEVER
        # Section 5.2.1: no NOTIFY where the sender gave none. Who wrote our default out gets the peer's, which tells of
        # failure as well (section 4.1).
        parameters += [f"NOTIFY={wishes}"] if recipient.notify != DEFAULT_NOTIFY else []
        parameters += [f"ORCPT={recipient.orcpt}"] if recipient.orcpt else []
    return _command("RCPT TO:", recipient.address, parameters)


def _command(verb: str, path: str, parameters: list[str]) -> bytes:
    if path and not PATH.fullmatch(path):
        raise ValueError("an address holds what no path may hold")
    if not all(PARAMETER.fullmatch(parameter) for parameter in parameters):
        raise ValueError("a parameter holds what no parameter may hold")
    return " ".join((f"{verb}<{path}>", *parameters)).encode() + CRLF
