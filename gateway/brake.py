"""How often one address, link or account may try: a leaky bucket for each key, in bounded memory."""

import ipaddress
from collections import OrderedDict
from functools import lru_cache
from typing import Final

REMEMBERED: Final = 20_000  # keys; the longest unused is forgotten first


class Brake:
    """`burst` at once, then one every `every_s` seconds (GCRA). The clock is an argument."""

    def __init__(self, *, every_s: float, burst: int, remembered: int = REMEMBERED) -> None:
        self._every_s = every_s
        self._slack_s = every_s * (burst - 1)
        self._remembered = remembered
        self._free_at: OrderedDict[bytes, float] = OrderedDict()

    def is_spent(self, key: bytes, now: float) -> bool:
        """Whether `wait_s` would refuse; counts nothing."""
        return self._free_at.get(key, now) - self._slack_s > now

    def spent(self, key: bytes, now: float) -> float:
        """How much of the burst is used up, in tries; counts nothing."""
        return max(0.0, self._free_at.get(key, now) - now) / self._every_s

    def wait_s(self, key: bytes, now: float) -> float:
        """Ask for one. Returns: 0.0 when it is granted and counted, else the seconds until it would be."""
        free_at = max(self._free_at.get(key, now), now)
        wait = free_at - self._slack_s - now
        if wait > 0:
            return wait
        self._free_at[key] = free_at + self._every_s
        self._free_at.move_to_end(key)
        if len(self._free_at) > self._remembered:
            self._free_at.popitem(last=False)
        return 0.0


@lru_cache(maxsize=4096)  # of who is connected; anew for each connection it costs as much as a reply
def network_of(address: str) -> bytes:
    """The key of a peer: its IPv4 address, or the /64 that one subscriber has in IPv6; b"" when there is none."""
    try:
        packed = ipaddress.ip_address(address.partition("%")[0]).packed
    except ValueError:
        return b""
    return packed if len(packed) == 4 else packed[:8]
