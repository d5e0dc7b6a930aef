"""Decisions: what is protected, by which ladder, and why, in words (invariants 1, 5, 6)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.decide import Facts, MethodSource, RecipientFacts, choose_methods, decide, grounds
from policy.decision import Action, Method, PolicyDefault
from policy.facts import Sent
from policy.phi.report import Place, Report, Uninspectable
from policy.sensitivity import Sensitivity

ALL = (Method.TLS, Method.SMIME, Method.OPENPGP, Method.PORTAL)
CLEAN = Report(phi=False, score=0.0)
PHI = Report(phi=True, score=0.93)
UNREADABLE = Report(
    phi=False,
    score=0.0,
    uninspectable=(Uninspectable(place=Place(part="2", name="application/zip"), reason="encrypted archive"),),
)
RAISED = {
    "phi": Facts(report=PHI, recipients=()),
    "uninspectable": Facts(report=UNREADABLE, recipients=()),
    "tagged": Facts(report=replace(CLEAN, tagged=True), recipients=()),
    "encrypted": Facts(report=replace(CLEAN, encrypted=True), recipients=()),
    "protect-all": Facts(report=CLEAN, recipients=(), default=PolicyDefault.PROTECT_ALL),
    "requiretls": Facts(report=CLEAN, recipients=(), requiretls=True),
    "method": Facts(report=replace(CLEAN, lowest_method=Method.TLS), recipients=()),
    "class": Facts(report=CLEAN, recipients=(), sent=Sent(sensitivity=(Sensitivity.HIV,))),
}


def recipient(
    methods: tuple[Method, ...] = ALL,
    *,
    has_openpgp_key: bool | None = False,
    has_smime_certificate: bool | None = False,
    is_route_opportunistic: bool = False,
    is_tls_vouched: bool = True,
) -> RecipientFacts:
    """Somebody with the usual ladder."""
    return RecipientFacts(
        address="b@there.example",
        methods=methods,
        has_openpgp_key=has_openpgp_key,
        has_smime_certificate=has_smime_certificate,
        is_route_opportunistic=is_route_opportunistic,
        is_tls_vouched=is_tls_vouched,
    )


def test_clean_message_leaves_freely() -> None:
    """Unprotected mail takes TLS where it is offered, and is never held up by a missing key."""
    (decision,) = decide(Facts(report=CLEAN, recipients=(recipient(),)))
    assert (decision.action, decision.protected, decision.methods) == (Action.ALLOW, False, (Method.TLS,))


@pytest.mark.parametrize("why", list(RAISED))
def test_each_ground_protects_alone(why: str) -> None:
    """Health information, something unread, a tag, ciphertext, the default, REQUIRETLS: each is enough."""
    facts = replace(RAISED[why], recipients=(recipient(),))
    (decision,) = decide(facts)
    assert decision.protected
    assert decision.action is Action.PROTECT
    assert len(grounds(facts)) == 1
    assert decision.trace[0] == grounds(facts)[0]


@pytest.mark.parametrize(
    ("to", "requiretls", "ladder"),
    [
        (recipient(), False, (Method.TLS, Method.PORTAL)),
        (recipient(has_openpgp_key=None), False, (Method.TLS, Method.PORTAL)),
        (recipient(has_openpgp_key=True), False, (Method.TLS, Method.OPENPGP, Method.PORTAL)),
        (replace(recipient(), may_find_openpgp_key=True), False, (Method.TLS, Method.OPENPGP, Method.PORTAL)),
        (replace(recipient(has_openpgp_key=None), may_find_openpgp_key=True), False, (Method.TLS, Method.PORTAL)),
        (recipient(has_smime_certificate=None), False, (Method.TLS, Method.PORTAL)),
        (recipient(has_smime_certificate=True), False, (Method.TLS, Method.SMIME, Method.PORTAL)),
        (recipient(has_smime_certificate=True), True, (Method.TLS, Method.PORTAL)),
        (recipient((Method.PORTAL, Method.TLS)), False, (Method.PORTAL, Method.TLS)),
        (recipient(is_route_opportunistic=True), False, (Method.PORTAL,)),
        (recipient(is_tls_vouched=False, has_openpgp_key=True), False, (Method.OPENPGP, Method.PORTAL)),
        (recipient(has_openpgp_key=True), True, (Method.TLS, Method.PORTAL)),
        (recipient(is_tls_vouched=False), True, (Method.TLS, Method.PORTAL)),
    ],
)
def test_ladder_of_protected_mail(to: RecipientFacts, requiretls: bool, ladder: tuple[Method, ...]) -> None:
    """The configured order stays; a rung goes when its row of the table stands, and the trace says why."""
    (decision,) = decide(Facts(report=PHI, recipients=(to,), requiretls=requiretls))
    assert decision.methods == ladder
    for gone in {*to.methods} - {*ladder}:
        assert any(gone in line.lower().replace("/", "") and "skipped" in line for line in decision.trace)


@pytest.mark.parametrize("methods", [(), (Method.SMIME,), (Method.OPENPGP,), (Method.SMIME, Method.OPENPGP)])
def test_empty_ladder_is_held(methods: tuple[Method, ...]) -> None:
    """Invariant 1: no way left means a person decides, never plain text."""
    (decision,) = decide(Facts(report=PHI, recipients=(recipient(methods),)))
    assert (decision.action, decision.protected, decision.methods) == (Action.HOLD, True, ())
    assert "held" in decision.trace[-1]


def test_recipients_are_decided_apart() -> None:
    """One recipient's missing key is no other's."""
    first, second = recipient(has_openpgp_key=True), replace(recipient(), address="c@else.example")
    decisions = decide(Facts(report=PHI, recipients=(first, second)))
    assert [decision.recipient for decision in decisions] == ["b@there.example", "c@else.example"]
    assert [Method.OPENPGP in decision.methods for decision in decisions] == [True, False]


@pytest.mark.parametrize(
    ("route", "domain", "source"),
    [
        ((Method.TLS,), (Method.PORTAL,), MethodSource.ROUTE),
        ((), (Method.PORTAL,), MethodSource.DOMAIN),
        ((), (), MethodSource.DELIVERY),
    ],
)
def test_nearest_ladder_counts(route: tuple[Method, ...], domain: tuple[Method, ...], source: MethodSource) -> None:
    """route.methods before domain.methods before delivery.methods."""
    methods, chosen = choose_methods(route, domain, ALL)
    assert chosen is source
    assert methods == (route or domain or ALL)


def test_trace_names_the_part_that_was_not_read() -> None:
    """Invariant 6: the sender's help desk can say which attachment it was."""
    (decision,) = decide(Facts(report=UNREADABLE, recipients=(recipient(),)))
    assert "part 2 (application/zip): encrypted archive" in decision.trace[0]


REPORTS = st.builds(
    Report,
    phi=st.booleans(),
    score=st.floats(0, 1),
    uninspectable=st.sampled_from([(), UNREADABLE.uninspectable]),
    tagged=st.booleans(),
    signed_by_author=st.booleans(),
    encrypted=st.booleans(),
    urgent=st.booleans(),
    bulk=st.booleans(),
)
RECIPIENTS = st.builds(
    RecipientFacts,
    address=st.just("b@there.example"),
    methods=st.lists(st.sampled_from(Method), unique=True).map(tuple),
    source=st.sampled_from(MethodSource),
    has_openpgp_key=st.sampled_from([True, False, None]),
    has_smime_certificate=st.sampled_from([True, False, None]),
    is_route_opportunistic=st.booleans(),
    is_tls_vouched=st.booleans(),
)
FACTS = st.builds(
    Facts,
    report=REPORTS,
    recipients=st.lists(RECIPIENTS, min_size=1, max_size=3).map(tuple),
    default=st.sampled_from(PolicyDefault),
    requiretls=st.booleans(),
)


@given(FACTS)
def test_nothing_that_calls_for_protection_leaves_without(facts: Facts) -> None:
    """Invariant 1, over all combinations: a ground protects every recipient, and no ladder holds a rung in its way."""
    must = facts.report.protected or facts.report.tagged or facts.report.encrypted or facts.requiretls
    must = must or facts.default is PolicyDefault.PROTECT_ALL
    for to, decision in zip(facts.recipients, decide(facts), strict=True):
        assert decision.protected == must
        assert decision.trace
        if decision.protected:
            assert set(decision.methods) <= set(to.methods)
            assert (decision.action is Action.HOLD) == (not decision.methods)
            assert not (to.is_route_opportunistic and Method.TLS in decision.methods)
            assert to.has_openpgp_key or Method.OPENPGP not in decision.methods
            assert to.has_smime_certificate or Method.SMIME not in decision.methods


@given(FACTS, st.sampled_from(list(RAISED)))
def test_raising_never_lowers(facts: Facts, why: str) -> None:
    """One ground more: what was protected stays so, and only REQUIRETLS may bring back a rung (a vouched tls)."""
    extra = RAISED[why]
    report = replace(
        facts.report,
        phi=facts.report.phi or extra.report.phi,
        tagged=facts.report.tagged or extra.report.tagged,
        encrypted=facts.report.encrypted or extra.report.encrypted,
        uninspectable=facts.report.uninspectable or extra.report.uninspectable,
        lowest_method=facts.report.lowest_method or extra.report.lowest_method,
    )
    default = facts.default if extra.default is PolicyDefault.PROTECT_PHI else extra.default
    raised = replace(
        facts, report=report, default=default, requiretls=facts.requiretls or extra.requiretls, sent=extra.sent
    )
    for before, after in zip(decide(facts), decide(raised), strict=True):
        assert after.protected
        if before.protected and raised.requiretls == facts.requiretls:
            assert after.methods == before.methods


@pytest.mark.parametrize(
    ("lowest", "ladder"),
    [
        (Method.TLS, (Method.TLS, Method.OPENPGP, Method.PORTAL)),
        (Method.SMIME, (Method.OPENPGP, Method.PORTAL)),
        (Method.OPENPGP, (Method.OPENPGP, Method.PORTAL)),
        (Method.PORTAL, (Method.PORTAL,)),
    ],
)
@pytest.mark.parametrize("report", [CLEAN, PHI], ids=["clean", "phi"])
def test_asked_method_only_raises(report: Report, lowest: Method, ladder: tuple[Method, ...]) -> None:
    """ID-08: X-Mailward-Method protects the message and takes lower rungs away; it adds none."""
    facts = Facts(report=replace(report, lowest_method=lowest), recipients=(recipient(has_openpgp_key=True),))
    (decision,) = decide(facts)
    assert (decision.protected, decision.methods) == (True, ladder)
    assert f"The sender's system asked for {lowest} or more (X-Mailward-Method)." in decision.trace
    skipped = "tls is less than the sender's system asked for, so it is skipped."
    assert (skipped in decision.trace) == (lowest is not Method.TLS)


def test_asked_for_more_than_the_ladder_has_is_held() -> None:
    """ID-08: the configured ladder is not climbed past its end."""
    facts = Facts(report=replace(CLEAN, lowest_method=Method.PORTAL), recipients=(recipient((Method.TLS,)),))
    (decision,) = decide(facts)
    assert (decision.action, decision.methods) == (Action.HOLD, ())
