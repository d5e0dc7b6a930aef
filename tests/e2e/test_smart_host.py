"""Mail servers and devices relay into a running gateway: with client certificates, through a proxy, with their tenant's
proof (issue 3, line 5)."""

import json
import smtplib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import trustme

from tests.e2e.client_files import Files
from tests.e2e.installation import USER, Installation
from tests.e2e.letters import new_marker, plain
from tests.e2e.nexthop import NextHop
from tests.e2e.postfix import Postfix, running_postfix
from tests.e2e.submit import hand_in
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.tools import free_port, need

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RECIPIENT: Final = "desk@partner.example"
SECRET: Final = "5b7c0f6e2d1a4983"
CLIENT: Final = "exchange.clinic.example"


@dataclass(frozen=True, slots=True)
class SmartHost:
    """A gateway with a listener of each kind. ports: by what they ask for."""

    gateway: Installation
    ports: dict[str, int]
    good: Files
    foreign: Files


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[SmartHost]:
    folder = tmp_path_factory.mktemp("smart-host")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "clients.pem"))
    relay: dict[str, object] = {"mode": "relay", "trusted_networks": ["127.0.0.1/32"]}
    keys: dict[str, dict[str, object]] = {
        "certificate": {"mode": "relay", "client_ca": folder / "clients.pem"},
        "tenant": relay | {"tenant_header": f"X-Clinic-Proof: {SECRET}"},
        "proxy": {
            "mode": "relay", "require_tls": False, "trusted_networks": ["192.0.2.7/32"],
            "proxy_protocol": True, "trusted_proxies": ["127.0.0.1/32"],
        },
        "control": relay | {"control_headers": True},
        "device": relay | {"line_endings": "repair", "require_tls": False},
        "plain": relay | {"require_tls": False},
    }  # fmt: skip
    ports = {name: free_port() for name in keys}
    gateway = Installation(folder / "installation", world)
    listeners = [{"bind": f"127.0.0.1:{ports[name]}", **own} for name, own in keys.items()]
    gateway.write_config({"listener": listeners})
    gateway.config.chmod(0o600)
    try:
        gateway.start()
        yield SmartHost(
            gateway,
            ports,
            Files.write(folder, "good", authority.issue_cert(CLIENT)),
            Files.write(folder, "foreign", trustme.CA().issue_cert(CLIENT)),
        )
    finally:
        gateway.close()


@pytest.fixture(scope="module")
def partner(world: World) -> NextHop:
    return world.add_good("partner.example")


def swaks(port: int, marker: str, *options: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            need("swaks"), "--from", USER, "--to", RECIPIENT, "--server", "127.0.0.1", "--port", str(port),
            "--silent", "1", "--header", "Subject: Room booking", "--body", marker, *options,
        ],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def accepted(host: SmartHost) -> list[dict[str, object]]:
    return [event["data"] for event in host.gateway.events(kind="message.accepted")]


# --- client certificates ---


def test_swaks_with_a_client_certificate(host: SmartHost, partner: NextHop) -> None:
    """SA-10: the certificate alone lets the peer in, and its name is on record."""
    marker = new_marker()
    shown = ("--tls", "--tls-cert", host.good.certificate, "--tls-key", host.good.key)
    done = swaks(host.ports["certificate"], marker, *shown)
    assert done.returncode == 0, done.stdout + done.stderr
    partner.wait_for(marker.encode())
    assert accepted(host)[-1]["certificate"] == CLIENT


def test_swaks_without_a_good_one(host: SmartHost, world: World) -> None:
    """SA-10: none, of another authority, and one that is for servers only: no mail, and the log says why."""
    server_only = world.authority.issue("server.clinic.example")
    before = len(accepted(host))
    for shown in ((), (host.foreign.certificate, host.foreign.key), (server_only.certificate, server_only.private_key)):
        options = ("--tls-cert", shown[0], "--tls-key", shown[1]) if shown else ()
        assert swaks(host.ports["certificate"], "nothing", "--tls", *options).returncode != 0
    assert len(accepted(host)) == before
    assert "PEER_DID_NOT_RETURN_A_CERTIFICATE" in host.gateway.log
    assert "CERTIFICATE_VERIFY_FAILED" in host.gateway.log


def postfix_settings(host: SmartHost, shown: Files | None) -> dict[str, str]:
    """A mail server of the clinic that sends everything through the gateway."""
    settings = {
        "relayhost": f"[127.0.0.1]:{host.ports['certificate']}",
        "smtp_tls_security_level": "encrypt",
        "smtp_tls_loglevel": "1",
        "virtual_mailbox_domains": "",
        "minimal_backoff_time": "1s",
        "queue_run_delay": "1s",
    }
    if shown:
        settings |= {"smtp_tls_cert_file": str(shown.certificate), "smtp_tls_key_file": str(shown.key)}
    return settings


def through(postfix: Postfix, address: str, marker: str) -> None:
    with smtplib.SMTP(address, postfix.port, timeout=30) as client:
        client.mail(USER)
        client.rcpt(RECIPIENT)
        assert client.data(plain(marker, to=RECIPIENT).as_bytes())[0] == 250


def test_postfix_relays_with_a_client_certificate(host: SmartHost, partner: NextHop) -> None:
    """SA-10: a real mail server as the client; what it relays arrives."""
    marker, port = new_marker(), free_port()
    with running_postfix(address="127.0.0.1", port=port, settings=postfix_settings(host, host.good)) as postfix:
        through(postfix, "127.0.0.1", marker)
        arrival = partner.wait_for(marker.encode())
        until(lambda: "Queued as" in postfix.log)
    assert b"by gw.clinic.example with ESMTPS id" in arrival.content
    assert accepted(host)[-1]["certificate"] == CLIENT


def test_postfix_with_a_foreign_certificate_waits(host: SmartHost, partner: NextHop) -> None:
    """SA-10: the peer keeps its mail, and does not lose it."""
    marker, port = new_marker(), free_port()
    with running_postfix(address="127.0.0.1", port=port, settings=postfix_settings(host, host.foreign)) as postfix:
        through(postfix, "127.0.0.1", marker)
        until(lambda: "status=deferred" in postfix.log)
    assert partner.find(marker.encode()) is None


# --- proof of the tenant ---


def test_proof_of_the_tenant_is_taken_out(host: SmartHost, partner: NextHop) -> None:
    """ID-02: neither the next hop nor the log sees the secret."""
    marker = new_marker()
    proof = ("--tls", "--add-header", f"X-Clinic-Proof: {SECRET}")
    done = swaks(host.ports["tenant"], marker, *proof)
    assert done.returncode == 0, done.stdout + done.stderr
    assert SECRET.encode() not in partner.wait_for(marker.encode()).content
    assert SECRET not in host.gateway.log + json.dumps(host.gateway.events())


@pytest.mark.parametrize("header", ["X-Other: x", "X-Clinic-Proof: 5b7c0f6e2d1a4984"])
def test_right_address_wrong_tenant(host: SmartHost, header: str) -> None:
    """ID-02."""
    done = swaks(host.ports["tenant"], "nothing", "--tls", "--add-header", header)
    assert done.returncode != 0
    assert "550 5.7.1 " in done.stdout + done.stderr


# --- behind a proxy ---


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(("source", "is_trusted"), [("192.0.2.7", True), ("192.0.2.8", False)])
def test_the_address_behind_the_proxy_decides(
    host: SmartHost, partner: NextHop, version: str, source: str, is_trusted: bool
) -> None:
    """SA-11, ID-02: swaks plays the proxy; networks, Received and audit log see the client."""
    marker = new_marker()
    header = (
        "--proxy-version", version, "--proxy-family", "TCP4" if version == "1" else "AF_INET",
        "--proxy-source", source, "--proxy-source-port", "40000",
        "--proxy-dest", "192.0.2.1", "--proxy-dest-port", "25",
    )  # fmt: skip
    done = swaks(host.ports["proxy"], marker, *header)
    assert (done.returncode == 0) == is_trusted, done.stdout + done.stderr
    if is_trusted:
        assert f"([{source}])".encode() in partner.wait_for(marker.encode()).content
        assert accepted(host)[-1]["client_ip"] == source


# --- control headers, devices ---


def test_a_trusted_system_asks_for_more(host: SmartHost) -> None:
    """ID-08: X-Mailward-Method from a listener that believes it; the trace says so."""
    done = swaks(host.ports["control"], new_marker(), "--tls", "--add-header", "X-Mailward-Method: portal")
    assert done.returncode == 0, done.stdout + done.stderr
    decided = host.gateway.events(kind="message.decided")[-1]["data"]
    assert decided["methods"] == ["portal"]
    assert "The sender's system asked for portal or more (X-Mailward-Method)." in decided["trace"]


def test_a_device_with_bare_line_feeds(host: SmartHost, partner: NextHop) -> None:
    """SM-04, SM-05: what arrives with bare LF leaves with CRLF only."""
    marker = new_marker()
    data = f"From: {USER}\nSubject: Scan\n\nScanned page\n{marker}\n"
    with smtplib.SMTP("127.0.0.1", host.ports["device"], timeout=30) as client:
        client.ehlo()
        client.mail(USER)
        client.rcpt(RECIPIENT)
        client.docmd("DATA")
        client.send(data.encode() + b"\r\n.\r\n")
        assert client.getreply()[0] == 250
    content = partner.wait_for(marker.encode()).content
    assert content.count(b"\n") == content.count(b"\r\n")


def test_the_certificate_listener_takes_ordinary_clients(host: SmartHost, partner: NextHop) -> None:
    """A Python script with a certificate."""
    marker = new_marker()
    context = host.gateway.client_tls()
    context.check_hostname = False
    context.load_cert_chain(host.good.certificate, host.good.key)
    with smtplib.SMTP("127.0.0.1", host.ports["certificate"], timeout=30) as client:
        client.starttls(context=context)
        client.ehlo()
        hand_in(client, plain(marker, to=RECIPIENT), to=[RECIPIENT])
    assert partner.wait_for(marker.encode()).tls


# --- SMTPUTF8 ---


def send_utf8(host: SmartHost, recipient: str, marker: str) -> None:
    with smtplib.SMTP("127.0.0.1", host.ports["plain"], timeout=30) as client:
        client.ehlo()
        client.command_encoding = "utf-8"
        assert client.mail("j\u00f6@clinic.example", ["SMTPUTF8", "BODY=8BITMIME"])[0] == 250
        assert client.rcpt(recipient)[0] == 250
        header = f"From: J\u00f6 <j\u00f6@clinic.example>\r\nTo: {recipient}\r\nSubject: gr\u00fcezi\r\n"
        assert client.data(f"{header}\r\n{marker}\r\n".encode())[0] == 250


def test_utf8_addresses_reach_who_takes_them(host: SmartHost, world: World) -> None:
    """SM-18: Postfix offers SMTPUTF8 and gets the address as it was."""
    name, address = world.name("utf8.example")
    identity = world.authority.issue(name)
    settings = {
        "smtputf8_enable": "yes",
        "smtpd_tls_security_level": "may",
        "smtpd_tls_cert_file": str(identity.certificate),
        "smtpd_tls_key_file": str(identity.private_key),
        "myhostname": name,
    }
    marker = new_marker()
    with running_postfix(address=address, port=world.port, settings=settings) as postfix:
        send_utf8(host, "m\u00fcller@utf8.example", marker)
        until(lambda: any(marker.encode() in message for message in postfix.messages()))
        (message,) = postfix.messages()
    assert "To: m\u00fcller@utf8.example".encode() in message
    assert "Return-Path: <j\u00f6@clinic.example>".encode() in message


def test_utf8_addresses_come_back_from_who_does_not(host: SmartHost, partner: NextHop) -> None:
    """SM-18: 5.6.7, never a mangled address."""
    marker = new_marker()
    send_utf8(host, "m\u00fcller@partner.example", marker)
    until(lambda: host.gateway.events(kind="delivery.bounced", recipient="m\u00fcller@partner.example"))
    (bounced,) = host.gateway.events(kind="delivery.bounced", recipient="m\u00fcller@partner.example")
    assert "5.6.7" in json.dumps(bounced)
    assert partner.find(marker.encode()) is None
