"""How much a failure weighs, given what was required: the rows of the ladder's table that speak of TLS."""

from enum import Enum

from tls.failures import MISMATCHES, OF_CERTIFICATE, TlsFailure
from tls.levels import TlsLevel
from tls.requirement import Requirement


class Weight(Enum):
    """What the failure of one host means for a message; delivery has a word (`Seen`) for each."""

    REFUSED = "refused"  # for certain, and nothing published says otherwise: climb now
    UNCERTAIN = "uncertain"  # may be an accident, may be an attack: retry until the deadline
    MISMATCH = "mismatch"  # against what is published or pinned: the same, with an alarm


def weigh(failure: TlsFailure, needed: Requirement) -> Weight:
    """Decide from the failure and from what bound the message at this host.

    A host that refuses TLS although its domain promises it, by TLSA records (even unusable ones), MTA-STS or a pin, is
    a mismatch. A bad certificate is one only where certificates are promised too.
    """
    if failure in MISMATCHES:
        return Weight.MISMATCH
    if not failure.is_definitive:
        return Weight.UNCERTAIN
    promised = TlsLevel.VERIFIED if failure in OF_CERTIFICATE else TlsLevel.ENCRYPTED
    if failure is not TlsFailure.UNVOUCHED_MX and needed.bound >= promised:
        return Weight.MISMATCH
    return Weight.REFUSED
