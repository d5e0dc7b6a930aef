"""swaks, curl, msmtp and s-nail hand mail in: on 587 and 465, with PLAIN and LOGIN, and without the right to.

Python's smtplib does so in test_submission.py, Postfix and Exim in test_smart_host.py and test_smart_host_exim.py.
"""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.client_programs import CLIENTS, HOST, Client, Mail, Tls, Way
from tests.e2e.installation import PASSWORD, USER, Installation
from tests.e2e.letters import new_marker
from tests.e2e.nexthop import NextHop
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RECIPIENT: Final = "desk@partner.example"
MISTYPED: Final = "typist@clinic.example"  # who is locked when passwords were wrong too often
SUBJECT: Final = "Gr\u00fcezi, \u00dcbergabe \u2713"
LINES: Final = "The small room is free on Thursday.\n.\n..\n.hidden dot\nQUIT\n\u00e4 and \u20ac\n"
ATTACHED: Final = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[Installation]:
    """With a certificate for the name that the clients connect to."""
    identity = world.authority.issue(HOST)
    tls = {"certificate": identity.certificate, "private_key": identity.private_key}
    gateway = Installation(tmp_path_factory.mktemp("gateway") / "installation", world, {"server": {"tls": tls}})
    try:
        gateway.add_user()
        gateway.add_user(MISTYPED)
        gateway.start()
        yield gateway
    finally:
        gateway.close()


@pytest.fixture(scope="module")
def partner(world: World) -> NextHop:
    return world.add_good("partner.example")


@pytest.fixture(params=CLIENTS, ids=lambda client: client.program)
def client(request: pytest.FixtureRequest) -> Client:
    found: Client = request.param
    return found


def way(
    gateway: Installation, tls: Tls, mechanism: str = "PLAIN", *, user: str = USER, password: str = PASSWORD
) -> Way:
    port = gateway.ports.submissions if tls is Tls.IMPLICIT else gateway.ports.submission
    return Way(
        port=port, tls=tls, mechanism=mechanism, user=user, password=password, authority=gateway.world.authority.file
    )


def write_mail(folder: Path, marker: str, *, sender: str = USER) -> Mail:
    """A message with dotted lines, a subject outside US-ASCII, and an attachment, whole and in parts."""
    text = LINES + marker + "\n"
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"], message["Subject"] = sender, RECIPIENT, SUBJECT
    message["Date"] = "Mon, 02 Mar 2026 10:00:00 +0000"
    message["Message-ID"] = f"<{new_marker('id')}@clinic.example>"
    message.set_content(text, cte="8bit")
    message.add_attachment(ATTACHED, maintype="application", subtype="octet-stream", filename="rooms.bin")
    whole, attachment = folder / "message", folder / "rooms.bin"
    whole.write_bytes(message.as_bytes())
    attachment.write_bytes(ATTACHED)
    return Mail(
        sender=sender, recipient=RECIPIENT, subject=SUBJECT, text=text, attachment=attachment, message=whole
    )  # fmt: skip


def accepted(gateway: Installation) -> int:
    """How many messages were answered with 250."""
    _, text = gateway.get("/metrics")
    return sum(int(float(count)) for count in re.findall(r"\nmailward_messages_received_total\S* (\S+)", text))


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT], ids=["587", "465"])
def test_mail_arrives_as_it_was(
    client: Client, tls: Tls, mechanism: str, gateway: Installation, partner: NextHop, tmp_path: Path
) -> None:
    """SM-08, SA-04: the client is told the queue id, and the next hop gets every octet of the body."""
    marker = new_marker()
    mail = write_mail(tmp_path, marker)
    before = accepted(gateway)
    done = client.send(tmp_path, way(gateway, tls, mechanism), mail)
    said = done.stdout.decode(errors="replace")
    assert done.returncode == 0, said
    told = re.search(r"250 2\.0\.0 Queued as (\w+)", said)
    assert told, said
    assert accepted(gateway) == before + 1
    arrival = partner.wait_for(marker.encode())
    assert arrival.mail_from == USER
    assert arrival.recipients == (RECIPIENT,)
    assert b"with ESMTPSA id " + told[1].encode() in arrival.content
    if not client.composes:
        assert arrival.content.endswith(mail.message.read_bytes())
    read = email.message_from_bytes(arrival.content, policy=email.policy.SMTP)
    assert read["Subject"] == SUBJECT
    text, attached = read.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == mail.text
    assert attached.get_filename() == "rooms.bin"
    assert attached.get_content() == ATTACHED


def test_a_wrong_password_is_refused(client: Client, gateway: Installation, tmp_path: Path) -> None:
    """SA-06: the client ends with an error, having seen 535, and nothing is queued."""
    before = accepted(gateway)
    wrong = way(gateway, Tls.STARTTLS, user=MISTYPED, password="not this one")
    done = client.send(tmp_path, wrong, write_mail(tmp_path, new_marker(), sender=MISTYPED))
    said = done.stdout.decode(errors="replace")
    assert done.returncode != 0, said
    assert "535 5.7.8" in said
    assert "354 " not in said
    assert accepted(gateway) == before


def test_without_tls_there_is_no_auth(client: Client, gateway: Installation, tmp_path: Path) -> None:
    """SA-04: AUTH is not offered, and who asks for it all the same (s-nail) is refused before it says a password."""
    before = accepted(gateway)
    done = client.send(tmp_path, way(gateway, Tls.NONE), write_mail(tmp_path, new_marker()))
    said = done.stdout.decode(errors="replace")
    assert done.returncode != 0, said
    assert re.search(r"250.STARTTLS", said), said
    assert not re.search(r"250.AUTH", said)
    if asked := re.search(r"\bAUTH PLAIN\b(.*)\n(.*)", said):
        assert asked[1].strip() == ""
        assert "538 5.7.11" in asked[2]
    assert not re.search(r"\b(334|354) ", said)
    assert accepted(gateway) == before


def test_an_unknown_authority_ends_it(client: Client, gateway: Installation, tmp_path: Path) -> None:
    """The clients above do verify: with another authority's certificate they give up before they sign in."""
    other = gateway.world.self_signed(f"{client.program}.example")
    wrong = replace(way(gateway, Tls.IMPLICIT), authority=other.certificate)
    done = client.send(tmp_path, wrong, write_mail(tmp_path, new_marker()))
    assert done.returncode != 0
    assert b"235 2.7.0" not in done.stdout
