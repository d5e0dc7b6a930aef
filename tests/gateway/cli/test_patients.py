"""`mailward patients build`, and what `check-config`, `serve` and `explain` make of the list."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.context import Status
from gateway.cli.main import main
from gateway.config.check import check
from gateway.config.custom import read_custom
from tests.gateway.config.samples import config_in, settings_in

NAMES = "Rain Cloud\n\n00448812\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that wants a list."""
    file = tmp_path / "mailward.toml"
    file.write_text(config_in(tmp_path, _more(tmp_path)), encoding="utf-8")
    return file


def _more(folder: Path) -> str:
    return f'[classification]\npatients_file = "{folder}/patients.list"\n'


def build(config: Path, text: str, *more: str) -> Result:
    """The command, with the values on standard input."""
    return CliRunner().invoke(main, ["patients", "build", "-", *more, "--config", str(config)], input=text)


def test_a_list_is_built(config: Path, tmp_path: Path) -> None:
    """Two files for their owner alone; nothing of the values lies in them, and a new list keeps the key."""
    result = build(config, NAMES)
    assert (result.exit_code, result.stderr) == (Status.DONE, "")
    assert "2 entries" in result.stdout
    list_, key = tmp_path / "patients.list", tmp_path / "patients.key"
    assert [file.stat().st_mode & 0o777 for file in (list_, key)] == [0o600, 0o600]
    assert b"rain" not in list_.read_bytes().lower()
    first = (list_.read_bytes(), key.read_bytes())
    assert build(config, NAMES).exit_code == Status.DONE
    assert (list_.read_bytes(), key.read_bytes()) == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mailward.toml", "patients.key", "patients.list"]


def test_lines_that_cannot_be_used_stop_it(config: Path, tmp_path: Path) -> None:
    """Their numbers are shown, never their text: it may be a patient's. Nothing is written."""
    result = build(config, "Rain Cloud\nBrown\n1980\n")
    assert result.exit_code == Status.PROBLEM
    assert [line.removeprefix("mailward: ")[:6] for line in result.stderr.splitlines()][:2] == ["line 2", "line 3"]
    assert "Brown" not in result.output
    assert not (tmp_path / "patients.list").exists()
    skipped = build(config, "Rain Cloud\nBrown\n1980\n", "--skip")
    assert "1 entries, 2 lines left out" in skipped.stdout


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file_is_no_list(config: Path, text: str) -> None:
    """A failed export must not replace a list by none."""
    assert build(config, text).exit_code == Status.PROBLEM


def test_without_a_place_it_says_so(tmp_path: Path) -> None:
    file = tmp_path / "mailward.toml"
    file.write_text(config_in(tmp_path), encoding="utf-8")
    result = build(file, NAMES)
    assert result.exit_code == Status.PROBLEM
    assert "classification.patients_file is not set" in result.stderr


@pytest.mark.parametrize(
    ("name", "content", "key", "why"),
    [
        ("patients.list", None, "patients_file", "does not exist; make it with mailward patients build"),
        ("patients.list", b"", "patients_file", "is empty"),
        ("patients.list", b"x", "patients_file", "is no list of patients; build it again"),
        ("patients.key", None, "patients_key", "does not exist"),
        ("patients.key", b"short", "patients_key", "is no key"),
        ("patients.key", bytes(32), "patients_file", "was built with another key; build it again"),
    ],
)
def test_check_config_sees_a_bad_list(
    config: Path, tmp_path: Path, name: str, content: bytes | None, key: str, why: str
) -> None:
    """OP-03: the gateway does not start on a list that would find nobody."""
    build(config, NAMES)
    file = tmp_path / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    problems = check(settings_in(tmp_path, _more(tmp_path)))
    assert [(p.key, why in p.text) for p in problems if "classification" in p.key] == [(f"classification.{key}", True)]


def test_a_key_that_others_can_read_is_refused(config: Path, tmp_path: Path) -> None:
    build(config, NAMES)
    settings = settings_in(tmp_path, _more(tmp_path))
    assert "classification" not in " ".join(problem.key for problem in check(settings))
    (tmp_path / "patients.key").chmod(0o644)
    assert "classification.patients_key" in [problem.key for problem in check(settings)]
    assert read_custom(settings.classification).patients


@pytest.mark.slow
def test_explain_finds_them(config: Path, tmp_path: Path) -> None:
    """The finding is a kind with a masked value; and a list that is gone is bad configuration, not an empty one."""
    build(config, NAMES)
    message = tmp_path / "a.eml"
    message.write_bytes(b"From: a@clinic.example\r\n\r\nrain cloud has pneumonia and is on azithromycin.\r\n")
    arguments = ["explain", "--json", str(message), "--config", str(config)]
    answer = json.loads(CliRunner().invoke(main, arguments).stdout)
    assert answer["phi"]
    (found,) = [one for one in answer["findings"] if one["why"] == "somebody on the list of patients"]
    assert (found["kind"], found["masked"]) == ("name", "r… c…")
    (tmp_path / "patients.list").unlink()
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == Status.BAD_CONFIG
    assert "patients.list does not exist" in result.stderr
