"""DNS made of data: zones that are signed or not, and names that fail."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tls.dnssec.answers import Lookup, State, merge


class FakeDns:
    """A `SecureDns`. Keys are `name KIND`, values the records; a CNAME is followed as a resolver does it.

    signed: zones whose names have signatures; a name is in the longest zone of `signed` and `unsigned` that it ends in.
    failed: keys that get SERVFAIL. asked: the keys asked for, in order.
    """

    def __init__(
        self,
        records: Mapping[str, Sequence[Any]] | None = None,
        *,
        signed: Sequence[str] = (),
        unsigned: Sequence[str] = (),
        failed: Sequence[str] = (),
    ) -> None:
        self.records = dict(records or {})
        self.zones = {**dict.fromkeys(signed, True), **dict.fromkeys(unsigned, False)}
        self.failed = set(failed)
        self.asked: list[str] = []
        self.is_ad_trusted = True

    async def txt(self, name: str) -> Lookup[bytes]:
        return self._ask(name, "TXT")

    async def tlsa(self, name: str) -> Lookup[bytes]:
        return self._ask(name, "TLSA")

    async def addresses(self, name: str) -> Lookup[str]:
        return merge(self._ask(name, "AAAA"), self._ask(name, "A"))

    async def cname(self, name: str) -> Lookup[str]:
        return self._ask(name, "CNAME")

    async def mx(self, name: str) -> Lookup[tuple[int, str]]:
        return self._ask(name, "MX")

    def _ask(self, name: str, kind: str) -> Lookup[Any]:
        is_secure = self._is_signed(name)
        for _ in range(8):
            self.asked.append(f"{name} {kind}")
            if f"{name} {kind}" in self.failed:
                return Lookup(state=State.FAILED, name=name)
            alias = self.records.get(f"{name} CNAME")
            if alias is None or kind == "CNAME":
                break
            name = alias[0]
            is_secure = is_secure and self._is_signed(name)
        found = tuple(self.records.get(f"{name} {kind}", ()))
        return Lookup(state=State.FOUND if found else State.ABSENT, name=name, records=found, is_secure=is_secure)

    def _is_signed(self, name: str) -> bool:
        zones = [zone for zone in self.zones if re.search(rf"(^|\.){re.escape(zone)}$", name)]
        return self.is_ad_trusted and bool(zones) and self.zones[max(zones, key=len)]
