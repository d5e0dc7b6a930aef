"""What all commands share: the configuration option, exit statuses, failing in one line, tables and JSON.

Settings and JSON are imported when used: together they take four times as long as click, and `--help` needs neither.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Concatenate, Final, NoReturn, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from gateway.config import Settings

DEFAULT_CONFIG: Final = Path("/etc/mailward/mailward.toml")
_META: Final = "gateway.cli.config"  # where click keeps the path between a group and its command

P = ParamSpec("P")
R = TypeVar("R")


class Status(IntEnum):
    """Exit statuses (interface.md; 75 and 78 as in sysexits.h)."""

    DONE = 0
    PROBLEM = 1
    USAGE = 2
    TRY_LATER = 75
    BAD_CONFIG = 78


class Failure(click.ClickException):
    """A command cannot go on: each line of the text goes to standard error, and the process ends with the status."""

    def __init__(self, text: str, status: Status) -> None:
        super().__init__(text)
        self.status = status

    def show(self, file: IO[Any] | None = None) -> None:
        """Print each line as `mailward: …`."""
        for line in self.message.splitlines():
            click.echo(f"mailward: {printable(line)}", file=file, err=file is None)


def fail(text: str, status: Status = Status.PROBLEM) -> NoReturn:
    """End the command: what is wrong and what to do about it, on one line."""
    raise Failure(text, status)


def _remember(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.meta[_META] = value


def config_option(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command `--config FILE`; every command has it, so that it may stand before or after the name."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        expose_value=False,
        callback=_remember,
        help=f"Configuration file; also MAILWARD_CONFIG.  [default: {DEFAULT_CONFIG}]",
    )(command)


def config_path() -> Path:
    """The configuration file of this call: option, else environment, else the default place."""
    chosen = _chosen_path()
    return DEFAULT_CONFIG if chosen is None else chosen


def _chosen_path() -> Path | None:
    option: Path | None = click.get_current_context().meta.get(_META)
    environment = os.environ.get("MAILWARD_CONFIG")
    return option or (Path(environment) if environment else None)


def load_settings() -> Settings:
    """Read the configuration file of this call. Raises: Failure with every problem, status 78."""
    from gateway.config import ConfigError, load

    try:
        return load(config_path())
    except ConfigError as error:
        fail(str(error), Status.BAD_CONFIG)


def find_settings() -> Settings | None:
    """The same for commands that work without a file: None when none was named and the default one is absent."""
    return load_settings() if _chosen_path() or DEFAULT_CONFIG.exists() else None


def settings_option(command: Callable[Concatenate[Settings, P], R]) -> Callable[P, R]:
    """Give a command `--config FILE`, and hand it the settings read from there as its first argument."""

    @config_option
    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return command(load_settings(), *args, **kwargs)

    return run


def printable(text: str) -> str:
    r"""The text without what could steer a terminal: control and format characters become \x1b, \u202e and so on."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def print_table(rows: Iterable[Sequence[object]], headers: Sequence[str]) -> None:
    """Print rows under their headers, columns aligned; None is shown as a dash."""
    columns = [_texts(column) for column in zip(headers, *rows, strict=True)]
    template = "  ".join(f"%-{max(map(len, column))}s" for column in columns)  # fills up with spaces, never cuts
    click.echo("\n".join([(template % row).rstrip() for row in zip(*columns, strict=True)]))


def _texts(column: Iterable[object]) -> list[str]:
    """One column as it is shown; looked at whole, because hardly any has a character that is not."""
    texts = ["-" if value is None else str(value) for value in column]
    return texts if "".join(texts).isprintable() else [printable(text) for text in texts]


def print_json(value: object) -> None:
    """Print one value as JSON on one line: msgspec structs, dataclasses and dictionaries; times as RFC 3339 in UTC."""
    import msgspec

    plain = msgspec.to_builtins(value, builtin_types=(datetime,), str_keys=True, enc_hook=str)
    click.echo(msgspec.json.encode(_in_utc(plain)).decode("utf-8"))


def _in_utc(value: Any) -> Any:
    """Turn every time in a tree of dictionaries and lists to UTC. Raises: ValueError for one without a zone."""
    match value:
        case datetime():
            if value.tzinfo is None:
                raise ValueError("a time without a zone cannot be printed")
            return value.astimezone(UTC)
        case dict():
            return {key: _in_utc(item) for key, item in value.items()}
        case list() | tuple():
            return [_in_utc(item) for item in value]
        case _:
            return value
