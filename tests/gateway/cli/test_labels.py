"""`mailward decision export-labels`: what persons had in hand, as labels; masked, on record, and never content."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import main
from gateway.store.store import Store
from tests.gateway.cli.test_rehearse import at_work
from tests.gateway.config.samples import config_in, settings
from tests.gateway.pipeline.counter import Counter

pytestmark = pytest.mark.slow

RULE: Final = '[[policy.rule]]\nname = "no-numbers"\nwhen = "findings.ssn.count >= 1"\naction = "hold"\n'
PHI: Final = (
    b"From: nurse@clinic.example\r\nTo: a@b.example\r\nSubject: Whitney Barlow\r\n\r\n"
    b"Patient: Whitney Barlow, SSN 412-55-7812, was started on furosemide 40 mg for heart failure.\r\n"
)
ORDER: Final = (
    b"From: nurse@clinic.example\r\nTo: a@b.example\r\nSubject: Tonya Quill\r\n\r\n"
    b"Tonya Quill's SSN is 412-55-9981, for the payroll.\r\n"
)
CONTENT: Final = (
    *("Whitney", "Barlow", "Tonya", "Quill", "412-55", "furosemide", "payroll"),  # of the messages
    *("nurse@", "b.example", "d.example", "Maria"),  # whom it is about, and what a person wrote of it
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data", RULE), encoding="utf-8")
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--config", str(config)])


def held(config: Path, *messages: bytes) -> list[str]:
    """What a rule holds for two recipients each. Returns: its queue ids."""
    ids = list[str]()

    async def work(store: Store) -> None:
        counter = Counter(store, None, settings=settings(RULE))
        ids.extend([await counter.accept(message, "a@b.example", "c@d.example") for message in messages])

    at_work(config, work)
    return ids


def labels(config: Path, *arguments: str) -> list[dict[str, Any]]:
    result = run(config, "decision", "export-labels", "--why", "new release", "--by", "pat", *arguments)
    assert result.exit_code == 0, result.output
    assert not [word for word in CONTENT if word in result.stdout]
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_what_persons_decided_is_a_label(config: Path) -> None:
    """Issue 5, item 7: found, score, verdict and what was done; masked, without a word of the message or of reasons."""
    first, second = held(config, PHI, ORDER)
    for queue_id, action in ((first, "protect"), (second, "allow")):
        why = ("--to", "a@b.example", "--action", action, "--why", "Maria says so")
        assert run(config, "decision", "correct", queue_id, *why).exit_code == 0
    assert run(config, "decision", "correct", second, "--to", "a@b.example", "--why", "And Maria again").exit_code == 0
    assert run(config, "queue", "reject", second, "--why", "Maria asked", "--to", "c@d.example").exit_code == 0
    assert run(config, "queue", "release", first, "--why", "Maria asked", "--to", "c@d.example").exit_code == 0
    by_id = {one["queue_id"]: one for one in labels(config)}
    assert (by_id[first]["label"], by_id[second]["label"]) == ("phi", "not_phi")
    assert [(one["action"], one["person"], one["corrected"]) for one in by_id[first]["copies"]] == [
        ("hold", "held", "protect"), ("hold", "released", None),
    ]  # fmt: skip
    assert [(one["person"], one["corrected"]) for one in by_id[second]["copies"]] == [
        ("held", "allow"), ("rejected", None),
    ]  # fmt: skip
    assert by_id[first]["phi"]
    assert by_id[first]["score"] > 0.8
    (ssn,) = [one for one in by_id[first]["findings"] if one["kind"] == "ssn"]
    assert ssn["masked"] == "***-**-7812"
    assert ssn["place"].endswith("line 1")
    assert by_id[first]["features"]["recipients"] == 2


def test_that_somebody_took_labels_is_on_record(config: Path) -> None:
    """Invariant 7: who, why and how many; one who gives no reason gets nothing."""
    held(config, PHI)
    assert len(labels(config)) == 1
    assert run(config, "decision", "export-labels").exit_code == 2
    blank = run(config, "decision", "export-labels", "--why", " ")
    assert (blank.exit_code, blank.stdout) == (2, "")
    (event,) = run(config, "audit", "search", "--kind", "labels.exported", "--json").stdout.splitlines()
    data = json.loads(event)["data"]
    assert (data["by"], data["why"], data["count"]) == ("pat", "new release", 1)


def test_an_export_has_bounds(config: Path) -> None:
    """The newest so many, and that there are more is said; what nobody had in hand is none."""
    first, second = held(config, PHI, ORDER)
    arguments = ("decision", "export-labels", "--why", "x", "--limit", "1")
    cut = run(config, *arguments)
    assert json.loads(cut.stdout)["queue_id"] == second
    assert "there are older ones" in cut.stderr
    assert labels(config, "--until", "1d") == []
    assert run(config, "decision", "export-labels", "--why", "x", "--limit", "1001").exit_code == 2
    assert {one["label"] for one in labels(config)} == {None}
    assert {one["queue_id"] for one in labels(config)} == {first, second}
