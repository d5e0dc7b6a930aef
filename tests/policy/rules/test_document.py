"""docs/policy.md says what the code does: its tables are those of the code, and its examples are conditions."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from gateway.cli.main import main
from policy.rules import parse_condition
from policy.rules.book import STRICTNESS
from policy.rules.check import OPERATORS
from policy.rules.document import facts_table, kinds, packs_table
from policy.rules.lex import LONGEST
from policy.rules.parse import DEEPEST, MOST_VALUES
from policy.rules.parse import __doc__ as grammar
from tests.gateway.config.samples import config_in, settings

PAGE: Final = (Path(__file__).parents[3] / "docs/policy.md").read_text(encoding="utf-8")
EXAMPLES: Final = re.findall(r"^## Examples\n\n```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0].splitlines()


def test_the_tables_are_those_of_the_code() -> None:
    """After a change: python -m policy.rules.document."""
    assert "\n".join(facts_table()) in PAGE
    assert "\n".join(packs_table()) in PAGE
    assert f"KIND is one of {kinds()}." in PAGE


def test_the_grammar_is_that_of_the_parser() -> None:
    rules = [line for line in (grammar or "").splitlines() if " = " in line]
    assert len(rules) == 6
    assert all(line in PAGE for line in rules)
    for limit in (LONGEST, DEEPEST, MOST_VALUES):
        assert str(limit) in PAGE
    assert all(f'"{sign}"' in PAGE for signs in OPERATORS.values() for sign in signs)


def test_actions_stand_in_their_order() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \| [a-z]", PAGE, re.MULTILINE)[: len(STRICTNESS)] == list(STRICTNESS)


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_are_conditions(text: str) -> None:
    assert parse_condition(text).facts


def test_the_longer_examples_are_configurations() -> None:
    texts = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert [rule.name for text in texts for rule in settings(text).policy.rule] == [
        "no-ssn-lists", "payers-need-no-ssn", "keep-operations", "lists-need-two", "strangers",
    ]  # fmt: skip


COMMANDS = re.findall(
    r"^mailward ((?:consent|baa|patients|segment) (?:add|list|revoke|import|end|bind|forget|drop).*)$",
    PAGE,
    re.MULTILINE,
)

PACK = "[policy]\npacks = ['misaddressed']\n"  # without it nothing asks for patients and segments


@pytest.mark.slow
def test_the_commands_are_those_of_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, in one installation; a file that an example names is there."""
    assert len(COMMANDS) == 14
    (tmp_path / "mailward.toml").write_text(config_in(tmp_path / "data", PACK), encoding="utf-8")
    for name in ("warning-signed.pdf", "form.pdf"):
        (tmp_path / name).write_bytes(b"signed")
    (tmp_path / "consents.csv").write_text("patient,kind\npat@b.example,opt-out\n", encoding="utf-8")
    rows = "patient,name,birth_date,addresses\nMRN-0042317,Martha Grimes,1961-03-31,martha@b.example\n"
    (tmp_path / "patients.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "addresses.txt").write_text("martha@b.example\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    made = ""
    for command in COMMANDS:
        words = [made if word == "ID" else word for word in shlex.split(command)]
        result = CliRunner().invoke(main, [*words, "--config", "mailward.toml"])
        assert result.exit_code == 0, (command, result.output)
        made = result.stdout.split()[-1] if result.stdout.startswith("recorded as ") else made
