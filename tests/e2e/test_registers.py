"""Registers of a running gateway, kept by its commands: what they change counts for the next message."""

import json
import smtplib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.installation import USER, Installation
from tests.e2e.letters import clinical, new_marker
from tests.e2e.nexthop import NextHop
from tests.e2e.submit import submit
from tests.e2e.waiting import until
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DOC: Final = "dr.adams@clinic.example"
PRIVACY: Final = "privacy@clinic.example"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[Installation]:
    """Its submission listener believes control fields; four packs are on, and what goes to a hospital is held."""
    made = Installation(tmp_path_factory.mktemp("registers") / "installation", world)
    listeners = made._document()["listener"]
    listeners[0]["control_headers"] = True
    policy = {
        "packs": ["hipaa-baseline", "business-associates", "consent", "part2"],
        "pack_notify": [PRIVACY],
        "break_glass_roles": ["clinician"],
        "rule": [{"name": "look", "when": 'recipient.domain == "er.example"', "action": "hold"}],
    }
    route = {"domain": "rehab.example", "host": "mx.rehab.example", "port": world.port}  # which vouches for it
    made.write_config({"listener": listeners, "policy": policy, "delivery": {"route": [route]}})
    try:
        made.add_user()
        tell(made, "user", "add", DOC, "--role", "clinician", "--password-stdin", stdin="horse battery 7 staple\n")
        made.start()
        yield made
    finally:
        made.close()


def tell(gateway: Installation, *arguments: str | Path, stdin: str = "") -> str:
    done = gateway.run(*arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


def letter(marker: str, to: str, purpose: str) -> EmailMessage:
    message = clinical(marker, to=to)
    message["X-Mailward-Purpose"] = purpose
    return message


def state(gateway: Installation, queue_id: str) -> list[str]:
    return [row["queue_name"] for row in gateway.queue() if row["queue_id"] == queue_id]


def test_an_agreement_that_ends_holds_the_next_message(gateway: Installation, world: World) -> None:
    """45 CFR 164.504(e): what is in the queue as well, because its host was not there."""
    hop = world.add_good("billing.example")
    world.name("slow.billing.example")
    tell(
        gateway, "baa", "add", "Billing Ltd", "--domain", "billing.example", "--purpose", "payment",
        "--agreed", "2026-01-01",
    )  # fmt: skip
    first, second, third = new_marker(), new_marker(), new_marker()
    submit(gateway, letter(first, "a@billing.example", "payment"), to=["a@billing.example"])
    assert hop.wait_for(first.encode()).recipients == ("a@billing.example",)
    to = "a@slow.billing.example"
    waiting = submit(gateway, letter(second, to, "payment"), to=[to])
    until(lambda: any(one["queue_id"] == waiting for one in gateway.events(kind="delivery.deferred")))
    until(lambda: "1 in the queue held" in tell_end(gateway) or state(gateway, waiting) == ["held"])
    assert state(gateway, waiting) == ["held"]
    held = submit(gateway, letter(third, "a@billing.example", "payment"), to=["a@billing.example"])
    assert state(gateway, held) == ["held"]
    assert hop.find(third.encode()) is None


def tell_end(gateway: Installation) -> str:
    """End it; renewed first where an attempt was under way at that moment."""
    again = ("--domain", "billing.example", "--purpose", "payment", "--agreed", "2026-01-01", "--renew")
    tell(gateway, "baa", "add", "Billing Ltd", *again)
    return tell(gateway, "baa", "end", "Billing Ltd", "--why", "moved on")


def test_plain_mail_by_a_recorded_choice_alone(gateway: Installation, world: World, tmp_path: Path) -> None:
    """Invariant 1 and its one exception: to a host without TLS, while the choice stands, to this person."""
    hop, chosen, others, later = world.add("plain.example"), new_marker(), new_marker(), new_marker()
    form = tmp_path / "warning"
    form.write_text("signed")
    pat, eve = "pat@plain.example", "eve@plain.example"
    tell(gateway, "consent", "add", "--patient", pat, "--kind", "unencrypted", "--document", form)
    submit(gateway, letter(chosen, pat, "access"), to=[pat])
    assert hop.wait_for(chosen.encode()).recipients == (pat,)
    ids = [submit(gateway, letter(others, eve, "access"), to=[eve])]
    (row,) = [line.split()[0] for line in tell(gateway, "consent", "list").splitlines()[1:]]
    tell(gateway, "consent", "revoke", row, "--why", "wrote to us")
    ids.append(submit(gateway, letter(later, pat, "access"), to=[pat]))
    until(lambda: all(state(gateway, queue_id) == ["portal"] for queue_id in ids))
    for marker in (others, later):
        assert hop.find(marker.encode()) is None
    assert b"HbA1c" in hop.wait_for(chosen.encode()).content


# --- what the policy promises of mail that waits (issue 6) ---


def about(patient: str, marker: str, to: str, purpose: str) -> EmailMessage:
    message = letter(marker, to, purpose)
    message["X-Mailward-Patient"] = patient
    return message


def put_off(gateway: Installation, *ids: str) -> bool:
    return all(f"{queue_id}: deferred" in gateway.log for queue_id in ids)


def authorize(gateway: Installation, folder: Path, recipient: str, *patients: str) -> list[str]:
    """A signed authorization of each. Returns: their ids, in the same order."""
    head, file = "patient,kind,purposes,recipients,given,expires,evidence\n", folder / "consents.csv"
    dates = ("2036-01-01", "2036-01-02")  # by which they are told apart: of an id only a hash is shown
    rows = (f"{one},authorization,authorized,{recipient},2026-01-01,{end},{'ab' * 32}\n"
            for one, end in zip(patients, dates, strict=True))  # fmt: skip
    file.write_text(head + "".join(rows))
    tell(gateway, "consent", "import", file)
    listed = [json.loads(line) for line in tell(gateway, "consent", "list", "--json").splitlines()]
    mine = [row for row in listed if row["recipients"] == [recipient]]
    return [row["id"] for row in sorted(mine, key=lambda row: str(row["expires_at"]))]


def add_busy(world: World, domain: str) -> NextHop:
    """A host that puts everybody off, until `open_up`."""
    hop = world.add_good(domain)
    hop.behaviour = replace(hop.behaviour, replies={"RCPT": "450 4.2.1 come back later"})
    return hop


def open_up(hop: NextHop) -> None:
    hop.behaviour = replace(hop.behaviour, replies={})


def test_a_revoked_authorization_stops_queued_mail(gateway: Installation, world: World, tmp_path: Path) -> None:
    """45 CFR 164.508(b)(5): two wait for a host that is busy; of one the patient thinks better of it."""
    hop = add_busy(world, "insurer.example")
    to = "claims@insurer.example"
    revoked, standing = new_marker(), new_marker()
    row, _ = authorize(gateway, tmp_path, to, "MRN-0001", "MRN-0002")
    stops = submit(gateway, about("MRN-0001", revoked, to, "authorized"), to=[to])
    goes = submit(gateway, about("MRN-0002", standing, to, "authorized"), to=[to])
    until(lambda: put_off(gateway, stops, goes))
    tell(gateway, "consent", "revoke", row, "--why", "wrote to us")
    open_up(hop)
    assert hop.wait_for(standing.encode()).recipients == (to,)
    until(lambda: state(gateway, stops) == ["held"])
    assert hop.find(revoked.encode()) is None
    until(lambda: any(one.recipients == (USER,) and stops.encode() in one.content for one in world.home.arrivals))


def test_a_consent_that_came_later_is_told_below_what_waited(
    gateway: Installation, world: World, tmp_path: Path
) -> None:
    """42 CFR 2.31, 2.32: held for want of it, released when it is there; notice and scope are in what the host gets."""
    hop, marker, to, form = world.add_good("rehab.example"), new_marker(), "doc@rehab.example", tmp_path / "form"
    message = about("MRN-0005", marker, to, "treatment")
    message["X-Mailward-Sensitivity"] = "part2"
    queue_id = submit(gateway, message, to=[to])
    form.write_text("signed")
    tell(
        gateway, "consent", "add", "--patient", "MRN-0005", "--kind", "part2", "--purpose", "treatment", "--recipient",
        to, "--expires", "2036-01-01", "--covers", "laboratory results", "--document", form,
    )  # fmt: skip
    assert hop.arrivals == []
    assert tell(gateway, "queue", "release", queue_id, "--why", "consent came") == "1 recipients go on\n"
    arrival = hop.wait_for(marker.encode())
    text = " ".join(arrival.content.decode().split())
    assert text.count("42 CFR part 2 prohibits unauthorized use or disclosure of these records.") == 1
    assert text.count("this for treatment, limited to laboratory results, until 2036-01-01 unless") == 1
    assert (bool(arrival.tls), "HbA1c" in text) == (True, True)


def test_break_glass_leaves_its_trace(gateway: Installation, world: World) -> None:
    """45 CFR 164.312(a)(2)(ii): protected, with who and why; the privacy officer hears of it, and reviews it."""
    hop, marker, to = world.add_good("er.example"), new_marker(), "desk@er.example"
    queue_id = submit(gateway, about("MRN-0009", marker, to, "treatment"), to=[to])
    assert state(gateway, queue_id) == ["held"]
    assert hop.arrivals == []
    tell(gateway, "break-glass", "release", queue_id, "--by", DOC, "--why", "stroke, on the way")
    arrival = hop.wait_for(marker.encode())
    assert arrival.tls
    until(lambda: any(one.recipients == (PRIVACY,) and b"emergency" in one.content for one in world.home.arrivals))
    assert queue_id in tell(gateway, "break-glass", "list")
    tell(gateway, "break-glass", "review", queue_id, "--by", "privacy", "--why", "it was right")
    event, reviewed = [one for one in gateway.events(queue_id=queue_id) if one["kind"].startswith("glass.")]
    wanted = {"by": DOC, "role": "clinician", "why": "stroke, on the way"}
    assert (event["kind"], event["recipient"]) == ("glass.broken", to)
    assert event["data"] == event["data"] | wanted
    assert event["data"]["rules"] == ["look"], "those that held it, and not those that only protect it"
    assert (reviewed["kind"], reviewed["data"]["by"]) == ("glass.reviewed", "privacy")


@contextmanager
def database(gateway: Installation) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(gateway.data_dir / "mailward.db", timeout=30)) as connection, connection:
        yield connection


def test_a_register_that_cannot_be_read_stops_only_what_needs_it(
    gateway: Installation, world: World, tmp_path: Path
) -> None:
    """Invariant 5: what one patient's damaged entry has a say in neither is taken nor leaves; all else goes."""
    hop = add_busy(world, "outage.example")
    to, needs, free, later = "doc@outage.example", new_marker(), new_marker(), new_marker()
    row, _ = authorize(gateway, tmp_path, to, "MRN-0003", "MRN-0004")
    waits = submit(gateway, about("MRN-0003", needs, to, "authorized"), to=[to])
    goes = submit(gateway, about("MRN-0004", free, to, "authorized"), to=[to])
    until(lambda: put_off(gateway, waits, goes))
    with database(gateway) as connection:
        assert connection.execute("UPDATE consent SET purposes = '{' WHERE id = ?", [row]).rowcount == 1
    with pytest.raises(smtplib.SMTPException) as caught:
        submit(gateway, about("MRN-0003", new_marker(), to, "authorized"), to=[to])
    assert "451" in str(caught.value)
    assert "Message store unavailable" in str(caught.value)
    open_up(hop)
    assert hop.wait_for(free.encode()).recipients == (to,)
    submit(gateway, about("MRN-0004", later, to, "authorized"), to=[to])
    hop.wait_for(later.encode())
    assert hop.find(needs.encode()) is None
    until(lambda: "registers cannot be read, mail waits" in gateway.log)
    assert "Traceback" not in gateway.log
    assert state(gateway, waits) != [], "it waits"


@contextmanager
def without_consents(gateway: Installation) -> Iterator[None]:
    """The whole table of the consent register is gone, as after a restore that went wrong."""
    names = ("consent", "consent_away")
    for old, new in (names, names[::-1]):
        with database(gateway) as connection:
            connection.execute(f"ALTER TABLE {old} RENAME TO {new}")
        if old == "consent":
            yield


def test_a_register_that_is_gone_lets_nothing_out_and_loses_nothing(
    gateway: Installation, world: World, tmp_path: Path
) -> None:
    """Invariants 1 and 5: a choice of plain mail that nobody can read lets nothing go in clear, neither what waits nor
    what comes, nor what a person lets go. Back again, all of it arrives, once."""
    pat, form, waits, new = "pat@chose-plain.example", tmp_path / "warning", new_marker(), new_marker()
    plain = world.add("chose-plain.example")
    plain.behaviour = replace(plain.behaviour, replies={"RCPT": "450 4.2.1 come back later"})
    form.write_text("signed")
    tell(gateway, "consent", "add", "--patient", pat, "--kind", "unencrypted", "--document", form)
    waiting = submit(gateway, letter(waits, pat, "access"), to=[pat])
    held = submit(gateway, letter(new_marker(), "a@er.example", "treatment"), to=["a@er.example"])
    until(lambda: put_off(gateway, waiting))
    with without_consents(gateway):
        with pytest.raises(smtplib.SMTPException, match="451"):
            submit(gateway, letter(new, pat, "access"), to=[pat])
        open_up(plain)
        stopped = "registers cannot be read, mail waits"
        until(lambda: any(stopped in line and waiting in line for line in gateway.log.splitlines()))
        released = gateway.run("queue", "release", held, "--why", "looked at")
        assert (released.returncode, "Traceback" in released.stderr + gateway.log) == (75, False), released.stderr
        with database(gateway) as connection:
            states = dict(connection.execute("SELECT queue_id, state FROM entry").fetchall())
            assert (states[waiting], states[held]) == ("queued", "held")
            wakes = "UPDATE entry SET lease_owner = '', lease_until = NULL WHERE queue_id = ?"  # ten minutes pass
            assert connection.execute(wakes, [waiting]).rowcount == 1
        assert plain.arrivals == []
    tell(gateway, "queue", "flush", waiting)
    assert plain.wait_for(waits.encode()).recipients == (pat,)
    submit(gateway, letter(new, pat, "access"), to=[pat])
    plain.wait_for(new.encode())
    assert [mark for one in plain.arrivals for mark in (waits, new) if mark.encode() in one.content] == [waits, new]
