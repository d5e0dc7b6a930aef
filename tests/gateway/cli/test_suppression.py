"""`mailward suppression`: what an operator types and sees."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import main
from tests.gateway.config.samples import config_in


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data", ""), encoding="utf-8")
    return path


def run(config: Path, group: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, [group, *arguments, "--config", str(config)])


def test_add_list_remove(config: Path) -> None:
    assert run(config, "suppression", "add", "Pat@B.example", "--why", "asked us").stdout == (
        "Pat@B.example gets no bulk mail\n"
    )
    (line,) = run(config, "suppression", "list", "--json").stdout.splitlines()
    row = json.loads(line)
    assert (row["address"], row["reason"], row["why"]) == ("pat@b.example", "command", "asked us")
    assert "pat@b.example" in run(config, "suppression", "list").stdout
    assert run(config, "suppression", "remove", "pat@b.example", "--why", "asked again").exit_code == 0
    assert run(config, "suppression", "list", "--json").stdout == ""
    found = run(config, "audit", "search", "--kind", "suppression.", "--json").stdout.splitlines()
    assert [json.loads(one)["kind"] for one in found] == ["suppression.added", "suppression.removed"]
    assert [json.loads(one)["data"]["why"] for one in found] == ["asked us", "asked again"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "nobody", "--why", "x"), "nobody"),
        (("remove", "pat@b.example", "--why", "x"), "is not on the list"),
    ],
)
def test_what_cannot_be_done(config: Path, arguments: tuple[str, ...], words: str) -> None:
    result = run(config, "suppression", *arguments)
    assert result.exit_code == 1
    assert words in result.stderr


def test_twice(config: Path) -> None:
    for status in (0, 1):
        assert run(config, "suppression", "add", "pat@b.example", "--why", "x").exit_code == status


@pytest.mark.parametrize("command", ["add", "remove"])
def test_a_reason_is_needed(config: Path, command: str) -> None:
    result = run(config, "suppression", command, "pat@b.example")
    assert (result.exit_code, "--why" in result.stderr) == (2, True)
