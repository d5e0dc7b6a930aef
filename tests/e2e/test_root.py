"""Root types commands on a stopped installation; the service can still start afterwards."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway.config.samples import MINIMAL

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_what_root_does_alone_belongs_to_the_service(tmp_path: Path) -> None:
    """The store, the master key and the lock are the owner's, so that `serve` as the service's user finds them."""
    service = pwd.getpwnam("nobody")
    for folder in (tmp_path, *(parent for parent in tmp_path.parents if "pytest" in parent.name)):
        folder.chmod(0o755)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    shutil.chown(data, service.pw_uid, service.pw_gid)
    config = tmp_path / "mailward.toml"
    config.write_text(MINIMAL.replace("[server]", f'[server]\ndata_dir = "{data}"', 1))
    command = [sys.executable, "-m", "gateway", "user", "add", "nurse@clinic.example", "--password-stdin"]
    for words, said in ((command, "correct horse battery"), ([*command[:3], "audit", "search"], "")):
        done = subprocess.run(
            [*words, "--config", config], input=said, text=True, capture_output=True, cwd=REPOSITORY, check=False
        )
        assert done.returncode == 0, done.stderr
    made = list(data.iterdir())
    assert {path.name for path in made} >= {"mailward.db", "master.key"}
    assert {path.stat().st_uid for path in made} == {service.pw_uid}
