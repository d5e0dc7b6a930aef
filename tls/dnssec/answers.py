"""One answer of DNS as a value: what was found, and whether a validating resolver vouched for it."""

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")


class State(Enum):
    """What came of a question."""

    FOUND = "found"
    ABSENT = "absent"  # the name or the record does not exist
    FAILED = "failed"  # SERVFAIL, timeout, nonsense; a bogus signature shows as SERVFAIL (RFC 4035 section 5.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup(Generic[T]):
    """An answer.

    name: the name behind all aliases, lower case, no trailing dot. records: what was found, as the resolver ordered it.
    is_secure: every record of it, the aliases too, was validated (AD, RFC 4035 section 3.2.3) by a resolver that is
    trusted with that. For ABSENT the denial was validated. Never true for FAILED.
    is_servfail: of FAILED: the resolver answered, and said that it failed; silence and nonsense are something else.
    """

    state: State
    name: str
    records: tuple[T, ...] = ()
    is_secure: bool = False
    is_servfail: bool = False


def merge(first: Lookup[T], second: Lookup[T]) -> Lookup[T]:
    """Two questions about one name (A and AAAA) as one answer.

    One that failed hides nothing that the other found. Secure only when both that count are.
    """
    found = [answer for answer in (first, second) if answer.state is State.FOUND]
    if found:
        return Lookup(
            state=State.FOUND,
            name=found[0].name,
            records=tuple(record for answer in found for record in answer.records),
            is_secure=all(answer.is_secure for answer in found) and len({answer.name for answer in found}) == 1,
        )
    if State.FAILED in (first.state, second.state):
        return Lookup(state=State.FAILED, name=first.name)
    return Lookup(state=State.ABSENT, name=first.name, is_secure=first.is_secure and second.is_secure)
