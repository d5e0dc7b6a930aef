"""The set-ups of docs/clients.md do what they say: taken from its text, with this test's names, ports and passwords.

Exim's is tried in test_smart_host_exim.py.
"""

import json
import os
import re
import smtplib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import trustme

from tests.e2e.client_files import Files
from tests.e2e.client_programs import HOST
from tests.e2e.installation import REPOSITORY, USER, Installation
from tests.e2e.letters import new_marker, plain
from tests.e2e.nexthop import NextHop
from tests.e2e.postfix import running_postfix
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.tools import free_port, need

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RECIPIENT: Final = "desk@partner.example"
PAGE: Final = (REPOSITORY / "docs" / "clients.md").read_text()


@dataclass(frozen=True, slots=True)
class Clinic:
    """A gateway with a certificate for the name it is reached by. relay: port of the listener for certificates."""

    gateway: Installation
    relay: int
    exchange: Files

    def create(self, name: str, *senders: str) -> str:
        """A credential as the page says. Returns: its password."""
        options = [option for sender in senders for option in ("--sender", sender)]
        done = self.gateway.run("credential", "create", name, *options, "--json")
        assert done.returncode == 0, done.stderr
        secret: str = json.loads(done.stdout)["secret"]
        return secret


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[Clinic]:
    folder = tmp_path_factory.mktemp("documented")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "clients.pem"))
    gateway, identity, port = Installation(folder / "installation", world), world.authority.issue(HOST), free_port()
    ports = gateway.ports
    gateway.write_config(
        {
            "server": {"tls": {"certificate": identity.certificate, "private_key": identity.private_key}},
            "listener": [
                {"bind": f"127.0.0.1:{port}", "mode": "relay", "client_ca": folder / "clients.pem"},
                {"bind": f"127.0.0.1:{ports.submission}", "mode": "submission"},
                {"bind": f"127.0.0.1:{ports.submissions}", "mode": "submissions"},
            ],
        }
    )
    try:
        gateway.start()
        yield Clinic(gateway, port, Files.write(folder, "exchange", authority.issue_cert("exchange.clinic.example")))
    finally:
        gateway.close()


@pytest.fixture(scope="module")
def partner(world: World) -> NextHop:
    return world.add_good("partner.example")


def block(after: str, names: Mapping[str, str]) -> str:
    """The indented lines that follow a text of the page. names: what stands there, and what this test has instead."""
    found = re.search(re.escape(after) + r"(?s:.*?)\n\n((?: {4}.*\n|\n)+)", PAGE)
    assert found, after
    text = re.sub(r"^ {4}", "", found[1], flags=re.MULTILINE).strip() + "\n"
    for written, here in names.items():
        assert written in text, written
        text = text.replace(written, here)
    return text


def run(arguments: list[str | Path], folder: Path, text: str = "", **variables: str) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", **variables}
    done = subprocess.run(
        arguments, input=text, env=environment, cwd=folder,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def private(file: Path, text: str) -> Path:
    file.touch(mode=0o600)
    file.write_text(text)
    return file


def test_a_python_script(clinic: Clinic, partner: NextHop, tmp_path: Path) -> None:
    marker = new_marker()
    names = {
        '"gw.clinic.example", 465': f'"{HOST}", {clinic.gateway.ports.submissions}',
        "dr.lee@partner.example": RECIPIENT,
        "\u2026": marker,
    }
    script = block("**A Python script.**", names)
    secret, authority = clinic.create("lab-ehr", "lab@clinic.example"), clinic.gateway.world.authority.file
    run([sys.executable, "-c", script], tmp_path, LAB_SMTP_PASSWORD=secret, SSL_CERT_FILE=str(authority))
    assert partner.wait_for(marker.encode()).mail_from == "lab@clinic.example"


def test_a_machine_with_msmtp_and_s_nail(clinic: Clinic, partner: NextHop, tmp_path: Path) -> None:
    port, marker, other = str(clinic.gateway.ports.submissions), new_marker(), new_marker()
    secret, authority = clinic.create("monitor", "monitor@clinic.example"), clinic.gateway.world.authority.file
    names = {"gw.clinic.example": HOST, "465": port, "PASSWORD": secret}
    msmtprc = private(tmp_path / "msmtprc", block("**A machine's own mail", names) + f"tls_trust_file {authority}\n")
    letter = plain(marker, to=RECIPIENT, sender="monitor@clinic.example").as_string()
    run([need("msmtp"), f"--file={msmtprc}", RECIPIENT], tmp_path, letter)
    assert partner.wait_for(marker.encode()).mail_from == "monitor@clinic.example"

    more = f"set tls-ca-file={authority}\nset tls-ca-no-defaults\nset DEAD={tmp_path}/dead.letter\nset sendwait\n"
    mailrc = private(tmp_path / "mailrc", block("The command `mail` of s-nail", names) + more)
    run([need("s-nail"), "-:u", "-s", "Disk", RECIPIENT], tmp_path, other, MAILRC=str(mailrc))
    assert partner.wait_for(other.encode()).mail_from == "monitor@clinic.example"


@pytest.mark.parametrize("proof", ["certificate", "password"])
def test_postfix(clinic: Clinic, partner: NextHop, tmp_path: Path, proof: str) -> None:
    """Its TLS level `secure`, with the name in the certificate checked, and both ways to say who it is."""
    port = clinic.relay if proof == "certificate" else clinic.gateway.ports.submission
    names = {
        "[gw.clinic.example]:25": f"[{HOST}]:{port}",
        "/etc/ssl/certs/ca-certificates.crt": str(clinic.gateway.world.authority.file),
        "/etc/postfix/exchange.pem": str(clinic.exchange.certificate),
        "/etc/postfix/exchange.key": str(clinic.exchange.key),
    }
    settings = dict(line.split(" = ") for line in block("**Postfix** (`main.cf`)", names).splitlines())
    if proof == "password":
        settings = {name: value for name, value in settings.items() if not name.endswith(("_cert_file", "_key_file"))}
        settings |= passwords(clinic, tmp_path, port)
    settings |= {"smtp_host_lookup": "native", "virtual_mailbox_domains": ""}  # the name is of /etc/hosts here
    marker, own_port = new_marker(), free_port()
    with running_postfix(address="127.0.0.1", port=own_port, settings=settings) as postfix:
        with smtplib.SMTP("127.0.0.1", own_port, timeout=30) as client:
            client.sendmail(USER, [RECIPIENT], plain(marker, to=RECIPIENT).as_bytes())
        until(lambda: re.search(r"status=\w+", postfix.log), state=lambda: postfix.log)
        assert "status=sent (250 2.0.0 Queued as " in postfix.log
    assert partner.wait_for(marker.encode()).mail_from == USER


def passwords(clinic: Clinic, folder: Path, port: int) -> dict[str, str]:
    """The settings that the page has in a sentence, and the table that they name."""
    secret = clinic.create("postfix", "*@clinic.example", "<>")
    found = dict(re.findall(r"`(smtp_sasl_\w+) = (\S+)`", PAGE))
    line = re.search(r"with the line `(.*)`", PAGE)
    assert line
    table = private(
        folder / "sasl",
        line[1].replace("[gw.clinic.example]:587", f"[{HOST}]:{port}").replace("PASSWORD", secret) + "\n",
    )
    (folder / "main.cf").write_text("compatibility_level = 3.6\n")
    run([need("postmap"), "-c", folder, f"hash:{table}"], folder)
    return found | {"smtp_sasl_password_maps": f"hash:{table}"}
