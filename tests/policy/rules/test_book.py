"""Rules together: every one is asked, the strictest counts, and nothing that is added ever lowers protection."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.decide import decide
from policy.decision import Action, Decision, Method
from policy.facts import Facts
from policy.phi.report import Kind, Report
from policy.rules import NO_RULES, Rule, RuleBook
from policy.rules.book import STRICTNESS, Answer
from policy.rules.packs import Pack, load_pack
from policy.sensitivity import Sensitivity
from tests.policy.rules.facts_for import ALL_FACTS, CONDITIONS, RULES, facts, found, make

PHI = Report(phi=True, score=0.9)


def only(*rules: Rule, report: Report | None = None, **changes: object) -> Decision:
    """The decision on one recipient."""
    (decision,) = decide(facts(report=report, **changes), RuleBook(rules))  # type: ignore[arg-type]
    return decision


@pytest.mark.parametrize(
    ("action", "clean", "phi"),
    [
        (Action.ALLOW, (Action.ALLOW, False, (Method.TLS,)), (Action.PROTECT, True, (Method.TLS, Method.PORTAL))),
        (Action.PROTECT, (Action.PROTECT, True, (Method.TLS, Method.PORTAL)), None),
        (Action.REQUIRE_TLS, (Action.REQUIRE_TLS, True, (Method.TLS,)), None),
        (Action.PORTAL_ONLY, (Action.PORTAL_ONLY, True, (Method.PORTAL,)), None),
        (Action.HOLD, (Action.HOLD, False, ()), (Action.HOLD, True, ())),
        (Action.REJECT, (Action.REJECT, False, ()), (Action.REJECT, True, ())),
    ],
)
def test_each_action(
    action: Action,
    clean: tuple[Action, bool, tuple[Method, ...]],
    phi: tuple[Action, bool, tuple[Method, ...]] | None,
) -> None:
    """On a message that nothing protects, and on one that is protected anyway."""
    for report, expected in ((None, clean), (PHI, phi or clean)):
        decision = only(make("true", action), report=report)
        assert (decision.action, decision.protected, decision.methods) == expected
        assert decision.rules == ("rule",)
        assert f'Rule "rule" asks for {action} (true).' in decision.trace


def test_a_ladder_without_the_rung_that_a_rule_leaves_is_held() -> None:
    """Invariant 1: the configured ladder is not climbed past its end, and clear text is no way out."""
    about = facts()
    (recipient,) = about.recipients
    about = replace(about, recipients=(replace(recipient, methods=(Method.TLS,)),))
    (decision,) = decide(about, RuleBook([make("true", Action.PORTAL_ONLY)]))
    assert (decision.action, decision.protected, decision.methods) == (Action.HOLD, True, ())


@pytest.mark.parametrize("first", STRICTNESS)
@pytest.mark.parametrize("second", STRICTNESS)
def test_the_strictest_counts(first: Action, second: Action) -> None:
    """Whichever stands first in the file."""
    rules = [make("true", first, name="a"), make("true", second, name="b")]
    decision, turned = only(*rules), only(*reversed(rules))
    strictest = max(first, second, key=STRICTNESS.index)
    assert (decision.action, decision.methods) == (turned.action, turned.methods)
    assert decision.action is strictest
    assert decision.rules == ("a", "b")


def test_an_exception_is_explicit() -> None:
    """The rule asks for nothing, and the trace says that it would have, and why it does not."""
    rule = make("phi", Action.REJECT, unless='recipient.domain == "there.example"')
    decision = only(rule, report=PHI)
    assert (decision.action, decision.rules) == (Action.PROTECT, ())
    said = (
        'Rule "rule" would ask for reject (phi is true), but its exception holds (recipient.domain is there.example).'
    )
    assert said in decision.trace
    (other,) = decide(facts("b@else.example", report=PHI), RuleBook([rule]))
    assert other.action is Action.REJECT


def test_the_trace_shows_what_was_seen() -> None:
    """Invariant 6: each fact of the condition with its value."""
    report = Report(phi=False, score=0.123456, findings=(found(Kind.SSN),) * 3)
    decision = only(
        make('findings.ssn.count > 2 and score < 0.5 and time < 08:30 and role == ""', Action.PROTECT), report=report
    )
    seen = "findings.ssn.count is 3, score is 0.1235, time is 00:00, role is empty"
    assert f'Rule "rule" asks for protect ({seen}).' in decision.trace


def test_a_long_value_is_cut() -> None:
    decision = only(make('recipient matches "*"', Action.PROTECT), report=PHI)
    assert "b@there.example" in decision.trace[1]
    (long,) = decide(facts(f"{'b' * 200}@there.example"), RuleBook([make('recipient matches "*"', Action.PROTECT)]))
    assert all(len(step) < 200 for step in long.trace)


def test_what_a_person_released_is_not_held_again() -> None:
    """The hold has had its say; every other rule still counts."""
    hold, portal = make("true", Action.HOLD, name="hold"), make("true", Action.PORTAL_ONLY, name="portal")
    assert only(hold, is_released=True).action is Action.ALLOW
    assert only(hold, portal, is_released=True).methods == (Method.PORTAL,)
    assert only(hold, make("true", Action.REJECT), is_released=True).action is Action.REJECT


def test_recipients_are_judged_apart() -> None:
    """A rule about recipients says nothing of the others, and their addresses do not show in another's trace."""
    rules = RuleBook([make('recipient.domain == "b.example"'), make("recipients.count == 2", Action.PROTECT, name="c")])
    first, second = decide(facts("a@a.example", "b@b.example"), rules)
    assert (first.action, second.action) == (Action.PROTECT, Action.HOLD)
    assert not any("b.example" in step for step in first.trace)


def test_all_recipients_count_when_some_are_decided() -> None:
    """At a release: one of fifty is decided on, and there are fifty all the same."""
    everybody = tuple(f"p{number}@b.example" for number in range(50))
    (decision,) = decide(facts(everybody=everybody), RuleBook([make("recipients.count == 50")]))
    assert decision.action is Action.HOLD


def test_without_recipients_there_is_nothing_to_say() -> None:
    assert RuleBook([make("phi"), make("recipient.ours")]).judge(replace(facts(), recipients=())) == ()
    assert NO_RULES.judge(facts("a@a.example", "b@b.example")) == ((), ())


def rank(decision: Decision) -> tuple[bool, int]:
    return decision.protected, STRICTNESS.index(decision.action)


@pytest.mark.slow
@given(ALL_FACTS, RULES)
def test_every_fact_set_gets_a_decision(about: Facts, rules: list[Rule]) -> None:
    """Total; and invariant 1 whatever the rules: no ladder has a rung that the configuration lacks, and a message that
    content protects is protected."""
    for recipient, plain, ruled in zip(about.recipients, decide(about), decide(about, RuleBook(rules)), strict=True):
        assert ruled.recipient == recipient.address
        assert ruled.trace
        assert ruled.protected or not plain.protected
        if ruled.protected:
            assert set(ruled.methods) <= set(recipient.methods)
            assert bool(ruled.methods) is (ruled.action not in {Action.HOLD, Action.REJECT})


BOTH = st.lists(
    st.builds(
        lambda one, two, word, name: make(f"({one}) {word} ({two})", name=name, unless=two if word == "and" else ""),
        st.sampled_from(CONDITIONS), st.sampled_from(CONDITIONS), st.sampled_from(["and", "or"]),
        st.text("abc", min_size=1),
    ),
    max_size=6, unique_by=lambda rule: rule.name,
)  # fmt: skip


@pytest.mark.slow
@given(ALL_FACTS, BOTH)
def test_what_is_asked_once_a_message_changes_no_answer(about: Facts, rules: list[Rule]) -> None:
    """A condition that was split in two applies where the whole does, for each recipient, and tells the same."""
    book = RuleBook(rules)
    for hits, verdicts in zip(book.judge(about), book.verdicts(about), strict=True):
        applying = [one for one in verdicts if one.answer is not Answer.DOES_NOT_APPLY]
        whole = [(one.rule.name, one.answer is Answer.EXCEPTED) for one in applying]
        assert [(hit.rule.name, hit.is_excepted) for hit in hits] == whole
        assert all(one.seen.partition("; unless ")[0] in hit.why for hit, one in zip(hits, applying, strict=True))


@pytest.mark.slow
@given(ALL_FACTS, RULES, st.randoms())
def test_order_says_nothing(about: Facts, rules: list[Rule], chance: object) -> None:
    shuffled = list(rules)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    for one, other in zip(decide(about, RuleBook(rules)), decide(about, RuleBook(shuffled)), strict=True):
        assert (one.action, one.protected, one.methods) == (other.action, other.protected, other.methods)
        assert sorted(one.rules) == sorted(other.rules)
        assert sorted(one.trace) == sorted(other.trace)


@pytest.mark.slow
@given(ALL_FACTS, RULES, RULES)
def test_a_rule_more_never_lowers(about: Facts, rules: list[Rule], more: list[Rule]) -> None:
    """Monotone: not less protected, no way more, no action less strict.

    One step up has a way of its own: where `portal-only` is asked for beside `require-tls`, the portal alone is left,
    also where there was no TLS to be had.
    """
    for before, after in zip(decide(about, RuleBook(rules)), decide(about, RuleBook(rules + more)), strict=True):
        assert after.protected >= before.protected
        asked = {rule.action for rule in rules if rule.name in before.rules}
        if after.action is Action.PORTAL_ONLY and Action.REQUIRE_TLS in asked:
            assert after.methods == (Method.PORTAL,)
            continue
        assert rank(after) >= rank(before)
        if before.protected:
            assert set(after.methods) <= set(before.methods)


@pytest.mark.slow
@given(ALL_FACTS, RULES)
def test_a_finding_more_never_lowers(about: Facts, rules: list[Rule]) -> None:
    """For rules that ask for more the more is found: those without `not`, exceptions and upper bounds."""
    kept = [rule for rule in rules if rule.unless is None and "not" not in rule.when.text]
    raised = replace(
        about, report=replace(about.report, phi=True, findings=(*about.report.findings, found(Kind.SSN)), tagged=True)
    )
    for before, after in zip(decide(about, RuleBook(kept)), decide(raised, RuleBook(kept)), strict=True):
        assert rank(after) >= rank(before)
        if before.protected:
            assert set(after.methods) <= set(before.methods)


CLASS_RULES = [one.rule for pack in (Pack.PART2, Pack.PSYCHOTHERAPY, Pack.STATE_LAW) for one in load_pack(pack)]


@pytest.mark.slow
@given(ALL_FACTS, st.lists(st.sampled_from(Sensitivity)), st.sampled_from(["NY", "CA", "TX"]))
def test_a_class_more_never_lowers(about: Facts, more: list[Sensitivity], state: str) -> None:
    """For the packs that go by class, with their exceptions; and of a state's rows, whose state is known already."""
    sent = about.sent if about.sent.states else replace(about.sent, states=(state,))
    kept = replace(about, sent=sent)
    classes = tuple(one for one in Sensitivity if one in {*sent.sensitivity, *more})
    raised = replace(kept, sent=replace(sent, sensitivity=classes, states=tuple({*sent.states, state})))
    for before, after in zip(decide(kept, RuleBook(CLASS_RULES)), decide(raised, RuleBook(CLASS_RULES)), strict=True):
        assert rank(after) >= rank(before)
        if before.protected:
            assert set(after.methods) <= set(before.methods)
