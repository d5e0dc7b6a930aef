"""What the hosts of a domain come to, for one recipient: the row of the ladder's table.

No host may be played off against another: TLS counts as refused only when every host refused it for certain (TL-06).
"""

from collections.abc import Sequence
from typing import Final

from gateway.delivery.outcome import HostResult, Seen
from tls.failures import STRIPPABLE

# No other host is asked after these. NOT_8BITMIME: the same host is asked again, with the 7-bit form.
FINAL: Final = frozenset({Seen.DELIVERED, Seen.REJECTED, Seen.LOST_AFTER_DOT, Seen.NOT_8BITMIME})


def fold(results: Sequence[HostResult], *, tls_seen: bool) -> Seen:
    """Fold what was seen at each host, in the order of the attempts; at least one.

    tls_seen: the domain has offered TLS before; then its absence is a downgrade, not a fact (TL-07).
    """
    seen = {result.seen for result in results}
    last = results[-1].seen
    if last in FINAL:
        return last
    if seen == {Seen.DEFERRED}:
        return Seen.DEFERRED
    if Seen.TLS_MISMATCH in seen:
        return Seen.TLS_MISMATCH
    if not seen <= {Seen.TLS_REFUSED, Seen.NOT_REQUIRETLS}:
        return Seen.TLS_UNCERTAIN
    if tls_seen and any(result.tls_failure in STRIPPABLE for result in results):
        return Seen.TLS_DOWNGRADED
    return Seen.NOT_REQUIRETLS if Seen.NOT_REQUIRETLS in seen else Seen.TLS_REFUSED


def deciding(results: Sequence[HostResult], seen: Seen) -> HostResult:
    """The host that the outcome is told by: the last one that saw it, else the last."""
    return next((result for result in reversed(results) if result.seen is seen), results[-1])
