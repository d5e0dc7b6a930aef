"""Under which names the TLSA records of a host are looked for, and whether its zone lets them count."""

from dataclasses import dataclass
from typing import Final

from tls.dnssec.answers import Lookup, State


@dataclass(frozen=True, slots=True)
class Bases:
    """TLSA base domains in the order to ask them. why: when there is none, in words. is_failed: DNS did not say."""

    names: tuple[str, ...] = ()
    why: str = ""
    is_failed: bool = False


NO_ADDRESS: Final = Bases(why="the host has no address")
UNSIGNED: Final = Bases(why="the host's zone is not signed")
FAILED: Final = Bases(why="its addresses could not be looked up", is_failed=True)


def needs_cname(host: str, addresses: Lookup[str]) -> bool:
    """Whether the alias itself has to be asked for: the target is unsigned, the alias may be signed nevertheless."""
    return addresses.state is State.FOUND and not addresses.is_secure and addresses.name != host


def decide_bases(host: str, addresses: Lookup[str], cname: Lookup[str] | None = None) -> Bases:
    """Decide from the addresses of a host (A and AAAA merged) and, where `needs_cname`, from its alias.

    host: A-label, lower case, no trailing dot.
    Source: RFC 7672 section 2.2.2: a signed chain of aliases is asked at its end first, then at its beginning; an alias
    that is signed, but leads into an unsigned zone, only at its beginning. Section 2.1.2: a look-up that fails defers.
    Section 2.1.3: without a signed address or alias, TLSA records are not asked for, and DANE does not apply.
    """
    if addresses.state is State.FAILED:
        return FAILED
    if addresses.state is State.ABSENT:
        return NO_ADDRESS
    if addresses.is_secure:
        return Bases(tuple(dict.fromkeys((addresses.name, host))))
    if addresses.name == host or cname is None:
        return UNSIGNED
    if cname.state is State.FAILED:
        return FAILED
    return Bases((host,)) if cname.state is State.FOUND and cname.is_secure else UNSIGNED
