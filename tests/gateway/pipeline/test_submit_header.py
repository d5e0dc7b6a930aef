"""The header between intake and queue: tags and fields that go, fields that come, wishes that raise."""

from dataclasses import replace

import pytest

from gateway.inspect.wire import unpack_report
from gateway.message.envelope import Envelope
from gateway.message.fields import split_message
from gateway.message.verdict import Accepted
from gateway.store import queue
from gateway.store.store import Store
from policy.decision import Method
from tests.gateway.pipeline.counter import CLEAN, PHI, Counter, envelope, letter


@pytest.mark.parametrize(
    ("subject", "kept"),
    [
        (b"[secure] Lab result", b" Lab result"),
        (b"Lab result #SECURE", b" Lab result"),
        (b"Lab\r\n [secure]\r\n result", b" Lab result"),
        (b"=?utf-8?Q?=5Bsecure=5D_Lab?= result", b" Lab result"),
        (b"=?utf-8?B?W3NlY3VyZV0gTGFi?=", b" Lab"),
        ("[\uff33\uff25\uff23\uff35\uff32\uff25] Lab".encode(), b" Lab"),
        ("[s\u0435cure] Lab".encode(), b" Lab"),
        (b"[secure]", b""),
    ],
    ids=["plain", "hash", "folded", "Q word", "B word", "full width", "Cyrillic e", "alone"],
)
async def test_the_subject_tag_raises_and_is_removed(store: Store, subject: bytes, kept: bytes) -> None:
    """ID-09: whatever its dress, it protects the message and does not leave with it."""
    counter = Counter(store, None)
    queue_id = await counter.accept(letter(b"Subject: " + subject))
    (entry,) = await counter.entries(queue_id)
    assert entry.protected
    (field,) = split_message(await counter.kept(queue_id)).all("subject")
    assert field.raw == b"Subject:" + kept + b"\r\n"


async def test_a_subject_without_a_tag_is_left_as_it_is(store: Store) -> None:
    counter = Counter(store, PHI)
    odd = b"Subject:  =?x?Q?odd?=   two  blanks\r\n\tand a tab "
    assert odd in await counter.kept(await counter.accept(letter(odd)))


BODIES = [
    b"",
    b"no final line end",
    b"trailing blanks  \r\n\r\n\r\n",
    "Grüße\r\n".encode("latin-1"),
    b"From: not a header\r\nBcc: x\r\n",
]


@pytest.mark.parametrize("body", BODIES, ids=["empty", "no line end", "blanks", "8-bit", "header-like"])
async def test_whole_fields_go_and_the_body_stays(store: Store, body: bytes) -> None:
    """ID-08, ID-11, MP-18: not an octet of the body changes."""
    counter = Counter(store)
    data = letter(
        b"Bcc: hidden@b.example,\r\n another@b.example",
        b"X-Mailward-Purpose: treatment",
        b"x-mailward-method: tls",
        b"TLS-Required: No",
        b"Return-Path: <boss@clinic.example>",
        b"Authentication-Results: gw.clinic.example; spf=pass",
        b"Authentication-Results: other.example; spf=pass",
        b"DKIM-Signature: v=1; d=clinic.example",
        b"Date: Mon, 02 Mar 2026 10:00:00 +0000",
        b"Message-ID: <1@clinic.example>",
        b"X-Other: \xff stays",
        body=body,
    )
    kept = await counter.kept(await counter.accept(data))
    names = [field.name for field in split_message(kept).fields]
    assert names[0] == "received"
    assert names[1:] == ["from", "authentication-results", "dkim-signature", "date", "message-id", "x-other"]
    assert b"hidden@b.example" not in kept
    assert b"other.example" in kept
    assert kept.partition(b"\r\n\r\n")[2] == body


async def test_what_is_missing_is_added_once(store: Store) -> None:
    """ID-11, RFC 6409 sections 8.1 and 8.2; the Received field names no recipient when there are more."""
    counter = Counter(store)
    queue_id = await counter.accept(letter(), "a@b.example", "c@d.example")
    parsed = split_message(await counter.kept(queue_id))
    assert parsed.all("message-id")[0].text == f"<{queue_id}@gw.clinic.example>"
    assert len(parsed.all("date")) == 1
    assert queue_id in parsed.all("received")[0].text
    assert "a@b.example" not in parsed.all("received")[0].text


async def test_a_client_cannot_lower_anything(store: Store) -> None:
    """ID-08, TL-28: policy headers from a client never weaken policy, `TLS-Required: No` (RFC 8689) neither."""
    counter = Counter(store)
    plain = await counter.entries(await counter.accept(letter()))
    tricky = letter(b"X-Mailward-Method: tls", b"X-Mailward-Purpose: treatment", b"TLS-Required: No")
    (entry,) = await counter.entries(await counter.accept(tricky))
    assert (entry.protected, entry.methods) == (plain[0].protected, plain[0].methods)


def believed(*recipients: str) -> Envelope:
    """An envelope from a listener with `control_headers`."""
    made = envelope(*recipients)
    return replace(made, client=replace(made.client, believes_headers=True))


async def test_control_headers_of_a_trusted_listener_raise(store: Store) -> None:
    """ID-08: a method protects and climbs, urgency hurries; both are said and neither leaves with the message."""
    counter = Counter(store, CLEAN)
    data = letter(b"X-Mailward-Method: portal", b"X-Mailward-Priority: urgent", b"X-Mailward-Patient: 4711")
    answer = await counter.pipeline.submit(believed(), data)
    assert isinstance(answer, Accepted)
    (entry,) = await counter.entries(answer.queue_id)
    assert (entry.protected, entry.methods, entry.urgent) == (True, (Method.PORTAL,), True)
    assert b"mailward-" not in (await counter.kept(answer.queue_id)).lower()
    report = unpack_report(await queue.load_report(store, answer.queue_id))
    assert report.lowest_method is Method.PORTAL  # a release of held mail decides by it, too


async def test_control_headers_of_others_do_nothing(store: Store) -> None:
    """ID-08: stripped, and otherwise as good as not there."""
    counter = Counter(store, CLEAN)
    queue_id = await counter.accept(letter(b"X-Mailward-Method: portal", b"X-Mailward-Priority: urgent"))
    (entry,) = await counter.entries(queue_id)
    (plain,) = await counter.entries(await counter.accept(letter()))
    assert (entry.protected, entry.methods, entry.urgent) == (plain.protected, plain.methods, False)
    assert b"mailward-" not in (await counter.kept(queue_id)).lower()
