"""gateway.protect.own_engine: a key of ours is tried before it is filed. `conformance` has what engines share."""

import pytest

from gateway.protect import armour
from gateway.protect.errors import CertificateError
from gateway.protect.own_engine import self_test
from tests.gateway.protect.keys import NOW, make_key


def test_a_key_whose_halves_do_not_belong_together() -> None:
    """CR-13: every recipient would see a bad signature; it is told at the import instead."""
    ours, other = bytes(make_key()), bytes(make_key(address="c@example.org"))
    (_, start, end), (_, others_start, others_end) = armour._packet_at(ours, 0), armour._packet_at(other, 0)
    for whole in (ours, other):
        self_test(whole, now=NOW)
    public = 1 + 4 + 1 + 9 + 2 + 65  # version, time, algorithm, curve, point (RFC 9580 section 5.5.5.4)
    secret = other[others_start + public : others_end]
    mixed = other[:others_start] + ours[start : start + public] + secret + ours[end:]
    with pytest.raises(CertificateError, match="cannot be verified"):
        self_test(mixed, now=NOW)
