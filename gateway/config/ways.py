"""What the configuration says about the way to one recipient, as facts for `policy.decide`. Pure."""

from collections.abc import Sequence

from gateway.config.model import Domain
from gateway.config.modes import RouteTlsKind
from gateway.config.patterns import matches
from gateway.config.policies import Policy
from gateway.config.sending import Delivery, Route
from gateway.config.smart_hosts import smart_host_for
from policy.decide import RecipientFacts, choose_methods
from policy.decision import PolicyDefault


def find_route(domain: str, routes: Sequence[Route]) -> Route | None:
    """The route of a domain: its own before that of a pattern, a longer pattern before a shorter one.

    domain: lower-case A-label. "*.partner.example" matches sub-domains at any depth, not partner.example itself.
    """
    matching = [route for route in routes if matches(route.domain, domain)]
    return max(matching, key=lambda route: (not route.domain.startswith("*."), len(route.domain)), default=None)


def recipient_facts(
    delivery: Delivery,
    domains: Sequence[Domain],
    *,
    sender: str,
    address: str,
    has_openpgp_key: bool | None,
    has_smime_certificate: bool | None,
) -> RecipientFacts:
    """Gather what decides on one recipient's ladder.

    sender, address: normalised envelope addresses; the sender may be empty. has_openpgp_key, has_smime_certificate:
    from the store; None when nobody looked.
    """
    route = find_route(address.rpartition("@")[2], delivery.route)
    home = sender.rpartition("@")[2]
    own = next((domain.methods for domain in domains if domain.name == home), ())
    smart_host = smart_host_for(sender, delivery, domains)
    methods, source = choose_methods(route.methods if route else (), own, delivery.methods)
    return RecipientFacts(
        address=address,
        methods=methods,
        source=source,
        has_openpgp_key=has_openpgp_key,
        has_smime_certificate=has_smime_certificate,
        is_route_opportunistic=route is not None and route.tls.kind is RouteTlsKind.OPPORTUNISTIC,
        is_tls_vouched=smart_host is None or smart_host.is_attested or _has_own_host(route),
    )


def default_for(policy: Policy, domains: Sequence[Domain], *, sender: str) -> PolicyDefault:
    """What is protected when no rule speaks: as the sender's domain says, else as the policy does."""
    home = sender.rpartition("@")[2].lower()
    own = next((domain.policy_default for domain in domains if domain.name == home), None)
    return own or policy.default


def states_of(domains: Sequence[Domain], *, sender: str) -> tuple[str, ...]:
    """Whose law speaks of mail from the sender's domain; empty: nobody said."""
    home = sender.rpartition("@")[2].lower()
    return tuple(domain.state for domain in domains if domain.name == home and domain.state)


def _has_own_host(route: Route | None) -> bool:
    """Whether a route names its next hop, so that the smart host does not see this mail."""
    return route is not None and route.host is not None
