"""What the surroundings do to the store: no room, a foreign lock, the wrong key, a second gateway. Nothing is lost."""

import os
import smtplib
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.installation import Installation
from tests.e2e.letters import new_marker, plain
from tests.e2e.nexthop import NextHop
from tests.e2e.submit import connect, hand_in, submit
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.tools import need

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RECIPIENT = "a@steady.example"
DISK_MIB = 96  # above the 64 MiB that have to be free


@pytest.fixture(scope="module")
def hop(world: World) -> NextHop:
    return world.add_good("steady.example")


def attempt(gateway: Installation) -> int:
    """Hand a message in. Returns: the code of the reply that decided."""
    try:
        submit(gateway, plain(new_marker(), to=RECIPIENT), to=[RECIPIENT])
    except smtplib.SMTPResponseException as error:
        return error.smtp_code
    return 250


@pytest.fixture
def small_disk(installation: Installation) -> Iterator[Path]:
    """The data directory of the installation, on a file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    folder = installation.data_dir
    folder.mkdir(mode=0o700)
    options = f"size={DISK_MIB}m,mode=0700"
    subprocess.run([need("mount"), "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True, timeout=20)
    try:
        yield folder
    finally:
        installation.close()
        subprocess.run([need("umount"), folder], check=True, timeout=20)


def test_a_full_disk_answers_452_and_recovers(installation: Installation, hop: NextHop, small_disk: Path) -> None:
    """QD-07: below the floor nothing new is taken; with no byte left nothing is lost; no restart is needed."""
    installation.add_user()
    installation.start()
    before = new_marker()
    submit(installation, plain(before, to=RECIPIENT), to=[RECIPIENT])
    hop.wait_for(before.encode())

    ballast = small_disk / "ballast"
    fill(ballast, leave=30 << 20)
    until(lambda: attempt(installation) == 452, timeout_s=5)
    assert installation.get("/readyz")[0] == 503
    fill(ballast, leave=0)
    assert attempt(installation) == 452

    ballast.unlink()
    until(installation.is_ready)
    after = new_marker()
    submit(installation, plain(after, to=RECIPIENT), to=[RECIPIENT])
    hop.wait_for(after.encode())
    installation.stop()
    assert installation.run("audit", "verify").returncode == 0


def fill(ballast: Path, *, leave: int) -> None:
    """Grow a file until so many bytes are free."""
    with ballast.open("ab") as file:
        room = os.statvfs(ballast)
        os.posix_fallocate(file.fileno(), 0, ballast.stat().st_size + room.f_bavail * room.f_frsize - leave)


def test_a_locked_store_answers_451_and_recovers(installation: Installation, hop: NextHop) -> None:
    """QD-10: somebody sits in a shell with an open transaction."""
    installation.add_user()
    installation.start()
    with connect(installation) as client, closing(sqlite3.connect(installation.data_dir / "mailward.db")) as shell:
        shell.execute("BEGIN IMMEDIATE")
        lost = new_marker()
        with pytest.raises(smtplib.SMTPResponseException) as caught:
            hand_in(client, plain(lost, to=RECIPIENT), to=[RECIPIENT])
        assert caught.value.smtp_code == 451
        assert attempt(installation) == 451, "now at once, before DATA"
        shell.rollback()
        until(installation.is_ready, timeout_s=20)

        marker = new_marker()
        hand_in(client, plain(marker, to=RECIPIENT), to=[RECIPIENT])
    hop.wait_for(marker.encode())
    assert hop.find(lost.encode()) is None, "what was refused must not leave as well"


def test_a_missing_or_foreign_master_key_refuses_to_start(installation: Installation) -> None:
    """KY-05: it never makes a new key over existing data."""
    installation.add_user()
    key_file = installation.data_dir / "master.key"
    key = key_file.read_bytes()

    key_file.unlink()
    done = installation.run("serve")
    assert done.returncode in {1, 78}
    assert "master.key" in done.stderr
    assert "Traceback" not in done.stderr
    assert not key_file.exists()

    key_file.touch(mode=0o600)
    key_file.write_bytes(foreign_key(installation))
    done = installation.run("serve")
    assert done.returncode in {1, 78}
    assert "master key" in done.stderr
    assert "Traceback" not in done.stderr

    key_file.write_bytes(key)
    installation.start()
    installation.stop()


def foreign_key(installation: Installation) -> bytes:
    """A well-formed key of another installation."""
    other = Installation(installation.folder / "other", installation.world)
    other.add_user()
    return (other.data_dir / "master.key").read_bytes()


def test_a_bad_configuration_binds_nothing(installation: Installation) -> None:
    """OP-03: every problem with its line, status 78, and no half start."""
    text = installation.config.read_text()
    installation.config.write_text(text + 'nonsense = 1\nlog = { level = "loud" }\n')
    done = installation.run("serve")
    assert done.returncode == 78
    assert "nonsense" in done.stderr
    assert "log.level" in done.stderr
    assert not installation.data_dir.exists()


def test_an_unreadable_certificate_binds_nothing(installation: Installation) -> None:
    """OP-03: what the settings name is looked at before the first socket opens."""
    installation.config.write_text(installation.config.read_text().replace(".pem", ".absent", 1))
    done = installation.run("serve")
    assert done.returncode == 78
    assert ".absent" in done.stderr
    assert not installation.data_dir.exists()


def test_two_gateways_never_share_a_directory(installation: Installation) -> None:
    installation.add_user()
    installation.start()
    second = Installation(
        installation.folder / "second", installation.world, {"server": {"data_dir": installation.data_dir}}
    ).run("serve")
    assert second.returncode in {1, 75}
    assert str(installation.data_dir) in second.stderr
    assert "Traceback" not in second.stderr
    assert installation.is_ready()


def test_an_occupied_port_is_named(installation: Installation, world: World) -> None:
    """A port that somebody else holds: one line that says which, and nothing stays behind."""
    installation.add_user()
    with socket.create_server(("127.0.0.1", installation.ports.relay)):
        done = installation.run("serve")
    assert done.returncode in {1, 75}
    assert str(installation.ports.relay) in done.stderr
    assert "Traceback" not in done.stderr
