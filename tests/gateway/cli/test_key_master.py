"""`mailward key master rotate` (KY-04)."""

import base64
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

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


def test_rotate_with_a_command(tmp_path: Path) -> None:
    """KY-04: nothing happens until the command prints the new key first; then it says what to do next."""
    config, data, keys = tmp_path / "mailward.toml", tmp_path / "data", tmp_path / "keys"
    config.write_text(config_in(data, f'[seal]\nmaster_key_command = ["/bin/cat", "{keys}"]\n'), encoding="utf-8")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["--config", str(config), *arguments])

    old, new = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
    keys.write_text(old)
    assert run("key", "openpgp", "list").exit_code == 0
    early = run("key", "master", "rotate")
    assert early.exit_code == 1
    assert "let it print the new one before it" in early.stderr
    keys.write_text(f"{new}\n{old}\n")
    done = run("key", "master", "rotate")
    assert "everything is sealed by the first key that /bin/cat prints" in done.stdout
    keys.write_text(new)
    assert run("key", "openpgp", "list").exit_code == 0
    assert not (data / "master.key").exists()
    keys.write_text(old)
    refused = run("key", "openpgp", "list")
    assert refused.exit_code == 78
    assert old[:8] not in refused.output + refused.stderr
