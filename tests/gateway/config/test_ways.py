"""The way to one recipient, as the configuration describes it."""

from collections.abc import Mapping

import pytest

from gateway.config.model import Domain
from gateway.config.sending import Delivery, Route
from gateway.config.ways import find_route, recipient_facts
from policy.decide import MethodSource, RecipientFacts
from policy.decision import Method

ROUTES = tuple(
    Route.model_validate(row)
    for row in (
        {"domain": "partner.example", "tls": "opportunistic"},
        {"domain": "*.partner.example", "methods": ["portal"]},
        {"domain": "*.lab.partner.example", "host": "mx.lab.example"},
    )
)
DOMAINS = (Domain.model_validate({"name": "clinic.example", "methods": ["portal", "tls"]}),)


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("partner.example", "partner.example"),
        ("a.partner.example", "*.partner.example"),
        ("a.b.partner.example", "*.partner.example"),
        ("a.lab.partner.example", "*.lab.partner.example"),
        ("lab.partner.example", "*.partner.example"),
        ("otherpartner.example", None),
        ("example", None),
    ],
)
def test_nearest_route_is_found(domain: str, found: str | None) -> None:
    """The domain itself before patterns, the longest pattern first; a pattern covers sub-domains only."""
    route = find_route(domain, ROUTES)
    assert (route.domain if route else None) == found


def facts(
    address: str, delivery: Mapping[str, object] | None = None, *, sender: str = "a@clinic.example"
) -> RecipientFacts:
    """Facts for one recipient under a delivery section."""
    section = Delivery.model_validate({"route": ROUTES, **(delivery or {})})
    return recipient_facts(
        section, DOMAINS, sender=sender, address=address, has_openpgp_key=False, has_smime_certificate=False
    )


@pytest.mark.parametrize(
    ("address", "sender", "source", "first"),
    [
        ("b@a.partner.example", "a@clinic.example", MethodSource.ROUTE, Method.PORTAL),
        ("b@else.example", "a@clinic.example", MethodSource.DOMAIN, Method.PORTAL),
        ("b@else.example", "a@stranger.example", MethodSource.DELIVERY, Method.TLS),
        ("b@else.example", "", MethodSource.DELIVERY, Method.TLS),
    ],
)
def test_nearest_methods_count(address: str, sender: str, source: MethodSource, first: Method) -> None:
    """The route's before the sender's domain's before the general ones; the null sender has no domain."""
    found = facts(address, sender=sender)
    assert (found.source, found.methods[0]) == (source, first)


@pytest.mark.parametrize(
    ("address", "delivery", "is_vouched"),
    [
        ("b@else.example", {}, True),
        ("b@else.example", {"smart_host": "smtp.provider.example:587"}, False),
        ("b@else.example", {"smart_host": "smtp.provider.example:587", "smart_host_attested": True}, True),
        ("b@a.lab.partner.example", {"smart_host": "smtp.provider.example:587"}, True),
    ],
)
def test_smart_host_vouches_only_when_attested(address: str, delivery: dict[str, object], is_vouched: bool) -> None:
    """A smart host's TLS proves one hop, unless an agreement says more or a route goes past it."""
    assert facts(address, delivery).is_tls_vouched is is_vouched


@pytest.mark.parametrize(("is_attested", "is_vouched"), [(True, True), (False, False)])
def test_smart_host_of_the_sending_domain_vouches_for_itself_only(is_attested: bool, is_vouched: bool) -> None:
    """`[[domain]] smart_host` goes before the general one, attested or not."""
    general = Delivery.model_validate(
        {"smart_host": "smtp.provider.example:587", "smart_host_attested": not is_attested}
    )
    own = {"name": "clinic.example", "smart_host": "smtp.other.example:587", "smart_host_attested": is_attested}
    domains = (Domain.model_validate(own),)
    facts = recipient_facts(
        general,
        domains,
        sender="nurse@clinic.example",
        address="pat@b.example",
        has_openpgp_key=None,
        has_smime_certificate=None,
    )
    assert facts.is_tls_vouched is is_vouched


def test_opportunistic_route_is_told() -> None:
    """A route that verifies nothing must not carry protected mail."""
    assert facts("b@partner.example").is_route_opportunistic
    assert not facts("b@else.example").is_route_opportunistic
