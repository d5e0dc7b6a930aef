"""Invariant 1: whatever a next hop does with TLS, not one byte of a protected message reaches it unprotected."""

import re
from collections.abc import Callable

import pytest

from tests.e2e.installation import Installation
from tests.e2e.letters import clinical, new_marker, plain
from tests.e2e.nexthop import Behaviour, NextHop
from tests.e2e.submit import submit
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

Make = Callable[[World, str], Behaviour]
PIN = re.compile(rb"\b\d{4}-\d{4}\b")

UNSAFE: dict[str, Make] = {
    "expired": lambda world, host: Behaviour(identity=world.authority.issue(host, is_expired=True)),
    "selfsigned": lambda world, host: Behaviour(identity=world.self_signed(host)),
    "wrongname": lambda world, host: Behaviour(identity=world.authority.issue(f"other-{host}")),
    "notls": lambda _world, _host: Behaviour(),
    "later": lambda _world, _host: Behaviour(replies={"STARTTLS": "454 4.7.0 TLS not available"}),
    "never": lambda _world, _host: Behaviour(replies={"STARTTLS": "502 5.5.1 No"}),
}


def nothing_of(text: bytes, hop: NextHop) -> bool:
    """Whether a text is in nothing that a hop ever received, encrypted or not."""
    return text not in hop.clear and hop.find(text) is None


def test_a_good_certificate_gets_the_message_itself(gateway: Installation, world: World) -> None:
    hop, marker = world.add_good("good.example"), new_marker()
    submit(gateway, clinical(marker, to="a@good.example"), to=["a@good.example"])
    assert hop.wait_for(marker.encode()).tls in {"TLSv1.2", "TLSv1.3"}
    assert marker.encode() not in hop.clear


@pytest.mark.parametrize("kind", UNSAFE)
def test_a_protected_message_climbs_to_the_portal(gateway: Installation, world: World, kind: str) -> None:
    """The recipient gets a notice without content, the sender is told why and the PIN."""
    domain = f"{kind}.example"
    hop = world.add(domain, behaviour=lambda host: UNSAFE[kind](world, host))
    marker, secret_subject, recipient = new_marker(), new_marker("subject"), f"patient@{domain}"
    submit(gateway, clinical(marker, to=recipient, subject=secret_subject), to=[recipient])

    notice = hop.wait_for(f"https://gw.clinic.example:{gateway.ports.portal}/".encode(), timeout_s=20)
    told = world.home.wait_for(recipient.encode(), timeout_s=20)

    assert notice.mail_from == ""
    for text in (marker, secret_subject, "Gonzalez", "219-09-9987", "diabetes"):
        assert nothing_of(text.encode(), hop), text
        assert nothing_of(text.encode(), world.home), text
    pin = PIN.search(told.content)
    assert pin, "the sender has a PIN to tell the recipient"
    assert nothing_of(pin[0], hop)
    assert told.mail_from == ""
    assert told.tls


def test_an_unprotected_message_goes_in_clear_where_there_is_no_tls(gateway: Installation, world: World) -> None:
    hop, marker = world.add("plainold.example"), new_marker()
    submit(gateway, plain(marker, to="a@plainold.example"), to=["a@plainold.example"])
    assert hop.wait_for(marker.encode()).tls == ""


def test_an_unprotected_message_is_encrypted_even_to_a_self_signed_certificate(
    gateway: Installation, world: World
) -> None:
    """RFC 7435: some protection most of the time."""
    hop = world.add("casual.example", behaviour=lambda host: Behaviour(identity=world.self_signed(host)))
    marker = new_marker()
    submit(gateway, plain(marker, to="a@casual.example"), to=["a@casual.example"])
    assert hop.wait_for(marker.encode()).tls
    assert marker.encode() not in hop.clear


def test_one_message_leaves_to_each_recipient_as_is_right_there(gateway: Installation, world: World) -> None:
    safe, unsafe, marker = world.add_good("safe.example"), world.add("unsafe.example"), new_marker()
    message = clinical(marker, to="a@safe.example, b@unsafe.example")
    submit(gateway, message, to=["a@safe.example", "b@unsafe.example"])
    assert safe.wait_for(marker.encode()).recipients == ("a@safe.example",)
    unsafe.wait_for(b"https://", timeout_s=20)
    assert nothing_of(marker.encode(), unsafe)


@pytest.mark.parametrize("tag", ["[secure]", "#secure"])
def test_a_tag_in_the_subject_protects_and_is_removed(gateway: Installation, world: World, tag: str) -> None:
    name = tag.strip("[]#") + str(len(tag))
    good, bad = world.add_good(f"{name}-good.example"), world.add(f"{name}-bad.example")
    marker, to = new_marker(), [f"a@{name}-good.example", f"b@{name}-bad.example"]
    submit(gateway, plain(marker, to=", ".join(to), subject=f"{tag} Room booking"), to=to)
    arrival = good.wait_for(marker.encode())
    assert tag.encode() not in arrival.content
    assert b"Room booking" in arrival.content
    bad.wait_for(b"https://", timeout_s=20)
    assert nothing_of(marker.encode(), bad)


def test_a_greylisting_host_is_tried_again(gateway: Installation, world: World) -> None:
    hop = world.add("grey.example", behaviour=lambda host: Behaviour(identity=world.authority.issue(host)))
    hop.behaviour = Behaviour(identity=hop.behaviour.identity, replies={"RCPT": "451 4.7.1 Try later"})
    marker = new_marker()
    submit(gateway, clinical(marker, to="a@grey.example"), to=["a@grey.example"])
    hop.behaviour = Behaviour(identity=hop.behaviour.identity)
    assert hop.wait_for(marker.encode(), timeout_s=20).tls
