"""The leaky bucket, on a clock of the test's own."""

import pytest

from gateway.brake import Brake, network_of


def test_a_burst_then_one_every_so_often() -> None:
    brake = Brake(every_s=10, burst=3)
    assert [brake.wait_s(b"a", now=0.0) for _ in range(4)] == [0, 0, 0, 10]
    assert brake.wait_s(b"a", now=4.0) == 6
    assert brake.wait_s(b"b", now=4.0) == 0
    assert [brake.wait_s(b"a", now=10.0) for _ in range(2)] == [0, 10]
    assert [brake.wait_s(b"a", now=1000.0) for _ in range(4)] == [0, 0, 0, 10]


def test_memory_is_bounded() -> None:
    brake = Brake(every_s=10, burst=1, remembered=100)
    for number in range(1000):
        brake.wait_s(str(number).encode(), now=0.0)
    assert len(brake._free_at) == 100
    assert brake.wait_s(b"999", now=0.0) > 0
    assert brake.wait_s(b"0", now=0.0) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "unix", True),
    ],
)
def test_one_subscriber_is_one_key(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same
