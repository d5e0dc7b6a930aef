"""`mailward user`: people and their passwords, from standard input and never from the command line."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import main
from tests.gateway.config.samples import config_in

PASSWORD = "correct horse battery"
JOE, LAB = "joe@clinic.example", "lab@clinic.example"
pytestmark = pytest.mark.slow  # passwords are hashed by argon2id


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data"), encoding="utf-8")
    return path


def run(config: Path, *arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["user", *arguments, "--config", str(config)], input=typed)


def listed(config: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in run(config, "list", "--json").stdout.splitlines()]


def test_add_passwd_list_disable(config: Path) -> None:
    assert run(config, "add", JOE, "--password-stdin", typed=PASSWORD + "\n").stdout == f"{JOE} may sign in\n"
    assert run(config, "add", JOE, "--password-stdin", typed=PASSWORD).exit_code == 1
    assert run(config, "passwd", JOE, "--password-stdin", typed="another " + PASSWORD).exit_code == 0
    (row,) = listed(config)
    assert (row["address"], row["role"]) == (JOE, "sender")
    assert not row["disabled_at"]
    assert run(config, "delegate", JOE, "--may-send-as", LAB).stdout == f"{JOE} may send as {LAB}\n"
    assert run(config, "delegate", JOE, "--may-send-as", LAB).exit_code == 1
    assert LAB in run(config, "list").stdout
    assert run(config, "undelegate", JOE, "--may-send-as", LAB).exit_code == 0
    assert LAB not in run(config, "list").stdout
    assert run(config, "disable", JOE).exit_code == 0
    assert listed(config)[0]["disabled_at"]
    assert JOE in run(config, "list").stdout


@pytest.mark.parametrize(
    ("arguments", "typed", "status", "why"),
    [
        (("add", JOE), "", 2, "--password-stdin"),
        (("add", JOE, "--password-stdin"), "", 2, "holds no password"),
        (("add", JOE, "--password-stdin"), "short\n", 2, "8 to 1024"),
        (("add", "joe", "--password-stdin"), PASSWORD, 2, "not an address"),
        (("passwd", JOE, "--password-stdin"), PASSWORD, 1, "no user"),
        (("disable", JOE), "", 1, "no user"),
        (("add", JOE, PASSWORD), "", 2, "unexpected"),
    ],
)
def test_what_is_refused(config: Path, arguments: tuple[str, ...], typed: str, status: int, why: str) -> None:
    """One line on standard error, and nobody is added."""
    result = run(config, *arguments, typed=typed)
    assert result.exit_code == status
    assert why in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert listed(config) == []


def test_no_password_is_kept_in_clear(config: Path, tmp_path: Path) -> None:
    """KY-01."""
    run(config, "add", JOE, "--password-stdin", typed=PASSWORD + "\n")
    for path in (tmp_path / "data").iterdir():
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes()


def test_somebody_elses_directory(config: Path, tmp_path: Path) -> None:
    """A file where the directory belongs: one line, no traceback."""
    (tmp_path / "data").write_text("")
    result = run(config, "list")
    assert result.exit_code == 1
    assert str(tmp_path / "data") in result.stderr
    assert len(result.stderr.splitlines()) == 1
