"""The audit log becomes rows; and rows become a table that fits the terminal."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from gateway.audit import events
from gateway.audit.search import Found
from gateway.demo import words
from gateway.demo.letters import LETTERS, Way
from gateway.demo.rows import Row, Sent, read_row
from gateway.demo.table import table
from gateway.message.event import Event
from policy.decision import Action, Decision, Method
from policy.phi.report import Kind
from tests.gateway.demo.scene import find, good_scene
from tests.gateway.store.parts import NOW, make_entry
from tls.evidence import TlsEvidence
from tls.levels import TlsLevel

SENT = Sent(letter=LETTERS[1], queue_id="01Q")
RECIPIENT = "referrals@labs.example"
ENTRY = replace(
    make_entry("01Q"), id="01Q-1", queue_id="01Q", recipient=RECIPIENT, methods=(Method.TLS, Method.PORTAL), rung=0
)
DECISION = Decision(
    recipient=RECIPIENT, action=Action.PROTECT, protected=True, methods=ENTRY.methods,
    trace=("The sender tagged the subject, which asks for protection.",),
)  # fmt: skip


def delivered(method: Method, level: TlsLevel | None, verification: str = "") -> Event:
    evidence = None
    if level is not None:
        evidence = TlsEvidence(
            level=level, version="TLSv1.3", cipher="x", fingerprint="ab" * 32, verification=verification
        )
    attempt = events.Try(
        method=method, seen="delivered", host="mx.labs.example", ip="127.0.0.12", port=25, reply="250 ok",
        evidence=evidence, took_s=0.1,
    )  # fmt: skip
    return events.delivery_delivered(ENTRY, attempt, at=NOW)


def read(*happened: Event) -> Row:
    decided = events.message_decided(DECISION, at=NOW, queue_id="01Q", score=0.9, found={"dob": 1, "drug": 2})
    return read_row(SENT, RECIPIENT, [Found(seq=at, event=event) for at, event in enumerate((decided, *happened))])


CLIMBED = events.delivery_climbed(
    ENTRY, at=NOW, old=Method.TLS, new=Method.PORTAL, why="mx.labs.example has an expired certificate"
)


@pytest.mark.parametrize(
    ("happened", "way"),
    [
        ((), None),
        ((delivered(Method.TLS, TlsLevel.VERIFIED, "webpki, MX unsigned"),), Way.VERIFIED_TLS),
        ((delivered(Method.TLS, TlsLevel.ENCRYPTED, "unauthenticated"),), Way.UNVERIFIED_TLS),
        ((delivered(Method.TLS, None),), Way.CLEAR),
        ((delivered(Method.OPENPGP, None),), Way.OPENPGP),
        ((delivered(Method.SMIME, None),), Way.SMIME),
        ((CLIMBED, events.portal_published(ENTRY, at=NOW, secret="pin", expires_at=NOW)), Way.PORTAL_PIN),
        ((events.portal_published(ENTRY, at=NOW, secret="code", expires_at=NOW),), Way.PORTAL_CODE),
        ((events.delivery_bounced(ENTRY, at=NOW, why="refused"),), None),
    ],
)
def test_how_it_left_is_read_from_events(happened: tuple[Event, ...], way: Way | None) -> None:
    """The constructors are the product's own, so a renamed fact breaks this test and not the demonstration."""
    row = read(*happened)
    assert row.way is way
    assert row.seq == len(happened)
    assert row.found == {"dob": 1, "drug": 2}
    assert row.is_protected
    assert row.is_tagged


def test_a_climb_is_explained_and_an_opening_is_the_proof() -> None:
    opened = events.portal_opened(at=NOW, queue_id="01Q", recipient=RECIPIENT, client_ip="127.0.0.1", secret="pin")
    published = events.portal_published(ENTRY, at=NOW, secret="pin", expires_at=NOW)
    row = replace(read(CLIMBED, published, opened), pin="4817-2290")
    assert words.reason(row) == "server has an expired certificate"
    assert words.proof(row) == "PIN 4817-2290, told to the sender; opened"
    assert words.found(row) == "subject tag\nwho: birth date\nhealth: drug 2"
    assert row.seq == 3


def test_every_kind_has_a_word_on_its_side() -> None:
    assert set(words.WHO) == {kind for kind in Kind if kind.is_identifier}
    assert set(words.HEALTH) == {kind for kind in Kind if kind.is_health}


@pytest.mark.parametrize(
    ("found", "is_protected", "text"),
    [
        ({"mrn": 1, "name": 3, "drug": 2, "lab": 1}, True, "who: record number, name 3\nhealth: drug 2, lab value"),
        (
            {"ssn": 1, "mrn": 1, "dob": 1, "name": 1, "lab": 1},
            True,
            "who: SSN, record number, birth date, +1\nhealth: lab value",
        ),
        ({"clinical": 1}, False, "1 health word, about nobody"),
        ({"clinical": 3, "drug": 1, "email": 1}, False, "4 health words, about nobody"),
        ({"phone": 1}, False, "nothing of health"),
        ({}, False, "nothing of health"),
        ({}, True, "nothing"),
    ],
)
def test_found_says_why_it_was_protected_or_not(found: dict[str, int], is_protected: bool, text: str) -> None:
    row = Row(sent=SENT, recipient=RECIPIENT, found=found, is_protected=is_protected)
    assert words.found(row) == text


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_table_fits_and_loses_nothing(width: int, is_terminal: bool) -> None:
    """look.md, Terminal: aligned, no box drawing and no colour when it is no terminal."""
    rows = good_scene().rows
    out = StringIO()
    console = Console(
        file=out, width=width, force_terminal=is_terminal, color_system="standard" if is_terminal else None
    )
    console.print(table(rows, width=width, is_terminal=is_terminal))
    text = out.getvalue()
    assert ("\x1b[" in text) is is_terminal
    assert ("─" in text) is is_terminal
    for letter in LETTERS:
        assert letter.title.split()[0] in text
    for row in rows:
        assert row.recipient.rpartition("@")[2] in text
    plain = StringIO()
    Console(file=plain, width=width, color_system=None).print(table(rows, width=width, is_terminal=is_terminal))
    assert max(map(len, plain.getvalue().splitlines())) <= width


def test_pin_and_link_stay_out_of_repr() -> None:
    """style.md 8: secrets hide in repr."""
    row = replace(find(good_scene().rows, RECIPIENT), link="https://localhost/m/secret")
    assert "4817-2290" not in repr(row)
    assert "/m/secret" not in repr(row)


def test_what_policy_stops_is_explained_in_the_words_of_its_pack() -> None:
    """The table says which regulation, not which rule."""
    row = read(events.message_held(ENTRY, at=NOW, why="rule business-associates/ended, own"))
    assert row.way is Way.HELD
    assert "164.504(e)" in row.why
    assert [step.seen for step in row.steps] == ["held"]
    assert words.decided(row) == "hold"
    assert words.reason(row) == row.why
