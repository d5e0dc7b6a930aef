"""What policy answers: one `Decision` per recipient, with its trace in words.

Values only. `policy.decide` makes them; `gateway` stores and obeys them.
"""

from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    """How a message may leave, from the least friction to the most; the order of a ladder is configuration."""

    TLS = "tls"
    SMIME = "smime"
    OPENPGP = "openpgp"
    PORTAL = "portal"


class Action(StrEnum):
    """What a rule or the default asks for; `interface.md` fixes the words."""

    ALLOW = "allow"
    REQUIRE_TLS = "require-tls"
    PROTECT = "protect"
    PORTAL_ONLY = "portal-only"
    HOLD = "hold"
    REJECT = "reject"


class PolicyDefault(StrEnum):
    """What is protected when no rule speaks (`policy.default`)."""

    PROTECT_PHI = "protect-phi"
    PROTECT_ALL = "protect-all"


class UnsignedMx(StrEnum):
    """Whether a WebPKI match counts for an MX that nothing vouches for (`tls.unsigned_mx`)."""

    ACCEPT = "accept"
    CLIMB = "climb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What may happen to one message for one recipient.

    recipient: the envelope address it is about.
    protected: the message may leave only over verified TLS, as ciphertext, or as a portal notice.
    methods: the ladder, in order; empty when the action is hold or reject, and for unprotected mail `(Method.TLS,)`.
    trace: one sentence a step, no message content, in the order in which they were applied.
    rules: names of the rules that apply, whatever they ask for; exceptions that held are in the trace only.
    """

    recipient: str
    action: Action
    protected: bool
    methods: tuple[Method, ...]
    trace: tuple[str, ...]
    rules: tuple[str, ...] = ()
