"""Where policies are kept between restarts, seen from here; the store has the real one, memory serves tests."""

from typing import Protocol

from tls.mta_sts.verify import CachedPolicy


class PolicyCache(Protocol):
    """One policy for each domain. What `put` has returned from must survive a crash (TL-16)."""

    async def get(self, domain: str) -> CachedPolicy | None:
        """The policy kept for a domain, expired or not."""

    async def put(self, policy: CachedPolicy) -> None:
        """Keep a policy in place of the domain's older one."""


class MemoryCache:
    """A `PolicyCache` that forgets everything at the end of the process."""

    def __init__(self) -> None:
        self._policies: dict[str, CachedPolicy] = {}

    async def get(self, domain: str) -> CachedPolicy | None:
        return self._policies.get(domain)

    async def put(self, policy: CachedPolicy) -> None:
        self._policies[policy.domain] = policy
