"""The text of a condition: what is right, and for what is wrong the column and what would be right."""

import pytest

from policy.rules import Condition, RuleError, parse_condition
from policy.rules.lex import LONGEST
from policy.rules.parse import DEEPEST, MOST_VALUES

GOOD = [
    "phi",
    "not phi",
    "true",
    "not (phi or not tagged)",
    "findings.ssn.count >= 10",
    "FINDINGS.SSN.COUNT >= 10 AND NOT Phi",
    "score > 0.5 and score<1",
    'sender == "a@b.example"',
    "sender == 'a@b.example'",
    'recipient.domain in ["a.example", "b.example",]',
    "recipient.domain in []",
    'recipient.domain within "a.example" or recipient matches ["*@b.example", "c*"]',
    "message.size > 10MiB and time >= 18:00 and time < 24:00",
    'weekday in ["saturday", "sunday"]',
    "sender.domain == recipient.domain",
    "findings.ssn.count in [1, 2]",
    "phi\n  and\ttagged",
]


@pytest.mark.parametrize("text", GOOD)
def test_good_conditions(text: str) -> None:
    condition = parse_condition(text)
    assert condition.text == str(condition) == text
    assert parse_condition(condition) is condition
    assert all(name in text.lower() for name in condition.facts)
    assert condition.facts or text == "true"


BAD = [
    ("", 1, "a condition is missing"),
    ("   ", 4, "a condition is missing"),
    ("findings.snn.count >= 10", 1, "did you mean findings.ssn.count?"),
    ("phi and zzzz", 9, "zzzz is not a known fact; docs/policy.md has the list"),
    ("findings.ssn.count = 10", 20, 'write "==" to compare'),
    ("findings.ssn.count", 1, "findings.ssn.count is a number, so compare it, such as findings.ssn.count >= 10"),
    ("findings.ssn.count >= ten", 23, "ten is not a known fact"),
    ('findings.ssn.count >= "10"', 23, "findings.ssn.count is a number, and this is a text"),
    ("findings.ssn.count >=", 22, 'a value is missing after ">="'),
    ("findings.ssn.count >= >= 10", 23, '">=" is no value after ">="'),
    ("findings.ssn.count >= 10 phi", 26, '"phi" cannot follow; join conditions with "and" or "or"'),
    ("1 <= findings.ssn.count", 1, '"1" is no fact; a condition begins with a fact'),
    ("0 < findings.ssn.count < 9", 1, "a condition begins with a fact"),
    ("findings.ssn.count > 0 < 9", 24, 'one comparison has ended here; join two with "and"'),
    ("findings.ssn.count >= -1", 23, "no negative numbers"),
    ("findings.ssn.count >= 1x", 23, "no number, size or time"),
    ("findings.ssn.count >= 99999999999", 23, "no number, size or time"),
    ("findings.ssn.count >= [10]", 23, '">=" takes one value; for a list write "in"'),
    ("findings.ssn.count >= phi", 23, "phi is yes or no, and findings.ssn.count is a number"),
    ("phi == true", 8, 'write a fact that is yes or no alone, or "not" before it'),
    ('phi == "yes"', 5, 'phi is yes or no: write "phi" or "not phi"'),
    ("message.size > 1000", 16, "message.size is a size, and this is a number; write it like 10MiB"),
    ("message.size > 10MB", 16, "no number, size or time"),
    ("time >= 18", 9, "time is a time of day, and this is a number; write it like 18:00"),
    ("time >= 25:00", 9, "25:00 is no time of day"),
    ("time >= 24:01", 9, "24:01 is no time of day"),
    ('time in ["x"]', 6, '"in" does not fit time, which is a time of day'),
    ('sender > "a"', 8, '">" does not fit sender, which is a text'),
    ('sender contains "a"', 8, '"contains" does not fit sender'),
    ('sender in "a"', 11, '"in" takes a list in brackets'),
    ("sender in [phi]", 12, '"phi" is no value in a list'),
    ('sender in ["a" "b"]', 16, '"," or "]" is missing in the list'),
    ('sender in ["a"', 15, '"," or "]" is missing in the list'),
    ('sender in ["a", 5]', 17, "sender is a text, and this is a number"),
    ("sender matches recipient", 16, '"matches" takes written values, not a fact; quote a text'),
    ("sender == clinic", 11, "clinic is not a known fact"),
    ("sender == message.size", 11, "message.size is a size, and sender is a text"),
    ('purpose == "marketng"', 12, 'purpose is never "marketng"; did you mean "marketing"?'),
    ('weekday in ["caturday"]', 13, 'weekday is never "caturday"; did you mean "saturday"?'),
    ("(phi", 5, '")" is missing for the "(" at column 1'),
    ("phi)", 4, '")" cannot follow'),
    ("()", 2, '")" is no fact'),
    ("not", 4, "a condition is missing"),
    ("phi and", 8, "a condition is missing"),
    ("phi and or tagged", 9, '"or" is no fact'),
    ("phi && tagged", 5, 'write "and"'),
    ("phi || tagged", 5, 'write "or"'),
    ("!phi", 1, 'write "not"'),
    ('sender == "a', 11, 'the text has no closing "'),
    ("sender == 'a", 11, "the text has no closing '"),
    ('sender == "a\nb"', 11, 'the text has no closing "'),
    ("phi ; tagged", 5, '";" has no meaning here'),
    ("phi \x00", 5, "this character has no meaning here"),
    ("phi \u00e4", 5, '"\u00e4" has no meaning here'),
    ("sender.__class__", 1, "is not a known fact"),
    ("not " * (DEEPEST + 2) + "phi", 4 * (DEEPEST + 1) + 1, f"more than {DEEPEST} conditions"),
    ("(" * (DEEPEST + 2) + "phi", DEEPEST + 2, f"more than {DEEPEST} conditions"),
    ("phi" + " " * LONGEST, LONGEST + 1, f"at most {LONGEST} characters"),
    ("findings.ssn.count in [" + "1," * (MOST_VALUES + 1) + "]", 24 + 2 * MOST_VALUES, f"at most {MOST_VALUES} values"),
]


@pytest.mark.parametrize(("text", "column", "why"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_bad_conditions(text: str, column: int, why: str) -> None:
    """The error stands where the eye has to go, and says what would be right."""
    with pytest.raises(RuleError) as caught:
        parse_condition(text)
    assert (caught.value.column, why in caught.value.text) == (column, True), str(caught.value)
    assert str(caught.value) == f"column {column}: {caught.value.text}"


@pytest.mark.parametrize("value", [None, 5, True, ["phi"]])
def test_only_a_text_is_a_condition(value: object) -> None:
    with pytest.raises(RuleError, match="a condition is a text in quotes"):
        parse_condition(value)


def test_what_a_condition_rests_on() -> None:
    """Each fact once, in its order; and whether it can differ between recipients."""
    condition = parse_condition("phi and (score > 0.5 or phi) and sender.domain == recipient.domain")
    assert condition.facts == ("phi", "score", "sender.domain", "recipient.domain")
    assert condition.is_about_recipient
    assert not parse_condition("phi").is_about_recipient
    assert parse_condition("phi") == Condition("phi", condition.tree.parts[0], ("phi",))  # type: ignore[union-attr]
