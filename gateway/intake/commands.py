"""Command lines: bytes to verb and argument, and the tables of what may come when. Pure.

A line reaches this file without its CRLF and holds no LF; nothing of it is ever sent back or logged.
"""

import re
from dataclasses import dataclass
from typing import Final

from gateway.intake import replies
from gateway.intake.errors import HangUpError, RefusedError
from gateway.message.verdict import Reply

COMMAND_LIMIT: Final = 2048  # octets; RFC 5321 section 4.5.3.1.4 gives 512, RFC 3461 section 4 and others add to it
AUTH_LIMIT: Final = 12288  # octets, RFC 4954 section 4

# What is open before a stage is reached; a verb outside all of them waits for all.
BEFORE_HELLO: Final = frozenset({"EHLO", "HELO", "NOOP", "QUIT", "RSET", "VRFY", "HELP"})  # RFC 5321 section 4.1.4
BEFORE_TLS: Final = frozenset({"EHLO", "HELO", "NOOP", "QUIT", "RSET", "STARTTLS"})  # RFC 3207 section 4
BEFORE_AUTH: Final = BEFORE_TLS | {"AUTH", "VRFY", "HELP"}  # RFC 4954 section 4: 530 for what needs it
MAIL_VERBS: Final = frozenset({"MAIL", "RCPT", "DATA"})

IDLE: Final = frozenset({"NOOP", "RSET", "EHLO", "HELO", "VRFY", "HELP"})  # RX-04: bring no message nearer

KNOWN: Final = BEFORE_AUTH | MAIL_VERBS
NOT_IMPLEMENTED: Final = frozenset(
    {"BDAT", "EXPN", "TURN", "ETRN", "ATRN", "SEND", "SOML", "SAML", "XCLIENT", "XFORWARD"}
)
PATH_VERBS: Final = frozenset({b"MAIL ", b"RCPT "})  # may hold UTF-8 (RFC 6531 section 3.4); `params.py` sees to it
WITHOUT_ARGUMENT: Final = frozenset({"DATA", "RSET", "QUIT", "STARTTLS"})
WITH_ARGUMENT: Final = frozenset({"EHLO", "HELO", "MAIL", "RCPT", "AUTH", "VRFY"})

# SM-10: another protocol talks here, or a browser was made to (cross-protocol request forgery). No error budget for it.
FOREIGN: Final = frozenset(
    {"GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS", "DELETE", "PATCH", "TRACE", "PRI", "PROXY"}
)
HEADER_FIELD: Final = re.compile(r"[A-Za-z0-9-]+:")

HELLO_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,255}|\[[A-Za-z0-9.:-]{1,255}\]")  # "_" is in real Windows host names


@dataclass(frozen=True, slots=True)
class Command:
    """verb: one of KNOWN, upper case. argument: printable US-ASCII (UTF-8 in PATH_VERBS), no blanks around it."""

    verb: str
    argument: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """How far a session is, as the order of commands sees it."""

    needs_tls: bool
    needs_auth: bool
    has_hello: bool


def parse_command(line: bytes) -> Command:
    """Read a command line.

    Raises: RefusedError with the reply; HangUpError when the peer does not speak SMTP.
    Source: RFC 5321 section 4.1.1; blanks around the argument are dropped.
    """
    try:
        text = line.decode("utf-8" if line[:5].upper() in PATH_VERBS else "ascii")
    except UnicodeDecodeError:
        raise RefusedError(replies.NOT_ASCII) from None
    word, _, rest = text.partition(" ")
    verb, argument = word.upper(), rest.strip(" ")
    if verb in FOREIGN or HEADER_FIELD.match(word):
        raise HangUpError(replies.NOT_SMTP, "foreign protocol")
    if len(text) > COMMAND_LIMIT and verb != "AUTH":
        raise RefusedError(replies.LINE_TOO_LONG)
    if not text.isprintable():
        raise RefusedError(replies.BAD_CHARACTER)
    if verb not in KNOWN:
        raise RefusedError(replies.NOT_IMPLEMENTED if verb in NOT_IMPLEMENTED else replies.UNKNOWN_COMMAND)
    if argument and verb in WITHOUT_ARGUMENT:
        raise RefusedError(replies.NO_ARGUMENT_ALLOWED)
    if not argument and verb in WITH_ARGUMENT:
        raise RefusedError(replies.ARGUMENT_NEEDED)
    return Command(verb, argument)


def refusal(verb: str, stage: Stage) -> Reply | None:
    """What to answer when a verb comes too early, None when it may be tried."""
    if verb == "AUTH" and stage.needs_tls:
        return replies.AUTH_NEEDS_TLS  # RFC 4954 section 4: 538 says more than 530
    if stage.needs_tls and verb not in BEFORE_TLS:
        return replies.TLS_FIRST
    if not stage.has_hello and verb not in BEFORE_HELLO:
        return replies.HELLO_FIRST
    if stage.needs_auth and verb not in BEFORE_AUTH:
        return replies.AUTH_FIRST
    return None


def parse_hello(argument: str) -> str:
    """Read the name of EHLO or HELO: host name or address literal, at most 255 octets. Raises: RefusedError."""
    if not HELLO_NAME.fullmatch(argument):
        raise RefusedError(replies.BAD_HELLO)
    return argument
