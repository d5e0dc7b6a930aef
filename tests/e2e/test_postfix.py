"""A real Postfix is the next hop: verified TLS, its queue id as evidence, and signatures that hold after it."""

import re
from collections.abc import Iterator

import dkim
import pytest

from tests.e2e.dkim_keys import dns_of
from tests.e2e.installation import Installation
from tests.e2e.letters import clinical, new_marker
from tests.e2e.postfix import Postfix, running_postfix
from tests.e2e.submit import submit
from tests.e2e.waiting import until
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RECIPIENT = "a@postfix.example"


@pytest.fixture(scope="module")
def postfix(world: World) -> Iterator[Postfix]:
    host, address = world.name("postfix.example")
    identity = world.authority.issue(host)
    settings = {
        "smtpd_tls_security_level": "may",
        "smtpd_tls_cert_file": str(identity.certificate),
        "smtpd_tls_key_file": str(identity.private_key),
        "smtpd_tls_loglevel": "1",
        "myhostname": host,
    }
    with running_postfix(address=address, port=world.port, settings=settings) as postfix:
        yield postfix


def test_protected_mail_reaches_postfix_over_verified_tls(gateway: Installation, postfix: Postfix) -> None:
    marker = new_marker()
    queue_id = submit(gateway, clinical(marker, to=RECIPIENT), to=[RECIPIENT])

    until(lambda: any(marker.encode() in message for message in postfix.messages()))

    assert re.search(r"TLS connection established from .*TLSv1\.[23]", postfix.log)
    message = next(message for message in postfix.messages() if marker.encode() in message)
    until(lambda: gateway.events(kind="delivery.delivered", queue_id=queue_id))
    (delivered,) = gateway.events(kind="delivery.delivered", queue_id=queue_id)
    evidence = delivered["data"]
    remote_id = re.search(r"queued as (\w+)", evidence["reply"])
    assert remote_id, "the audit log holds Postfix's own queue id"
    assert f"{remote_id[1]}: " in postfix.log
    assert evidence["tls_version"] in {"TLSv1.2", "TLSv1.3"}
    assert evidence["verification"].startswith("webpki")
    assert re.fullmatch(r"[0-9a-f]{64}", evidence["certificate"])

    as_sent = message[message.index(b"DKIM-Signature:") :].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
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
