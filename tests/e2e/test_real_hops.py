"""Three real servers as next hops of one gateway: what they offer is used, and what they may not get never comes."""

import re
import smtplib
import ssl
from collections.abc import Iterator
from email.policy import SMTP
from functools import partial
from pathlib import Path
from typing import Final

import dkim
import pytest

from tests.e2e.dkim_keys import dns_of, records_of
from tests.e2e.dkim_programs import mail_dkim, opendkim
from tests.e2e.installation import USER, Installation
from tests.e2e.letters import clinical, new_marker, plain
from tests.e2e.real_hops import BAD, OLD, SERVERS, Peer, as_sent
from tests.e2e.submit import connect, expect, hand_in, submit
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.gateway.protect.corpus import SHAPES, corpus
from tests.gateway.protect.test_dkim import AWKWARD

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

WHY: Final = {
    "wrongname": "has a certificate for another name",
    "expired": "has an expired certificate",
    "unknownca": "has a certificate of an unknown authority",
    "selfsigned": "has a self-signed certificate",
    "notls": "offers no TLS",
    "tls10": "speaks no TLS version and cipher that is safe",
}
LARGE: Final = 5_000_000  # octets
LONGEST_LINE: Final = 998  # RFC 5322 section 2.1.1
BODIES = {
    name: data.replace(b"Joe <joe@clinic.example>", USER.encode()).replace(b"<z@x>", b"<" + USER.encode() + b">")
    for name, data in AWKWARD.items()
    if max(map(len, data.split(b"\r\n"))) <= LONGEST_LINE
} | {"longest lines": f"From: {USER}\r\nSubject: s\r\n\r\n".encode() + (b"x" * LONGEST_LINE + b"\r\n") * 3}
BODIES |= {
    f"shape {number}": data.replace(b"ehr@clinic.example", USER.encode())  # who signs in may send as himself only
    for number, data in enumerate(corpus(len(SHAPES), author=USER))
}
NO_SIGNATURE: Final = "another's signature"  # in name only, so that verifiers differ on what to say of it


@pytest.fixture(scope="module", params=SERVERS)
def peer(request: pytest.FixtureRequest, world: World) -> Iterator[Peer]:
    with SERVERS[request.param](world) as peer:
        yield peer


def at(peer: Peer, kind: str, user: str = "a") -> str:
    return f"{user}@{peer.stands[kind].domain}"


def endings(gateway: Installation, queue_id: str) -> dict[str, tuple[str, str]]:
    """The last word of the log on each recipient of a message: what became of it, and the reply."""
    pattern = rf" {queue_id}: (\w+): to=(\S+), .*, reply=(.*?), method="
    return {to: (what, reply) for what, to, reply in re.findall(pattern, gateway.log)}


def wait_for_ending(gateway: Installation, queue_id: str, to: str, what: str) -> str:
    """Returns: the reply that it ended with, or was put off with."""
    until(lambda: endings(gateway, queue_id).get(to, ("", ""))[0] == what, state=lambda: gateway.log[-3000:])
    return endings(gateway, queue_id)[to][1]


@pytest.mark.parametrize(("kind", "version"), [("tls13", "1.3"), ("tls12", "1.2")])
def test_messages_over_one_verified_session(gateway: Installation, peer: Peer, kind: str, version: str) -> None:
    """Both versions, over a connection that is kept; both ends agree on what it was."""
    before, to = peer.sessions(kind), at(peer, kind)
    markers = [new_marker() for _ in range(4)]
    queue_id = ""
    for marker in markers:
        queue_id = submit(gateway, clinical(marker, to=to), to=[to])
        assert peer.tls_of(peer.wait_for(marker)) == version
    assert peer.sessions(kind) - before == 1
    wait_for_ending(gateway, queue_id, to, "sent")
    (delivered,) = gateway.events(kind="delivery.delivered", queue_id=queue_id)
    assert delivered["data"]["tls_version"] == f"TLSv{version}"
    assert delivered["data"]["verification"].startswith("webpki")


def test_each_recipient_has_an_answer_of_its_own(gateway: Installation, world: World, peer: Peer) -> None:
    """OB-01: one taken, one put off, one refused, in one transaction."""
    marker, users = new_marker(), ("good", "later", "gone")
    to = [at(peer, "tls13", user) for user in users]
    queue_id = submit(gateway, clinical(marker, to=", ".join(to)), to=to)
    peer.wait_for(marker)
    report = world.home.wait_for(to[2].encode())
    assert b"Status: 5." in report.content
    assert marker.encode() not in report.content
    assert wait_for_ending(gateway, queue_id, to[0], "sent").startswith("250")
    assert wait_for_ending(gateway, queue_id, to[1], "deferred").startswith("4")
    assert wait_for_ending(gateway, queue_id, to[2], "bounced").startswith("550")
    assert sum(marker.encode() in message for message in peer.messages()) == 1


def test_a_large_message_arrives_as_it_was(gateway: Installation, peer: Peer) -> None:
    """SM-09: by BDAT where it is offered, with dots doubled where it is not."""
    marker, to = new_marker(), at(peer, "tls13")
    line = b"." * 9 + b"x" * 60 + b"\r\n"
    body = marker.encode() + b"\r\n" + line * (LARGE // len(line)) + b"..\r\nthe end\r\n"
    head = f"From: {USER}\r\nTo: {to}\r\nSubject: Pictures\r\n\r\n".encode()
    submit(gateway, head + body, to=[to])
    sent = as_sent(peer.wait_for("the end\n"))
    assert sent.partition(b"\r\n\r\n")[2] == body
    assert dkim.verify(sent, dnsfunc=dns_of(gateway))
    assert peer.chunked in peer.log()


def test_signatures_hold_after_the_hop(gateway: Installation, peer: Peer, tmp_path: Path) -> None:
    """CR-09: 8-bit, the longest lines, trailing blanks, empty bodies, no final CRLF, and shapes of real mail, as
    dkimpy, libopendkim and Mail::DKIM see them.
    """
    to, markers = at(peer, "tls13"), {name: new_marker() for name in BODIES}
    with connect(gateway) as client:
        for name, data in BODIES.items():
            hand_in(client, b"X-Marker: " + markers[name].encode() + b"\r\n" + data, to=[to])
    came = {name: as_sent(peer.wait_for(marker)) for name, marker in markers.items()}
    for name, signed in came.items():
        for place in (0, 1):
            assert dkim.DKIM(signed).verify(idx=place, dnsfunc=dns_of(gateway)), (name, place)
    names = [name for name in came if name != NO_SIGNATURE]
    arrived = [came[name] for name in names]
    for name, verdicts in zip(names, opendkim(tmp_path, arrived, records_of(gateway)), strict=True):
        assert verdicts == ["pass", "pass"], name
    seen = [verdicts[0] for verdicts in mail_dkim(tmp_path, arrived, records_of(gateway))]
    assert dict(zip(names, seen, strict=True)) == dict.fromkeys(names, "pass")


def test_dsn_parameters(gateway: Installation, peer: Peer) -> None:
    """RFC 3461 5.2.1: the server that we hand the wish over to tells of its success, and we do not."""
    marker, to, envid = new_marker(), at(peer, "tls13", "dsn"), new_marker("envid")
    with connect(gateway) as client:
        expect(250, client.mail(USER, [f"ENVID={envid}", "RET=HDRS"]))
        expect(250, client.rcpt(to, ["NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;{to}"]))
        text = expect(250, client.data(clinical(marker, to=to).as_bytes(policy=SMTP)))
    until(
        lambda: any(b"message/delivery-status" in one and to.encode() in one for one in peer.messages()),
        state=lambda: peer.log()[-4000:],
    )
    report = next(one for one in peer.messages() if b"message/delivery-status" in one and to.encode() in one)
    assert re.search(rb"^Action: (delivered|relayed)", report, re.MULTILINE | re.IGNORECASE)
    assert b"Metformin" not in report
    assert wait_for_ending(gateway, text.rpartition(" ")[2], to, "sent").startswith("250")
    assert f"about={text.rpartition(' ')[2]}" not in gateway.log  # we wrote nothing about it


def test_utf8_addresses(gateway: Installation, world: World, peer: Peer) -> None:
    """SM-18: to a server that takes them as they are; from one that does not it comes back with 5.6.7."""
    marker, to = new_marker(), at(peer, "tls13", "m\u00fcller")
    data = f"From: {USER}\r\nTo: {to}\r\nSubject: gr\u00fcezi\r\n\r\n{marker}\r\n"
    with connect(gateway) as client:
        client.command_encoding = "utf-8"
        expect(250, client.mail(USER, ["SMTPUTF8", "BODY=8BITMIME"]))
        expect(250, client.rcpt(to))
        text = expect(250, client.data(data.encode()))
    if "SMTPUTF8" in peer.offers:
        assert "Subject: gr\u00fcezi".encode() in peer.wait_for(marker)
    else:
        assert "5.6.7" in wait_for_ending(gateway, text.rpartition(" ")[2], to, "bounced")
        assert not peer.has(marker)


def test_protected_mail_never_reaches_a_host_without_verified_tls(gateway: Installation, peer: Peer) -> None:
    """TL-01, TL-03, TL-04: it climbs to the portal; what the server gets is a notice and not a word more."""
    kinds = [kind for kind in (*BAD, OLD) if kind in peer.stands]
    sent = {}
    for kind in kinds:
        marker, subject, to = new_marker(), new_marker("subject"), at(peer, kind, "patient")
        sent[kind] = marker, subject, submit(gateway, clinical(marker, to=to, subject=subject), to=[to])
    for kind, (marker, subject, queue_id) in sent.items():
        to = at(peer, kind, "patient")
        wait_for_ending(gateway, queue_id, to, "climbed")
        until(partial(has_notice, peer, to), state=lambda: peer.log()[-4000:])
        for word in (marker, subject, "Gonzalez", "219-09-9987"):
            assert not any(word.encode() in one and to.encode() in one for one in peer.messages()), (kind, word)
        assert not peer.has(marker), kind
    climbs = {event["queue_id"]: event["data"]["why"] for event in gateway.events(kind="delivery.climbed")}
    for kind, (_, _, queue_id) in sent.items():
        assert WHY[kind] in climbs[queue_id]


def has_notice(peer: Peer, to: str) -> bool:
    return any(b"https://" in one and to.encode() in one for one in peer.messages())


@pytest.mark.parametrize("peer", ["postfix", "exim"], indirect=True)
def test_the_old_server_does_speak_tls_1_0(world: World, peer: Peer) -> None:
    """TL-04: with a client that accepts it there is a session, so it was our doing that there was none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with smtplib.SMTP(peer.stands[OLD].address, world.port, timeout=30) as client:
        client.starttls(context=context)
        assert client.ehlo()[0] == 250
        assert isinstance(client.sock, ssl.SSLSocket)
        assert client.sock.version() == "TLSv1"


def test_requiretls_where_it_is_not_offered(gateway: Installation, peer: Peer) -> None:
    """TL-27: verified TLS alone is not enough."""
    marker, to = new_marker(), at(peer, "tls13", "requiretls")
    with connect(gateway) as client:
        expect(250, client.mail(USER, ["REQUIRETLS"]))
        expect(250, client.rcpt(to))
        text = expect(250, client.data(clinical(marker, to=to).as_bytes(policy=SMTP)))
    wait_for_ending(gateway, text.rpartition(" ")[2], to, "climbed")
    assert not peer.has(marker)


@pytest.mark.parametrize(("kind", "is_encrypted"), [("selfsigned", True), ("wrongname", True), ("notls", False)])
def test_unprotected_mail_takes_what_there_is(
    gateway: Installation, peer: Peer, kind: str, *, is_encrypted: bool
) -> None:
    """RFC 7435."""
    marker, to = new_marker(), at(peer, kind)
    submit(gateway, plain(marker, to=to), to=[to])
    assert bool(peer.tls_of(peer.wait_for(marker))) == is_encrypted


@pytest.mark.parametrize("peer", ["postfix"], indirect=True)
def test_greylisting(gateway: Installation, peer: Peer) -> None:
    """OB-05: put off once by a policy server, then taken, over verified TLS still."""
    marker, to = new_marker(), at(peer, "tls12", "grey")
    queue_id = submit(gateway, clinical(marker, to=to), to=[to])
    assert peer.tls_of(peer.wait_for(marker)) == "1.2"
    assert f"{queue_id}: deferred: to={to}" in gateway.log
    assert wait_for_ending(gateway, queue_id, to, "sent").startswith("250")
