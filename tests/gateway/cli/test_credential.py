"""`mailward credential`: made, shown once, listed, ended."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import main
from tests.gateway.config.samples import config_in


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data"), encoding="utf-8")
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["credential", *arguments, "--config", str(config)])


def test_create_list_revoke(config: Path, tmp_path: Path) -> None:
    """The secret is on standard output once, and nowhere on the disk (KY-01)."""
    made = run(config, "create", "ehr", "--sender", "*@clinic.example", "--network", "10.0.0.0/8", "--expires", "90d")
    assert made.exit_code == 0, made.stderr
    name, secret = (line.split(": ")[1].strip() for line in made.stdout.splitlines())
    assert name == "ehr"
    assert "not shown again" in made.stderr
    for path in (tmp_path / "data").iterdir():
        assert path.is_socket() or secret.encode() not in path.read_bytes()
    (row,) = (json.loads(line) for line in run(config, "list", "--json").stdout.splitlines())
    assert (row["senders"], row["revoked_at"]) == (["*@clinic.example"], None)
    assert "10.0.0.0/8" in run(config, "list").stdout
    assert run(config, "revoke", "ehr").exit_code == 2
    assert run(config, "revoke", "ehr", "--reason", "stolen").exit_code == 0
    assert run(config, "revoke", "ehr", "--reason", "stolen").exit_code == 1


def test_json(config: Path) -> None:
    made = json.loads(run(config, "create", "ehr", "--sender", "a@clinic.example", "--json").stdout)
    assert (made["name"], len(made["secret"])) == ("ehr", 26)


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "ehr"),
        ("create", "EHR", "--sender", "a@clinic.example"),
        ("create", "ehr", "--sender", "a@elsewhere.example"),
        ("create", "ehr", "--sender", "a@clinic.example", "--messages-per-hour", "0"),
    ],
)
def test_wrong_usage(config: Path, arguments: tuple[str, ...]) -> None:
    result = run(config, *arguments)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
