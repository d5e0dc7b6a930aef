"""A refusal at the next hop comes back to its sender as a DSN: signed, from nobody, and without content."""

import email

import dkim
import pytest

from tests.e2e.dkim_keys import dns_of
from tests.e2e.installation import USER, Installation
from tests.e2e.letters import clinical, new_marker
from tests.e2e.nexthop import Behaviour
from tests.e2e.submit import submit
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
def test_a_permanent_refusal_returns_a_dsn(gateway: Installation, world: World, verb: str) -> None:
    domain = f"refuses-{'dot' if verb == '.' else verb.lower()}.example"
    world.add(
        domain,
        behaviour=lambda host: Behaviour(
            identity=world.authority.issue(host), replies={verb: "550 5.7.1 Not wanted here"}
        ),
    )
    marker, secret_subject, recipient = new_marker(), new_marker("subject"), f"a@{domain}"
    queue_id = submit(gateway, clinical(marker, to=recipient, subject=secret_subject), to=[recipient])

    arrival = world.home.wait_for(recipient.encode())

    assert arrival.mail_from == ""
    assert arrival.recipients == (USER,)
    assert arrival.tls
    for text in (marker, secret_subject, "Gonzalez"):
        assert text.encode() not in arrival.content, text
    assert dkim.verify(arrival.content, dnsfunc=dns_of(gateway))

    report = email.message_from_bytes(arrival.content)
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    status = arrival.content.partition(b"Content-Type: message/delivery-status")[2]
    assert b"Action: failed" in status
    assert b"Final-Recipient: rfc822;" in status
    assert recipient.encode() in status
    assert b"5.7.1" in status
    assert queue_id.encode() in arrival.content


def test_an_unknown_domain_returns_a_dsn(gateway: Installation, world: World) -> None:
    marker = new_marker()
    submit(gateway, clinical(marker, to="a@nowhere.example"), to=["a@nowhere.example"])
    arrival = world.home.wait_for(b"a@nowhere.example")
    assert b"5.1.2" in arrival.content
    assert marker.encode() not in arrival.content
