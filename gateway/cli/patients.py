"""`mailward patients`: the list of patients that the classifier finds exactly, kept as keyed hashes."""

import os
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click

from gateway.cli.ask import ask
from gateway.cli.context import config_option, fail, settings_option
from gateway.cli.registers import BY, DRY_RUN, FILE, JSON, WHY, read_rows, tell_import
from gateway.config import Settings
from gateway.config.custom import CustomError, read_key
from policy.phi.custom.patients import KEY_BYTES, ListError, build_list, entry

SHOWN: Final = 20  # lines that cannot be used


@click.group()
@config_option
def patients() -> None:
    """The list of patients, and the index of their addresses, kept as keyed hashes."""


@patients.command()
@FILE
@DRY_RUN
@BY
@JSON
@settings_option
def bind(settings: Settings, *, file: Path, dry_run: bool, by: str, as_json: bool) -> int:
    """Bind patients to their addresses by the rows of FILE, CSV or a JSON array: all or none.

    Columns: patient (your id), name, birth_date, addresses. Who is on the index already is replaced.
    """
    answer = ask(settings, "patients.bind", rows=read_rows(file), by=by, is_rehearsal=dry_run)
    return tell_import(answer, what="patients", is_rehearsal=dry_run, as_json=as_json)


@patients.command()
@click.argument("patient", metavar="ID")
@WHY
@BY
@settings_option
def forget(settings: Settings, *, patient: str, why: str, by: str) -> None:
    """Take a patient off the index of addresses; ID is yours of the patient."""
    ask(settings, "patients.forget", patient=patient, by=by, why=why)
    click.echo("the patient is off the index")


@patients.command()
@settings_option
def count(settings: Settings) -> None:
    """How many patients the index of addresses has."""
    click.echo(f"{ask(settings, 'patients.count')} patients")


@patients.command()
@click.argument("source", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path), metavar="FILE")
@click.option("--skip", is_flag=True, help="Leave out lines that cannot be used, instead of stopping at them.")
@settings_option
def build(settings: Settings, *, source: Path, skip: bool) -> None:
    """Build the list from FILE, or from standard input (-): UTF-8, one name, number or mail address a line.

    Writes classification.patients_file whole, or not at all. It counts from the next start of the gateway on.
    """
    place = settings.classification.patients_file
    if place is None:
        fail("classification.patients_file is not set; write there where the list shall lie")
    try:
        text = sys.stdin.buffer.read() if str(source) == "-" else source.read_bytes()
        lines = text.decode("utf-8-sig").splitlines()
    except OSError as error:
        fail(f"{source} cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        fail(f"{source} is not UTF-8, from byte {error.start + 1} on")
    values, unusable = _entries(lines)
    if unusable and not skip:
        more = f"{len(unusable) - SHOWN} more" if len(unusable) > SHOWN else ""
        fail("\n".join([*unusable[:SHOWN], *filter(None, [more]), "nothing was written; mend them, or use --skip"]))
    if not values:
        fail(f"{source} has no line that can be used")
    try:
        data, count = build_list(values, _key(settings.classification.patients_key))
        _replace(place, data)
    except (CustomError, ListError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or place}: {error.strerror}")
    left_out = f", {len(unusable)} lines left out" if unusable else ""
    click.echo(f"{place}: {count} entries{left_out}; restart the gateway to use them, and delete {source}")


def _entries(lines: Iterable[str]) -> tuple[set[str], list[str]]:
    """The entries, and what is wrong with which lines, without their text."""
    values, unusable = set(), []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values.add(entry(line))
        except ValueError as error:
            unusable.append(f"line {number} {error}")
    return values, unusable


def _key(path: Path) -> bytes:
    """The key of the list; made when there is none. Raises: CustomError, OSError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return read_key(path)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    return read_key(path)


def _replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, for its owner alone. Raises: OSError."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
