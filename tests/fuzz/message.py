"""What a message says of itself: addresses, header fields, and what we make of them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final

from gateway.message.address import MAX_ADDRESS, AddressError, domain_of, parse_address, parse_from
from gateway.message.dsn import RecipientReport, Report, failure_dsn, status_of
from gateway.message.fields import MAX_FIELDS, MAX_HEADER, HeaderError, check_field, split_message, with_changes
from gateway.message.hygiene import NEVER_RELAYED, check, prepare
from gateway.message.verdict import Verdict
from tests.fuzz.target import Target, split_choice
from tests.fuzz.words import FIELD_WORDS, LETTER

NOW: Final = datetime(2026, 3, 2, 10, tzinfo=UTC)
HOST: Final = "gw.clinic.example"
RECEIVED: Final = (
    b"Received: from c.example ([192.0.2.1])\r\n\tby gw.clinic.example; Mon, 02 Mar 2026 10:00:00 +0000\r\n"
)


def address(data: bytes) -> None:
    """AddressError, or an address that reads as itself, in both grammars and in a From field (ID-01, ID-06)."""
    text = data.decode("utf-8", "surrogateescape")
    for allows_utf8 in (False, True):
        for read in (partial(parse_address, text), partial(parse_from, data)):
            try:
                found = read(allows_utf8=allows_utf8)
            except AddressError:
                continue
            assert parse_address(found, allows_utf8=allows_utf8) == found
            assert found.isprintable()
            assert found.isascii() or allows_utf8
            assert len(found.encode()) <= MAX_ADDRESS
            assert domain_of(found) == domain_of(found).lower() != ""
            assert domain_of(found).isascii()
            assert not set(domain_of(found)) & set('@<>()[]\\,;: "')


def fields(data: bytes) -> None:
    """HeaderError, or fields plus body add up to the input; a change touches what it names and nothing else (ID-10)."""
    try:
        parsed = split_message(data)
    except HeaderError:
        return
    assert parsed.with_fields(field.raw for field in parsed.fields) == data
    assert 0 < len(parsed.fields) <= MAX_FIELDS
    assert parsed.header_end <= MAX_HEADER + 4
    for field in parsed.fields:
        check_field(field.raw)
        assert field.name == field.name.lower()
        assert "\r" not in field.text
        assert "\n" not in field.text
    name = parsed.fields[0].name
    added, new = b"X-New: 1\r\n", f"{name}: 2\r\n".encode()
    assert with_changes(data) == data
    assert with_changes(data, prepend=(added,)) == added + data
    assert len(split_message(with_changes(data, prepend=(added,), remove=frozenset({name}))).all(name)) == (
        name == "x-new"
    )
    changed = split_message(with_changes(data, replace={name: new}))
    assert [field.raw for field in changed.all(name)] == [new]
    assert changed.body == parsed.body


def hygiene(data: bytes) -> None:
    """A message is refused, or leaves with one From, Date and Message-ID, none of the forbidden fields, and its body
    octet for octet; what was prepared is looked at as what came in (ID-05 to ID-08, ID-11).
    """
    choice, message = split_choice(data)
    utf8, believes = bool(choice & 1), bool(choice & 2)
    facts = check(message, hostname=HOST, believes_headers=believes, allows_utf8=utf8)
    if isinstance(facts, Verdict):
        return
    assert parse_address(facts.from_address, allows_utf8=utf8) == facts.from_address
    assert believes or not facts.control
    done = prepare(message, received=RECEIVED, authserv_id=HOST, hostname=HOST, queue_id="Q1", now=NOW)
    before, after = split_message(message), split_message(done)
    assert after.body == before.body
    assert [len(after.all(name)) for name in ("from", "date", "message-id")] == [1, 1, 1]
    assert after.all("from") == before.all("from")
    assert not {field.name for field in after.fields} & NEVER_RELAYED
    assert not any(field.name.startswith("x-mailward-") for field in after.fields)
    own = 1 + sum(not before.all(name) for name in ("date", "message-id"))
    survivors, rest = after.fields[1 : len(after.fields) - own + 1], iter(before.fields)
    assert all(field in rest for field in survivors), "kept fields stay in their order"
    again = check(done.removeprefix(RECEIVED), hostname=HOST, believes_headers=False, allows_utf8=utf8)
    assert not isinstance(again, Verdict)
    assert (again.from_address, again.claims) == (facts.from_address, facts.claims)


def notice(data: bytes) -> None:
    """Whatever a peer replied and a sender wrote: the notice is one well-formed 7-bit message, with our fields only."""
    reply, _, rest = data.partition(b"\n")
    date, _, message_id = rest.decode("latin-1").partition("\n")
    report = Report(
        hostname=HOST, from_address="postmaster@clinic.example", sender="a@clinic.example", queue_id="Q1", dsn_id="Q2",
        received_at=NOW, now=NOW, date=date, message_id=message_id,
    )  # fmt: skip
    said = reply.decode("latin-1")
    recipient = RecipientReport(address="b@x.example", status=status_of(said, default="5.0.0"), reply=said)
    made = failure_dsn(report, [recipient])
    names = [field.name for field in split_message(made).fields]
    assert len(names) == len(set(names))
    assert made.isascii()
    assert b"\0" not in made.partition(b"\r\n\r\n")[0]
    assert max(map(len, made.split(b"\r\n"))) <= 998
    assert made.count(b"\r") == made.count(b"\n") == made.count(b"\r\n")


TARGETS: Final[Mapping[str, Target]] = {
    "address": Target(
        run=address,
        words=(b"@", b'"', b"\\", b"<", b">", b"(", b")", b"=?utf-8?b?", b"?=", b"xn--", b"\xe3\x80\x82", b"\r\n "),
        seeds=(
            b"joe@clinic.example",
            b'"joe smith"@x.example',
            b"Joe <joe@x.example>",
            b"joe@x.example (Joe)",
            b'"a@b.example" <a@b.example>',
            "jö@bücher.example".encode(),
            b"=?utf-8?q?Boss?= <joe@x.example>",
        ),
    ),
    "fields": Target(run=fields, words=FIELD_WORDS, seeds=(LETTER, b"A:\r\n b\r\n", LETTER.replace(b"\r\n", b"\n"))),
    "hygiene": Target(
        run=hygiene, words=FIELD_WORDS, seeds=(b"\0" + LETTER, b"\x03" + LETTER, b"\x01From: j@x.example\r\n\r\n")
    ),
    "notice": Target(
        run=notice,
        words=(b"\r\n", b"550 5.1.1 ", b"=?utf-8?q?", b"Bcc: x"),
        seeds=(b"550 5.1.1 no such user\nMon, 02 Mar 2026 10:00:00 +0000\n<1@clinic.example>", b"451\r4.0.0 x\xff"),
    ),
}
