"""Counters, the pace of a message, and who is within a network."""

import pytest

from gateway.config.values import parse_network
from gateway.intake import replies
from gateway.intake.limits import MINIMUM_RATE, Doorkeeper, Pace
from gateway.intake.senders import Peer, is_within, plain_ip, refuse_sender
from gateway.message.verdict import Reply

NETWORKS = (parse_network("192.0.2.0/24"), parse_network("2001:db8::/32"))
DOMAINS = frozenset({"clinic.example"})


def test_pace_of_an_honest_client() -> None:
    """RX-03: 25 MB at 600 octets a second take 11.6 hours, and each minute brings its share."""
    pace = Pace(0.0, 60.0)
    for second in range(1, 41_667):
        assert second <= pace.deadline
        pace.advance(float(second), second * 600)


@pytest.mark.parametrize("burst", [0, 10_000_000])
def test_pace_of_a_dishonest_client(burst: int) -> None:
    """RX-02: a burst at the beginning buys no more than one window of silence."""
    pace = Pace(0.0, 60.0)
    pace.advance(1.0, burst)
    for second in range(2, 1000):
        if second > pace.deadline:
            break
        pace.advance(float(second), burst + second * (MINIMUM_RATE - 100))
    assert pace.deadline <= 61


def test_doorkeeper() -> None:
    """RX-01: in all, by address, and what is counted out is forgotten."""
    one, two, three = "192.0.2.1", "192.0.2.2", "192.0.2.3"
    keeper = Doorkeeper(connections=3, per_address=2)
    assert [keeper.admit(one), keeper.admit(one)] == [None, None]
    assert keeper.admit(one) is replies.BUSY_FOR_YOU
    assert keeper.admit(two) is None
    assert keeper.admit(three) is replies.BUSY
    keeper.leave(one)
    assert keeper.admit(three) is None
    assert keeper.total == 3


@pytest.mark.parametrize("is_behind_proxy", [False, True])
def test_one_host_is_many_addresses_in_ipv6(is_behind_proxy: bool) -> None:
    """RX-01: whoever has a /64 has 2**64 addresses; its neighbour has a share of its own."""
    keeper = Doorkeeper(connections=100, per_address=2)

    def come(address: str) -> Reply | None:
        return keeper.admit("") or keeper.introduce(address) if is_behind_proxy else keeper.admit(address)

    assert [come(f"2001:db8::{host:x}") for host in range(4)] == [None, None, *[replies.BUSY_FOR_YOU] * 2]
    assert come("2001:db8:0:1::1") is None
    keeper.leave("2001:db8::1")
    assert come("2001:db8::9") is None


@pytest.mark.parametrize(
    ("text", "plain", "is_inside"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("2001:db8::1", "2001:db8::1", True),
        ("fe80::1%eth0", "fe80::1", False),
        ("198.51.100.1", "198.51.100.1", False),
    ],
)
def test_addresses(text: str, plain: str, is_inside: bool) -> None:
    assert plain_ip(text) == plain
    assert is_within(plain, NETWORKS) is is_inside


NOBODY: frozenset[str] = frozenset()
JOE = frozenset({"a@clinic.example"})
PROGRAM = frozenset({"*@clinic.example", "<>"})


@pytest.mark.parametrize(
    ("sender", "peer", "reply"),
    [
        ("a@clinic.example", Peer(ip="192.0.2.7", senders=NOBODY, is_relay=True), None),
        ("", Peer(ip="192.0.2.7", senders=NOBODY, is_relay=True), None),
        ("a@clinic.example", Peer(ip="198.51.100.1", senders=NOBODY, is_relay=True), replies.RELAYING_DENIED),
        ("", Peer(ip="198.51.100.1", senders=NOBODY, is_relay=True), replies.RELAYING_DENIED),
        ("a@x.example", Peer(ip="192.0.2.7", senders=NOBODY, is_relay=True), replies.DOMAIN_NOT_OURS),
        ("a@clinic.example", Peer(ip="192.0.2.7", senders=JOE, is_relay=False), None),
        ("b@clinic.example", Peer(ip="192.0.2.7", senders=JOE, is_relay=False), replies.SENDER_NOT_YOURS),
        (
            "a@x.example",
            Peer(ip="192.0.2.7", senders=frozenset({"a@x.example"}), is_relay=False),
            replies.SENDER_NOT_YOURS,
        ),
        ("", Peer(ip="192.0.2.7", senders=JOE, is_relay=False), replies.NULL_SENDER_REFUSED),
        ("A@clinic.example", Peer(ip="192.0.2.7", senders=JOE, is_relay=False), None),
        ("b@clinic.example", Peer(ip="192.0.2.7", senders=PROGRAM, is_relay=False), None),
        ("b@sub.clinic.example", Peer(ip="192.0.2.7", senders=PROGRAM, is_relay=False), replies.SENDER_NOT_YOURS),
        ("", Peer(ip="192.0.2.7", senders=PROGRAM, is_relay=False), None),
    ],
)
def test_senders(sender: str, peer: Peer, reply: Reply | None) -> None:
    """ID-01, ID-02, ID-03, ID-07."""
    assert refuse_sender(sender, peer, networks=NETWORKS, domains=DOMAINS) is reply


def test_pace_does_not_charge_our_own_slowness() -> None:
    """RX-03: a client that we keep waiting, because our disk is slow, is not too slow itself."""
    pace = Pace(0.0, 60.0)
    pace.excuse(45.0)
    assert pace.deadline == 105.0
    pace.advance(50.0, 30_000)
    assert pace.deadline == 110.0
