"""Rotation of DKIM keys, as values: new keys wait until DNS has them, then take the place of the old (CR-12). Pure.

The configuration names the first key of each line; a made key says which selector it follows. So a selector that is
written into the configuration later begins a line of its own, and signs at once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from gateway.protect.dkim_keys import DkimKey, generate_key

WORDS: Final = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}


class MadeKey(msgspec.Struct, frozen=True):
    """A key of our making. replaces: the selector that it follows."""

    selector: str
    replaces: str
    pem: bytes

    def __repr__(self) -> str:
        return f"MadeKey({self.selector!r})"

    def load(self, domain: str) -> DkimKey:
        return DkimKey.load(domain, self.selector, self.pem)


class Retired(msgspec.Struct, frozen=True):
    """A selector that signs no more; its record stays until then, for mail that is on its way."""

    selector: str
    record: str
    until: datetime


class Rotation(msgspec.Struct, frozen=True):
    """Of one domain. made: keys that sign. waiting: keys that sign once DNS has them."""

    made: tuple[MadeKey, ...] = ()
    waiting: tuple[MadeKey, ...] = ()
    retired: tuple[Retired, ...] = ()

    def in_effect(self, configured: Sequence[DkimKey]) -> tuple[DkimKey, ...]:
        """The keys that sign, each in the place of the configured one that it follows."""
        following = {one.replaces: one for one in self.made}
        return tuple(_newest(key, following) for key in configured)

    def prepared(self, configured: Sequence[DkimKey], *, now: datetime) -> "Rotation":
        """With a key waiting for each that signs; those that wait already stay, so that a second try goes on."""
        old = self.in_effect(configured)
        kept: list[MadeKey] = [one for one in self.waiting if one.replaces in {key.selector for key in old}]
        taken = {key.selector for key in (*old, *configured)}
        taken |= {one.selector for one in (*self.made, *kept)} | {one.selector for one in self.retired}
        for key in old:
            if key.selector not in {one.replaces for one in kept}:
                kept.append(_successor(key, taken, now))
                taken.add(kept[-1].selector)
        return Rotation(self.made, tuple(kept), self.retired)

    def switched(self, configured: Sequence[DkimKey], *, until: datetime) -> "Rotation":
        """The waiting keys sign, and the records of those before them stay until then."""
        replaced = {one.replaces for one in self.waiting}
        old = [key for key in self.in_effect(configured) if key.selector in replaced]
        left = {key.selector for key in old}
        names = {key.selector for key in configured}
        # Only the newest key of a line is kept: it then follows the configured selector itself.
        made = [one for one in self.made if one.selector not in left]
        made += [MadeKey(one.selector, self._first(one.replaces, names), one.pem) for one in self.waiting]
        retired = (*self.retired, *(Retired(key.selector, key.dns_record(), until) for key in old))
        return Rotation(made=tuple(made), retired=retired)

    def _first(self, selector: str, configured: set[str]) -> str:
        """Where the line of a selector begins."""
        before = {one.selector: one.replaces for one in self.made}
        while selector not in configured and selector in before:
            selector = before[selector]
        return selector


def read_rotations(data: bytes | None) -> dict[str, Rotation]:
    """Domain to rotation, as `write_rotations` wrote them; None: there never was one. Raises: msgspec.DecodeError."""
    return {} if data is None else msgspec.json.decode(data, type=dict[str, Rotation])


def write_rotations(rotations: Mapping[str, Rotation]) -> bytes:
    return msgspec.json.encode(rotations)


def _newest(key: DkimKey, following: Mapping[str, MadeKey]) -> DkimKey:
    seen = {key.selector}
    while (made := following.get(key.selector)) is not None and made.selector not in seen:
        key = made.load(key.domain)
        seen.add(key.selector)
    return key


def _successor(key: DkimKey, taken: set[str], now: datetime) -> MadeKey:
    """A key of the same algorithm under a dated selector."""
    algorithm = WORDS[key.algorithm]
    dated = selector = f"m{now:%Y%m%d}-{algorithm}"
    number = 1
    while selector in taken:
        number += 1
        selector = f"{dated}-{number}"
    return MadeKey(selector, key.selector, generate_key(algorithm))
