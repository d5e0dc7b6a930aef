"""What `mailward explain` says: the same answer in words and as an object."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from gateway.pipeline.bindings import INDEX
from policy.decide import Facts, grounds
from policy.decision import Decision
from policy.facts import RecipientFacts
from policy.phi.report import Report
from policy.phi.tie import THRESHOLD
from policy.rules.book import Answer, Verdict


def as_json(
    path: str,
    facts: Facts,
    decisions: Sequence[Decision],
    seconds: float,
    *,
    verdicts: Sequence[Sequence[Verdict]],
    asked: Sequence[str] = (),
) -> dict[str, Any]:
    """The members that `interface.md` promises, and what could not be read.

    verdicts: of every rule, for each recipient. asked: registers that were.
    """
    report = facts.report
    return {
        "file": path,
        "phi": report.phi,
        "protected": bool(grounds(facts)),
        "score": round(report.score, 4),
        "purpose": facts.sent.purpose,
        "purpose_source": facts.sent.purpose_source.value,
        "findings": [
            {
                "kind": finding.kind,
                "masked": finding.masked,
                "place": str(finding.place),
                "certainty": round(finding.certainty, 4),
                "why": finding.why,
                "tie": finding.tie,
            }
            for finding in report.findings
        ],
        "reasons": list(report.reasons),
        "against": list(report.against),
        "uninspectable": [{"place": str(part.place), "reason": part.reason} for part in report.uninspectable],
        "recipients": [
            {
                "address": decision.recipient,
                "action": decision.action,
                "protected": decision.protected,
                "methods": list(decision.methods),
                "trace": list(decision.trace),
                "registers": registers(to, asked),
                "rules": [
                    {"name": one.rule.name, "action": one.rule.action, "verdict": one.answer, "seen": one.seen}
                    for one in judged
                ],
            }
            for to, decision, judged in zip(facts.recipients, decisions, verdicts, strict=True)
        ],
        "seconds": round(seconds, 6),
    }


def as_lines(
    path: str,
    sender: str,
    facts: Facts,
    decisions: Sequence[Decision],
    *,
    verdicts: Sequence[Sequence[Verdict]],
    asked: Sequence[str] = (),
) -> Iterator[str]:
    """The answer for a person: what was found, what it means, how each recipient gets the message."""
    yield path
    yield f"  {'PROTECTED' if grounds(facts) else 'not protected'}, from {sender or 'nobody'}"
    verdict = "PHI" if facts.report.phi else "no PHI found"
    yield f"  verdict: {verdict}, score {facts.report.score:.2f} (PHI from {THRESHOLD} on)"
    yield f"  purpose: {facts.sent.purpose or 'unknown'}, said by {facts.sent.purpose_source.value}"
    yield from (f"  contradicted: {said}" for said in (facts.sent.contradiction,) if said)
    yield from _findings(facts.report)
    yield from (f"  reason: {reason}" for reason in facts.report.reasons)
    yield from (f"  against: {reason}" for reason in facts.report.against)
    yield from (f"  not read: {part.place}: {part.reason}" for part in facts.report.uninspectable)
    if not decisions:
        yield "  no recipient: give one with --to"
    for to, decision, judged in zip(facts.recipients, decisions, verdicts, strict=True):
        yield f"  to {decision.recipient}: {decision.action}, {' > '.join(decision.methods) or 'no method'}"
        yield from (f"    {step}" for step in decision.trace)
        for register, told in registers(to, asked).items():
            yield f"    register {register}: {', '.join(f'{name} {_said(value)}' for name, value in told.items())}"
        yield from (
            f"    rule {one.rule.name} ({one.rule.action}): {one.answer}, {one.seen}"
            for one in judged
            if one.answer is Answer.DOES_NOT_APPLY  # the others are in the trace
        )
    yield ""


# What each register answers: a field of the facts about a recipient.
ANSWERS: Final = {
    "consent": "consents", "baa": "agreement", "campaign": "campaign", "people": "standing", INDEX: "binding",
}  # fmt: skip


def registers(to: RecipientFacts, asked: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """What the registers that were asked say of a recipient."""
    told = {name: getattr(to, ANSWERS[name], None) for name in asked if name in ANSWERS}
    return {
        name: {one.name: getattr(answer, one.name) for one in fields(answer)}
        for name, answer in told.items()
        if answer is not None
    }


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "nothing"


def _findings(report: Report) -> Iterator[str]:
    """Findings in columns."""
    rows = [(finding.kind.value, finding.masked, str(finding.place)) for finding in report.findings]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for finding, row in zip(report.findings, rows, strict=True):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        tie = f"; scored {finding.tie}" if finding.tie else ""
        yield f"  found {cells}  {finding.certainty:.0%}  {finding.why}{tie}"
