"""Rules on a running gateway, through SMTP: what is refused, held, narrowed to the portal or to verified TLS."""

import smtplib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.installation import USER, Installation, running
from tests.e2e.letters import new_marker, plain
from tests.e2e.submit import connect, hand_in, submit
from tests.e2e.waiting import until
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PRIVACY = "privacy@clinic.example"
RULES = [
    {"name": "no-ssn-lists", "when": "findings.ssn.count >= 10", "action": "hold", "notify": [PRIVACY]},
    {"name": "never-there", "when": 'recipient.domain == "never.example"', "action": "reject"},
    {"name": "portal", "when": 'recipient == "portal@good.example"', "action": "portal-only"},
    {"name": "tls", "when": 'recipient.domain within "weak.example"', "action": "require-tls"},
]
NUMBERS = "".join(f"SSN: 219-09-{number}\n" for number in range(9910, 9922))


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[Installation]:
    changes = {"policy": {"rule": RULES}}
    with running(tmp_path_factory.mktemp("ruled") / "installation", world, changes) as installation:
        yield installation


def states(gateway: Installation, queue_id: str) -> list[tuple[str, str]]:
    rows: list[dict[str, Any]] = [row for row in gateway.queue() if row["queue_id"] == queue_id]
    return [(row["recipient"], row["queue_name"]) for row in rows]


def test_a_list_is_held_until_a_person_lets_it_go(ruled: Installation, world: World) -> None:
    """Held, told to the sender and to the privacy officer without content, released on the command line, delivered."""
    hop, marker = world.add_good("list.example"), new_marker()
    message = plain(marker, to="a@list.example")
    message.set_content(f"{NUMBERS}\n{marker}\n")
    queue_id = submit(ruled, message, to=["a@list.example"])
    assert states(ruled, queue_id) == [("a@list.example", "held")]
    for told in (USER, PRIVACY):
        until(lambda told=told: any(one.recipients == (told,) for one in world.home.arrivals))  # type: ignore[misc]
    assert world.home.find(marker.encode()) is None
    assert world.home.find(b"219-09") is None
    done = ruled.run("queue", "release", queue_id, "--reason", "it is our payer")
    assert done.returncode == 0, done.stderr
    assert hop.wait_for(marker.encode()).recipients == ("a@list.example",)


def test_a_refusal_is_general_words(ruled: Installation) -> None:
    """550 5.7.1; the audit log has the rule, the peer has not."""
    marker, to = new_marker(), "a@never.example"
    with connect(ruled) as client, pytest.raises((smtplib.SMTPException, AssertionError)) as caught:
        hand_in(client, plain(marker, to=to), to=[to])
    assert "550" in str(caught.value)
    assert "5.7.1" in str(caught.value)
    assert "never-there" not in str(caught.value)
    (event,) = ruled.events(kind="message.refused")
    assert event["data"]["rules"] == ["never-there"]


def test_one_refused_of_several_becomes_a_bounce(ruled: Installation, world: World) -> None:
    """Issue 6, line 7: the other gets the message, and the sender is told of this one in general words."""
    hop, marker, bad = world.add_good("several.example"), new_marker(), "b@never.example"
    queue_id = submit(ruled, plain(marker, to=f"a@several.example, {bad}"), to=["a@several.example", bad])
    assert hop.wait_for(marker.encode()).recipients == ("a@several.example",)
    until(lambda: world.home.find(b"Status: 5.7.1") is not None)
    (told,) = [one for one in world.home.arrivals if b"Status: 5.7.1" in one.content]
    assert told.recipients == (USER,)
    assert bad.encode() in told.content
    for secret in (b"never-there", b"a@several.example", marker.encode()):
        assert secret not in told.content
    kinds = {one["kind"] for one in ruled.events(queue_id=queue_id) if one["recipient"] == bad}
    assert kinds == {"message.decided", "message.refused", "dsn.created"}


def test_portal_only_hands_nothing_over_but_a_notice(ruled: Installation, world: World) -> None:
    """The host offers verified TLS, and the message does not take it."""
    hop, marker = world.add_good("good.example"), new_marker()
    queue_id = submit(ruled, plain(marker, to="portal@good.example"), to=["portal@good.example"])
    hop.wait_for(b"private message")
    assert hop.find(marker.encode()) is None
    until(lambda: states(ruled, queue_id) == [("portal@good.example", "portal")])


def test_require_tls_comes_back(ruled: Installation, world: World) -> None:
    """Invariant 1: clear mail to a host without TLS becomes a bounce, and neither clear text nor a portal message."""
    hop, marker = world.add("weak.example"), new_marker()
    submit(ruled, plain(marker, to="a@weak.example"), to=["a@weak.example"])
    until(lambda: world.home.find(b"a@weak.example") is not None)
    assert hop.find(b"") is None, "not even a notice"
