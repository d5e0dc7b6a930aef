"""The clinic that has to leave through its provider: a real Postfix with Cyrus SASL takes nothing from strangers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import trustme

from tests.e2e.client_files import Files
from tests.e2e.installation import Installation, running
from tests.e2e.letters import clinical, new_marker
from tests.e2e.postfix import Postfix, running_postfix
from tests.e2e.sasl import SETTINGS, sasl_users
from tests.e2e.submit import submit
from tests.e2e.waiting import until
from tests.e2e.world import CLINIC, World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RECIPIENT: Final = "a@partner.example"
PASSWORD: Final = "eight dozen lemons"


@contextmanager
def provider(world: World, clients: Path) -> Iterator[tuple[Postfix, str]]:
    """It relays for who signs in or shows a certificate, from no network."""
    host, address = world.name("provider.example")
    identity = world.authority.issue(host)
    settings = {
        "myhostname": host,
        "mynetworks": "",
        "smtpd_tls_security_level": "may",
        "smtpd_tls_cert_file": str(identity.certificate),
        "smtpd_tls_key_file": str(identity.private_key),
        "smtpd_tls_CAfile": str(clients),
        "smtpd_tls_ask_ccert": "yes",
        "smtpd_tls_loglevel": "1",
        "smtpd_relay_restrictions": "permit_sasl_authenticated, permit_tls_all_clientcerts, reject",
        "virtual_mailbox_domains": "",
        "default_transport": "virtual",
        **SETTINGS,
    }
    with (
        sasl_users({"clinic": PASSWORD}) as files,
        running_postfix(address=address, port=world.port, settings=settings, files=files) as postfix,
    ):
        yield postfix, host


def test_mail_leaves_through_the_provider(tmp_path: Path, world: World) -> None:
    """With a password, not with a wrong one (the mail waits), and with a certificate alone; nothing is restarted
    between the wrong password and the right one."""
    authority = trustme.CA()
    clients = tmp_path / "clients.pem"
    authority.cert_pem.write_to_path(str(clients))
    password = tmp_path / "password"
    password.write_text("a wrong one\n")
    password.chmod(0o600)
    with provider(world, clients) as (postfix, host):
        own = {
            "name": CLINIC,
            "smart_host": f"{host}:{world.port}",
            "smart_host_attested": True,
        }
        by_password = {"smart_host_login": "clinic", "smart_host_password_file": str(password)}
        with running(tmp_path / "by-password", world, with_domain(own | by_password)) as gateway:
            marker = new_marker()
            queue_id = submit(gateway, clinical(marker, to=RECIPIENT), to=[RECIPIENT])
            until(lambda: "cannot sign in at the next hop" in gateway.log, state=lambda: gateway.log + postfix.log)
            until(lambda: gateway.events(kind="delivery.deferred", queue_id=queue_id))
            assert not postfix.messages()
            assert "a wrong one" not in gateway.log
            password.write_text(f"{PASSWORD}\n")
            assert gateway.run("queue", "flush").returncode == 0
            has_arrived(gateway, postfix, marker, queue_id)
            assert "sasl_username=clinic" in postfix.log
            assert PASSWORD not in gateway.log
        files = Files.write(tmp_path, "client", authority.issue_cert("clinic.example"))
        files.key.chmod(0o600)
        by_certificate = {
            "smart_host_certificate": str(files.certificate),
            "smart_host_private_key": str(files.key),
        }
        with running(tmp_path / "by-certificate", world, with_domain(own | by_certificate)) as gateway:
            marker = new_marker()
            queue_id = submit(gateway, clinical(marker, to=RECIPIENT), to=[RECIPIENT])
            has_arrived(gateway, postfix, marker, queue_id)
            assert "Trusted TLS connection established from" in postfix.log


def with_domain(own: dict[str, object]) -> dict[str, object]:
    return {"domain": [own]}


def has_arrived(gateway: Installation, postfix: Postfix, marker: str, queue_id: str) -> None:
    until(lambda: any(marker.encode() in message for message in postfix.messages()))
    until(lambda: gateway.events(kind="delivery.delivered", queue_id=queue_id))
    (delivered,) = gateway.events(kind="delivery.delivered", queue_id=queue_id)
    assert delivered["data"]["host"] == "mx.provider.example"
    assert delivered["data"]["verification"].startswith("webpki")
