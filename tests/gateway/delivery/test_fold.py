"""All hosts of a domain, folded into one row of the ladder's table."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.delivery.fold import FINAL, fold
from gateway.delivery.outcome import HostResult, Seen
from tls.failures import TlsFailure


def at(seen: Seen, failure: TlsFailure | None = None) -> HostResult:
    return HostResult(host="mx.b.example", ip="192.0.2.1", port=25, seen=seen, reply="x", tls_failure=failure)


REFUSED = at(Seen.TLS_REFUSED, TlsFailure.EXPIRED)
ABSENT = at(Seen.TLS_REFUSED, TlsFailure.NOT_OFFERED)
UNCERTAIN = at(Seen.TLS_UNCERTAIN, TlsFailure.BROKEN_HANDSHAKE)
DOWN = at(Seen.DEFERRED)


@pytest.mark.parametrize(
    ("results", "seen"),
    [
        ([REFUSED], Seen.TLS_REFUSED),
        ([REFUSED, ABSENT], Seen.TLS_REFUSED),
        ([DOWN, ABSENT], Seen.TLS_UNCERTAIN),
        ([UNCERTAIN, ABSENT], Seen.TLS_UNCERTAIN),
        ([UNCERTAIN, DOWN], Seen.TLS_UNCERTAIN),
        ([DOWN, DOWN], Seen.DEFERRED),
        ([at(Seen.TLS_MISMATCH), DOWN], Seen.TLS_MISMATCH),
        ([at(Seen.NOT_REQUIRETLS), REFUSED], Seen.NOT_REQUIRETLS),
        ([at(Seen.NOT_REQUIRETLS), DOWN], Seen.TLS_UNCERTAIN),
        ([ABSENT, at(Seen.DELIVERED)], Seen.DELIVERED),
        ([UNCERTAIN, at(Seen.REJECTED)], Seen.REJECTED),
        ([DOWN, at(Seen.LOST_AFTER_DOT)], Seen.LOST_AFTER_DOT),
        ([DOWN, at(Seen.NOT_8BITMIME)], Seen.NOT_8BITMIME),
    ],
)
def test_fold(results: Sequence[HostResult], seen: Seen) -> None:
    """TL-06."""
    assert fold(results, tls_seen=False) is seen


@pytest.mark.parametrize(
    ("results", "seen"),
    [
        ([ABSENT], Seen.TLS_DOWNGRADED),
        ([REFUSED, ABSENT], Seen.TLS_DOWNGRADED),
        ([REFUSED], Seen.TLS_REFUSED),
        ([DOWN, ABSENT], Seen.TLS_UNCERTAIN),
        ([at(Seen.TLS_REFUSED, TlsFailure.STARTTLS_REFUSED)], Seen.TLS_DOWNGRADED),
    ],
)
def test_fold_where_tls_was_seen_before(results: Sequence[HostResult], seen: Seen) -> None:
    """TL-07: what stripping can fake is a downgrade."""
    assert fold(results, tls_seen=True) is seen


@pytest.mark.slow
@settings(deadline=None)
@given(
    st.lists(st.sampled_from([REFUSED, ABSENT, UNCERTAIN, DOWN, at(Seen.NOT_REQUIRETLS)]), min_size=1), st.booleans()
)
def test_refused_means_refused_by_all(results: Sequence[HostResult], tls_seen: bool) -> None:
    """TL-06: one host in doubt is enough to wait, whatever its place in the list."""
    seen = fold(results, tls_seen=tls_seen)
    assert seen not in FINAL
    assert (seen is Seen.TLS_REFUSED) <= all(result.seen is Seen.TLS_REFUSED for result in results)
    assert fold(results[::-1], tls_seen=tls_seen) is seen
