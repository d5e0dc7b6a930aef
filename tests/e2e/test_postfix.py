"""A real Postfix is the next hop: verified TLS, its queue id as evidence, and signatures that hold after it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import SMTP

import dkim
import pytest

from tests.e2e.dkim_keys import dns_of
from tests.e2e.installation import USER, Installation
from tests.e2e.letters import clinical, new_marker
from tests.e2e.postfix import Postfix, running_postfix
from tests.e2e.submit import connect, expect, submit
from tests.e2e.waiting import until
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RECIPIENT = "a@postfix.example"
OLD_RECIPIENT = "a@old.example"


@contextmanager
def at(world: World, domain: str, **settings: str) -> Iterator[Postfix]:
    """A Postfix for a domain, with a certificate that verifies."""
    host, address = world.name(domain)
    identity = world.authority.issue(host)
    tls = {
        "smtpd_tls_security_level": "may",
        "smtpd_tls_cert_file": str(identity.certificate),
        "smtpd_tls_key_file": str(identity.private_key),
        "smtpd_tls_loglevel": "1",
        "myhostname": host,
    }
    with running_postfix(address=address, port=world.port, settings=tls | settings) as postfix:
        yield postfix


@pytest.fixture(scope="module")
def postfix(world: World) -> Iterator[Postfix]:
    with at(world, "postfix.example") as postfix:
        yield postfix


@pytest.fixture(scope="module")
def old_postfix(world: World) -> Iterator[Postfix]:
    """One from before 8BITMIME and DSN."""
    with at(world, "old.example", smtpd_discard_ehlo_keywords="8bitmime, dsn") as postfix:
        yield postfix


def arrival(postfix: Postfix, marker: str) -> bytes:
    """The message with the marker, as it was sent: CRLF lines, from our first field on."""
    until(lambda: any(marker.encode() in message for message in postfix.messages()))
    message = next(message for message in postfix.messages() if marker.encode() in message)
    return message[message.index(b"DKIM-Signature:") :].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def test_protected_mail_reaches_postfix_over_verified_tls(gateway: Installation, postfix: Postfix) -> None:
    marker = new_marker()
    queue_id = submit(gateway, clinical(marker, to=RECIPIENT), to=[RECIPIENT])

    as_sent = arrival(postfix, marker)

    assert re.search(r"TLS connection established from .*TLSv1\.[23]", postfix.log)
    until(lambda: gateway.events(kind="delivery.delivered", queue_id=queue_id))
    (delivered,) = gateway.events(kind="delivery.delivered", queue_id=queue_id)
    evidence = delivered["data"]
    remote_id = re.search(r"queued as (\w+)", evidence["reply"])
    assert remote_id, "the audit log holds Postfix's own queue id"
    assert f"{remote_id[1]}: " in postfix.log
    assert evidence["tls_version"] in {"TLSv1.2", "TLSv1.3"}
    assert evidence["verification"].startswith("webpki")
    assert re.fullmatch(r"[0-9a-f]{64}", evidence["certificate"])

    assert as_sent.count(b"DKIM-Signature:") == 2
    assert dkim.verify(as_sent, dnsfunc=dns_of(gateway))


def test_many_messages_share_few_sessions(gateway: Installation, postfix: Postfix) -> None:
    """Sessions are kept: 20 messages do not take 20 handshakes."""
    before = postfix.log.count("TLS connection established")
    markers = [new_marker() for _ in range(20)]
    for marker in markers:
        submit(gateway, clinical(marker, to=RECIPIENT), to=[RECIPIENT])
    until(lambda: all(any(m.encode() in body for body in postfix.messages()) for m in markers))
    assert postfix.log.count("TLS connection established") - before <= 5


def eight_bit(marker: str, *, to: str) -> bytes:
    """A clinical letter with a text and an attached text, both 8-bit, and a file that is base64 already."""
    letter = clinical(marker, to=to)
    letter.set_content(letter.get_content() + "Größe: 1,80 m\n", cte="8bit")
    letter.add_attachment("Befund: Übelkeit\n", filename="befund.txt", cte="8bit")
    letter.add_attachment(bytes(range(256)), maintype="application", subtype="octet-stream", filename="image.bin")
    return letter.as_bytes(policy=SMTP)


def test_8_bit_mail_reaches_a_server_without_8bitmime(gateway: Installation, old_postfix: Postfix) -> None:
    """SM-19: in 7-bit form, with the signatures of that form, and to its reader the same letter."""
    marker = new_marker()
    sent = eight_bit(marker, to=OLD_RECIPIENT)
    assert not sent.isascii()
    queue_id = submit(gateway, sent, to=[OLD_RECIPIENT])

    as_sent = arrival(old_postfix, marker)

    assert as_sent.isascii()
    assert dkim.verify(as_sent, dnsfunc=dns_of(gateway))
    parts = [list(message_from_bytes(data, policy=SMTP).walk())[1:] for data in (sent, as_sent)]
    before, after = ([part.get_payload(decode=True) for part in leaves] for leaves in parts)
    assert after == before
    until(lambda: gateway.events(kind="delivery.delivered", queue_id=queue_id))
    (delivered,) = gateway.events(kind="delivery.delivered", queue_id=queue_id)
    assert delivered["data"]["form"] == "7bit"
    assert len(gateway.events(kind="delivery.attempted", queue_id=queue_id)) == 1


def test_postfix_tells_of_success_itself(gateway: Installation, postfix: Postfix) -> None:
    """RFC 3461 5.2.1: it was told what the sender wants, so its report comes and none of ours."""
    marker, envid = new_marker(), new_marker("envid")
    queue_id = submit_for_success(gateway, marker, RECIPIENT, envid)
    until(lambda: any(is_report(one, "delivered", envid) for one in postfix.messages()))
    assert gateway.events(kind="dsn.created", queue_id=queue_id) == []


def test_of_a_server_without_dsn_we_tell(gateway: Installation, world: World, old_postfix: Postfix) -> None:
    """RFC 3461 5.2.2: "relayed", by us, to the sender's own server."""
    marker, envid = new_marker(), new_marker("envid")
    queue_id = submit_for_success(gateway, marker, OLD_RECIPIENT, envid)
    report = world.home.wait_for(envid.encode())
    assert is_report(report.content, "relayed", envid)
    (created,) = gateway.events(kind="dsn.created", queue_id=queue_id)
    assert created["data"]["action"] == "relayed"
    assert not any(is_report(one, "delivered", envid) for one in old_postfix.messages())


def submit_for_success(gateway: Installation, marker: str, recipient: str, envid: str) -> str:
    """Hand in a letter whose sender wants to know when it has arrived. Returns: its queue id."""
    with connect(gateway) as client:
        expect(250, client.mail(USER, [f"ENVID={envid}", "RET=HDRS"]))
        expect(250, client.rcpt(recipient, ["NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;{recipient}"]))
        text = expect(250, client.data(clinical(marker, to=recipient).as_bytes(policy=SMTP)))
    return text.rpartition(" ")[2]


def is_report(message: bytes, action: str, envid: str) -> bool:
    """A delivery status notice of this action about that envelope (RFC 3464)."""
    return f"Action: {action}".encode() in message and f"Original-Envelope-Id: {envid}".encode() in message
