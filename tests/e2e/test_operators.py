"""An operator at three in the morning: a destination says "later", and the real commands run beside the gateway."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installation import USER, Installation, running
from tests.e2e.letters import clinical, new_marker, plain
from tests.e2e.nexthop import Behaviour, NextHop
from tests.e2e.submit import submit
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.tools import need

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

BUSY = "busy.example"
CHANGES = {"delivery": {"retry": ["1h"], "delay_notice": "3h"}, "log": {"format": "postfix"}}


@pytest.fixture(scope="module")
def busy(world: World) -> NextHop:
    return world.add(
        BUSY,
        behaviour=lambda host: Behaviour(
            identity=world.authority.issue(host), replies={"RCPT": "450 4.2.0 Biopsy of Gonzalez is greylisted"}
        ),
    )


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, world: World, busy: NextHop) -> Iterator[Installation]:
    with running(tmp_path_factory.mktemp("operators") / "installation", world, CHANGES) as installation:
        yield installation


def rows(gateway: Installation, *filters: str) -> list[dict[str, Any]]:
    done = gateway.run("queue", "list", "--json", *filters)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def deferred(gateway: Installation, *people: str) -> list[str]:
    """One message to each, tried once. Returns: queue ids."""
    ids = [submit(gateway, clinical(new_marker(), to=one), to=[one]) for one in people]
    until(
        lambda: all(re.search(rf" {one}: to=.*status=deferred", gateway.log) for one in ids), state=lambda: gateway.log
    )
    return ids


def test_list_and_show(gateway: Installation) -> None:
    """Why it waits, when it is tried next, and each attempt with its TLS evidence."""
    (queue_id,) = deferred(gateway, f"shown@{BUSY}")
    (row,) = rows(gateway, "--to", f"SHOWN@{BUSY}")
    assert (row["queue_id"], row["queue_name"], row["attempts"]) == (queue_id, "queued", 1)
    assert row["delay_reason"].startswith("450 4.2.0")
    text = gateway.run("queue", "show", queue_id).stdout
    assert re.search(r"next attempt: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, by tls", text)
    assert re.search(r"attempt 1: .*, tls, mx\.busy\.example\[127\.[\d.]+\]:\d+: deferred, 450 4\.2\.0", text)
    assert re.search(r"; TLSv1\.[23] \S+, webpki.*, certificate [0-9a-f]{16}", text)


def test_hold_release_flush(gateway: Installation, busy: NextHop) -> None:
    """Held, it is not tried, not even by flush; its sender knows; released it goes on and arrives."""
    (queue_id,) = deferred(gateway, f"held@{BUSY}")
    done = gateway.run("queue", "hold", queue_id, "--why", "their server is on fire")
    assert (done.returncode, done.stdout) == (0, "1 recipient of 1 message\n1 recipients held\n")
    assert [row["delay_reason"] for row in rows(gateway, queue_id)] == ["their server is on fire"]
    assert gateway.world.home.wait_for(queue_id.encode()).recipients == (USER,)
    assert gateway.run("queue", "flush", queue_id).stdout == "0 recipients are tried now\n"
    before = busy.behaviour
    busy.behaviour = replace(before, replies={})
    try:
        assert gateway.run("queue", "release", queue_id, "--why", "it is out").returncode == 0
        until(lambda: re.search(rf" {queue_id}: to=.*status=sent", gateway.log), state=lambda: gateway.log)
    finally:
        busy.behaviour = before
    kinds = [event["kind"] for event in gateway.events(queue_id=queue_id)]
    assert kinds.count("message.held") == kinds.count("message.released") == kinds.count("delivery.delivered") == 1


def test_bounce_and_delete_by_filter(gateway: Installation) -> None:
    """Each recipient has one ending; a bounce tells the sender, a deletion nobody, and the log has the reason."""
    gone = deferred(gateway, f"one@{BUSY}", f"two@{BUSY}")
    kept = deferred(gateway, f"three@{BUSY}")
    done = gateway.run("queue", "delete", gone[0], "--why", "sent to the wrong person")
    assert (done.returncode, done.stdout) == (2, "1 recipient of 1 message\n")
    done = gateway.run("queue", "delete", gone[0], "--why", "sent to the wrong person", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    done = gateway.run("queue", "bounce", "--to", f"two@{BUSY}", "--why", "they closed", "--yes")
    assert done.stdout == "1 recipient of 1 message\n1 recipients given back\n"
    report = gateway.world.home.wait_for(f"two@{BUSY}".encode())
    assert report.mail_from == ""
    assert b"they closed" not in report.content
    assert gateway.world.home.find(f"one@{BUSY}".encode()) is None
    assert rows(gateway, gone[0]) == rows(gateway, gone[1]) == []
    assert len(rows(gateway, kept[0])) == 1
    for queue_id, kind, why in ((gone[0], "deleted", "wrong person"), (gone[1], "bounced", "they closed")):
        (event,) = gateway.events(kind=f"message.{kind}", queue_id=queue_id)
        assert why in event["data"]["why"]


def test_a_hard_bounce_stops_newsletters_and_no_result(gateway: Installation, world: World) -> None:
    """The suppression list: fed by the bounce, asked by mass mailings only; clinical mail is tried again and told."""
    world.add(
        "moved.example",
        behaviour=lambda host: Behaviour(
            identity=world.authority.issue(host), replies={"RCPT": "550 5.1.1 no such user"}
        ),
    )
    person = "gone@moved.example"

    def listed() -> list[str]:
        done = gateway.run("suppression", "list", "--json")
        return [json.loads(line)["address"] for line in done.stdout.splitlines()]

    first = submit(gateway, plain(new_marker(), to=person), to=[person])
    until(lambda: f" {first}: to=<{person}>" in gateway.log, state=lambda: gateway.log)
    assert listed() == [person]
    newsletter = plain(new_marker(), to=person)
    newsletter["List-Unsubscribe"] = "<https://clinic.example/u>"
    stopped = submit(gateway, newsletter, to=[person])
    result = submit(gateway, clinical(new_marker(), to=person), to=[person])
    until(lambda: f" {result}: to=<{person}>" in gateway.log, state=lambda: gateway.log)
    assert [event["kind"] for event in gateway.events(queue_id=stopped)][-2:] == ["message.suppressed", "dsn.created"]
    assert gateway.run("suppression", "remove", person, "--why", "typing error").returncode == 0
    assert listed() == []


def test_the_log_of_all_this_is_read_by_pflogsumm(gateway: Installation, tmp_path: Path) -> None:
    """Last in this file: the real tool on the real log; no word of a server is in it (invariant 4)."""
    deferred(gateway, f"logged@{BUSY}")
    log = tmp_path / "mail.log"
    log.write_text(gateway.log)
    command = [need("pflogsumm"), "--syslog-name=mailward", str(log)]
    summary = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    totals = {name: int(count) for count, name in re.findall(r"^ +(\d+) +([a-z]+)", summary, re.MULTILINE)}
    taken = len(gateway.events(kind="message.accepted"))
    assert totals["received"] == taken
    assert totals["delivered"] == len(gateway.events(kind="delivery.delivered"))
    assert totals["deferred"] >= 1
    assert totals["bounced"] == len(gateway.events(kind="delivery.bounced"))
    assert "Gonzalez" not in gateway.log
    assert "Biopsy" not in gateway.log
