"""Why a message is protected, whoever receives it: one ground is enough, and none can take another back. Pure."""

from collections.abc import Callable
from typing import Final

from policy.decision import PolicyDefault
from policy.facts import Facts


def _could_not_read(facts: Facts) -> str:
    parts = facts.report.uninspectable
    if not parts:
        return ""
    more = f", and {len(parts) - 1} more" if len(parts) > 1 else ""
    return f"Something could not be read ({parts[0].place}: {parts[0].reason}{more}), so it counts as protected."


def _asked(facts: Facts) -> str:
    lowest = facts.report.lowest_method
    return f"The sender's system asked for {lowest} or more (X-Mailward-Method)." if lowest else ""


def _said(applies: Callable[[Facts], bool], sentence: str) -> Callable[[Facts], str]:
    return lambda facts: sentence if applies(facts) else ""


# Each row gives a sentence, or "" when it has nothing to say.
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
    _asked,
    _said(lambda facts: facts.requiretls, "The sender asked for verified TLS on the whole way (REQUIRETLS)."),
)


def grounds(facts: Facts) -> tuple[str, ...]:
    """One sentence a reason; empty when the message is not protected."""
    return tuple(sentence for ground in GROUNDS if (sentence := ground(facts)))
