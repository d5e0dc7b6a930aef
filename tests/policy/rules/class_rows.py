"""Rows for the packs that go by legal class: part2, psychotherapy, state-law. See `test_packs.py`."""

from dataclasses import replace

from policy.baa import NO_AGREEMENT, Agreement, Relation
from policy.consent import Consents
from policy.facts import UNASKED, Facts, Sent
from policy.people import NOT_ASKED, Position, Standing
from policy.phi.report import Kind, Place, Report, Sign, SignKind
from policy.sensitivity import Sensitivity
from tests.policy.rules.facts_for import facts, found, to

ASKED = Consents(opted_out=False, confidential=False, restricted=False)
AUTHORIZED, PART2_GIVEN = replace(ASKED, authorized=True), replace(ASKED, part2=True)
NAMING_HIV = replace(AUTHORIZED, topics=("hiv", "substance_use"))
NAMING_OTHERS = replace(AUTHORIZED, topics=("mental_health", "reproductive", "substance_use"))
NOTES_GIVEN = replace(ASKED, psychotherapy=True)
BAA = Agreement(relation=Relation.ASSOCIATE, in_force=True, permits=True)
QSO = replace(BAA, qsoa=True)
SENDER = "jane.doe@clinic.example"
SUBSTANCE = Report(phi=True, score=0.9, findings=(found(Kind.SUBSTANCE_USE), found(Kind.HIV), found(Kind.REPRODUCTIVE)))


def classed(
    *classes: str, consents: Consents = UNASKED, agreement: Agreement = NO_AGREEMENT, purpose: str = "treatment",
    whom: str = "doc@there.example", states: tuple[str, ...] = (), standing: Standing = NOT_ASKED,
) -> Facts:  # fmt: skip
    """A message of these classes to one recipient; all topics are in it, which alone are no class."""
    sent = Sent(
        sender=SENDER,
        our_domains=frozenset({"clinic.example"}),
        purpose=purpose,
        sensitivity=tuple(map(Sensitivity, classes)),
        sensitivity_why=("Its class is said.",) if classes else (),
        states=states,
    )
    about = to(whom, consents=consents, agreement=agreement, standing=standing)
    return replace(facts(report=SUBSTANCE, sent=sent), recipients=(about,))


def marked(about: Facts, kind: SignKind) -> Facts:
    sign = Sign(kind=kind, phrase="…", place=Place(part="1"))
    return replace(about, report=replace(about.report, signs=(sign,)))


def state(
    state: str, what: str, *, but_for: tuple[str, ...], other: str = "hiv", consents: Consents = ASKED
) -> tuple[tuple[Facts, bool], ...]:
    """What every row of state law has in common. but_for: purposes that it lets go."""
    stopped = sorted({"treatment", "payment", "operations", "judicial", "marketing", ""} - {*but_for})
    return (
        *((classed(what, states=(state,), purpose=purpose, consents=consents), True) for purpose in stopped),
        *((classed(what, states=(state,), purpose=purpose, consents=consents), False) for purpose in but_for),
        (classed(what, states=("ZZ", state), purpose=stopped[-1], consents=consents), True),
        (classed(what, states=("ZZ",), purpose=stopped[-1], consents=consents), False),
        (classed(what, states=(), purpose=stopped[-1], consents=consents), False),
        (classed(other, states=(state,), purpose=stopped[-1], consents=consents), False),
        (classed(states=(state,), purpose=stopped[-1], consents=consents), False),  # topics alone
        (classed(what, states=(state,), purpose=stopped[-1], consents=consents, whom="a@clinic.example"), False),
    )


THEMSELVES = ("individual", "access")
READERS = {position: Standing(position=position) for position in Position}
PARENT = replace(READERS[Position.REPRESENTATIVE], is_minor=True)
BY_LAW = ("public-health", "required-by-law")


def hiv(
    code: str, *passes: str, is_named: bool = True, general: tuple[str, ...] = ()
) -> tuple[tuple[Facts, bool], ...]:
    """A row about HIV. passes: purposes that it lets go. general: those for which a general authorization will do."""
    return (
        *state(code, "hiv", but_for=(*THEMSELVES, *BY_LAW, *passes), other="part2"),
        (classed("hiv", states=(code,), purpose="operations"), True),  # nobody asked the register
        (classed("hiv", states=(code,), purpose="operations", consents=PART2_GIVEN), True),
        (classed("hiv", states=(code,), purpose="operations", consents=AUTHORIZED), is_named),
        (classed("hiv", states=(code,), purpose="operations", consents=NAMING_OTHERS), is_named),
        (classed("hiv", states=(code,), purpose="operations", consents=NAMING_HIV), False),
        *((classed("hiv", states=(code,), purpose=word, consents=AUTHORIZED), False) for word in general),
        *((classed("hiv", states=(code,), purpose=word, consents=ASKED), True) for word in general),
        (classed("hiv", states=(code,), purpose="access", standing=READERS[Position.INVOLVED]), True),
        (classed("hiv", states=(code,), purpose="access", standing=READERS[Position.SELF]), False),
    )


HIV_ROWS = {
    "state-law/ny-hiv": hiv("NY", "treatment", general=("payment",)),
    "state-law/ct-hiv": hiv("CT", "treatment", "payment"),
    "state-law/ma-hiv": hiv("MA"),
    "state-law/ca-hiv": hiv("CA", "treatment", is_named=False),
    "state-law/tx-hiv": hiv("TX", "treatment", is_named=False),
}
ROWS: dict[str, tuple[tuple[Facts, bool], ...]] = HIV_ROWS | {
    "part2/consent": (
        (classed("part2"), True),  # nobody asked the registers
        (classed("part2", consents=ASKED), True),
        (classed("part2", consents=AUTHORIZED), True),  # 42 CFR 2.31: a general one is not enough
        (classed("part2", consents=PART2_GIVEN), False),
        (classed("part2", consents=ASKED, agreement=BAA, purpose="operations"), True),
        (classed("part2", consents=ASKED, agreement=QSO, purpose="operations"), False),
        (classed("part2", consents=ASKED, agreement=replace(QSO, permits=False), purpose="operations"), True),
        *(
            (classed("part2", consents=ASKED, purpose="access", standing=READERS[one]), is_held)
            for one, is_held in (
                (Position.SELF, False),
                (Position.REPRESENTATIVE, False),
                (Position.UNKNOWN, False),
                (Position.STRANGER, True),
                (Position.SHARED, True),
                (Position.INVOLVED, True),
            )
        ),
        (classed("part2", consents=ASKED, purpose="individual", standing=PARENT), True),  # 42 CFR 2.14
        (classed("part2", consents=ASKED, whom="a@clinic.example"), False),
        (classed("hiv", consents=ASKED), False),
        (classed(consents=ASKED), False),  # the topic alone
    ),
    "part2/proceedings": (
        (classed("part2", consents=PART2_GIVEN, purpose="judicial"), True),
        (classed("part2", agreement=QSO, purpose="law-enforcement"), True),
        (classed("part2", consents=PART2_GIVEN), False),
        (classed("part2", purpose="judicial", whom="a@clinic.example"), False),
        (classed("hiv", purpose="judicial"), False),
    ),
    "part2/notice": (
        (classed("part2", consents=PART2_GIVEN), True),
        (classed("part2", consents=ASKED), True),  # whoever releases it: the notice is there
        (classed("part2", agreement=QSO), False),
        (marked(classed("part2", consents=PART2_GIVEN), SignKind.PART2), True),
        (marked(classed("part2", consents=PART2_GIVEN), SignKind.PART2_NOTICE), False),  # its author wrote it
        (classed("part2", purpose="individual"), False),
        (classed("part2", purpose="individual", standing=READERS[Position.STRANGER]), True),
        (classed("part2", whom="a@clinic.example"), False),
        (classed("hiv"), False),
    ),
    "part2/to-the-patient": (
        (classed("part2", consents=ASKED, purpose="access"), True),
        (classed("part2", consents=ASKED, whom="a@clinic.example"), False),
        (classed(consents=ASKED), False),
    ),
    "psychotherapy/authorization": (
        (classed("psychotherapy"), True),  # nobody asked the register
        (classed("psychotherapy", consents=ASKED), True),  # for treatment, too
        (classed("psychotherapy", consents=AUTHORIZED), True),  # 45 CFR 164.508(b)(3)(ii): of its own
        (classed("psychotherapy", consents=ASKED, purpose="access"), True),  # 45 CFR 164.524(a)(1)(i)
        (classed("psychotherapy", consents=ASKED, purpose="oversight"), True),
        (classed("psychotherapy", consents=ASKED, whom="boss@clinic.example"), True),  # a use is enough
        (classed("psychotherapy", consents=NOTES_GIVEN), False),
        (classed("psychotherapy", consents=ASKED, whom=SENDER), False),  # (a)(2)(i)(A)
        (classed("psychotherapy", consents=ASKED, purpose="required-by-law"), False),  # (a)(2)(ii), 164.512(a)
        (classed("part2", consents=ASKED), False),
        (classed(consents=ASKED), False),
    ),
    "state-law/no-state": (
        (classed("hiv"), True),
        (classed("reproductive", consents=AUTHORIZED), True),
        (classed("hiv", states=("ZZ",)), False),
        (classed("part2"), False),
        (classed("hiv", whom="a@clinic.example"), False),
    ),
    "state-law/ny-hiv/notice": (
        (classed("hiv", states=("NY",)), True),
        (classed("hiv", states=("NY",), purpose="access"), False),
        (classed("hiv", states=("NY",), purpose="access", standing=READERS[Position.STRANGER]), True),
        (classed("hiv", states=("CA",)), False),
        (classed("hiv", states=("NY",), whom="a@clinic.example"), False),
    ),
    "state-law/ct-hiv/notice": (
        (classed("hiv", states=("CT",)), True),
        (classed("hiv", states=("CT",), purpose="access"), False),
        (classed("hiv", states=("NY",)), False),
        (classed("hiv", states=("CT",), whom="a@clinic.example"), False),
    ),
    "state-law/ca-reproductive": (
        *state("CA", "reproductive", but_for=(*THEMSELVES, "treatment", "payment", "operations", "marketing")),
        (classed("reproductive", states=("CA",), purpose="judicial", consents=AUTHORIZED), True),
        (classed("reproductive", states=("NY",), purpose="judicial"), False),
    ),
}
