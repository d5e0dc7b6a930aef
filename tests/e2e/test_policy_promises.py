"""What the policy promises, on a running gateway through SMTP: what is revoked stops, what cannot wait leaves
its trace, and a register that cannot be read stops nothing else (issue 6)."""

import smtplib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
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
    """It believes control fields, and mail waits long before it takes another way."""
    made = Installation(tmp_path_factory.mktemp("promises") / "installation", world)
    listeners = made._document()["listener"]
    for listener in listeners:
        listener["control_headers"] = True
    made.write_config(
        {
            "listener": listeners,
            "policy": {
                "packs": ["consent"],
                "pack_notify": [PRIVACY],
                "break_glass_roles": ["clinician"],
                "rule": [{"name": "look", "when": 'recipient.domain == "er.example"', "action": "hold"}],
            },
            "delivery": {"tls_deadline": "1h"},
        }
    )  # fmt: skip
    try:
        made.add_user()
        done = made.run("user", "add", DOC, "--role", "clinician", "--password-stdin", stdin="horse battery 7 staple\n")
        assert done.returncode == 0, done.stderr
        made.start()
        yield made
    finally:
        made.close()


def tell(gateway: Installation, *arguments: str | Path) -> str:
    done = gateway.run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def about(patient: str, marker: str, to: str, purpose: str) -> EmailMessage:
    message = clinical(marker, to=to)
    message["X-Mailward-Purpose"] = purpose
    message["X-Mailward-Patient"] = patient
    return message


def state(gateway: Installation, queue_id: str) -> list[str]:
    return [row["queue_name"] for row in gateway.queue() if row["queue_id"] == queue_id]


def put_off(gateway: Installation, *ids: str) -> bool:
    return all(f"{queue_id}: deferred" in gateway.log for queue_id in ids)


def authorize(gateway: Installation, folder: Path, patient: str, recipient: str) -> str:
    """A signed authorization. Returns: its id."""
    form = folder / "form"
    form.write_text("signed")
    said = tell(
        gateway, "consent", "add", "--patient", patient, "--kind", "authorization", "--purpose", "authorized",
        "--recipient", recipient, "--given", "2026-01-01", "--expires", "2036-01-01", "--document", form,
    )  # fmt: skip
    return said.split()[-1]


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
    row = authorize(gateway, tmp_path, "MRN-0001", to)
    authorize(gateway, tmp_path, "MRN-0002", to)
    stops = submit(gateway, about("MRN-0001", revoked, to, "authorized"), to=[to])
    goes = submit(gateway, about("MRN-0002", standing, to, "authorized"), to=[to])
    until(lambda: put_off(gateway, stops, goes))
    tell(gateway, "consent", "revoke", row, "--why", "wrote to us")
    open_up(hop)
    assert hop.wait_for(standing.encode()).recipients == (to,)
    until(lambda: state(gateway, stops) == ["held"])
    assert hop.find(revoked.encode()) is None
    until(lambda: any(one.recipients == (USER,) and stops.encode() in one.content for one in world.home.arrivals))


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
    wanted = {"by": DOC, "role": "clinician", "rules": ["look"], "why": "stroke, on the way"}
    assert (event["kind"], event["recipient"]) == ("glass.broken", to)
    assert event["data"] == event["data"] | wanted
    assert (reviewed["kind"], reviewed["data"]["by"]) == ("glass.reviewed", "privacy")


def test_a_register_that_cannot_be_read_stops_only_what_needs_it(
    gateway: Installation, world: World, tmp_path: Path
) -> None:
    """Invariant 5: what one patient's damaged entry has a say in neither is taken nor leaves; all else goes."""
    hop = add_busy(world, "outage.example")
    to, needs, free, later = "doc@outage.example", new_marker(), new_marker(), new_marker()
    row = authorize(gateway, tmp_path, "MRN-0003", to)
    authorize(gateway, tmp_path, "MRN-0004", to)
    waits = submit(gateway, about("MRN-0003", needs, to, "authorized"), to=[to])
    goes = submit(gateway, about("MRN-0004", free, to, "authorized"), to=[to])
    until(lambda: put_off(gateway, waits, goes))
    with closing(sqlite3.connect(gateway.data_dir / "mailward.db", timeout=30)) as database, database:
        assert database.execute("UPDATE consent SET purposes = '{' WHERE id = ?", [row]).rowcount == 1
    with pytest.raises(smtplib.SMTPException) as caught:
        submit(gateway, about("MRN-0003", new_marker(), to, "authorized"), to=[to])
    assert "451" in str(caught.value)
    open_up(hop)
    assert hop.wait_for(free.encode()).recipients == (to,)
    submit(gateway, about("MRN-0004", later, to, "authorized"), to=[to])
    hop.wait_for(later.encode())
    assert hop.find(needs.encode()) is None
    assert state(gateway, waits) != [], "it waits"
