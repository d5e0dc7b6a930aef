"""Facts that tests ask about."""

from typing import Any

from hypothesis import strategies as st

from policy.binding import Binding
from policy.campaign import About, Audience, Basis, CampaignAnswer, Payment
from policy.decision import Action, Method, PolicyDefault
from policy.facts import Facts, RecipientFacts, Sent
from policy.people import Position, Standing
from policy.phi.report import Finding, Kind, Place, Report, Sign, SignKind, Uninspectable
from policy.purpose import PURPOSES, PurposeSource
from policy.rules import Rule, parse_condition
from policy.rules.book import STRICTNESS
from policy.sensitivity import Sensitivity

ALL = (Method.TLS, Method.SMIME, Method.OPENPGP, Method.PORTAL)
UNREAD = Uninspectable(place=Place(part="2"), reason="an archive")


def to(address: str = "b@there.example", **changes: Any) -> RecipientFacts:
    return RecipientFacts(address=address, methods=ALL, **changes)


def found(kind: Kind, certainty: float = 0.9) -> Finding:
    return Finding(kind=kind, masked="…", place=Place(part="1"), certainty=certainty, why="a cue")


def facts(*recipients: str, report: Report | None = None, sent: Sent | None = None, **changes: Any) -> Facts:
    """A clean message from the clinic to these, or to one."""
    return Facts(
        report=report or Report(phi=False, score=0.0),
        recipients=tuple(to(address) for address in recipients or ("b@there.example",)),
        sent=sent or Sent(sender="Jane.Doe@clinic.example", our_domains=frozenset({"clinic.example"})),
        **changes,
    )


def make(when: str, action: Action | str = Action.HOLD, *, name: str = "rule", unless: str = "") -> Rule:
    exception = parse_condition(unless) if unless else None
    return Rule(name=name, when=parse_condition(when), action=Action(action), unless=exception)


CONDITIONS = (
    "true",
    "phi",
    "not phi and tagged",
    "findings.ssn.count >= 1",
    "findings.ssn.certainty > 0.5 or uninspectable.count > 0",
    'recipient.domain within "there.example"',
    "recipient.has_smime_certificate",
    "recipient.has_openpgp_key",
    "recipients.count > 1 and not recipient.ours",
    "bulk or urgent",
    "false",
    "purpose.contradicted",
    "recipient.other_patient or not recipient.in_segment",
    "marketing and recipient.patient",
    "findings.beyond_limited > 0 or findings.beyond_fundraising > 0",
    'recipient.position in ["shared", "involved"] or patient.minor',
    'purpose in ["marketing", "fundraising"] and not signs contains "opt-out"',
    'sensitivity contains ["part2", "hiv"] or states contains "NY"',
)
REPORTS = st.builds(
    Report,
    phi=st.booleans(),
    score=st.floats(0, 1),
    findings=st.lists(st.sampled_from([found(Kind.SSN), found(Kind.SSN, 0.3), found(Kind.LAB)]), max_size=3).map(tuple),
    uninspectable=st.sampled_from([(), (UNREAD,)]),
    tagged=st.booleans(),
    encrypted=st.booleans(),
    bulk=st.booleans(),
    signs=st.lists(
        st.builds(Sign, kind=st.sampled_from(SignKind), phrase=st.just("…"), place=st.just(Place(part="1"))), max_size=3
    ).map(tuple),
    lowest_method=st.sampled_from([None, *Method]),
)
RECIPIENTS = st.builds(
    RecipientFacts,
    address=st.sampled_from(["b@there.example", "c@clinic.example", "d@sub.there.example"]),
    methods=st.lists(st.sampled_from(Method), unique=True).map(tuple),
    has_openpgp_key=st.sampled_from([True, False, None]),
    has_smime_certificate=st.sampled_from([True, False, None]),
    is_route_opportunistic=st.booleans(),
    is_tls_vouched=st.booleans(),
    campaign=st.builds(
        CampaignAnswer,
        is_reviewed=st.booleans(),
        about=st.sampled_from(About),
        payment=st.sampled_from(Payment),
        audience=st.sampled_from(Audience),
        basis=st.sampled_from(Basis),
        is_covered=st.booleans(),
    ),
    standing=st.builds(
        Standing,
        patient=st.sampled_from(["", "id:1"]),
        position=st.sampled_from(Position),
        is_verified=st.booleans(),
        is_patient=st.booleans(),
        is_minor=st.booleans(),
        is_ambiguous=st.booleans(),
    ),
    binding=st.builds(Binding, is_other_patient=st.booleans(), in_segment=st.booleans()),
    is_archive=st.booleans(),
)
ALL_FACTS = st.builds(
    Facts,
    report=REPORTS,
    recipients=st.lists(RECIPIENTS, min_size=1, max_size=3).map(tuple),
    default=st.sampled_from(PolicyDefault),
    requiretls=st.booleans(),
    sent=st.builds(
        Sent,
        urgent=st.booleans(),
        purpose=st.sampled_from(["", *sorted(PURPOSES)]),
        purpose_source=st.sampled_from(PurposeSource),
        contradiction=st.sampled_from(["", "It reads like marketing."]),
        our_domains=st.just(frozenset({"clinic.example"})),
        sensitivity=st.lists(st.sampled_from(Sensitivity), unique=True, max_size=2).map(tuple),
        states=st.sampled_from([(), ("NY",), ("CA", "NY")]),
    ),
    is_released=st.booleans(),
)
RULES = st.lists(
    st.builds(
        lambda when, action, unless: make(when, action, unless=unless),
        st.sampled_from(CONDITIONS), st.sampled_from(STRICTNESS), st.sampled_from(("", *CONDITIONS)),
    ),
    max_size=6,
)  # fmt: skip
