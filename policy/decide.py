"""Facts in, one decision per recipient out, with its trace in words. Pure: no clock, no network, no look-up.

How this works: grounds say why the message is protected, and rules may ask for more; none can take anything back, so
raising never lowers; a person's own recorded choice is the one exception (`chose_plain`). Then each recipient's ladder
is what the configuration gives, less the rungs that a row of `OBSTACLES` or the strictest rule takes away. Mail whose
ladder ends up empty is held for a person: plain text is no way out (invariant 1).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from policy.decision import Action, Decision, Method
from policy.facts import Facts, MethodSource, RecipientFacts, Sent, choose_methods
from policy.grounds import chose_plain, grounds
from policy.rules.book import NO_RULES, STRICTNESS, Hit, RuleBook

__all__ = ["Facts", "MethodSource", "RecipientFacts", "Sent", "choose_methods", "decide", "grounds"]

# What X-Mailward-Method orders: both ciphertexts are opened by the recipient alone, so neither is less than the other.
RANKS: Final[Mapping[Method, int]] = {Method.TLS: 0, Method.SMIME: 1, Method.OPENPGP: 1, Method.PORTAL: 2}


def _is_below(method: Method) -> Callable[[Facts, RecipientFacts], bool]:
    """Whether more than this method was asked for."""

    def stands(facts: Facts, _to: RecipientFacts) -> bool:
        lowest = facts.report.lowest_method
        return lowest is not None and RANKS[method] < RANKS[lowest]

    return stands


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a rung is missing from one recipient's ladder."""

    method: Method
    stands: Callable[[Facts, RecipientFacts], bool]
    sentence: str


OBSTACLES: Final = (
    *(
        Obstacle(method, _is_below(method), f"{method} is less than the sender's system asked for, so it is skipped.")
        for method in (Method.TLS, Method.SMIME, Method.OPENPGP)
    ),
    Obstacle(
        Method.TLS,
        lambda _facts, to: to.is_route_opportunistic,
        "The route does not verify TLS, so a protected message may not take it: tls is skipped.",
    ),
    Obstacle(
        Method.TLS,
        lambda facts, to: not to.is_tls_vouched and not facts.requiretls,
        "Nobody vouches for TLS beyond the smart host (delivery.smart_host_attested), so tls is skipped.",
    ),
    Obstacle(
        Method.SMIME,
        lambda facts, _to: facts.requiretls,
        "REQUIRETLS asks for a verified way, which ciphertext does not replace: smime is skipped.",
    ),
    Obstacle(
        Method.SMIME,
        lambda _facts, to: to.has_smime_certificate is False and not to.may_find_smime_certificate,
        "No usable S/MIME certificate of this recipient is on file, so smime is skipped.",
    ),
    Obstacle(
        Method.SMIME,
        lambda _facts, to: to.has_smime_certificate is None,
        "Nobody looked for an S/MIME certificate of this recipient, so smime is skipped here.",
    ),
    Obstacle(
        Method.OPENPGP,
        lambda facts, _to: facts.requiretls,
        "REQUIRETLS asks for a verified way, which ciphertext does not replace: openpgp is skipped.",
    ),
    Obstacle(
        Method.OPENPGP,
        lambda _facts, to: to.has_openpgp_key is False and not to.may_find_openpgp_key,
        "No usable OpenPGP key of this recipient is on file, so openpgp is skipped.",
    ),
    Obstacle(
        Method.OPENPGP,
        lambda _facts, to: to.has_openpgp_key is None,
        "Nobody looked for an OpenPGP key of this recipient, so openpgp is skipped here.",
    ),
)
UNPROTECTED: Final = (
    "Nothing in the message calls for protection.",
    "It leaves over TLS where the next hop offers it.",
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What stands before the rules. said: why it is protected, or why not although it holds health information."""

    said: tuple[str, ...]
    is_waived: bool = False

    @property
    def protects(self) -> bool:
        """Whether there is a reason, and nobody waived it."""
        return bool(self.said) and not self.is_waived


CHOSEN: Final = Ground(
    ("It is to the person it is about, who chose plain mail after a warning (consent register, 45 CFR 164.522(b)).",),
    is_waived=True,
)
ARCHIVE: Final = "It is a copy for an archive, which gathers everything, so it is always protected."
FOUND: Final = "Its findings name one patient of the index, whom it is taken to be about."
ENDS: Final = {Action.HOLD: "It is held for a person to decide.", Action.REJECT: "It is refused."}
ONLY: Final = {Action.REQUIRE_TLS: Method.TLS, Action.PORTAL_ONLY: Method.PORTAL}  # the one rung that a rule leaves


def decide(facts: Facts, rules: RuleBook = NO_RULES) -> tuple[Decision, ...]:
    """Decide for each recipient, in the order of the facts."""
    reasons = grounds(facts)
    return tuple(
        _decide(facts, recipient, _ground(facts, recipient, reasons), hits)
        for recipient, hits in zip(facts.recipients, rules.judge(facts), strict=True)
    )


def _ground(facts: Facts, recipient: RecipientFacts, reasons: tuple[str, ...]) -> Ground:
    if recipient.is_archive:
        return Ground((*reasons, ARCHIVE))
    return CHOSEN if chose_plain(facts, recipient) else Ground(reasons)


def _decide(facts: Facts, recipient: RecipientFacts, ground: Ground, hits: Sequence[Hit]) -> Decision:
    """The strictest rule that applies counts; a hold has had its say once a person released the message."""
    applied = [hit.rule for hit in hits if not hit.is_excepted]
    actions = [rule.action for rule in applied if not (facts.is_released and rule.action is Action.HOLD)]
    asked = max(actions, key=STRICTNESS.index, default=Action.ALLOW)
    if recipient.is_archive and asked is Action.REJECT:
        asked = Action.HOLD  # nobody is told that a copy is refused, so none ever is
    is_protected = ground.protects or bool({*actions} - {Action.ALLOW, Action.HOLD, Action.REJECT})
    found = FOUND if facts.report.patient and not facts.report.said.patient else ""
    meant = filter(None, (facts.sent.purpose_why, facts.sent.contradiction, found))
    said = (*ground.said, *meant, *(hit.why for hit in hits))
    ladder: tuple[Method, ...] = ()
    if asked in ENDS:
        action, trace = asked, (*said, ENDS[asked])
    elif not is_protected:
        action, ladder, trace = Action.ALLOW, (Method.TLS,), (*said, UNPROTECTED[1])
        if not ground.said:
            trace = (UNPROTECTED[0], *trace)
    else:
        ladder, why = _ladder(facts, recipient, ONLY.get(asked))
        action = (asked if asked is not Action.ALLOW else Action.PROTECT) if ladder else Action.HOLD
        trace = (*said, *why)
    return Decision(
        recipient=recipient.address,
        action=action,
        protected=is_protected,
        methods=ladder,
        trace=trace,
        rules=tuple(rule.name for rule in applied),
    )


def _ladder(facts: Facts, recipient: RecipientFacts, only: Method | None) -> tuple[tuple[Method, ...], tuple[str, ...]]:
    """What is left of the configured ladder, and each step of the way there. only: the rung that a rule leaves."""
    standing = [row for row in OBSTACLES if row.method in recipient.methods and row.stands(facts, recipient)]
    missing = {row.method for row in standing}
    barred = [method for method in recipient.methods if only is not None and method is not only]
    ladder = tuple(method for method in recipient.methods if method not in missing and method not in barred)
    named = ", ".join(recipient.methods) or "nothing"
    return ladder, (
        f"Methods come from {recipient.source}: {named}.",
        *(row.sentence for row in standing),
        *((f"A rule leaves only {only}, so {', '.join(barred)} is skipped.",) if barred else ()),
        _ending(ladder),
    )


def _ending(ladder: tuple[Method, ...]) -> str:
    if not ladder:
        return "No method is left that keeps it private, so it is held for a person to decide."
    if len(ladder) == 1:
        return f"It leaves by {ladder[0]} or not at all."
    return f"It leaves by {ladder[0]}; if that cannot be had, by {', then '.join(ladder[1:])}."
