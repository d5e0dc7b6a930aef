"""The start-up self-test of a resolver whose AD flag is to be believed: what its answers show.

A resolver that does not validate hands out forged TLSA records; one that sets AD on everything hands them out as
proved. Two names tell: one whose signatures are broken on purpose, and one that is signed well.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Final

from tls.dnssec.answers import Lookup, State

BOGUS_NAME: Final = "dnssec-failed.org"  # signed wrongly on purpose, so that resolvers can be tested
SIGNED_NAME: Final = "ietf.org"


class ResolverVerdict(Enum):
    """What the self-test found, from good to bad; only VALIDATING lets AD count. The value is the word in the log."""

    VALIDATING = "validating"
    UNREACHABLE = "unreachable"  # nothing learned; ask again
    NO_AD = "no-ad"  # it does not say what it validated: DANE would never apply
    NOT_VALIDATING = "not-validating"  # it answers what it must refuse: forged records pass

    @property
    def words(self) -> str:
        """What the operator reads."""
        return WORDS[self]


WORDS: Final = {
    ResolverVerdict.VALIDATING: "the resolver validates DNSSEC",
    ResolverVerdict.UNREACHABLE: "the resolver gave no answer to the self-test",
    ResolverVerdict.NO_AD: "the resolver does not set AD on a signed name: it does not validate, or does not say",
    ResolverVerdict.NOT_VALIDATING: "the resolver answers a name with broken signatures: it does not validate DNSSEC",
}


def judge_resolver(bogus: Lookup[str], signed: Lookup[str]) -> ResolverVerdict:
    """Decide from both answers.

    bogus: of a name whose signatures are broken; RFC 4035 section 5.5: a validating resolver answers SERVFAIL, so any
    answer at all, also "no such name", gives it away. signed: of a well-signed name; it must come with AD.
    """
    if bogus.state is not State.FAILED:
        return ResolverVerdict.NOT_VALIDATING
    if signed.state is State.FAILED or not bogus.is_servfail:  # silence about a bogus name is no refusal
        return ResolverVerdict.UNREACHABLE
    return ResolverVerdict.VALIDATING if signed.is_secure else ResolverVerdict.NO_AD


def worst(verdicts: Iterable[ResolverVerdict]) -> ResolverVerdict:
    """Of several resolvers: an answer may come from any of them, so the worst speaks for all."""
    return max(verdicts, key=list(ResolverVerdict).index)
