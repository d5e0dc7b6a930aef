"""One message's way down the ladder, read from the product's own events, and told with the evidence of each step."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.audit import events
from gateway.audit.search import Found
from gateway.demo import words
from gateway.demo.rows import Row, Sent, read_row
from gateway.demo.steps import has_climbed, line
from gateway.demo.table import climbs
from gateway.message.event import Event
from policy.decision import Method
from tests.gateway.demo.test_rows import CLIMBED, ENTRY, RECIPIENT, SENT
from tests.gateway.store.parts import NOW
from tls.evidence import TlsEvidence
from tls.failures import TlsFailure
from tls.levels import TlsLevel

FINGERPRINT = "ab12" * 16
EVIDENCE = TlsEvidence(
    level=TlsLevel.ENCRYPTED, version="TLSv1.3", cipher="x", fingerprint=FINGERPRINT, verification="expired"
)
REPLY = "550 5.7.5 next hop has an expired certificate"
PUBLISHED = events.portal_published(ENTRY, at=NOW, secret="pin", expires_at=NOW)
OPENED = events.portal_opened(at=NOW, queue_id="01Q", recipient=RECIPIENT, client_ip="127.0.0.1", secret="pin")


def trial(**changes: Any) -> events.Try:
    facts: dict[str, Any] = {
        "method": Method.TLS, "seen": "tls-refused", "host": "mx.labs.example", "ip": "127.0.0.12", "port": 25,
        "reply": REPLY, "evidence": None, "took_s": 0.1, "tls_failure": "expired",
        "required": ("message needs verified TLS",),
    }  # fmt: skip
    return events.Try(**(facts | changes))


def attempted(**changes: Any) -> Event:
    return events.delivery_attempted(ENTRY, trial(**changes), at=NOW)


def delivered(**changes: Any) -> tuple[Event, Event]:
    """As the gateway writes it: the attempt, then its ending."""
    facts = {"seen": "delivered", "reply": "250 2.0.0 ok"} | changes
    return attempted(**facts), events.delivery_delivered(ENTRY, trial(**facts), at=NOW)


def read(*happened: Event, first: int = 35) -> Row:
    return read_row(SENT, RECIPIENT, [Found(seq=at, event=event) for at, event in enumerate(happened, first)])


def test_from_tls_to_the_portal_with_the_evidence_of_each_step() -> None:
    row = read(attempted(evidence=EVIDENCE), CLIMBED, PUBLISHED, OPENED)
    assert climbs([row]).plain.splitlines() == [
        "step by step, what did not leave by the first way",
        f"{SENT.letter.title} to {RECIPIENT}",
        (
            "  tls: refused, server has an expired certificate (TLSv1.3, certificate "
            "ab12ab12ab12ab12, host mx.labs.example, message needs verified TLS), audit event 35"
        ),
        "  portal: published, audit event 37",
        "  portal: opened, audit event 38",
    ]


def test_where_no_certificate_was_seen_none_is_shown() -> None:
    (step,) = read(attempted()).steps
    assert line(step) == (
        "tls: refused, server has an expired certificate (host mx.labs.example, message needs verified TLS), "
        "audit event 35"
    )


def test_a_delivery_is_one_step_and_its_number_is_that_of_the_ending() -> None:
    """The table's last column names the same event."""
    row = read(attempted(), CLIMBED, *delivered(method=Method.OPENPGP, keys=("0123456789ABCDEF" * 2,)))
    assert [step.seq for step in row.steps] == [35, 38]
    assert row.seq == 38
    assert line(row.steps[-1]) == (
        'openpgp: delivered (key 0123456789ABCDEF, host mx.labs.example, reply "250 2.0.0 ok"), audit event 38'
    )


def test_certificates_of_smime_are_keys_too() -> None:
    _, step = read(attempted(), *delivered(method=Method.SMIME, keys=("cd" * 32,))).steps
    assert step.keys == ("cd" * 32,)


def test_every_try_of_a_rung_is_a_step() -> None:
    row = read(attempted(seen="tls-uncertain", tls_failure="broken-handshake"), attempted(), CLIMBED, PUBLISHED)
    assert [(step.method, step.seen) for step in row.steps] == [
        ("tls", "tls-uncertain"), ("tls", "tls-refused"), ("portal", "published"),
    ]  # fmt: skip


def test_another_recipients_steps_are_not_mine() -> None:
    other = replace(ENTRY, recipient="practice@gp.example")
    theirs = events.delivery_attempted(other, trial(), at=NOW)
    elsewhere = events.delivery_attempted(replace(ENTRY, queue_id="01X"), trial(), at=NOW)
    assert read(theirs, elsewhere).steps == ()


@pytest.mark.parametrize(
    "happened", [(), delivered(), (PUBLISHED, OPENED)], ids=["nothing", "first way", "portal only"]
)
def test_what_did_not_climb_is_not_told(happened: tuple[Event, ...]) -> None:
    row = read(*happened)
    assert not has_climbed(row.steps)
    assert climbs([row]).plain == ""


@pytest.mark.parametrize("failure", TlsFailure)
def test_every_failure_has_words(failure: TlsFailure) -> None:
    (step,) = read(attempted(tls_failure=failure.value)).steps
    assert f"server {failure.words} (" in line(step)


def test_a_reply_is_shown_where_tls_is_not_to_blame() -> None:
    (step,) = read(attempted(seen="deferred", tls_failure="", reply="450 4.2.0 later", required=())).steps
    assert line(step) == 'tls: deferred (host mx.labs.example, reply "450 4.2.0 later"), audit event 35'


def test_json_has_the_names_of_the_audit_log() -> None:
    first, last = words.as_json(read(attempted(evidence=EVIDENCE), CLIMBED, PUBLISHED))["steps"]
    assert first == {
        "method": "tls",
        "seq": 35,
        "seen": "tls-refused",
        "host": "mx.labs.example",
        "tls_version": "TLSv1.3",
        "certificate": FINGERPRINT,
        "verification": "expired",
        "tls_failure": "expired",
        "reply": REPLY,
        "required": ["message needs verified TLS"],
        "keys": [],
    }
    assert (last["method"], last["seen"], last["seq"], last["certificate"]) == ("portal", "published", 37, "")


def test_a_message_that_is_under_way_has_a_row_without_steps() -> None:
    assert read_row(Sent(letter=SENT.letter, queue_id="01Q"), RECIPIENT, []).steps == ()
