"""Settings that work and lack something: `check-config` says so, and a start does not fail on them."""

from collections.abc import Iterator

from gateway.config.model import Settings
from gateway.config.problems import Fault, Problem, in_order
from gateway.config.ways import find_route


def advise(settings: Settings) -> tuple[Problem, ...]:
    """Every warning, in the order of the lines. settings: without a problem."""
    return in_order(settings.problem(key, text) for key, text in _pins_behind_a_smart_host(settings))


def _pins_behind_a_smart_host(settings: Settings) -> Iterator[Fault]:
    """A portal PIN goes to its sender over TLS that is proved to the last hop, which nobody does for such a host."""
    delivery = settings.delivery
    if delivery.smart_host is None or delivery.smart_host_attested:
        return
    for number, domain in enumerate(settings.domain):
        route = find_route(domain.name, delivery.route)
        if domain.inbound is None and (route is None or route.host is None):
            text = (
                "is missing: through an unattested delivery.smart_host no portal PIN can be told to its sender;"
                ' name your mail server, such as "exchange.clinic.example:25"'
            )
            yield ("domain", number, "inbound"), text
