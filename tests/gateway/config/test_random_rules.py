"""Rule files by chance: whatever a file says, it is a policy that answers or a list of problems."""

import random
from collections import Counter

import pytest

from gateway.config import ConfigError
from gateway.config.rules import rule_book
from policy.rules.facts import FACTS
from tests.gateway.config.samples import settings
from tests.policy.rules.facts_for import facts

FILES = 10_000
KEYS = (
    "name", "when", "unless", "action", "notify", "add_header", "approvers", "journal", "disclaimer", "redact",
    "colour",
)  # fmt: skip
WORDS = (
    *FACTS, "and", "or", "not", "(", ")", "[", "]", ",", ">=", "==", "in", "matches", "within", "10", "10MiB", "08:30",
    '"ssn"', '"*.example"', "true", "phi", "findings.ssn.count", "\N{FULLWIDTH DIGIT ONE}", "\\", "0x", "..",
)  # fmt: skip
VALUES = (
    '"hold"', '"reject"', '"protect"', '"nothing"', '["a@clinic.example"]', "2", "-1", "true", "[]", '["ssn"]',
    '{ a = "b" }', '"x"', '"archive@clinic.example"', "1979-05-27", "{}", '""', "nan",
)  # fmt: skip
GOOD = ("phi", "phi and not recipient.ours", "findings.ssn.count >= 10", 'recipient.domain within ["b.example"]')


def condition(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return chance.choice(GOOD)
    return " ".join(chance.choices(WORDS, k=chance.randint(0, 12)))


def rule(chance: random.Random, number: int) -> str:
    lines = [f'name = "r{number}"', f"when = '''{condition(chance)}'''", 'action = "hold"']
    if chance.random() < 0.5:
        key = chance.choice(KEYS)
        lines = [line for line in lines if not line.startswith(f"{key} ")]
        lines.append(f"{key} = {chance.choice(VALUES)}")
    text = "\n".join(("[[policy.rule]]", *lines, ""))
    if chance.random() < 0.1:  # a slip of the keyboard
        at = chance.randrange(len(text))
        text = text[:at] + chance.choice("\"'[]=\n\x00\té#") + text[at + chance.randint(0, 3) :]
    return text


@pytest.mark.slow
def test_ten_thousand_files_are_policies_or_problems() -> None:
    """Seeded, so that a file which breaks the reader breaks it again."""
    chance = random.Random(20261124)  # noqa: S311  # spread, no secret
    about = facts("a@clinic.example", "b@there.example")
    seen: Counter[str] = Counter()
    for _ in range(FILES):
        text = "".join(rule(chance, number) for number in range(chance.randint(1, 3)))
        try:
            found = settings(text)
        except ConfigError as error:
            seen["refused" if error.problems else "refused without a reason"] += 1
            continue
        rule_book(found.policy).judge(about)
        seen["taken"] += 1
    assert set(seen) == {"refused", "taken"}
    assert min(seen.values()) > FILES // 10, seen
