"""The gateway on a disk that fails under it (QD-06), and what it asks of the disk before it says 250 (QD-13)."""

import smtplib
from collections import Counter
from contextlib import closing
from functools import partial

import pytest

from tests.e2e.installation import Installation
from tests.e2e.letters import new_marker, plain
from tests.e2e.nexthop import NextHop
from tests.e2e.strace import SYNC, Traced, launch_traced, on_the_log, quiet
from tests.e2e.submit import hand_in
from tests.e2e.waiting import until
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RECIPIENT = "a@steady.example"
MESSAGES = 8
MOST = 40  # tries; how many syncs a message takes depends on what is written together
FAULTS = 3
WAIT_S = 40  # under strace, on a machine that has other work


@pytest.fixture(scope="module")
def hop(world: World) -> NextHop:
    return world.add_good("steady.example")


def relay(gateway: Installation, marker: str) -> str:
    """Hand a message in on the relay listener, in clear. Returns: its queue id. Raises: SMTPResponseException."""
    with closing(smtplib.SMTP("127.0.0.1", gateway.ports.relay, timeout=30)) as client:
        client.ehlo("client.clinic.example")
        return hand_in(client, plain(marker, to=RECIPIENT), to=[RECIPIENT])


@pytest.mark.parametrize(
    ("calls", "error", "when", "codes"),
    [
        ("fdatasync", "EIO", "9+5", {451}),
        ("fdatasync", "ENOSPC", "10+7", {451}),
        ("pwrite64", "ENOSPC", "130+127", {452}),
    ],
)
def test_a_failing_disk_refuses_and_recovers(
    installation: Installation, hop: NextHop, calls: str, error: str, when: str, codes: set[int]
) -> None:
    """QD-06: the message whose commit fails is refused and leaves no trace; the ones before and after it arrive, each
    once, also when it was the record of a delivery that failed.
    """
    installation.add_user()
    traced = Traced(installation, *on_the_log(installation, calls, error=error, when=when))
    taken: dict[str, str] = {}
    refused: dict[str, int] = {}
    while len(taken) < MESSAGES or not refused or len(traced.injected) < FAULTS:
        assert len(taken) + len(refused) < MOST, "no fault met a message on its way in, or too few came"
        marker = new_marker()
        try:
            taken[marker] = relay(installation, marker)
        except smtplib.SMTPResponseException as no:
            refused[marker] = no.smtp_code
            assert len(refused) < len(taken) + MESSAGES, "it does not recover"
            until(installation.is_ready, timeout_s=WAIT_S, state=lambda: installation.log)
    for marker in taken:
        hop.wait_for(marker.encode(), timeout_s=WAIT_S)
    assert set(refused.values()) <= codes
    until(lambda: not installation.queue(), timeout_s=WAIT_S, state=installation.queue)
    installation.stop()

    everything = b"".join(arrival.content for arrival in hop.arrivals)
    assert {marker: everything.count(f"\r\n{marker}\r\n".encode()) for marker in taken} == dict.fromkeys(taken, 1)
    assert not [marker for marker in refused if marker.encode() in everything]
    verified = installation.run("audit", "verify")
    assert verified.returncode == 0, verified.stderr
    events = installation.events()
    endings = Counter(event["queue_id"] for event in events if event["kind"] == "delivery.delivered")
    assert endings == Counter(taken.values())
    assert {event["queue_id"] for event in events if event["kind"] == "message.accepted"} == set(taken.values())


def test_a_disk_that_goes_on_failing_makes_the_store_sick(installation: Installation, hop: NextHop) -> None:
    """QD-06: after a fault everything is refused at once and readiness is gone, until a probe can write again."""
    installation.add_user()
    traced = Traced(installation, *on_the_log(installation, "fdatasync", error="EIO", when="11..15"))
    lost = [new_marker()]
    until(lambda: fails(installation, lost), state=lambda: installation.log)
    assert installation.get("/readyz")[0] == 503
    with closing(smtplib.SMTP("127.0.0.1", installation.ports.relay, timeout=30)) as client:
        client.ehlo("client.clinic.example")
        client.mail("clinician@clinic.example")
        client.rcpt(RECIPIENT)
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.data(b"never read\r\n")
    assert caught.value.smtp_code == 451, "before DATA, so that nothing is sent for nothing"
    until(installation.is_ready, timeout_s=WAIT_S)
    assert len(traced.injected) == 5, "each probe writes for real"
    marker = new_marker()
    relay(installation, marker)
    hop.wait_for(marker.encode())
    assert hop.find(lost[-1].encode()) is None


def fails(gateway: Installation, markers: list[str]) -> bool:
    """Send one more message. Returns: whether it was refused."""
    markers.append(new_marker())
    try:
        relay(gateway, markers[-1])
    except smtplib.SMTPResponseException:
        return True
    return False


def test_a_disk_that_fails_at_the_start_is_told_in_one_line(installation: Installation) -> None:
    """QD-06: nothing is served from a store that could not be opened for writing."""
    installation.add_user()
    process = launch_traced(installation, *on_the_log(installation, "fdatasync", error="EIO", when="1+"))
    assert process.wait(WAIT_S) == 75
    *logged, told = installation.log.splitlines()
    assert told.startswith("mailward: the database cannot be written")
    assert all("store[error]: store cannot be written" in line for line in logged)
    assert len(logged) <= 1


def test_every_250_comes_after_a_sync(installation: Installation, hop: NextHop) -> None:
    """QD-13: between the message's arrival and its 250 the write-ahead log is synchronised, for each one."""
    installation.add_user()
    traced = Traced(
        installation, "-s", "2000", "-e", "trace=fdatasync,fsync,read,recvfrom,recvmsg,write,writev,sendto,sendmsg"
    )
    for _ in range(4):
        quiet(traced.file)  # the outcome of the delivery before this one is on disk as well
        marker = new_marker()
        queue_id = relay(installation, marker)
        until(partial(traced.shows, f"Queued as {queue_id}"))
        lines = traced.lines
        came = next(at for at, line in enumerate(lines) if marker in line)
        told = next(at for at, line in enumerate(lines) if f"250 2.0.0 Queued as {queue_id}" in line)
        assert any(SYNC.search(line) for line in lines[came:told]), "\n".join(lines[came : told + 1])
        hop.wait_for(marker.encode())
