"""What a domain and one of its hosts publish about TLS, and what follows from it."""

from dataclasses import dataclass
from typing import Final

from tls.dane.verify import NO_DANE, Dane, DaneState
from tls.mta_sts.parse import Mode
from tls.mta_sts.verify import NO_STS, Sts, lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """host: A-label. is_mx_signed: DNSSEC vouches for the records that named the host. dane: of the host and port.

    sts: of the domain; `NO_STS` for a host that the configuration names: it does not come from MX (RFC 8461 section 3).
    """

    host: str = ""
    is_mx_signed: bool = False
    dane: Dane = NO_DANE
    sts: Sts = NO_STS

    @property
    def is_listed(self) -> bool:
        """Whether a policy that is enforced lists the host."""
        policy = self.sts.policy
        return policy is not None and policy.mode is Mode.ENFORCE and lists(policy, self.host)

    @property
    def is_vouched(self) -> bool:
        """Whether more than unsigned DNS says that this is a host of the domain."""
        return self.is_mx_signed or self.is_listed

    @property
    def is_proved_by_dane(self) -> bool:
        """Whether DANE answers for host and domain both; then MTA-STS has nothing to add (RFC 8461 section 2)."""
        return self.is_mx_signed and self.dane.state is DaneState.USABLE

    @property
    def dnssec_words(self) -> str:
        """What DNSSEC had to say, for the evidence; empty when it said nothing."""
        words = ["MX signed"] if self.is_mx_signed else []
        if self.dane.state is not DaneState.NONE:
            words.append(f"TLSA {self.dane.state.value}")
        return ", ".join(words)

    @property
    def sts_words(self) -> str:
        """What MTA-STS had to say, for the evidence; empty when the domain announces nothing."""
        words = [] if self.sts.policy is None else [self.sts.policy.mode.value]
        if self.sts.trouble is not None:
            words.append(f"not at hand: {self.sts.trouble.value}")
        return ", ".join(words)


NOTHING: Final = Published()
