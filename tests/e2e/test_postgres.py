"""The whole gateway on PostgreSQL: mail in and out, the audit log, a server that restarts, and `kill -9` under load."""

import os
import smtplib
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.installation import Installation
from tests.e2e.letters import clinical, new_marker, plain
from tests.e2e.nexthop import NextHop
from tests.e2e.submit import connect, hand_in, submit
from tests.e2e.test_crash import Load, missing
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.postgres import PostgresServer, running_postgres

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RECIPIENT = "a@kept.example"
ROUNDS = 3
BLOW_S = 1.5


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def hop(world: World) -> NextHop:
    return world.add_good("kept.example")


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    name = f"g{uuid4().hex}"
    postgres.create(name)
    return name


@pytest.fixture
def installation(tmp_path: Path, world: World, postgres: PostgresServer, database: str) -> Iterator[Installation]:
    changes = {
        "store": {"url": postgres.url(database)},
        "brake": {"messages_per_hour": 1_000_000, "phi_per_hour": 1_000_000},
    }
    installation = Installation(tmp_path / "installation", world, changes)
    try:
        yield installation
    finally:
        installation.close()


def attempt(gateway: Installation) -> int:
    """Hand a message in. Returns: the code of the reply that decided."""
    try:
        submit(gateway, plain(new_marker(), to=RECIPIENT), to=[RECIPIENT])
    except smtplib.SMTPResponseException as error:
        return error.smtp_code
    return 250


def test_from_submission_to_a_verified_log(
    installation: Installation, hop: NextHop, postgres: PostgresServer, database: str
) -> None:
    """Commands without a gateway, a start, protected mail out, commands beside the gateway, a stop."""
    installation.add_user()
    installation.start()
    marker = new_marker()
    submit(installation, clinical(marker, to=RECIPIENT), to=[RECIPIENT])
    assert hop.wait_for(marker.encode()).tls
    until(lambda: not installation.queue(), timeout_s=10, state=installation.queue)
    assert installation.run("audit", "verify").returncode == 0
    installation.stop()

    (accepted,) = installation.events(kind="message.accepted")
    assert [event["recipient"] for event in installation.events(kind="delivery.delivered")] == [RECIPIENT]
    assert not (installation.data_dir / "mailward.db").exists()
    entries = postgres.sql("SELECT queue_id, state FROM entry WHERE kind = 'mail'", database=database)
    assert entries == [[accepted["queue_id"], "delivered"]]
    assert postgres.sql("SELECT count(*) FROM content", database=database) == [["0"]], "gone with the last ending"
    postgres.sql("UPDATE audit_event SET leaf_hash = leaf_hash || ''::bytea, body = body || ' '", database=database)
    assert installation.run("audit", "verify").returncode == 1, "and what was rewritten is found"


def test_a_restart_of_the_server_answers_451_and_recovers(
    installation: Installation, hop: NextHop, postgres: PostgresServer
) -> None:
    """QD-16: no restart of the gateway, no lost and no doubled mail."""
    installation.add_user()
    installation.start()
    before, after = new_marker(), new_marker()
    with connect(installation) as client:
        hand_in(client, plain(before, to=RECIPIENT), to=[RECIPIENT])
        hop.wait_for(before.encode())
        postgres.stop()
        try:
            lost = new_marker()
            with pytest.raises(smtplib.SMTPResponseException) as caught:
                hand_in(client, plain(lost, to=RECIPIENT), to=[RECIPIENT])
            assert caught.value.smtp_code == 451
            until(lambda: installation.get("/readyz")[0] == 503)
        finally:
            postgres.start()
        until(installation.is_ready, timeout_s=20)
        client.rset()
        hand_in(client, plain(after, to=RECIPIENT), to=[RECIPIENT])
    hop.wait_for(after.encode())
    assert hop.find(lost.encode()) is None, "what was refused must not leave as well"
    until(lambda: not installation.queue(), timeout_s=20, state=installation.queue)
    assert [marker for marker in (before, after) if copies(hop, marker) != 1] == []
    installation.stop()
    assert "Traceback" not in installation.log
    assert "PostgreSQL" in installation.log, "the cause"
    assert installation.run("audit", "verify").returncode == 0


def test_nothing_acknowledged_is_lost(installation: Installation, world: World) -> None:
    """QD-01, QD-03, as on SQLite: every 250 arrives, whole, and the log is one through all blows."""
    hop = world.add_good("sink.example")
    installation.add_user()
    load = Load(installation)
    for _ in range(ROUNDS):
        installation.start()
        load.run(seconds=BLOW_S)
    assert len(load.acked) > 10 * ROUNDS
    installation.start()
    until(lambda: not missing(load.acked, hop), timeout_s=60, state=lambda: missing(load.acked, hop))
    until(lambda: not installation.queue(), timeout_s=30, state=installation.queue)
    installation.stop()
    verified = installation.run("audit", "verify")
    assert verified.returncode == 0, verified.stderr
    accepted = {event["queue_id"] for event in installation.events(kind="message.accepted")}
    assert len(accepted) >= len(load.acked)
    assert accepted <= {event["queue_id"] for event in installation.events(kind="delivery.delivered")}


def test_what_is_wrong_with_the_server_is_one_line(
    installation: Installation, world: World, postgres: PostgresServer, database: str
) -> None:
    """QD-16, and a second gateway with a directory of its own: refused in words, without a password."""
    installation.add_user()
    postgres.sql(f'ALTER DATABASE "{database}" SET synchronous_commit = off')
    refused = installation.run("serve")
    assert refused.returncode == 75
    assert refused.stderr.count("\n") == 1
    assert "synchronous_commit is off" in refused.stderr
    postgres.sql(f'ALTER DATABASE "{database}" RESET synchronous_commit')

    installation.start()
    url = postgres.url(database).replace("mailward@", "mailward:hunter2@")
    second = Installation(installation.folder / "second", world, {"store": {"url": url}})
    second.config.chmod(0o600)
    key = installation.data_dir / "master.key"
    second.data_dir.mkdir(mode=0o700)
    os.link(key, second.data_dir / "master.key")
    refused = second.run("serve")
    assert refused.returncode == 75
    assert "another Mailward process uses this database" in refused.stderr
    assert "hunter2" not in refused.stderr + second.run("check-config").stdout
    assert attempt(installation) == 250


def copies(hop: NextHop, marker: str) -> int:
    return sum(marker.encode() in arrival.content for arrival in list(hop.arrivals))
