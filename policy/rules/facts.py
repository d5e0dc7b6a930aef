"""The table of facts that rules can ask for: name, type, meaning, and where the value comes from.

A later feature adds a row. Texts are in lower case, so that comparing them never depends on it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from policy import purpose
from policy.baa import Relation
from policy.campaign import Audience, Basis, is_marketing
from policy.consent import TOPICS as TOPICS_NAMED
from policy.datasets import beyond
from policy.facts import Facts, RecipientFacts
from policy.grounds import chose_plain, grounds
from policy.people import Position
from policy.phi.report import TOPICS, Kind, SignKind
from policy.rules.syntax import Type, Value
from policy.sensitivity import Sensitivity

SURE: Final = 0.8  # certainty from which a finding counts as sure
PURPOSES: Final = purpose.PURPOSES
NOBODY: Final = RecipientFacts(address="", methods=())
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NOT_LETTERS: Final = re.compile(r"[^a-z]+")
_SHORTEST_NAME: Final = 4  # letters that two mailboxes must share to look like one person's


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to ask for.

    read: its value for a message, or for one recipient of it where is_about_recipient. words: all values that a text
    can have, where that is known. of_kind: where it rests on the findings of one kind, the same of these alone.
    """

    type: Type
    meaning: str
    read: Callable[[Facts, RecipientFacts], Value]
    is_about_recipient: bool = False
    words: frozenset[str] = frozenset()
    of_kind: "OfKind | None" = None


@dataclass(frozen=True, slots=True)
class OfKind:
    """A fact that rests on the findings of one kind. read: their certainties to the value."""

    kind: Kind
    read: Callable[[Sequence[float]], Value]


def read_all(facts: Facts, wanted: Sequence[Fact]) -> list[Value]:
    """The values of facts about the message. Findings are sorted by kind once, however many facts ask for them."""
    by_kind: dict[Kind, list[float]] = {}
    if any(fact.of_kind for fact in wanted):
        for finding in facts.report.findings:
            by_kind.setdefault(finding.kind, []).append(finding.certainty)
    return [
        fact.of_kind.read(by_kind.get(fact.of_kind.kind, ())) if fact.of_kind else fact.read(facts, NOBODY)
        for fact in wanted
    ]


def _message(type_: Type, meaning: str, read: Callable[[Facts], Value], words: frozenset[str] = frozenset()) -> Fact:
    return Fact(type_, meaning, lambda facts, _to: read(facts), words=words)


def _recipient(
    type_: Type, meaning: str, read: Callable[[Facts, RecipientFacts], Value], words: frozenset[str] = frozenset()
) -> Fact:
    return Fact(type_, meaning, read, is_about_recipient=True, words=words)


def domain_of(address: str) -> str:
    """What stands after the last @, in lower case."""
    return address.rpartition("@")[2].lower()


def _is_ours(facts: Facts, address: str) -> bool:
    return domain_of(address) in facts.sent.our_domains


def _name_in(address: str) -> str:
    """The letters of a mailbox, in the order of the alphabet: jane.doe+x, Doe-Jane2 and janedoe are the same."""
    local = address.rpartition("@")[0].lower().partition("+")[0]
    return "".join(sorted(_NOT_LETTERS.sub("", local)))


def _looks_like_sender(facts: Facts, to: RecipientFacts) -> bool:
    name = _name_in(to.address)
    return (
        len(name) >= _SHORTEST_NAME
        and name == _name_in(facts.sent.sender)
        and domain_of(to.address) != domain_of(facts.sent.sender)
    )


def _minutes(facts: Facts) -> int:
    at = facts.sent.at
    return 0 if at is None else at.hour * 60 + at.minute


def _day(facts: Facts) -> str:
    return DAYS[0] if facts.sent.at is None else DAYS[facts.sent.at.weekday()]


def _purpose(facts: Facts) -> str:
    """A word that is not known is no purpose."""
    word = facts.sent.purpose.lower()
    return word if word in PURPOSES else "unknown"


def _of_kind(kind: Kind) -> dict[str, Fact]:
    words = kind.value.replace("_", " ")

    def fact(meaning: str, read: Callable[[Sequence[float]], Value]) -> Fact:
        def alone(facts: Facts, _to: RecipientFacts) -> Value:
            return read([finding.certainty for finding in facts.report.findings if finding.kind is kind])

        return Fact(Type.NUMBER, meaning, alone, of_kind=OfKind(kind, read))

    return {
        f"findings.{kind.value}.count": fact(
            f"Findings of the kind {words}, each value once a part or page, at most 500.", len
        ),
        f"findings.{kind.value}.sure": fact(
            f"Those of them with a certainty of {SURE} or more.", lambda found: sum(one >= SURE for one in found)
        ),
        f"findings.{kind.value}.certainty": fact(
            "The highest certainty among them, 0 to 1; 0 when there is none.", lambda found: max(found, default=0.0)
        ),
    }


FACTS: Final[Mapping[str, Fact]] = {
    "sender": _message(Type.TEXT, "Address in the From field.", lambda facts: facts.sent.sender.lower()),
    "sender.domain": _message(Type.TEXT, "Its domain.", lambda facts: domain_of(facts.sent.sender)),
    "login": _message(
        Type.TEXT, "Who signed in: a person's address or the name of a credential; empty from a relay.",
        lambda facts: facts.sent.login.lower(),
    ),
    "credential": _message(
        Type.TEXT, "Name of the credential, when a program signed in; else empty.",
        lambda facts: facts.sent.login.lower() if facts.sent.is_program else "",
    ),
    "role": _message(
        Type.TEXT, "Role of the person who signed in (`mailward user add --role`); else empty.",
        lambda facts: facts.sent.role.lower(),
    ),
    "purpose": _message(
        Type.TEXT, "What the message is for: X-Mailward-Purpose where it is believed, a label, its words; or unknown.",
        _purpose, PURPOSES,
    ),
    "purpose.source": _message(
        Type.TEXT, "Who said so.", lambda facts: facts.sent.purpose_source.value, frozenset(purpose.PurposeSource)
    ),
    "purpose.contradicted": _message(
        Type.TRUTH, "Its words speak of another purpose, or two labels disagree.",
        lambda facts: bool(facts.sent.contradiction),
    ),
    "sensitivity": _message(
        Type.TEXTS, "Legal classes of the message: X-Mailward-Sensitivity where it is believed, labels, its marking.",
        lambda facts: frozenset(one.value for one in facts.sent.sensitivity), frozenset(Sensitivity),
    ),
    "states": _message(
        Type.TEXTS, "States whose law speaks of it: of a label, else of the sender's domain.",
        lambda facts: frozenset(state.lower() for state in facts.sent.states),
    ),
    "signs": _message(
        Type.TEXTS, "What phrases in it speak of; `purpose` asks for two different ones.",
        lambda facts: frozenset(sign.kind.value for sign in facts.report.signs), frozenset(SignKind),
    ),
    "urgent": _message(Type.TRUTH, "The sender marked the message urgent.", lambda facts: facts.sent.urgent),
    "time": _message(Type.TIME, "Time of day of the gateway when the message came.", _minutes),
    "weekday": _message(Type.TEXT, "The day, monday to sunday.", _day, frozenset(DAYS)),
    "message.size": _message(Type.SIZE, "Size of the message as it came.", lambda facts: facts.sent.size),
    "recipients.count": _message(
        Type.NUMBER, "Recipients of the message, blind copies included.", lambda facts: len(facts.addresses)
    ),
    "recipients.visible": _message(
        Type.NUMBER, "Addresses in To and Cc, which every recipient sees.", lambda facts: facts.sent.visible
    ),
    "recipients.outside": _message(
        Type.NUMBER, "Recipients outside our own domains.",
        lambda facts: sum(not _is_ours(facts, address) for address in facts.addresses),
    ),
    "recipients.domains": _message(
        Type.NUMBER, "Different domains among the recipients.",
        lambda facts: len({domain_of(address) for address in facts.addresses}),
    ),
    "phi": _message(Type.TRUTH, "Health information about a person was found.", lambda facts: facts.report.phi),
    "score": _message(Type.NUMBER, "How strongly, 0 to 1.", lambda facts: facts.report.score),
    "protected": _message(
        Type.TRUTH, "The message is protected, whatever rules say; but see `consent.unencrypted`.",
        lambda facts: bool(grounds(facts)),
    ),
    "tagged": _message(
        Type.TRUTH, "The subject holds one of policy.subject_tags.", lambda facts: facts.report.tagged
    ),
    "signed": _message(
        Type.TRUTH, "The author signed the message (S/MIME, OpenPGP).", lambda facts: facts.report.signed_by_author
    ),
    "encrypted": _message(
        Type.TRUTH, "The author encrypted the message (S/MIME, OpenPGP).", lambda facts: facts.report.encrypted
    ),
    "bulk": _message(
        Type.TRUTH, "The header says that it is a mailing list or mass mail.", lambda facts: facts.report.bulk
    ),
    "uninspectable.count": _message(
        Type.NUMBER, "Parts that could not be read for sure.", lambda facts: len(facts.report.uninspectable)
    ),
    "attachments.count": _message(
        Type.NUMBER, "Parts that are not the text which the reader sees first.", lambda facts: facts.report.attachments
    ),
    "attachments.types": _message(
        Type.TEXTS, "Their declared types, such as application/pdf; of one that is not well known only the first half.",
        lambda facts: frozenset(one.type for one in facts.report.attached),
    ),
    "attachments.extensions": _message(
        Type.TEXTS, "The last suffixes of their names, such as pdf; only suffixes that are commonly known.",
        lambda facts: frozenset(one.extension for one in facts.report.attached if one.extension),
    ),
    "attachments.largest": _message(
        Type.SIZE, "Size of the largest of them, decoded.",
        lambda facts: max((one.size for one in facts.report.attached), default=0),
    ),
    "attachments.executables": _message(
        Type.NUMBER, "Those that run by a double click, by name or first bytes, or a ZIP with one in it.",
        lambda facts: sum(one.is_executable for one in facts.report.attached),
    ),
    "attachments.macros": _message(
        Type.NUMBER, "Office files with macros, or a ZIP with one in it.",
        lambda facts: sum(one.has_macros for one in facts.report.attached),
    ),
    "findings.count": _message(Type.NUMBER, "Findings of all kinds.", lambda facts: len(facts.report.findings)),
    "findings.identifiers": _message(
        Type.NUMBER, "Findings that point at a person: names, numbers, addresses, dates.",
        lambda facts: sum(finding.kind.is_identifier for finding in facts.report.findings),
    ),
    "findings.health": _message(
        Type.NUMBER, "Findings about health or its payment.",
        lambda facts: sum(finding.kind.is_health for finding in facts.report.findings),
    ),
    "topics": _message(
        Type.TEXTS, f"Topics found with a certainty of {SURE} or more; what they mean depends on who sends.",
        lambda facts: frozenset(
            one.kind.value for one in facts.report.findings if one.kind.is_topic and one.certainty >= SURE
        ),
        frozenset(kind.value for kind in TOPICS),
    ),
    **{name: fact for kind in Kind for name, fact in _of_kind(kind).items()},
    "recipient": _recipient(Type.TEXT, "Address of this recipient.", lambda _facts, to: to.address.lower()),
    "recipient.domain": _recipient(Type.TEXT, "Its domain.", lambda _facts, to: domain_of(to.address)),
    "recipient.ours": _recipient(
        Type.TRUTH, "It is in one of our own domains.", lambda facts, to: _is_ours(facts, to.address)
    ),
    "recipient.has_smime_certificate": _recipient(
        Type.TRUTH,
        "A usable S/MIME certificate of this recipient is on file.",
        lambda _facts, to: bool(to.has_smime_certificate),
    ),
    "recipient.has_openpgp_key": _recipient(
        Type.TRUTH, "A usable OpenPGP key of this recipient is on file.", lambda _facts, to: bool(to.has_openpgp_key)
    ),
    "recipient.looks_like_sender": _recipient(
        Type.TRUTH, "Its mailbox has the name of the sender's (jane.doe, doejane), in another domain.",
        _looks_like_sender,
    ),
    "segment": _message(
        Type.TEXT, "Name of the list of recipients that the sender's system says it goes to (X-Mailward-Segment).",
        lambda facts: facts.report.said.segment,
    ),
    "recipient.in_segment": _recipient(
        Type.TRUTH, "The recipient is on that list; false when nobody asked.", lambda _facts, to: to.binding.in_segment
    ),
    "recipient.other_patient": _recipient(
        Type.TRUTH, "The message names a known patient, and the address is of a different one (`mailward patients`).",
        lambda _facts, to: to.binding.is_other_patient,
    ),
    "consent.unencrypted": _recipient(
        Type.TRUTH, "The recipient chose plain mail after a warning, and the message is to nobody else and about them.",
        chose_plain,
    ),
    "consent.authorized": _recipient(
        Type.TRUTH, "The patient's authorization lets it go to this recipient for its purpose (45 CFR 164.508).",
        lambda _facts, to: to.consents.authorized,
    ),
    "consent.topics": _recipient(
        Type.TEXTS, "What that authorization names expressly (`mailward consent add --topic`).",
        lambda _facts, to: frozenset(to.consents.topics), frozenset(TOPICS_NAMED),
    ),
    "consent.part2": _recipient(
        Type.TRUTH, "The same of the patient's consent under 42 CFR 2.31.", lambda _facts, to: to.consents.part2
    ),
    "consent.psychotherapy": _recipient(
        Type.TRUTH, "The same of an authorization for psychotherapy notes (45 CFR 164.508(a)(2), (b)(3)(ii)).",
        lambda _facts, to: to.consents.psychotherapy,
    ),
    "consent.opted_out": _recipient(
        Type.TRUTH, "The recipient wants no mail for its purpose; true when nobody asked the register.",
        lambda _facts, to: to.consents.opted_out,
    ),
    "consent.confidential": _recipient(
        Type.TRUTH, "The recipient asked for another way than mail; true when nobody asked the register.",
        lambda _facts, to: to.consents.confidential,
    ),
    "consent.restricted": _recipient(
        Type.TRUTH, "A restriction of the patient forbids it for this recipient and purpose (45 CFR 164.522(a)).",
        lambda _facts, to: to.consents.restricted,
    ),
    "marketing": _recipient(
        Type.TRUTH, "It is marketing (45 CFR 164.501), by its purpose and its campaign; patients must authorize that.",
        lambda facts, to: is_marketing(_purpose(facts), to.campaign),
    ),
    "campaign": _message(
        Type.TEXT, "X-Mailward-Campaign where it is believed; else empty.", lambda facts: facts.report.said.campaign
    ),
    "campaign.reviewed": _recipient(
        Type.TRUTH, "It is on the register of campaigns, in force, and for the purpose of the message.",
        lambda _facts, to: to.campaign.is_reviewed,
    ),
    "campaign.audience": _recipient(
        Type.TEXT, "Whom it goes to, as its reviewer said; unknown without a review.",
        lambda _facts, to: to.campaign.audience.value, frozenset(Audience),
    ),
    "campaign.basis": _recipient(
        Type.TEXT, "What permits research without authorizations, as its reviewer said.",
        lambda _facts, to: to.campaign.basis.value, frozenset(Basis),
    ),
    "campaign.covers": _recipient(
        Type.TRUTH, "That basis names this recipient, by address or domain.",
        lambda _facts, to: to.campaign.is_covered,
    ),
    "findings.beyond_fundraising": _message(
        Type.NUMBER, "Findings that fundraising may not use (45 CFR 164.514(f)(1)).",
        lambda facts: beyond("fundraising", facts.report.findings, is_phi=facts.report.phi),
    ),
    "findings.beyond_limited": _message(
        Type.NUMBER, "Identifiers that no limited data set has (45 CFR 164.514(e)(2)).",
        lambda facts: beyond("research", facts.report.findings, is_phi=facts.report.phi),
    ),
    "recipient.patient": _recipient(
        Type.TRUTH, "The address is a patient's, or of who acts for one; true when nobody asked the register.",
        lambda _facts, to: to.standing.is_patient,
    ),
    "recipient.position": _recipient(
        Type.TEXT, "What the recipient is to the patient of the message; unknown when nobody asked.",
        lambda _facts, to: to.standing.position.value, frozenset(Position),
    ),
    "recipient.verified": _recipient(
        Type.TRUTH, "Somebody verified that the address is theirs.", lambda _facts, to: to.standing.is_verified
    ),
    "patient.known": _recipient(
        Type.TRUTH, "It is known whom the message to this recipient is about.",
        lambda _facts, to: bool(to.standing.patient),
    ),
    "patient.minor": _recipient(
        Type.TRUTH, "That person is not of age.", lambda _facts, to: to.standing.is_minor
    ),
    "baa.relation": _recipient(
        Type.TEXT, "What the recipient's organisation is to us; unknown when it is not on the register.",
        lambda _facts, to: to.agreement.relation.value, frozenset(Relation),
    ),
    "baa.in_force": _recipient(
        Type.TRUTH, "There is an agreement with it, begun, not expired, not ended.",
        lambda _facts, to: to.agreement.in_force,
    ),
    "baa.permits": _recipient(
        Type.TRUTH, "The same, and it permits the purpose of the message.", lambda _facts, to: to.agreement.permits
    ),
    "baa.qsoa": _recipient(
        Type.TRUTH, "It is in force, and one of a qualified service organisation (42 CFR 2.11).",
        lambda _facts, to: to.agreement.qsoa,
    ),
}  # fmt: skip
