"""One message in several forms: recipients whose copies differ are stored apart, each form with a key of its own.

How this works: copies are grouped by what they are in the end, so a copy that nothing changed, or whose change could
not be made, is in the form of the message as it came. Each form is a message in the queue, with its own id, key,
entries, record and events, and one transaction takes them all: after a crash there are all of them or none. Which
facts count recipients is the same for each, and none has a word of another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.message.queue_id import new_queue_id
from gateway.pipeline.judged import Added, Judged
from policy.decision import Action, Decision
from policy.phi.report import Kind


@dataclass(frozen=True, slots=True)
class Part:
    """What becomes of the copies of some recipients.

    who: their numbers. added: header fields that rules put on it. told: for their traces. held: why it waits for a
    person, who then lets go what came; empty: it does not. masked, noticed: see `Judged` and `Report`. is_alone: it is
    a form of its own, whatever is in it.
    """

    who: Sequence[int]
    data: bytes = field(repr=False)
    added: Added = ()
    told: tuple[str, ...] = ()
    held: str = ""
    masked: Mapping[Kind, int] = field(default_factory=dict)
    noticed: tuple[str, ...] = ()
    is_alone: bool = False


def join(judged: Judged, parts: Sequence[Part]) -> tuple[Judged, tuple[Judged, ...]]:
    """The message as it was decided on in the end, and its forms; the first has its id. parts: everybody is in one."""
    decisions = list(judged.decisions)
    held_for: dict[str, str] = {}
    groups: dict[tuple[int, Added], list[tuple[int, Part]]] = {}
    refused: list[int] = []
    for place, part in enumerate(parts, start=1):
        key = (0 if part.data is judged.data and not part.is_alone else place, part.added)
        for number in part.who:
            decisions[number] = _with(decisions[number], part)
            if part.held:
                held_for[decisions[number].recipient] = part.held
            if decisions[number].action is Action.REJECT:
                refused.append(number)
            else:
                groups.setdefault(key, []).append((number, part))
    whole = replace(judged, decisions=tuple(decisions), held_for=held_for)
    if not groups:
        return whole, (whole,)
    first = next(iter(groups.values()))
    first += [(number, first[0][1]) for number in refused]  # they get nothing, and only need a message to be of
    made = [_form(whole, sorted(number for number, _ in some), some[0][1]) for some in groups.values()]
    if len(made) == 1:
        return whole, tuple(made)
    return whole, tuple(_apart(form, number, judged.queue_id) for number, form in enumerate(made))


def _with(decision: Decision, part: Part) -> Decision:
    if decision.action is Action.REJECT:
        return decision
    if part.held:
        trace = (*decision.trace, *part.told, part.held)
        return replace(decision, action=Action.HOLD, methods=(), trace=trace)
    return replace(decision, trace=(*decision.trace, *part.told))


def _form(whole: Judged, who: Sequence[int], part: Part) -> Judged:
    """The message for some of its recipients. Its report and facts say which notices are below it: a release and a
    later look ask for that; and its facts count all recipients, as before."""
    report = replace(whole.report, noticed=part.noticed)
    recipients = tuple(whole.facts.recipients[number] for number in who)
    everybody = whole.facts.everybody if len(who) == len(whole.decisions) else whole.facts.addresses
    return replace(
        whole,
        envelope=replace(whole.envelope, recipients=tuple(whole.envelope.recipients[number] for number in who)),
        report=report,
        facts=replace(whole.facts, report=report, recipients=recipients, everybody=everybody),
        decisions=tuple(whole.decisions[number] for number in who),
        data=part.data,
        masked=part.masked,
        added=part.added,
    )


def _apart(form: Judged, number: int, first: str) -> Judged:
    """One of several forms. Its trace says so, without a word of who gets the others."""
    said = f"Its recipients get different copies; this is one of them, and the first is {first}."
    return replace(
        form,
        queue_id=new_queue_id() if number else first,
        form_of=first,
        decisions=tuple(replace(one, trace=(*one.trace, said)) for one in form.decisions),
    )
