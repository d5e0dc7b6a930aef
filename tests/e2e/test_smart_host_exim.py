"""Exim relays into a running gateway as a mail server of the clinic: client certificate, DSN, SMTPUTF8, large mail."""

import re
import smtplib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import trustme

from tests.e2e.client_files import Files
from tests.e2e.exim import Exim, Sections, running_exim
from tests.e2e.installation import PASSWORD, REPOSITORY, USER, Installation
from tests.e2e.letters import new_marker, plain
from tests.e2e.nexthop import Arrival, Behaviour, NextHop
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.tools import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RECIPIENT: Final = "desk@partner.example"
CLIENT: Final = "exim.clinic.example"
MAIN: Final = {"primary_hostname": CLIENT, "qualify_domain": "clinic.example", "domainlist local_domains": CLIENT}
LARGE: Final = 20_000_000  # octets


@dataclass(frozen=True, slots=True)
class SmartHost:
    """A gateway whose listener asks for a certificate, and two clients' certificates."""

    gateway: Installation
    port: int
    good: Files
    foreign: Files

    def sending(self, shown: Files, **options: str) -> Sections:
        """Exim's transport to it: TLS that is verified, and a certificate of its own."""
        tls = {
            "hosts_require_tls": "*",
            "tls_verify_hosts": "*",
            "tls_verify_certificates": f"$spool_directory/{self.gateway.world.authority.file.name}",
            "tls_verify_cert_hostnames": "",  # the gateway is reached by its address here
            "tls_certificate": f"$spool_directory/{shown.certificate.name}",
            "tls_privatekey": f"$spool_directory/{shown.key.name}",
        }
        return Sections.smart_host(self.port, **tls, **options)

    def files(self) -> list[Path]:
        own = (file for files in (self.good, self.foreign) for file in (files.certificate, files.key))
        return [self.gateway.world.authority.file, *own]

    @contextmanager
    def exim(self, sections: Sections) -> Iterator[Exim]:
        with running_exim(sections, port=free_port(), main=MAIN, files=self.files()) as exim:
            yield exim

    def accepted(self) -> list[dict[str, object]]:
        return [event["data"] for event in self.gateway.events(kind="message.accepted")]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[SmartHost]:
    folder = tmp_path_factory.mktemp("smart-host-exim")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "clients.pem"))
    gateway = Installation(folder / "installation", world)
    port = free_port()
    relay = {"bind": f"127.0.0.1:{port}", "mode": "relay", "client_ca": folder / "clients.pem"}
    submission = {"bind": f"127.0.0.1:{gateway.ports.submission}", "mode": "submission"}
    gateway.write_config({"listener": [relay, submission]})
    try:
        gateway.add_user()
        gateway.start()
        yield SmartHost(
            gateway,
            port,
            Files.write(folder, "good", authority.issue_cert(CLIENT)),
            Files.write(folder, "foreign", trustme.CA().issue_cert(CLIENT)),
        )
    finally:
        gateway.close()


@pytest.fixture(scope="module")
def exim(host: SmartHost) -> Iterator[Exim]:
    with host.exim(host.sending(host.good)) as exim:
        yield exim


@pytest.fixture(scope="module")
def partner(world: World) -> NextHop:
    return world.add_good("partner.example")


@pytest.fixture(scope="module")
def modern(world: World) -> NextHop:
    """Offers DSN and SMTPUTF8, and no TLS: what it is told can be read."""
    return world.add(
        "modern.example",
        behaviour=lambda host: Behaviour(replies={"EHLO": f"250-{host}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN"}),
    )


def through(
    exim: Exim,
    data: bytes,
    *,
    sender: str = USER,
    to: str = RECIPIENT,
    mail: Sequence[str] = (),
    rcpt: Sequence[str] = (),
) -> None:
    """Hand a message to Exim, for it to relay. mail, rcpt: parameters of these commands."""
    with smtplib.SMTP("127.0.0.1", exim.port, timeout=60) as client:
        client.ehlo()
        client.command_encoding = "utf-8"
        assert client.mail(sender, mail)[0] == 250
        assert client.rcpt(to, rcpt)[0] == 250
        assert client.data(data)[0] == 250


def arrival_at(hop: NextHop, marker: str, exim: Exim) -> Arrival:
    try:
        return hop.wait_for(marker.encode(), timeout_s=30)
    except AssertionError as error:
        error.add_note(exim.log)
        raise


def test_exim_relays_with_a_client_certificate(host: SmartHost, exim: Exim, partner: NextHop) -> None:
    """SA-10: a real mail server as the client; what it relays arrives, and it learns our queue id."""
    marker = new_marker()
    through(exim, plain(marker, to=RECIPIENT).as_bytes())
    arrival = arrival_at(partner, marker, exim)
    assert b"by gw.clinic.example with ESMTPS id" in arrival.content
    accepted = host.accepted()[-1]
    assert accepted["certificate"] == CLIENT
    queue_id = host.gateway.events(kind="message.accepted")[-1]["queue_id"]
    until(lambda: f'C="250 2.0.0 Queued as {queue_id}"' in exim.log, state=lambda: exim.log)


def test_exim_with_a_foreign_certificate_waits(host: SmartHost, partner: NextHop) -> None:
    """SA-10: the peer keeps its mail, and does not lose it."""
    marker = new_marker()
    before = len(host.accepted())
    with host.exim(host.sending(host.foreign)) as exim:
        through(exim, plain(marker, to=RECIPIENT).as_bytes())
        until(lambda: " == " in exim.log, state=lambda: exim.log)
    assert len(host.accepted()) == before
    assert partner.find(marker.encode()) is None


def test_the_documented_configuration_works(host: SmartHost, partner: NextHop) -> None:
    """What docs/clients.md tells the owner of an Exim to write, with this test's names in it."""
    text = (REPOSITORY / "docs" / "clients.md").read_text()
    found = re.search(r"\*\*Exim\*\*.*?\n\n((?: {4}.*\n|\n)+)", text)
    assert found
    router, _, transport = found[1].replace("\n    ", "\n")[4:].partition("\n\n")
    names = {
        "gw.clinic.example": f"127.0.0.1::{host.port}\n  self = send",
        "/etc/exim4/exchange.pem": "$spool_directory/good.pem",
        "/etc/exim4/exchange.key": "$spool_directory/good.key",
    }
    for written, here in names.items():
        assert written in router + transport
        router, transport = router.replace(written, here), transport.replace(written, here)
    transport = (
        f"{transport.rstrip()}\n  tls_verify_certificates = $spool_directory/{host.gateway.world.authority.file.name}"
    )
    marker = new_marker()
    with host.exim(Sections(router, f"{transport}\n  tls_verify_cert_hostnames =")) as exim:
        through(exim, plain(marker, to=RECIPIENT).as_bytes())
        assert arrival_at(partner, marker, exim).tls
    assert host.accepted()[-1]["certificate"] == CLIENT


def test_dsn_parameters_from_exim_reach_the_next_hop(exim: Exim, modern: NextHop) -> None:
    """SM-15, RFC 3461: RET, ENVID, NOTIFY and ORCPT as Exim's client gave them."""
    marker, to = new_marker(), "dsn@modern.example"
    asked = ("NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;first+2Bone@modern.example")
    through(exim, plain(marker, to=to).as_bytes(), to=to, mail=("RET=HDRS", "ENVID=QQ314159"), rcpt=asked)
    arrival_at(modern, marker, exim)
    said = bytes(modern.clear)
    (mail,) = re.findall(rb"MAIL FROM:.*QQ314159.*", said)
    assert b"RET=HDRS" in mail
    (rcpt,) = re.findall(rb"RCPT TO:<dsn@modern.example>.*", said)
    assert b"ORCPT=rfc822;first+2Bone@modern.example" in rcpt
    assert set(re.findall(rb"NOTIFY=(\S+)", rcpt)[0].split(b",")) == {b"SUCCESS", b"DELAY"}


def test_a_bounce_that_exim_makes_is_relayed(exim: Exim, partner: NextHop) -> None:
    """SM-15, ID-07: a sender that we refuse gets it back from Exim, whose null sender goes out as one."""
    marker, stranger = new_marker(), "stranger@partner.example"
    through(exim, plain(marker, to=RECIPIENT, sender=stranger).as_bytes(), sender=stranger)
    arrival = arrival_at(partner, marker, exim)
    assert arrival.mail_from == ""
    assert arrival.recipients == (stranger,)
    assert b"550 5.7.1 " in arrival.content
    assert b"From: Mail Delivery System <Mailer-Daemon@clinic.example>" in arrival.content


def test_utf8_addresses_from_exim(exim: Exim, modern: NextHop) -> None:
    """SM-18: both addresses as they were, for a next hop that takes them."""
    marker, to = new_marker(), "m\u00fcller@modern.example"
    data = f"From: J\u00f6 <j\u00f6@clinic.example>\r\nTo: {to}\r\nSubject: gr\u00fcezi\r\n\r\n{marker}\r\n"
    through(exim, data.encode(), sender="j\u00f6@clinic.example", to=to, mail=("SMTPUTF8", "BODY=8BITMIME"))
    arrival = arrival_at(modern, marker, exim)
    assert arrival.mail_from == "j\u00f6@clinic.example"
    assert arrival.recipients == (to,)
    assert "Subject: gr\u00fcezi\r\n".encode() in arrival.content
    assert re.search(rb"MAIL FROM:<j\xc3\xb6@clinic.example>.* SMTPUTF8", bytes(modern.clear))


@pytest.mark.parametrize(("chunking", "no_pipelining"), [("*", ""), ("", "*")])
def test_a_large_message_arrives_as_it_was(
    host: SmartHost, partner: NextHop, chunking: str, no_pipelining: str
) -> None:
    """SM-16, SM-09: however Exim would like to send it, for CHUNKING is not offered to it."""
    marker = new_marker()
    line = b"." * 9 + b"x" * 989 + b"\r\n"
    body = marker.encode() + b"\r\n" + line * (LARGE // len(line)) + b"..\r\nthe end\r\n"
    options = {"hosts_try_chunking": chunking, "hosts_avoid_pipelining": no_pipelining}
    head = f"From: {USER}\r\nTo: {RECIPIENT}\r\nSubject: Pictures\r\n\r\n".encode()
    with host.exim(host.sending(host.good, **options)) as exim:
        through(exim, head + body)
        arrival = arrival_at(partner, marker, exim)
        assert ("SMTP|> MAIL FROM" in exim.dialogue) != bool(no_pipelining)
        assert "BDAT" not in exim.dialogue
    assert arrival.content.partition(b"\r\n\r\n")[2] == body


@pytest.mark.parametrize(
    ("mechanism", "prompts"),
    [("PLAIN", f"^{USER}^{PASSWORD}"), ("LOGIN", f": {USER} : {PASSWORD}")],
    ids=["PLAIN", "LOGIN"],
)
def test_exim_signs_in_and_says_auth(host: SmartHost, partner: NextHop, mechanism: str, prompts: str) -> None:
    """SM-15, RFC 4954 section 5: with a password instead of a certificate, and AUTH=<> on MAIL."""
    login = f"login:\n  driver = plaintext\n  public_name = {mechanism}\n  client_send = {prompts}"
    sections = Sections.smart_host(
        host.gateway.ports.submission,
        login,
        hosts_require_tls="*",
        hosts_require_auth="*",
        authenticated_sender="<>",
        tls_verify_cert_hostnames="",
        tls_verify_certificates=f"$spool_directory/{host.gateway.world.authority.file.name}",
    )
    marker = new_marker()
    with host.exim(sections) as exim:
        through(exim, plain(marker, to=RECIPIENT).as_bytes())
        arrival = arrival_at(partner, marker, exim)
        until(lambda: " A=login " in exim.log, state=lambda: exim.log)
        assert re.search(rf"MAIL FROM:<{USER}>.* AUTH=<>", exim.dialogue)
    assert b"with ESMTPSA id" in arrival.content
