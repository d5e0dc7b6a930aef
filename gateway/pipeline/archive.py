"""Copies for an archive (`journal`): one recipient more, who is decided on as the others are.

An archive's copy is always protected, whatever its message is. Who receives the message already gets no second one. The
sender is not told of it, and facts that count recipients stay those without archives.
"""

from dataclasses import replace

from gateway.message.envelope import Envelope, Notify, Recipient
from gateway.pipeline.facts import FactFinder
from gateway.pipeline.judged import Judged
from policy.facts import Facts


def to_archives(judged: Judged, finder: FactFinder) -> Envelope | None:
    """The message to the archives that the rules which apply to it name; None: there is none."""
    book, receiving = finder.rules.by_name, {address.lower() for address in judged.facts.addresses}
    named = {book[name].journal for decision in judged.decisions for name in decision.rules} - {""}
    archives = tuple(
        Recipient(address=address, notify=frozenset({Notify.NEVER})) for address in sorted(named - receiving)
    )
    return replace(judged.envelope, recipients=archives) if archives else None


def with_archives(judged: Judged, copied: Envelope, about: Facts, finder: FactFinder) -> Judged:
    """The message with its copies. copied: `to_archives`; about: the facts of that."""
    facts = replace(
        judged.facts,
        recipients=(*judged.facts.recipients, *(replace(one, is_archive=True) for one in about.recipients)),
        everybody=judged.facts.addresses,
    )
    return replace(
        judged,
        envelope=replace(judged.envelope, recipients=judged.envelope.recipients + copied.recipients),
        facts=facts,
        decisions=judged.decisions + finder.decide(facts)[len(judged.decisions) :],
        archives=frozenset(one.address for one in copied.recipients),
    )
