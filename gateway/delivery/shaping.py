"""The shapers of a gateway, made from its configuration."""

import random
import time
from dataclasses import dataclass
from typing import Final

from gateway.config.sending import Delivery
from gateway.config.ways import find_route
from gateway.delivery.feedback import Pace
from gateway.delivery.gate import Gate
from gateway.delivery.shaper import Shaper

HOST_PACE: Final = Pace(most=50)  # deliveries at one host at once, whatever their domains


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaping:
    """domains: of recipients; asked by the scheduler, told by the transport. hosts: next hops. Each with its door."""

    domains: Shaper
    hosts: Shaper
    gate: Gate  # of hosts
    entrance: Gate  # of domains


def build_shaping(delivery: Delivery) -> Shaping:
    """delivery: `[delivery]`, of whose routes each may have a pace of its own."""

    def pace_of(domain: str) -> Pace:
        route = find_route(domain, delivery.route)
        return Pace() if route is None else Pace(most=route.concurrency, rate=route.rate)

    hosts = Shaper(lambda _: HOST_PACE, clock=time.monotonic, chance=random.random)
    domains = Shaper(pace_of, clock=time.monotonic, chance=random.random)
    return Shaping(domains=domains, hosts=hosts, gate=Gate(hosts), entrance=Gate(domains))
