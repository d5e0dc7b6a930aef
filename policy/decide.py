"""Facts in, one decision per recipient out, with its trace in words. Pure: no clock, no network, no registers.

How this works: sentences about the message say why it is protected; one is enough, and none can take another back, so
raising never lowers. Then each recipient's ladder is what the configuration gives, less the rungs that a row of
`OBSTACLES` takes away. Mail whose ladder ends up empty is held for a person: plain text is no way out (invariant 1).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policy.decision import Action, Decision, Method, PolicyDefault
from policy.phi.report import Report


class MethodSource(StrEnum):
    """Which part of the configuration named a recipient's methods."""

    ROUTE = "the route to the recipient's domain"
    DOMAIN = "the settings of the sender's domain"
    DELIVERY = "delivery.methods"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientFacts:
    """What is known about the way to one recipient.

    address: the envelope address. methods, source: the configured ladder (`choose_methods`).
    has_openpgp_key: a usable certificate is on file; None: nobody looked.
    is_route_opportunistic: the route's `tls` verifies nothing.
    is_tls_vouched: false when a smart host takes everything and nobody vouches for its onward TLS.
    """

    address: str
    methods: tuple[Method, ...]
    source: MethodSource = MethodSource.DELIVERY
    has_openpgp_key: bool | None = False
    is_route_opportunistic: bool = False
    is_tls_vouched: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a decision rests on.

    report: what classification found. default: `policy.default`. requiretls: the sender asked for it (RFC 8689).
    """

    report: Report
    recipients: tuple[RecipientFacts, ...]
    default: PolicyDefault = PolicyDefault.PROTECT_PHI
    requiretls: bool = False


# What X-Mailward-Method orders: both ciphertexts are opened by the recipient alone, so neither is less than the other.
RANKS: Final[Mapping[Method, int]] = {Method.TLS: 0, Method.SMIME: 1, Method.OPENPGP: 1, Method.PORTAL: 2}


def choose_methods(
    route: tuple[Method, ...], domain: tuple[Method, ...], delivery: tuple[Method, ...]
) -> tuple[tuple[Method, ...], MethodSource]:
    """The nearest of three ladders: the route's before the sending domain's before the general one; empty: not set."""
    if route:
        return route, MethodSource.ROUTE
    if domain:
        return domain, MethodSource.DOMAIN
    return delivery, MethodSource.DELIVERY


def _could_not_read(facts: Facts) -> str:
    parts = facts.report.uninspectable
    if not parts:
        return ""
    more = f", and {len(parts) - 1} more" if len(parts) > 1 else ""
    return f"Something could not be read ({parts[0].place}: {parts[0].reason}{more}), so it counts as protected."


def _asked(facts: Facts) -> str:
    lowest = facts.report.lowest_method
    return f"The sender's system asked for {lowest} or more (X-Mailward-Method)." if lowest else ""


def _is_below(method: Method) -> Callable[[Facts, RecipientFacts], bool]:
    """Whether more than this method was asked for."""

    def stands(facts: Facts, _to: RecipientFacts) -> bool:
        lowest = facts.report.lowest_method
        return lowest is not None and RANKS[method] < RANKS[lowest]

    return stands


def _said(applies: Callable[[Facts], bool], sentence: str) -> Callable[[Facts], str]:
    return lambda facts: sentence if applies(facts) else ""


# Why a message is protected: each row gives a sentence, or "" when it has nothing to say.
GROUNDS: Final[tuple[Callable[[Facts], str], ...]] = (
    _said(
        lambda facts: facts.default is PolicyDefault.PROTECT_ALL,
        "Policy protects every message (policy.default = protect-all).",
    ),
    lambda facts: (
        f"It holds health information about a person (score {facts.report.score:.2f})." if facts.report.phi else ""
    ),
    _could_not_read,
    _said(lambda facts: facts.report.tagged, "The sender tagged the subject, which asks for protection."),
    _said(
        lambda facts: facts.report.encrypted,
        "The body is encrypted already, but its subject and headers are not, so it is protected all the same.",
    ),
    lambda facts: _asked(facts),
    _said(lambda facts: facts.requiretls, "The sender asked for verified TLS on the whole way (REQUIRETLS)."),
)


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
    Obstacle(Method.SMIME, lambda _facts, _to: True, "S/MIME is not built yet, so that method is skipped."),
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
        Method.OPENPGP,
        lambda facts, _to: facts.requiretls,
        "REQUIRETLS asks for a verified way, which ciphertext does not replace: openpgp is skipped.",
    ),
    Obstacle(
        Method.OPENPGP,
        lambda _facts, to: to.has_openpgp_key is False,
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


def grounds(facts: Facts) -> tuple[str, ...]:
    """Why the message is protected, whoever receives it: one sentence a reason; empty when it is not."""
    return tuple(sentence for ground in GROUNDS if (sentence := ground(facts)))


def decide(facts: Facts) -> tuple[Decision, ...]:
    """Decide for each recipient, in the order of the facts."""
    reasons = grounds(facts)
    if not reasons:
        return tuple(_free(recipient) for recipient in facts.recipients)
    return tuple(_protected(facts, recipient, reasons) for recipient in facts.recipients)


def _free(recipient: RecipientFacts) -> Decision:
    return Decision(
        recipient=recipient.address, action=Action.ALLOW, protected=False, methods=(Method.TLS,), trace=UNPROTECTED
    )


def _protected(facts: Facts, recipient: RecipientFacts, reasons: tuple[str, ...]) -> Decision:
    standing = [row for row in OBSTACLES if row.method in recipient.methods and row.stands(facts, recipient)]
    missing = {row.method for row in standing}
    ladder = tuple(method for method in recipient.methods if method not in missing)
    named = ", ".join(recipient.methods) or "nothing"
    return Decision(
        recipient=recipient.address,
        action=Action.PROTECT if ladder else Action.HOLD,
        protected=True,
        methods=ladder,
        trace=(
            *reasons,
            f"Methods come from {recipient.source}: {named}.",
            *(row.sentence for row in standing),
            _ending(ladder),
        ),
    )


def _ending(ladder: tuple[Method, ...]) -> str:
    if not ladder:
        return "No method is left that keeps it private, so it is held for a person to decide."
    if len(ladder) == 1:
        return f"It leaves by {ladder[0]} or not at all."
    return f"It leaves by {ladder[0]}; if that cannot be had, by {', then '.join(ladder[1:])}."
