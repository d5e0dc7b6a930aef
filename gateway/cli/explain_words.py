"""What `mailward explain` says: the same answer in words and as an object."""

from collections.abc import Iterator, Sequence
from typing import Any

from policy.decide import Facts, grounds
from policy.decision import Decision
from policy.phi.report import Report
from policy.phi.tie import THRESHOLD
from policy.rules.book import Answer, Verdict


def as_json(
    path: str, facts: Facts, decisions: Sequence[Decision], seconds: float, *, verdicts: Sequence[Sequence[Verdict]]
) -> dict[str, Any]:
    """The members that `interface.md` promises, and what could not be read.

    verdicts: of every rule, for each recipient.
    """
    report = facts.report
    return {
        "file": path,
        "phi": report.phi,
        "protected": bool(grounds(facts)),
        "score": round(report.score, 4),
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
                "rules": [
                    {"name": one.rule.name, "action": one.rule.action, "verdict": one.answer, "seen": one.seen}
                    for one in judged
                ],
            }
            for decision, judged in zip(decisions, verdicts, strict=True)
        ],
        "seconds": round(seconds, 6),
    }


def as_lines(
    path: str, sender: str, facts: Facts, decisions: Sequence[Decision], *, verdicts: Sequence[Sequence[Verdict]]
) -> Iterator[str]:
    """The answer for a person: what was found, what it means, how each recipient gets the message."""
    yield path
    yield f"  {'PROTECTED' if grounds(facts) else 'not protected'}, from {sender or 'nobody'}"
    verdict = "PHI" if facts.report.phi else "no PHI found"
    yield f"  verdict: {verdict}, score {facts.report.score:.2f} (PHI from {THRESHOLD} on)"
    yield from _findings(facts.report)
    yield from (f"  reason: {reason}" for reason in facts.report.reasons)
    yield from (f"  against: {reason}" for reason in facts.report.against)
    yield from (f"  not read: {part.place}: {part.reason}" for part in facts.report.uninspectable)
    if not decisions:
        yield "  no recipient: give one with --to"
    for decision, judged in zip(decisions, verdicts, strict=True):
        yield f"  to {decision.recipient}: {decision.action}, {' > '.join(decision.methods) or 'no method'}"
        yield from (f"    {step}" for step in decision.trace)
        yield from (
            f"    rule {one.rule.name} ({one.rule.action}): {one.answer}, {one.seen}"
            for one in judged
            if one.answer is Answer.DOES_NOT_APPLY  # the others are in the trace
        )
    yield ""


def _findings(report: Report) -> Iterator[str]:
    """Findings in columns."""
    rows = [(finding.kind.value, finding.masked, str(finding.place)) for finding in report.findings]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for finding, row in zip(report.findings, rows, strict=True):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        tie = f"; scored {finding.tie}" if finding.tie else ""
        yield f"  found {cells}  {finding.certainty:.0%}  {finding.why}{tie}"
