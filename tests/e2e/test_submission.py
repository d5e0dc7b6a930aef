"""Real clients hand mail in: smtplib and swaks, on every kind of listener, with and without the right to."""

import smtplib
import subprocess

import pytest

from tests.e2e.installation import PASSWORD, USER, Installation
from tests.e2e.letters import new_marker, plain
from tests.e2e.nexthop import NextHop
from tests.e2e.submit import client_tls, connect, hand_in, submit
from tests.e2e.world import World
from tests.tools import need

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RECIPIENT = "desk@partner.example"


@pytest.fixture(scope="module")
def partner(world: World) -> NextHop:
    return world.add_good("partner.example")


def swaks(gateway: Installation, marker: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            need("swaks"), "--from", USER, "--to", RECIPIENT, "--server", "127.0.0.1", "--silent", "1",
            "--header", "Subject: Room booking", "--body", marker, *options,
        ],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_smtplib_on_submission(gateway: Installation, partner: NextHop) -> None:
    marker = new_marker()
    submit(gateway, plain(marker, to=RECIPIENT), to=[RECIPIENT])
    arrival = partner.wait_for(marker.encode())
    assert arrival.mail_from == USER
    assert arrival.recipients == (RECIPIENT,)
    assert arrival.tls in {"TLSv1.2", "TLSv1.3"}
    assert b"with ESMTPSA" in arrival.content


def test_smtplib_on_submissions(gateway: Installation, partner: NextHop) -> None:
    marker = new_marker()
    context = client_tls(gateway)
    with smtplib.SMTP_SSL("127.0.0.1", gateway.ports.submissions, context=context, timeout=30) as client:
        client.login(USER, PASSWORD)
        hand_in(client, plain(marker, to=RECIPIENT), to=[RECIPIENT])
    assert partner.wait_for(marker.encode()).recipients == (RECIPIENT,)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_on_submission(gateway: Installation, partner: NextHop, mechanism: str) -> None:
    marker = new_marker()
    port = str(gateway.ports.submission)
    done = swaks(gateway, marker, "--port", port, "--tls", "--auth", mechanism, "-au", USER, "-ap", PASSWORD)
    assert done.returncode == 0, done.stdout + done.stderr
    partner.wait_for(marker.encode())


def test_swaks_on_submissions(gateway: Installation, partner: NextHop) -> None:
    marker = new_marker()
    port = str(gateway.ports.submissions)
    done = swaks(gateway, marker, "--port", port, "--tls-on-connect", "--auth", "PLAIN", "-au", USER, "-ap", PASSWORD)
    assert done.returncode == 0, done.stdout + done.stderr
    partner.wait_for(marker.encode())


def test_swaks_on_relay_from_a_trusted_network(gateway: Installation, partner: NextHop) -> None:
    marker = new_marker()
    done = swaks(gateway, marker, "--port", str(gateway.ports.relay))
    assert done.returncode == 0, done.stdout + done.stderr
    partner.wait_for(marker.encode())


def test_relay_takes_only_our_own_domains(gateway: Installation) -> None:
    """ID-02: a trusted network is not an open relay."""
    with smtplib.SMTP("127.0.0.1", gateway.ports.relay, timeout=30) as client:
        client.ehlo()
        assert client.mail("someone@elsewhere.example")[0] == 550


def test_wrong_password(gateway: Installation) -> None:
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        connect(gateway, password="not this one")
    assert caught.value.smtp_code == 535


def test_mail_before_authentication(gateway: Installation) -> None:
    with smtplib.SMTP("127.0.0.1", gateway.ports.submission, timeout=30) as client:
        client.ehlo()
        assert "auth" not in client.esmtp_features  # no password may cross in clear (RFC 4954 section 4)
        assert client.mail(USER)[0] == 530
        client.starttls(context=client_tls(gateway))
        client.ehlo()
        assert "auth" in client.esmtp_features
        assert client.mail(USER)[0] == 530


def test_sending_as_someone_else(gateway: Installation) -> None:
    """ID-03: a login sends as itself."""
    with connect(gateway) as client:
        assert client.mail("director@clinic.example")[0] == 553
