"""docs/policy.md says what the code does: its tables are those of the code, and its examples are conditions."""

import re
from pathlib import Path
from typing import Final

import pytest

from policy.rules import parse_condition
from policy.rules.book import STRICTNESS
from policy.rules.check import OPERATORS
from policy.rules.document import facts_table, kinds, packs_table
from policy.rules.lex import LONGEST
from policy.rules.parse import DEEPEST, MOST_VALUES
from policy.rules.parse import __doc__ as grammar
from tests.gateway.config.samples import settings

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


def test_the_first_example_is_a_configuration() -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (rule,) = settings(text).policy.rule
    assert rule.name == "no-ssn-lists"
