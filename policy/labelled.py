"""A decided message as a label: what was found, masked, and what persons said since; never its content. Pure.

What is left out: addresses, subjects, names of files, whom the registers know, and the words in which a person gave a
reason, for all of these are about somebody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from policy.decision import Action
from policy.phi.report import Finding
from policy.record import Cause, Kept


class Act(StrEnum):
    """What became of a recipient's copy that was held."""

    HELD = "held"  # and nobody has said more
    RELEASED = "released"  # to go a safe way
    RELEASED_CLEAR = "released-clear"  # to go any way: nothing in it asks for a safe one
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One act of deciding and its record, in the order in which they were made."""

    at: datetime
    cause: Cause
    kept: Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """What a person says a decision should have been. action: None when only its reason was wrong."""

    recipient: str
    action: Action | None


_MEANS: Final = {Action.ALLOW: "not_phi", Action.PROTECT: "phi", Action.PORTAL_ONLY: "phi"}  # the others: neither
_AT_INTAKE: Final = frozenset({Cause.RECEIVED, Cause.REFUSED})


def label(
    queue_id: str, past: Sequence[Past], corrected: Sequence[Corrected], acts: Mapping[str, Act]
) -> dict[str, Any]:
    """The label of one message as plain values for JSON.

    past: at least one, oldest first. corrected: oldest first, of which the last for a recipient counts. acts: the
    last of each recipient's copy, by addresses in lower case.
    Returns: plain values; `label` is `phi`, `not_phi`, or None where no person said which.
    """
    first = next((one for one in past if one.cause in _AT_INTAKE), past[0])
    report = first.kept.thin.report
    said: dict[str, Corrected] = {}
    for one in corrected:
        if one.action or one.recipient.lower() not in said:  # that a reason was wrong, too, takes nothing back
            said[one.recipient.lower()] = one
    copies = []
    for decision in first.kept.decisions:
        name = decision.recipient.lower()
        correction = said.get(name)
        copies.append(
            {
                "action": decision.action.value,
                "protected": decision.protected,
                "rules": list(decision.rules),
                "person": acts[name].value if name in acts else None,
                "corrected": correction and (correction.action.value if correction.action else "reason"),
            }
        )
    return {
        "queue_id": queue_id,
        "at": first.at.isoformat(timespec="seconds"),
        "label": _verdict(tuple(said.values())),
        "phi": report.phi,
        "score": report.score,
        "protected": report.protected,
        "copies": copies,
        "findings": [_finding(one) for one in report.findings],
        "findings_besides": [
            {"kind": kind.value, "certainty": certainty, "count": count} for kind, certainty, count in first.kept.rest
        ],
        "reasons": list(report.reasons),
        "against": list(report.against),
        "uninspectable": [{"place": str(one.place), "reason": one.reason} for one in report.uninspectable],
        "features": {
            "size": first.kept.thin.sent.size,
            "attachments": report.attachments,
            "attached": [{"type": one.type, "extension": one.extension, "size": one.size} for one in report.attached],
            "signs": [one.kind.value for one in report.signs],
            "bulk": report.bulk,
            "urgent": report.urgent,
            "tagged": report.tagged,
            "encrypted": report.encrypted,
            "signed_by_author": report.signed_by_author,
            "recipients": len(first.kept.thin.addresses),
        },
    }


def _verdict(corrected: Sequence[Corrected]) -> str | None:
    """What persons say that the message is; None where they say nothing or disagree.

    Only a correction says so: that something was held, rejected or let go may have many reasons.
    """
    said = {_MEANS.get(one.action) for one in corrected if one.action}
    return said.pop() if len(said) == 1 else None


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "masked": one.masked,
        "place": str(one.place),
        "certainty": one.certainty,
        "why": one.why,
        "tie": one.tie,
    }
