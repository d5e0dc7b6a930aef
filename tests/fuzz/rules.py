"""What an operator, or a program that writes rules, may put into `[[policy.rule]]`."""

from collections.abc import Mapping
from typing import Final

from policy.rules import Condition, RuleBook, RuleError, parse_condition
from policy.rules.facts import FACTS
from tests.fuzz.target import Target
from tests.policy.rules.facts_for import facts, make


def condition(data: bytes) -> None:
    """Any text is refused by `RuleError` with a column in it or just behind it, or is a condition over known facts
    that gives the same answer each time, for every recipient.
    """
    text = data.decode("utf-8", "replace")
    found = _read(text)
    if isinstance(found, RuleError):
        assert 1 <= found.column <= len(text) + 1
        assert found.text
        return
    assert set(found.facts) <= set(FACTS)
    about = facts("a@clinic.example", "b@there.example")
    first, second = RuleBook([make(text)]), RuleBook([make("true"), make(text)])
    assert [len(hits) for hits in first.judge(about)] == [len(hits) - 1 for hits in second.judge(about)]
    assert first.judge(about) == first.judge(about)


def _read(text: str) -> Condition | RuleError:
    try:
        return parse_condition(text)
    except RuleError as error:
        return error


TARGETS: Final[Mapping[str, Target]] = {
    "condition": Target(
        run=condition,
        words=(
            b"and ", b"or ", b"not ", b"(", b")", b"[", b"]", b", ", b'"', b"'", b" >= ", b" in ", b" matches ",
            b" within ", b"10", b"10MiB", b"08:30", b"phi", b"sender", b"findings.ssn.count", b"*", b"true",
        ),
        seeds=(
            b"findings.ssn.count >= 10 and not recipient.ours",
            b'recipient.domain within ["a.example", "b.example"] or (phi and score > 0.5)',
            b'sender matches "*@clinic.example" and time >= 18:00 and message.size > 10MiB',
            b"not " * 40 + b"phi",
            b"(" * 2000,
            b'sender in ["' + b'","' * 1200,
            b"\xff\x00",
        ),
    )
}  # fmt: skip
