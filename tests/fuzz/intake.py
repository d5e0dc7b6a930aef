"""What a client sends, piece by piece: command lines, parameters, message data, AUTH responses, PROXY headers."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

from gateway.config.values import TenantProof
from gateway.intake.commands import COMMAND_LIMIT, KNOWN, WITHOUT_ARGUMENT, parse_command, parse_hello
from gateway.intake.data import END, MAX_LINE, DataReader, End, Fault
from gateway.intake.errors import RefusedError
from gateway.intake.params import Offer, parse_mail, parse_rcpt
from gateway.intake.proxy_header import V2, V2_FIXED, V2_LONGEST, HeaderReader, Origin, ProxyHeaderError
from gateway.intake.sasl import MAX_CREDENTIAL, MECHANISMS, Claim, Credentials, CredentialsError, decode_response
from gateway.intake.tenant import take_proof
from gateway.message.address import parse_address
from gateway.message.fields import split_message
from tests.fuzz.target import Target, pieces, split_choice
from tests.fuzz.words import FALSE_ENDS, FIELD_WORDS, LETTER, LINE_ENDS, LOGIN, PARAMETERS, VERBS

LOST_PLACE: Final = re.compile(rb"[\r\n]\.[\r\n]")
PROOF: Final = TenantProof(name="X-Clinic-Proof", value="0123456789abcdef")
OFFERS: Final = tuple(
    Offer(extended=extended, message_size=1000, requiretls=requiretls)
    for extended in (True, False)
    for requiretls in (True, False)
)
NOBODY: Final = Credentials("", "")
LIMITS: Final = (3000, 40)  # octets of message


def command(data: bytes) -> None:
    """A line is refused, or a known verb with a printable argument, which reads back as itself."""
    line = data.replace(b"\n", b"")
    try:
        read = parse_command(line)
    except RefusedError:
        return
    assert read.verb in KNOWN
    assert read.argument.isprintable()
    assert read.argument == read.argument.strip(" ")
    assert not (read.argument and read.verb in WITHOUT_ARGUMENT)
    assert read.verb == "AUTH" or len(read.argument) <= COMMAND_LIMIT
    assert read.verb in {"MAIL", "RCPT"} or read.argument.isascii()
    assert parse_command(f"{read.verb} {read.argument}".rstrip(" ").encode()) == read
    if read.verb in {"EHLO", "HELO"}:
        _hello(read.argument)


def _hello(argument: str) -> None:
    try:
        name = parse_hello(argument)
    except RefusedError:
        return
    assert re.fullmatch(r"[A-Za-z0-9.:_\[\]-]{1,257}", name)


def mail(data: bytes) -> None:
    """MAIL is refused, or its sender is empty or an address that reads as itself, and every value is plain text."""
    choice, rest = split_choice(data)
    try:
        read = parse_mail(parse_command(b"MAIL FROM:" + rest.replace(b"\n", b"")).argument, OFFERS[choice % 4])
    except RefusedError as refused:
        assert 500 <= refused.reply.code < 600  # noqa: PT017  # either outcome is right
        return
    assert not read.sender or parse_address(read.sender, allows_utf8=read.smtputf8) == read.sender
    assert read.sender.isascii() or read.smtputf8
    assert re.fullmatch(r"[!-~]{0,100}", read.envid)
    assert read.ret in {"", "FULL", "HDRS"}
    assert not (read.requiretls and not OFFERS[choice % 4].requiretls)


def rcpt(data: bytes) -> None:
    """RCPT is refused, or its address reads as itself and ORCPT is ASCII without blanks (RFC 3461 section 4.2)."""
    choice, rest = split_choice(data)
    smtputf8 = bool(choice & 1)
    try:
        argument = parse_command(b"RCPT TO:" + rest.replace(b"\n", b"")).argument
        read = parse_rcpt(argument, OFFERS[choice // 2 % 4], smtputf8=smtputf8)
    except RefusedError as refused:
        assert 500 <= refused.reply.code < 600  # noqa: PT017  # either outcome is right
        return
    assert parse_address(read.address, allows_utf8=smtputf8) == read.address
    assert read.address.isascii() or smtputf8
    assert read.notify
    assert re.fullmatch(r"|[A-Za-z0-9-]+;[!-~]+", read.orcpt)
    assert "\\x{" in read.orcpt or len(read.orcpt) <= 500


def message_data(data: bytes) -> None:
    """A message ends where CRLF.CRLF was sent, is what the RFC says it is, and no cut of the bytes changes that.

    SM-01 to SM-04, SM-07, SM-08. The first octet chooses: repair or not, the limit, the cut, and whether the content is
    taken out in between.
    """
    choice, sent = split_choice(data)
    repairs, limit, takes = bool(choice & 1), LIMITS[choice >> 1 & 1], bool(choice & 4)
    whole = read_data(sent, 0, limit, repairs_lines=repairs)
    book = by_the_book(sent, limit, repairs_lines=repairs)
    if whole and whole.fault is Fault.MALFORMED:  # which may be seen before the end is there
        assert book is None or book.fault is Fault.MALFORMED
    else:
        assert whole == book
    for size in (1, choice >> 3 or 2):
        cut = read_data(sent, size, limit, repairs_lines=repairs, takes=takes)
        assert (cut is None) == (whole is None)
        if cut and whole:
            assert (cut.message, cut.fault) == (whole.message, whole.fault)
            assert cut.rest == whole.rest or cut.fault is Fault.MALFORMED


def read_data(sent: bytes, size: int, limit: int, *, repairs_lines: bool, takes: bool = False) -> End | None:
    """What a reader makes of the bytes. rest: with what it was not fed any more. takes: as if it went to a spool."""
    reader, taken, fed = DataReader(limit, repairs_lines=repairs_lines), b"", 0
    for piece in pieces(sent, size):
        fed += len(piece)
        if end := reader.feed(piece):
            message = b"" if end.fault else taken + end.message
            return End(message, end.rest + sent[fed:], end.fault)
        assert reader.kept <= limit + 2
        if takes:
            taken += reader.take()
    return None


def by_the_book(sent: bytes, limit: int, *, repairs_lines: bool) -> End | None:
    """RFC 5321 sections 2.3.8, 4.1.1.4 and 4.5.2, RFC 5322 section 2.1.1: all at once, slow and obvious."""
    text = b"\r\n" + sent
    at = text.find(END)
    if at < 0:
        return None
    body, rest = text[: at + 2], text[at + len(END) :]
    is_bare = body.replace(b"\r\n", b"").translate(None, b"\r\n") != body.replace(b"\r\n", b"")
    if b"\0" in body or (is_bare and not repairs_lines) or LOST_PLACE.search(text[: at + 3]):
        return End(b"", rest, Fault.MALFORMED)
    lines = re.split(rb"\r\n|\r|\n", body)[1:-1]
    clear = [line[1:] if line.startswith(b".") else line for line in lines]
    message = b"".join(line + b"\r\n" for line in clear)
    if len(message) > limit:
        return End(b"", rest, Fault.TOO_BIG)
    if any(len(line) > MAX_LINE for line in clear):
        return End(b"", rest, Fault.LINE_TOO_LONG)
    return End(message, rest, None)


def sasl(data: bytes) -> None:
    """Responses are refused, or give a user and a password without NUL, within bounds, as they were sent (SA-07)."""
    choice, rest = split_choice(data)
    name = tuple(MECHANISMS)[choice % len(MECHANISMS)]
    lines = rest.split(b"\n")
    conversation = MECHANISMS[name](None)
    try:
        next(conversation)
        for line in lines:
            conversation.send(decode_response(line))
    except StopIteration as end:
        _check_proof(end.value, lines)
    except (RefusedError, CredentialsError):
        pass
    finally:
        conversation.close()


def _check_proof(proof: object, lines: list[bytes]) -> None:
    """lines: of those read, one for PLAIN and EXTERNAL, two for LOGIN."""
    said = b"\n".join(map(_base64, lines[:2]))
    if isinstance(proof, Claim):
        assert proof.identity.encode() in said
        return
    assert isinstance(proof, Credentials)
    for value in (proof.user, proof.password):
        assert value
        assert "\0" not in value
        assert len(value.encode()) <= MAX_CREDENTIAL
        assert value.encode() in said
    assert proof.password in proof.user or proof.password not in repr(proof) or proof.password in repr(NOBODY)


def _base64(line: bytes) -> bytes:
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error:
        return b""


def proxy(data: bytes) -> None:
    """SA-11: an origin, more to read, or ProxyHeaderError, whole or octet by octet; nothing behind it is asked for."""
    results = [_read_proxy(data, size) for size in (1 << 20, 7, 1)]
    assert results[0] == results[1] == results[2]
    outcome, used = results[0]
    if isinstance(outcome, Origin):
        assert used <= V2_FIXED + V2_LONGEST
        assert _read_proxy(data[:used], 1) == (outcome, used)


def _read_proxy(data: bytes, step: int) -> tuple[Origin | str, int]:
    """The outcome, and how many octets were taken for it; 0 when refused, which may be seen earlier or later."""
    reader, at = HeaderReader(), 0
    while at < len(data):
        assert reader.need >= 1
        piece = data[at : at + min(step, reader.need)]
        at += len(piece)
        try:
            origin = reader.feed(piece)
        except ProxyHeaderError:
            return "refused", 0
        if origin:
            return origin, at
    return "more", at


def tenant(data: bytes) -> None:
    """ID-02: no message passes without the proof, or with two; one that passes has lost that field and nothing else."""
    choice, rest = split_choice(data)
    proof = f"{PROOF.name}: {PROOF.value}\r\n".encode()
    at = rest.find(b"\r\n") + 2 if choice & 2 and b"\r\n" in rest else 0
    message = rest[:at] + proof + rest[at:] if choice & 1 else rest
    taken = take_proof(message, PROOF)
    if taken is None:
        return
    before = split_message(message)
    (mine,) = before.all(PROOF.name.lower())
    assert mine.text == PROOF.value
    start = message.index(mine.raw)
    assert taken == message[:start] + message[start + len(mine.raw) :]


TARGETS: Final[Mapping[str, Target]] = {
    "command": Target(run=command, words=VERBS, seeds=(b"EHLO c.example", b"MAIL FROM:<>", b"auth PLAIN =")),
    "mail": Target(
        run=mail,
        words=PARAMETERS,
        seeds=(
            b"\0<a@x.example> SIZE=10 BODY=8BITMIME RET=HDRS ENVID=a+2Bb REQUIRETLS AUTH=<>",
            b"\0<j\xc3\xb6@b\xc3\xbc.example> SMTPUTF8",
            b'\x01<"a b"@x.example>',
        ),
    ),
    "rcpt": Target(
        run=rcpt,
        words=PARAMETERS,
        seeds=(
            b"\0<b@x.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;B+2Bc@x.example",
            b"\x01<m\xc3\xbc@x.example> ORCPT=utf-8;m\xc3\xbc@x.example",
        ),
    ),
    "data": Target(
        run=message_data,
        words=(*LINE_ENDS, *FALSE_ENDS, b"\r\n..", b"x" * 998),
        seeds=(
            b"\x08" + b"x" * 998 + b"\r\n." + b"y" * 999 + b"\r\n.\r\n",
            b"\x03" + b"\n" * 30 + b"\r\n.\r\n",
            *(
                bytes([choice]) + start + end + b"MAIL\r\n.\r\nQUIT\r\n"
                for choice in (0, 1, 4)
                for start in (b"", b"a\r\nb")
                for end in (*FALSE_ENDS, b"\r\n..x\r\n")
            ),
        ),
    ),
    "sasl": Target(
        run=sasl,
        words=(b"=", b"*", b"\n", LOGIN),
        seeds=(
            b"\x01" + LOGIN,
            b"\x02" + base64.b64encode(b"joe") + b"\n" + base64.b64encode(b"secret"),
            b"\0" + base64.b64encode(b"a@b.example"),
            b"\x01*",
        ),
    ),
    "proxy": Target(
        run=proxy,
        words=(b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN", V2, b"\x21\x11\0\x0c", b"\x20\0\0\0", b"\r\n"),
        seeds=(
            b"PROXY TCP4 192.0.2.7 10.0.0.2 40000 25\r\nEHLO c\r\n",
            b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 25\r\n",
            V2 + b"\x21\x11\0\x0c" + bytes(12) + b"EHLO",
            V2 + b"\x21\x21\0\x24" + bytes(36),
            V2 + b"\x20\0\0\0",
        ),
    ),
    "tenant": Target(run=tenant, words=FIELD_WORDS, seeds=(b"\x01" + LETTER, b"\x03" + LETTER, b"\0" + LETTER)),
}
