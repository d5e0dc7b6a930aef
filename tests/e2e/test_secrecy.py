"""KY-01, OP-02: what is written down about mail never holds its content."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.installation import USER, Installation, running
from tests.e2e.letters import clinical, new_marker
from tests.e2e.submit import submit
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.tools import need

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_no_content_on_disk_or_in_logs(tmp_path: Path, world: World) -> None:
    """During traffic and after it: database, WAL, log at its most talkative. Message kinds: delivered, waiting in the
    queue, waiting in the portal, bounced.
    """
    good, _ = world.add_good("ky-good.example"), world.add("ky-portal.example")
    world.name("ky-down.example")
    to = ["a@ky-good.example", "b@ky-portal.example", "c@ky-down.example", "d@ky-nowhere.example"]
    secrets = {word: new_marker(word) for word in ("body", "subject", "filename", "attached")}
    message = clinical(secrets["body"], to=", ".join(to), subject=secrets["subject"])
    message.add_attachment(f"name,mrn\nMaria Gonzalez,{secrets['attached']}\n", subtype="csv",
                           filename=f"{secrets['filename']}.csv")  # fmt: skip
    with running(tmp_path / "installation", world, {"log": {"level": "debug"}}) as gateway:
        submit(gateway, message, to=to)
        good.wait_for(secrets["attached"].encode())
        world.home.wait_for(b"b@ky-portal.example", timeout_s=20)
        world.home.wait_for(b"d@ky-nowhere.example", timeout_s=20)
        assert hits(gateway, secrets) == []
        gateway.stop()
        assert hits(gateway, secrets) == []


def hits(gateway: Installation, secrets: dict[str, str]) -> list[str]:
    """Which secrets stand in which files, in the data directory and the log."""
    files = [path for path in gateway.data_dir.rglob("*") if path.is_file()] + [gateway.log_file]
    words = [*secrets.values(), "Gonzalez", "219-09-9987", "correct horse"]
    contents = {path.name: path.read_bytes() for path in files}
    return [f"{word} in {name}" for name, content in contents.items() for word in words if word.encode() in content]


def test_metrics_are_valid_and_name_nobody(gateway: Installation, world: World) -> None:
    """OP-02: promtool accepts the page; no label holds an address, a domain of a recipient, a subject or an id."""
    hop, marker, subject = world.add_good("metrics.example"), new_marker(), new_marker("subject")
    queue_id = submit(gateway, clinical(marker, to="a@metrics.example", subject=subject), to=["a@metrics.example"])
    hop.wait_for(marker.encode())
    until(lambda: "mailward_delivery_attempts_total{" in gateway.get("/metrics")[1])
    status, page = gateway.get("/metrics")
    assert status == 200
    checked = subprocess.run(
        [need("promtool"), "check", "metrics"], input=page, capture_output=True, text=True, check=False, timeout=60
    )
    assert checked.returncode == 0, checked.stderr
    for word in ("@", "metrics.example", USER, subject, queue_id):
        assert word not in page, word


def test_healthz(gateway: Installation) -> None:
    assert gateway.get("/healthz")[0] == 200
    assert gateway.get("/readyz")[0] == 200
