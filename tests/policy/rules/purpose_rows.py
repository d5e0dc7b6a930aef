"""Messages that the packs about purposes and people are for, and those just beside them."""

from dataclasses import replace

from policy.campaign import NO_CAMPAIGN, About, Audience, Basis, CampaignAnswer, Payment
from policy.consent import Consents
from policy.facts import UNASKED, Facts, Sent
from policy.people import NOT_ASKED, Position, Standing
from policy.phi.report import Kind, Place, Report, Sign, SignKind
from policy.sensitivity import Sensitivity
from tests.policy.rules.facts_for import UNREAD, facts, found, to

CLEAN = Report(phi=False, score=0.0)
PHI = Report(phi=True, score=0.9)
SUBSTANCE = replace(PHI, findings=(found(Kind.SUBSTANCE_USE, 0.9),))
MASS = replace(CLEAN, bulk=True)
HOME = Sent(sender="jane.doe@clinic.example", our_domains=frozenset({"clinic.example"}))
ASKED = Consents(opted_out=False, confidential=False, restricted=False)  # the register was asked, and has nothing
AUTHORIZED = replace(ASKED, authorized=True)
OPTED_OUT = replace(AUTHORIZED, opted_out=True)
REVIEWED = CampaignAnswer(is_reviewed=True, payment=Payment.NONE, audience=Audience.PATIENTS)
PUBLIC = replace(REVIEWED, audience=Audience.PUBLIC)
DATA_USE = replace(REVIEWED, about=About.STUDY, basis=Basis.DATA_USE, is_covered=True)
WAIVER = replace(DATA_USE, basis=Basis.WAIVER)
NO_PATIENT = replace(NOT_ASKED, is_patient=False)
PARENT = Standing(position=Position.REPRESENTATIVE, is_minor=True)
MANY = tuple(f"p{number}@there.example" for number in range(21))


def sent(
    purpose: str, campaign: CampaignAnswer = NO_CAMPAIGN, consents: Consents = ASKED, *, report: Report = CLEAN,
    whom: str = "pat@there.example", standing: Standing = NOT_ASKED, contradiction: str = "",
) -> Facts:  # fmt: skip
    """A message to one recipient for this purpose."""
    one = replace(to(whom), consents=consents, campaign=campaign, standing=standing)
    about = replace(HOME, purpose=purpose, contradiction=contradiction)
    return replace(facts(report=report, sent=about), recipients=(one,))


def of_class(about: Facts) -> Facts:
    return replace(about, sent=replace(about.sent, sensitivity=(Sensitivity.HIV,)))


def at(position: Position) -> Standing:
    return Standing(position=position)


def holding(*kinds: Kind, report: Report = PHI) -> Report:
    return replace(report, findings=tuple(found(kind) for kind in kinds))


def signed(kind: SignKind) -> Report:
    return replace(CLEAN, signs=(Sign(kind=kind, phrase="…", place=Place(part="1")),))


ROWS: dict[str, tuple[tuple[Facts, bool], ...]] = {
    "purpose/contradicted": (
        (sent("treatment", contradiction="It reads like marketing."), True),
        (sent("treatment"), False),
        (sent("treatment", contradiction="It reads like marketing.", whom="a@clinic.example"), False),
    ),
    "purpose/unknown-in-bulk": (
        (sent("", report=MASS), True),
        (facts(*MANY), True),
        (facts(*MANY[:20]), False),
        (sent("", report=MASS, standing=NO_PATIENT), False),
        (sent("", report=MASS, whom="a@clinic.example"), False),
        (sent("operations", report=MASS), False),
    ),
    "marketing/authorization": (
        (sent("marketing"), True),
        (sent("marketing", consents=UNASKED), True),  # nobody asked the register
        (sent("marketing", consents=AUTHORIZED), False),
        (sent("marketing", REVIEWED), True),
        (sent("treatment", replace(REVIEWED, about=About.TREATMENT, payment=Payment.MORE)), True),
        (sent("treatment", replace(REVIEWED, about=About.TREATMENT)), False),
        (sent("treatment", replace(REVIEWED, about=About.REFILL, payment=Payment.COST)), False),
        (sent("marketing", replace(REVIEWED, about=About.HEALTH)), False),
        (sent("marketing", PUBLIC), False),
        (sent("marketing", standing=NO_PATIENT), False),
        (sent("marketing", REVIEWED, standing=NO_PATIENT), True),  # its reviewer said that it goes to patients
        (sent("marketing", whom="a@clinic.example"), False),
        (sent("treatment"), False),
    ),
    "marketing/opted-out": (
        (sent("marketing", consents=OPTED_OUT), True),
        (sent("marketing", consents=AUTHORIZED), False),
        (sent("treatment", consents=OPTED_OUT), False),
    ),
    "marketing/paid-care": (
        (sent("treatment", report=signed(SignKind.PAID)), True),
        (sent("treatment", REVIEWED, report=signed(SignKind.PAID)), False),
        (sent("treatment"), False),
        (sent("payment", report=signed(SignKind.PAID)), False),
    ),
    "marketing/campaign": (
        (sent("marketing", report=MASS), True),
        (sent("marketing", REVIEWED, report=MASS), False),
        (sent("marketing"), False),
        (sent("treatment", report=MASS), False),
    ),
    "marketing/public": (
        (sent("marketing", PUBLIC, report=PHI), True),
        (sent("marketing", PUBLIC), False),
        (sent("marketing", REVIEWED, report=PHI), False),
    ),
    "fundraising/data": (
        (sent("fundraising", report=holding(Kind.DIAGNOSIS)), True),
        (sent("fundraising", report=holding(Kind.MRN, report=CLEAN)), True),
        (sent("fundraising", consents=AUTHORIZED, report=holding(Kind.MRN)), False),
        (sent("fundraising", report=holding(Kind.NAME, Kind.SERVICE_DATE)), False),
        (sent("fundraising", report=holding(Kind.DIAGNOSIS, report=CLEAN)), False),
        (sent("treatment", report=holding(Kind.MRN)), False),
    ),
    "fundraising/unread": (
        (sent("fundraising", report=replace(CLEAN, uninspectable=(UNREAD,))), True),
        (sent("fundraising", consents=AUTHORIZED, report=replace(CLEAN, uninspectable=(UNREAD,))), False),
        (sent("treatment", report=replace(CLEAN, uninspectable=(UNREAD,))), False),
        (sent("fundraising"), False),
    ),
    "fundraising/opt-out-offered": (
        (sent("fundraising"), True),
        (sent("fundraising", report=signed(SignKind.OPT_OUT)), False),
        (sent("treatment"), False),
    ),
    "fundraising/opted-out": (
        (sent("fundraising", consents=OPTED_OUT), True),
        (sent("fundraising"), False),
        (sent("marketing", consents=OPTED_OUT), False),
    ),
    "fundraising/campaign": (
        (sent("fundraising", report=MASS), True),
        (sent("fundraising", REVIEWED, report=MASS), False),
        (sent("fundraising"), False),
    ),
    "research/basis": (
        (sent("research", report=PHI), True),
        (sent("research", replace(DATA_USE, is_covered=False), report=PHI), True),
        (sent("research", DATA_USE, report=PHI), False),
        (sent("research", WAIVER, report=PHI), False),
        (sent("research", consents=AUTHORIZED, report=PHI), False),
        (sent("research"), False),
    ),
    "research/limited-data-set": (
        (sent("research", DATA_USE, report=holding(Kind.NAME)), True),
        (sent("research", DATA_USE, report=holding(Kind.DOB, Kind.LAB)), False),
        (sent("research", DATA_USE, AUTHORIZED, report=holding(Kind.NAME)), False),
        (sent("research", WAIVER, report=holding(Kind.NAME)), False),
    ),
    "research/unread": (
        (sent("research", DATA_USE, report=replace(CLEAN, uninspectable=(UNREAD,))), True),
        (sent("research", DATA_USE), False),
    ),
    "people/shared-address": (
        (sent("treatment", report=PHI, standing=at(Position.SHARED)), True),
        (sent("treatment", standing=at(Position.SHARED)), False),
        (sent("treatment", report=PHI, standing=at(Position.SELF)), False),
    ),
    "people/minors-topic": (
        (sent("treatment", report=SUBSTANCE, standing=PARENT), True),
        (sent("treatment", report=SUBSTANCE, standing=replace(PARENT, is_minor=False)), False),
        (sent("treatment", report=SUBSTANCE, standing=replace(PARENT, position=Position.SELF)), False),
        (sent("treatment", report=PHI, standing=PARENT), False),
        (of_class(sent("treatment", report=PHI, standing=PARENT)), True),
        (of_class(sent("treatment", report=PHI, standing=replace(PARENT, is_minor=False))), False),
    ),
    "people/involved": (
        (sent("treatment", report=SUBSTANCE, standing=at(Position.INVOLVED)), True),
        (sent("treatment", report=PHI, standing=at(Position.INVOLVED)), False),
        (of_class(sent("treatment", report=PHI, standing=at(Position.INVOLVED))), True),
    ),
}
