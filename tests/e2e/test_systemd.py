"""OP-01: the unit file takes from the service everything that it does not need."""

import subprocess
from pathlib import Path

import pytest

from tests.tools import need

UNIT = Path(__file__).parents[2] / "systemd" / "mailward.service"

pytestmark = pytest.mark.e2e


def test_exposure_stays_within_the_threshold() -> None:
    """`systemd-analyze security` in tenths; other services: kumomta 9.6, maddy 3.7, mox 3.2."""
    done = subprocess.run(
        [need("systemd-analyze"), "security", "--offline=true", "--threshold=15", "--no-pager", UNIT],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-200:]


def test_the_unit_runs_unprivileged_and_does_not_restart_on_a_bad_configuration() -> None:
    text = UNIT.read_text()
    assert "User=mailward" in text
    assert "RestartPreventExitStatus=78" in text
    assert "NoNewPrivileges=yes" in text
