"""`mailward key master rotate` (KY-04)."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import main
from tests.gateway.config.samples import config_in

pytestmark = pytest.mark.slow


def test_rotate(tmp_path: Path) -> None:
    """Another key is in place, the old one beside it until the next start, which every later command here is."""
    config, data = tmp_path / "mailward.toml", tmp_path / "data"
    config.write_text(config_in(data), encoding="utf-8")

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["--config", str(config), *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    run("key", "openpgp", "list")  # the first start
    before = (data / "master.key").read_bytes()
    assert f"{data}/master.key is a new key" in run("key", "master", "rotate")
    assert (data / "master.key").read_bytes() != before
    assert (data / "master.key.old").read_bytes() == before
    assert "master_key.rotated" in run("audit", "search", "--kind", "master_key.rotated")
    run("key", "openpgp", "list")
    assert not (data / "master.key.old").exists()
