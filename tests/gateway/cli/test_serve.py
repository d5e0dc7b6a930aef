"""`mailward serve`: a start that cannot succeed ends with one line, the right status, and nothing left behind."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.installation import Installation
from tests.e2e.waiting import until
from tests.e2e.world import open_world

pytestmark = pytest.mark.slow
BROKEN_RULE = '\n[[policy.rule]]\nname = "broken"\nwhen = "findings.sssn.count > 1"\naction = "hold"\n'


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with open_world(tmp_path / "world") as world:
        installation = Installation(tmp_path / "installation", world)
        yield installation
        installation.close()


def serve(installation: Installation) -> "subprocess.CompletedProcess[str]":
    done = installation.run("serve")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done


def test_a_missing_master_key(installation: Installation) -> None:
    """KY-05: status 78 until the key is back; none is made."""
    assert installation.run("user", "list").returncode == 0
    key = installation.data_dir / "master.key"
    key.unlink()
    done = serve(installation)
    assert (done.returncode, key.exists()) == (78, False)
    assert "master key" in done.stderr or "master.key" in done.stderr


def test_a_bad_dkim_key(installation: Installation) -> None:
    """CR-12: rather not start than send unsigned."""
    for path in installation.dkim.values():
        path.write_text("nonsense")
    assert serve(installation).returncode == 78
    assert not installation.data_dir.exists()


def test_a_port_that_is_taken(installation: Installation) -> None:
    """OP-03: 75, for the supervisor to try again; the line names the address."""
    with socket.create_server(("127.0.0.1", installation.ports.portal)):
        done = serve(installation)
    assert done.returncode == 75
    assert len([line for line in done.stderr.splitlines() if line.startswith("mailward: ")]) == 1
    assert str(installation.ports.portal) in done.stderr


def test_sigterm_and_a_bad_file_on_sighup(installation: Installation) -> None:
    """QD-18: SIGHUP with a broken rule keeps what runs, says why and raises an alarm, which the next good one ends;
    SIGTERM ends it within 20 s with status 0."""
    installation.start()
    assert installation.process is not None
    right = installation.config.read_text()
    installation.config.write_text(right + BROKEN_RULE)
    os.kill(installation.process.pid, signal.SIGHUP)
    until(lambda: "configuration has a problem" in installation.log)
    until(lambda: "mailward_config_refused 1.0" in installation.get("/metrics")[1])
    status, page = installation.get("/readyz")
    assert (status, page.splitlines()[0]) == (200, "ready")
    assert "warning: the configuration file has problems" in page
    installation.config.write_text(right)
    os.kill(installation.process.pid, signal.SIGHUP)
    until(lambda: installation.get("/readyz") == (200, "ready\n"))
    until(lambda: installation.events(kind="config.accepted") != [])
    (event,) = installation.events(kind="config.refused")
    assert event["data"]["keys"] == ["policy.rule[1].when"]
    assert "mailward_config_refused 0.0" in installation.get("/metrics")[1]
    installation.stop()
    assert "Traceback" not in installation.log
