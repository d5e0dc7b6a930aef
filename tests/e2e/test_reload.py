"""A reload of a running gateway: a good policy is in force for the next message, a broken file changes nothing."""

import os
import signal
import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.installation import Installation, running
from tests.e2e.letters import new_marker, plain
from tests.e2e.submit import connect, hand_in
from tests.e2e.waiting import until
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

NEVER: Final = {"name": "never-there", "when": 'recipient.domain == "never.example"', "action": "reject"}
BROKEN: Final = {"name": "broken", "when": "findings.sssn.count > 1", "action": "hold"}
TO: Final = "a@never.example"


@pytest.fixture
def gateway(tmp_path: Path, world: World) -> Iterator[Installation]:
    with running(tmp_path / "installation", world) as installation:
        yield installation


def reload(gateway: Installation, changes: dict[str, Any]) -> None:
    gateway.write_config(changes)
    assert gateway.process is not None
    os.kill(gateway.process.pid, signal.SIGHUP)


def is_refused(client: smtplib.SMTP) -> bool:
    """Whether a rule refuses the next message of a session."""
    try:
        hand_in(client, plain(new_marker(), to=TO), to=[TO])
    except smtplib.SMTPResponseException as error:
        client.rset()
        return error.smtp_code == 550 and "5.7.1" in str(error.smtp_error)
    return False


def test_a_reload_takes_up_the_policy(gateway: Installation, world: World) -> None:
    """QD-18: a rule that is added counts for the next message of a session that is open; a broken file leaves it in
    force and raises the alarm, a mended one ends it; what waits for a restart is named."""
    world.add_good("never.example")
    with connect(gateway) as client:
        assert not is_refused(client)
        reload(gateway, {"policy": {"rule": [NEVER]}, "log": {"level": "debug"}})
        until(lambda: gateway.events(kind="policy.changed") != [])
        until(lambda: "in force before a restart: log.level" in gateway.get("/readyz")[1])
        assert is_refused(client)
        reload(gateway, {"policy": {"rule": [BROKEN]}})
        until(lambda: "warning: the configuration file has problems" in gateway.get("/readyz")[1])
        assert is_refused(client), "the rule of before is still in force"
        reload(gateway, {"policy": {"rule": [NEVER]}})
        until(lambda: gateway.get("/readyz") == (200, "ready\n"))
        assert is_refused(client)
        reload(gateway, {})
        until(lambda: len(gateway.events(kind="policy.changed")) == 2)
        until(lambda: gateway.log.count("policy taken up") == 2)
        assert not is_refused(client)
    first, second = sorted(gateway.events(kind="policy.changed"), key=lambda event: str(event["at"]))
    assert first["data"]["keys"] == ["policy.rule"]
    assert (first["data"]["before"], first["data"]["after"]) == (second["data"]["after"], second["data"]["before"])
    assert f"after={first['data']['after']}" in gateway.log
    assert "Traceback" not in gateway.log
