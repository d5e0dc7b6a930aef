"""`mailward explain ID` and `mailward decision`: a past decision explained, and corrected without being changed."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import main
from gateway.store import organisations
from gateway.store.store import Store
from policy.phi.report import Report
from policy.rules.version import read_policy
from tests.gateway.cli.test_rehearse import at_work
from tests.gateway.config.samples import config_in
from tests.gateway.pipeline.counter import PHI, Counter
from tests.gateway.pipeline.test_registers import SUBSTANCE, associate, packs, send

PACKS = '[policy]\npacks = ["business-associates", "part2"]\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data", PACKS), encoding="utf-8")
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--config", str(config)])


def sent(config: Path, report: Report = PHI) -> str:
    """One message to a business associate whose agreement does not permit its purpose."""
    ids = list[str]()

    async def work(store: Store) -> None:
        await organisations.add(store, [associate()], renews=False, events=())
        told = packs("business-associates", "part2")
        entry = await send(
            Counter(store, report, settings=told), "a@billing.example", b"X-Mailward-Purpose: operations"
        )
        ids.append(entry.queue_id)

    at_work(config, work)
    return ids[0]


def explained(config: Path, queue_id: str) -> dict[str, Any]:
    result = run(config, "explain", queue_id, "--json")
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_a_stored_decision_is_explained(config: Path) -> None:
    """Item 12: facts, every rule with its verdict, what registers said then, the way of each recipient."""
    queue_id = sent(config)
    told = explained(config, queue_id)
    (decision,) = told["decisions"]
    assert (decision["cause"], decision["purpose"], decision["phi"]) == ("received", "operations", True)
    (to,) = decision["recipients"]
    assert (to["action"], to["methods"]) == ("hold", [])
    verdicts = {rule["name"]: rule["verdict"] for rule in to["rules"]}
    assert verdicts["business-associates/purpose"] == "applies"
    assert verdicts["part2/consent"] == "does not apply"
    assert to["registers"]["baa"] == {
        "relation": "business-associate", "in_force": True, "permits": False, "qsoa": False,
    }  # fmt: skip
    words = run(config, "explain", queue_id.lower()).stdout
    for said in ("to a@billing.example: hold", "register baa: relation business-associate, in_force yes, permits no"):
        assert said in words


def test_what_registers_say_later_changes_nothing(config: Path) -> None:
    """It is explained by what was known when it was decided."""
    queue_id = sent(config)
    assert run(config, "baa", "end", "Billing Ltd", "--why", "moved").exit_code == 0
    assert explained(config, queue_id)["decisions"][0]["recipients"][0]["registers"]["baa"]["in_force"] is True


@pytest.mark.slow
def test_a_correction_is_appended(config: Path) -> None:
    """Item 13: the record stays as it was; the audit log tells of the correction without its words."""
    queue_id = sent(config)
    before = explained(config, queue_id)["decisions"]
    arguments = ("decision", "correct", queue_id, "--to", "A@billing.example", "--by", "privacy", "--why")
    assert run(config, *arguments, "It was payment mail.", "--action", "protect").exit_code == 0
    assert run(config, *arguments, "And the reason was another.").exit_code == 0
    told = explained(config, queue_id)
    assert told["decisions"] == before
    assert [(one["action"], one["why"]) for one in told["corrections"]] == [
        ("protect", "It was payment mail."), (None, "And the reason was another."),
    ]  # fmt: skip
    assert "corrected" in run(config, "explain", queue_id).stdout
    events = run(config, "audit", "search", "--kind", "decision.", "--json").stdout
    assert "payment mail" not in events
    assert json.loads(events.splitlines()[0])["data"]["action"] == "protect"
    assert len(run(config, "decision", "list", "--json").stdout.splitlines()) == 2


def test_no_correction_of_what_nobody_decided(config: Path) -> None:
    queue_id = sent(config)
    for arguments in ((queue_id, "--to", "x@y.example"), ("0" * 26, "--to", "a@billing.example")):
        result = run(config, "decision", "correct", *arguments, "--why", "x")
        assert (result.exit_code, "no record of a decision" in result.stderr) == (1, True)
    assert run(config, "decision", "correct", queue_id, "--to", "a@billing.example", "--why", " ").exit_code == 2


def test_what_is_neither_file_nor_message(config: Path) -> None:
    sent(config, SUBSTANCE)
    assert (result := run(config, "explain", "none.eml")).exit_code == 2
    assert "no such file" in result.stderr
    assert "no record of a decision" in run(config, "explain", "0" * 26).stderr


def test_a_rule_of_another_release_is_named() -> None:
    """Years later its facts may have gone; the others are told all the same."""
    rule = {"when": "phi", "unless": None, "action": "hold"}
    body = json.dumps({"rules": {"a": rule, "b": {**rule, "when": "gone.fact"}, "c": {**rule, "action": "burn"}}})
    read = read_policy(body)
    assert ([one.name for one in read.rules.rules], read.unread) == (["a"], ("b", "c"))
    assert read_policy("").rules.rules == ()
