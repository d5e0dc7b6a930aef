"""The frame of the command line: options, exit statuses, errors on one line."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gateway.cli import context
from gateway.cli.context import Failure, Status
from gateway.cli.main import COMMANDS, Entry, main
from gateway.config import Settings
from tests.gateway.config.samples import MINIMAL


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailward.toml"
    path.write_text(MINIMAL, encoding="utf-8")
    return path


@click.command()
@context.settings_option
def _host(settings: Settings) -> None:
    """Print the host name."""
    click.echo(settings.server.hostname)


@click.command()
@context.config_option
def _maybe() -> None:
    """Say whether there are settings."""
    click.echo(context.find_settings() is not None)


@click.command()
@context.config_option
def _busy() -> None:
    """Fail."""
    context.fail("the gateway is busy\x1b[2J; try again", Status.TRY_LATER)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of these tests beside the real ones, and no surroundings."""
    for name in ("host", "maybe", "busy"):
        monkeypatch.setitem(COMMANDS, name, Entry(f"{__name__}:_{name}", "For tests."))
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    monkeypatch.delenv("MAILWARD_CONFIG", raising=False)
    monkeypatch.setattr(context, "DEFAULT_CONFIG", Path("/nonexistent/mailward.toml"))


def _walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        group = click.Context(command)
        for name in command.list_commands(group):
            inner = command.get_command(group, name)
            assert inner is not None
            yield from _walk(inner, f"{path} {name}")


def test_every_command_takes_config() -> None:
    """interface.md: `--config FILE` stands before or after the name of every command."""
    lacking = [
        path
        for path, command in _walk(main, "mailward")
        if not any("--config" in parameter.opts for parameter in command.params)
    ]
    assert lacking == []


def test_every_command_has_its_line_of_help() -> None:
    for name, entry in COMMANDS.items():
        command = main.get_command(click.Context(main), name)
        assert command is not None
        assert entry.summary == command.get_short_help_str(limit=200).rstrip(".") + "."


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize("order", [["--config", "FILE", "host"], ["host", "--config", "FILE"]])
def test_config_stands_before_or_after_the_name(config: Path, order: list[str]) -> None:
    result = CliRunner().invoke(main, [str(config) if word == "FILE" else word for word in order])
    assert (result.exit_code, result.stdout) == (0, "gw.clinic.example\n")


@pytest.mark.usefixtures("commands")
def test_the_environment_names_the_file_unless_the_option_does(config: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(MINIMAL.replace("gw.", "other."), encoding="utf-8")
    environment = {"MAILWARD_CONFIG": str(other)}
    assert CliRunner().invoke(main, ["host"], env=environment).stdout == "other.clinic.example\n"
    for words in (["host", "--config", str(config)], ["--config", str(config), "host"]):
        assert CliRunner().invoke(main, words, env=environment).stdout == "gw.clinic.example\n"


@pytest.mark.usefixtures("commands")
def test_some_commands_work_without_a_file(config: Path) -> None:
    assert CliRunner().invoke(main, ["maybe"]).stdout == "False\n"
    assert CliRunner().invoke(main, ["maybe", "--config", str(config)]).stdout == "True\n"
    assert CliRunner().invoke(main, ["maybe", "--config", f"{config}.x"]).exit_code == Status.BAD_CONFIG


@pytest.mark.usefixtures("commands")
def test_a_bad_configuration_ends_with_78(config: Path) -> None:
    """OP-03: file, line, key, what is wrong; one line a problem."""
    config.write_text(MINIMAL + '[delivery]\ntls_deadline = "4x"\nprot = 1\n', encoding="utf-8")
    result = CliRunner().invoke(main, ["host", "--config", str(config)])
    assert (result.exit_code, result.stdout) == (Status.BAD_CONFIG, "")
    first, second = result.stderr.splitlines()
    assert first.startswith(f'mailward: {config}:8: delivery.tls_deadline: "4x" is not a duration; write "4h"')
    assert second == f"mailward: {config}:9: delivery.prot: is not a known key; did you mean port?"


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        (["busy"], Status.TRY_LATER, "mailward: the gateway is busy\\x1b[2J; try again"),
        (["chek-config"], Status.USAGE, "mailward: No such command 'chek-config'"),
        (["host", "--colour"], Status.USAGE, "mailward: No such option '--colour'"),
        (["host", "--config"], Status.USAGE, "mailward: Option '--config' requires an argument"),
        (
            ["host"],
            Status.BAD_CONFIG,
            "mailward: /nonexistent/mailward.toml: cannot be read: No such file",
        ),
    ],
)
def test_errors_are_one_line_with_their_status(words: list[str], status: Status, line: str) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == status
    assert result.stdout == ""
    (shown,) = result.stderr.splitlines()
    assert shown.startswith(line)


def test_help_imports_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """`mailward --help` starts fast, and shows a command even when its module cannot be imported."""
    monkeypatch.setitem(COMMANDS, "heavy", Entry("gateway.cli.no_such_module:heavy", "Is never imported."))
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == Status.DONE
    assert "Is never imported." in result.stdout


def test_no_words_show_the_help() -> None:
    result = CliRunner().invoke(main, [])
    assert result.exit_code == Status.USAGE
    assert "Usage: mailward" in result.stderr


def test_a_failure_outside_click_is_printable(capsys: pytest.CaptureFixture[str]) -> None:
    Failure("one\ntwo", Status.PROBLEM).show()
    assert capsys.readouterr().err == "mailward: one\nmailward: two\n"


@pytest.mark.slow
def test_help_needs_neither_settings_nor_json() -> None:
    """Queue commands are called from scripts in loops: what every call imports stays small."""
    code = "import sys, gateway.cli.main; print(*{'pydantic', 'msgspec', 'cryptography'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert shown.stdout.split() == []


@pytest.mark.slow
def test_it_runs_as_a_module_and_survives_a_closed_pipe(config: Path) -> None:
    command = [sys.executable, "-m", "gateway", "check-config", "--json", "--config", str(config)]
    shown = subprocess.run(command, capture_output=True, check=False)
    assert shown.returncode in {Status.DONE, Status.BAD_CONFIG}
    assert shown.stderr == b""
    closed = subprocess.run(
        ["/bin/sh", "-c", '"$@" --help | true', "sh", *command[:3]], capture_output=True, check=False
    )
    assert closed.stderr == b""
