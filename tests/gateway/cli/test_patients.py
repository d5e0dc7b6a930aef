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

pytestmark = pytest.mark.slow

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


def index(tmp_path: Path, more: str = "[policy]\npacks = ['misaddressed']\n") -> Path:
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data", more), encoding="utf-8")
    return path


def call(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--config", str(config)])


def test_patients_are_bound_and_forgotten(tmp_path: Path) -> None:
    """All or none, each told by its row; nothing of a value is in the audit log or in the data."""
    config, rows = index(tmp_path), tmp_path / "patients.csv"
    head = "patient,name,birth_date,addresses\n"
    rows.write_text(f"{head}MRN-0042317,Martha Grimes,1961-03-31,martha@b.example m@c.example\n7,,,a@b.example\n")
    done = call(config, "patients", "bind", str(rows))
    why = "patient: too short to be found in mail, and there is no name with a birth date"
    assert (done.exit_code, done.stderr) == (1, f"row 2: {why}\nNothing was recorded.\n")
    rows.write_text(f"{head}MRN-0042317,Martha Grimes,1961-03-31,martha@b.example m@c.example\n")
    assert call(config, "patients", "bind", str(rows), "--dry-run").stdout == "1 patients are right\n"
    assert call(config, "patients", "count").stdout == "0 patients\n"
    assert call(config, "patients", "bind", str(rows), "--by", "me").stdout == "1 patients recorded\n"
    assert call(config, "patients", "count").stdout == "1 patients\n"
    assert not any(
        value in file.read_bytes()
        for file in (tmp_path / "data").iterdir() if file.is_file()
        for value in (b"0042317", b"Grimes", b"grimes", b"martha@b.example", b"1961-03-31")
    )  # fmt: skip
    assert call(config, "patients", "forget", "MRN-0042317", "--why", "died").exit_code == 0
    again = call(config, "patients", "forget", "MRN-0042317", "--why", "died")
    assert (again.exit_code, again.stderr) == (1, "mailward: no patient of that id is on the index\n")
    assert call(config, "patients", "count").stdout == "0 patients\n"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("a@b.example,,,m@b.example", "patient: the id of the patient, not an address"),
        ("MRN-0042317,Martha Grimes,,m@b.example", "name and birth_date: both or neither"),
        ("MRN-0042317,Martha Grimes,04/03/1961,m@b.example", "birth_date: write it as 1961-03-31"),
        ("MRN-0042317,Grimes,1961-03-31,m@b.example", "name: has fewer than two words"),
        ("MRN-0042317,,,", "addresses: at least one is needed"),
        ("MRN-0042317,,,nobody", "'nobody' is no address: no @"),
    ],
)
def test_a_row_that_binds_nobody(tmp_path: Path, row: str, why: str) -> None:
    rows = tmp_path / "patients.csv"
    rows.write_text(f"patient,name,birth_date,addresses\n{row}\n")
    done = call(index(tmp_path), "patients", "bind", str(rows))
    assert done.exit_code == 1
    assert done.stderr.startswith(f"row 1: {why.partition(': no @')[0]}")


def test_an_index_that_no_rule_asks_for_is_refused(tmp_path: Path) -> None:
    """Nobody shall believe to be protected by a list without effect."""
    rows = tmp_path / "rows"
    rows.write_text("patient,name,birth_date,addresses\nMRN-0042317,,,m@b.example\n")
    for command in (["patients", "bind", str(rows)], ["segment", "import", "spring", str(rows)]):
        done = call(index(tmp_path, ""), *command)
        assert done.exit_code == 1
        assert 'add "misaddressed" to policy.packs' in done.stderr


def test_a_segment_from_import_to_drop(tmp_path: Path) -> None:
    config, lines = index(tmp_path), tmp_path / "addresses"
    lines.write_text("a@b.example\nnobody\n\nA@b.example\n")
    done = call(config, "segment", "import", "Spring", str(lines))
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (1, "Nothing was recorded.")
    assert call(config, "segment", "list", "--json").stdout == ""
    lines.write_text("a@b.example\n\nA@b.example\nc@b.example\n")
    assert call(config, "segment", "import", "Spring", str(lines)).stdout == "2 addresses recorded\n"
    (row,) = [json.loads(line) for line in call(config, "segment", "list", "--json").stdout.splitlines()]
    assert (row["name"], row["members"]) == ("spring", 2)
    assert call(config, "segment", "drop", "spring", "--why", "over").exit_code == 0
    assert call(config, "segment", "drop", "spring", "--why", "over").exit_code == 1
    empty = tmp_path / "empty"
    empty.write_text("\n")
    assert call(config, "segment", "import", "spring", str(empty)).exit_code == 2
