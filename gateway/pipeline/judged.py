"""A message on its way through the pipeline, from the decision to the commit."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.log import get_logger
from gateway.message.envelope import Envelope
from gateway.message.hygiene import HeaderFacts
from gateway.pipeline.brakes import Braked
from gateway.store.suppressions import Suppression
from policy.decision import Decision
from policy.facts import Facts
from policy.phi.report import Kind, Report

log = get_logger("pipeline")

Added = tuple[tuple[tuple[str, str], ...], ...]  # header fields of several rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A message with all that was found out and decided about it, not yet stored.

    archives: recipients that rules added. held_for: by recipient, why its body could not be changed; masked: what was,
    by kind. added: header fields that rules put on it. form_of: where recipients get different copies, and this is one
    of them, the id of the first.
    purpose: why the suppression list is asked, empty when it is not; suppressed: what it says, by recipient.
    """

    queue_id: str
    envelope: Envelope
    header: HeaderFacts
    report: Report
    facts: Facts
    decisions: tuple[Decision, ...]
    data: bytes
    braked: Braked | None = None
    purpose: str = ""
    archives: frozenset[str] = frozenset()
    held_for: Mapping[str, str] = field(default_factory=dict)
    form_of: str = ""
    masked: Mapping[Kind, int] = field(default_factory=dict)
    added: Added = ()
    suppressed: Mapping[str, Suppression] = field(default_factory=dict)

    @property
    def is_protected(self) -> bool:
        return any(decision.protected for decision in self.decisions)

    @property
    def hold_trace(self) -> tuple[str, ...]:
        """The sentence of a trace that tells of the brake."""
        if self.braked is None:
            return ()
        return (f"Held: the brake of its login is on ({self.braked.reason.value} in an hour).",)


def log_accepted(judged: Judged) -> None:
    """The line of a message that was taken: who, how large, for how many; nothing of its content."""
    log.info(
        "accepted",
        queue_id=judged.queue_id,
        client=judged.envelope.client.ip,
        login=judged.envelope.client.login or None,
        certificate=judged.envelope.client.certificate or None,
        sender=judged.envelope.sender,
        size=len(judged.data),
        nrcpt=len(judged.decisions),
        protected=sum(decision.protected for decision in judged.decisions),
    )
