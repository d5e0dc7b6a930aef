"""Programs sign in at a running gateway: made, used and revoked from the command line (issue 3, line 4)."""

import json
import smtplib
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installation import USER, Installation, running
from tests.e2e.letters import new_marker, plain
from tests.e2e.nexthop import NextHop
from tests.e2e.submit import connect, hand_in, submit
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LAB = "lab@clinic.example"
RECIPIENT = "desk@partner.example"


@pytest.fixture(scope="module")
def partner(world: World) -> NextHop:
    return world.add_good("partner.example")


def create(gateway: Installation, name: str, *options: str) -> str:
    """Returns: the secret."""
    done = gateway.run("credential", "create", name, "--sender", LAB, *options, "--json")
    assert done.returncode == 0, done.stderr
    secret: str = json.loads(done.stdout)["secret"]
    return secret


def listed(gateway: Installation, name: str) -> dict[str, Any]:
    rows = [json.loads(line) for line in gateway.run("credential", "list", "--json").stdout.splitlines()]
    (row,) = (row for row in rows if row["name"] == name)
    return dict(row)


@pytest.mark.parametrize("user", ["ehr-1", LAB], ids=["name", "sender"])
def test_a_program_sends_and_is_named(gateway: Installation, partner: NextHop, user: str) -> None:
    """Signed in by name, or by the address that some clients insist on; the audit log has the name either way."""
    name = user if user != LAB else "ehr-2"
    secret, marker = create(gateway, name), new_marker()
    with connect(gateway, user=user, password=secret) as client:
        queue_id = hand_in(client, plain(marker, to=RECIPIENT, sender=LAB), to=[RECIPIENT], sender=LAB)
    assert b"with ESMTPSA" in partner.wait_for(marker.encode()).content
    (event,) = gateway.events(kind="message.accepted", queue_id=queue_id)
    assert event["data"]["login"] == name
    assert secret not in gateway.log + json.dumps(gateway.events())


def test_it_sends_as_nobody_else(gateway: Installation) -> None:
    """ID-03, ID-04: neither in the envelope nor in the header."""
    secret = create(gateway, "ehr-3")
    with connect(gateway, user="ehr-3", password=secret) as client:
        assert client.mail("director@clinic.example")[0] == 553
        with pytest.raises(smtplib.SMTPResponseException) as caught:
            hand_in(client, plain("x", to=RECIPIENT, sender="director@clinic.example"), to=[RECIPIENT], sender=LAB)
    assert caught.value.smtp_code == 553


def test_revoked_in_the_middle_of_a_session(gateway: Installation) -> None:
    secret = create(gateway, "ehr-4")
    with connect(gateway, user="ehr-4", password=secret) as client:
        assert client.mail(LAB)[0] == 250
        client.rset()
        done = gateway.run("credential", "revoke", "ehr-4", "--reason", "stolen")
        assert done.returncode == 0, done.stderr
        assert client.mail(LAB)[0] == 535
    with pytest.raises(smtplib.SMTPAuthenticationError):
        connect(gateway, user="ehr-4", password=secret)
    (event,) = gateway.events(kind="credential.revoked")
    assert (event["data"]["name"], event["data"]["why"]) == ("ehr-4", "stolen")


def test_from_another_network(gateway: Installation) -> None:
    secret = create(gateway, "ehr-5", "--network", "192.0.2.0/24")
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        connect(gateway, user="ehr-5", password=secret)
    assert caught.value.smtp_code == 535
    assert {event["data"]["why"] for event in gateway.events(kind="auth.failed")} == {"network"}


def test_a_person_sends_for_another(gateway: Installation, partner: NextHop) -> None:
    """ID-03, ID-04: by a delegation, and no longer when it is taken back, in the same session."""
    boss, marker = "director@clinic.example", new_marker()
    with connect(gateway) as client:
        assert client.mail(boss)[0] == 553
        assert gateway.run("user", "delegate", USER, "--may-send-as", boss).returncode == 0
        hand_in(client, plain(marker, to=RECIPIENT, sender=boss), to=[RECIPIENT], sender=boss)
        assert partner.wait_for(marker.encode()).mail_from == boss
        assert gateway.run("user", "undelegate", USER, "--may-send-as", boss).returncode == 0
        assert client.mail(boss)[0] == 553
    kinds = [event["kind"] for event in gateway.events() if event["data"].get("may_send_as") == boss]
    assert kinds == ["user.delegated", "user.undelegated"]


def test_a_stolen_password_gets_no_further_than_its_limit(tmp_path: Path, world: World, partner: NextHop) -> None:
    """Issue 3, line 6: the third message waits, also across `kill -9`; the sender hears of it once; what got out is one
    command away; a person lets the rest go."""
    brake = {"messages_per_hour": 2}
    with running(tmp_path / "installation", world, {"brake": brake}) as gateway:
        markers = [new_marker() for _ in range(4)]
        for marker in markers[:2]:
            submit(gateway, plain(marker, to=RECIPIENT), to=[RECIPIENT])
            partner.wait_for(marker.encode())
        submit(gateway, plain(markers[2], to=RECIPIENT), to=[RECIPIENT])
        world.home.wait_for(b"Your mail is being held")
        gateway.kill()
        gateway.start()
        submit(gateway, plain(markers[3], to=RECIPIENT), to=[RECIPIENT])
        assert [row["queue_name"] for row in gateway.queue()] == ["held", "held"]
        assert not any(partner.find(marker.encode()) for marker in markers[2:])
        report = gateway.run("report", "sent", "--login", USER, "--since", "2h", "--json")
        assert [json.loads(line)["recipient"] for line in report.stdout.splitlines()] == [RECIPIENT] * 2
        (event,) = gateway.events(kind="brake.engaged")
        assert event["data"] == {"login": USER, "reason": "messages"}
        done = gateway.run("queue", "release", "--login", USER, "--reason", "it was the newsletter")
        assert done.stdout == "the brake is off; 2 recipients go on, 0 messages stay held\n"
        for marker in markers[2:]:
            partner.wait_for(marker.encode())
        everything = gateway.run("queue", "list", "--all", "--json").stdout.splitlines()
        assert [row["recipient"] for row in map(json.loads, everything) if row["kind"] == "sender-notice"] == [USER]


def test_last_use_is_written_down(installation: Installation) -> None:
    """At a stop at the latest."""
    secret = create(installation, "ehr-6")
    assert listed(installation, "ehr-6")["last_used_at"] is None
    installation.start()
    with connect(installation, user="ehr-6", password=secret) as client:
        assert client.mail(LAB)[0] == 250
    installation.stop()
    assert listed(installation, "ehr-6")["last_used_at"]
