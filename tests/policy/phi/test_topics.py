"""Topics: substance use, mental health, HIV, reproduction, minors."""

import time

import pytest

from policy.facts import Facts, RecipientFacts
from policy.phi.classify import classify_message
from policy.phi.data.load import vocabulary
from policy.phi.health import find_health
from policy.phi.look import look
from policy.phi.report import TOPICS, Kind
from policy.phi.topics import find_topics
from policy.rules.facts import FACTS
from tests.policy.phi.messages import mail


def topics(text: str) -> dict[Kind, float]:
    """The certainty of each topic of a text, the highest."""
    view = look(text)
    found: dict[Kind, float] = {}
    for mention in find_topics(view, find_health(view, vocabulary())):
        found[mention.kind] = max(mention.strength, found.get(mention.kind, 0.0))
    return found


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("started Suboxone for OUD", Kind.SUBSTANCE_USE),
        ("dx F11.20", Kind.SUBSTANCE_USE),
        ("alcohol use disorder, day 3 of detox", Kind.SUBSTANCE_USE),
        ("Mr. Lee has schizophrenia", Kind.MENTAL_HEALTH),
        ("on sertraline 50 mg", Kind.MENTAL_HEALTH),
        ("dx F32.A", Kind.MENTAL_HEALTH),
        ("her HIV test came back", Kind.HIV),
        ("continues Biktarvy", Kind.HIV),
        ("died of AIDS", Kind.HIV),
        ("she is 12 weeks pregnant", Kind.REPRODUCTIVE),
        ("dx O20.0", Kind.REPRODUCTIVE),
        ("referred for an abortion", Kind.REPRODUCTIVE),
        ("a 9-year-old with asthma", Kind.MINORS),
        ("her newborn has jaundice", Kind.MINORS),
        ("my baby girl has a fever", Kind.MINORS),
        ("an eight-month-old, febrile", Kind.MINORS),
    ],
)
def test_topics_are_found(text: str, topic: Kind) -> None:
    """By words, by drugs, by codes, by age."""
    assert topics(text)[topic] >= 0.8


@pytest.mark.parametrize(
    ("text", "topic", "why"),
    [
        ("hearing aids fitted", Kind.HIV, "aids for the ears"),
        ("dx F17.210", Kind.SUBSTANCE_USE, "tobacco is no substance (42 CFR 2.11)"),
        ("a 45-year-old", Kind.MINORS, "an adult"),
        ("an 18-year-old", Kind.MINORS, "an adult"),
        ("minor laceration of the hand", Kind.MINORS, "a small wound"),
        ("for ages 12 and up", Kind.MINORS, "nobody's age"),
        ("depressed skull fracture", Kind.MENTAL_HEALTH, "a bone"),
        ("the price is depressed", Kind.MENTAL_HEALTH, "a price"),
    ],
)
def test_what_is_no_topic(text: str, topic: Kind, why: str) -> None:
    assert topic not in topics(text), why


def test_what_is_denied_is_less_certain() -> None:
    assert topics("denies depression")[Kind.MENTAL_HEALTH] < 0.5
    assert topics("no history of heroin use")[Kind.SUBSTANCE_USE] < 0.5
    assert topics("denies chest pain, has depression")[Kind.MENTAL_HEALTH] == 0.9


def test_each_topic_has_words() -> None:
    """The file names topics and nothing else, and each of them."""
    assert {kind for kind, _, _ in vocabulary().topics} == TOPICS
    assert all(0 < certainty <= 1 and stems for _, certainty, stems in vocabulary().topics)


def test_findings_have_all_that_others_have() -> None:
    """Kind, masked value, place, certainty, reason; and rules can ask for them."""
    report = classify_message(mail("Mr. Delgado\r\nstarted methadone 30 mg."))
    (found,) = [finding for finding in report.findings if finding.kind is Kind.SUBSTANCE_USE]
    assert (found.masked, found.place.part, found.place.line, found.certainty) == ("m…", "1", 2, 0.9)
    assert found.why == "a health term about substance use"
    to = RecipientFacts(address="bo@partner.example", methods=())
    facts = Facts(report=report, recipients=(to,))
    assert FACTS["topics"].read(facts, to) == frozenset({"substance_use"})
    assert FACTS["findings.substance_use.sure"].read(facts, to) == 1
    assert FACTS["findings.health"].read(facts, to) == sum(one.kind.is_health for one in report.findings)


def test_a_topic_alone_is_no_phi() -> None:
    """It decides nothing about the verdict: a newsletter on depression speaks of nobody."""
    report = classify_message(mail("Depression and HIV prevention: what pregnancy clinics offer."))
    assert not report.phi
    assert {Kind.MENTAL_HEALTH, Kind.HIV, Kind.REPRODUCTIVE} <= {finding.kind for finding in report.findings}


def test_topics_of_a_signature_are_nobodys() -> None:
    report = classify_message(mail("See you at four.\r\n\r\nBest regards,\r\nAnn Weaver\r\nAddiction Medicine"))
    assert Kind.SUBSTANCE_USE not in {finding.kind for finding in report.findings}


def test_terms_without_end_are_linear() -> None:
    """MP-15."""
    for piece in ("denies heroin ", "age 7 ", "my my her ", "no history of no history of depression "):
        text = piece * (200_000 // len(piece))
        view = look(text)
        health = find_health(view, vocabulary())
        begun = time.process_time()
        list(find_topics(view, health))
        assert time.process_time() - begun < 1
