"""An OpenSMTPD of its own for a test: Debian's binary in a mount namespace, its fixed paths a temporary folder.

Debian's mail servers exclude each other as packages, so it is unpacked (contrib/setup/system-packages.sh). It must be
started by root and drops to the users that are built into it; mail is written as `nobody`.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from gateway.demo.authority import Identity
from tests.e2e.maildir import read_maildir
from tests.e2e.waiting import is_listening, until
from tests.tools import need

FOLDER: Final = Path("/opt/mailward-tests/opensmtpd")
USER: Final = "nobody"
STOP_S: Final = 20
START: Final = """\
set -e
mount --bind "$0/spool" /var/spool
mount --bind "$0/run" /run
mount --bind "$0/lib" /var/lib
mount --bind "$1/usr/libexec" /usr/libexec
exec "$1/usr/sbin/smtpd" -d -T smtp -f "$0/smtpd.conf"
"""
CONFIGURATION: Final = """\
smtp max-message-size 60M
table all {{ "@" = "{user}" }}
{certificates}
{filters}
{listeners}
action "keep" maildir "{root}/mail" virtual <all>
match from any for any action "keep"
"""


@dataclass(frozen=True, slots=True)
class Listening:
    """One address. identity: None offers no STARTTLS. protocols: TLS versions (tls_config_parse_protocols(3))."""

    hostname: str
    address: str
    identity: Identity | None
    protocols: str = "secure"


@dataclass(frozen=True, slots=True)
class OpenSmtpd:
    """A running instance; everything that it accepts lands in one Maildir."""

    root: Path

    @property
    def log(self) -> str:
        """What happened, and what was said in each session (also inside TLS)."""
        return (self.root / "output").read_text(errors="replace")

    def messages(self) -> list[bytes]:
        return read_maildir(self.root / "mail")


@contextmanager
def running_opensmtpd(listening: Sequence[Listening], *, port: int, refused: Mapping[str, str]) -> Iterator[OpenSmtpd]:
    """Start OpenSMTPD on these addresses; stop it in the end. refused: a recipient to the reply that it gets."""
    unshare, _ = need("unshare"), need(str(FOLDER / "usr/sbin/smtpd"))
    if os.geteuid() != 0:
        pytest.skip("OpenSMTPD is started by root")
    root = Path(tempfile.mkdtemp(prefix="mailward-opensmtpd-"))
    process: subprocess.Popen[bytes] | None = None
    try:
        _configure(root, listening, port, refused)
        with (root / "output").open("wb") as output:
            process = subprocess.Popen(
                [unshare, "--mount", "--propagation", "private", "sh", "-c", START, root, FOLDER],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        server = OpenSmtpd(root)
        until(lambda: is_listening(listening[-1].address, port), state=lambda: server.log)
        yield server
    finally:
        if process is not None:
            process.terminate()
            process.wait(STOP_S)
        shutil.rmtree(root, ignore_errors=True)


def _configure(root: Path, listening: Sequence[Listening], port: int, refused: Mapping[str, str]) -> None:
    root.chmod(0o755)
    for name in ("spool", "run", "mail", "lib/opensmtpd/empty"):
        (root / name).mkdir(parents=True)
    shutil.chown(root / "mail", USER)
    certificates, listeners = [], []
    for one in listening:
        names = f'hostname "{one.hostname}" filter "refusals"'
        if one.identity is None:
            listeners.append(f"listen on {one.address} port {port} {names}")
            continue
        key = Path(shutil.copy(one.identity.private_key, root / f"{one.hostname}.key"))
        key.chmod(0o600)
        certificates += [
            f'pki "{one.hostname}" cert "{one.identity.certificate}"',
            f'pki "{one.hostname}" key "{key}"',
        ]
        listeners.append(
            f'listen on {one.address} port {port} tls pki "{one.hostname}" protocols "{one.protocols}" {names}'
        )
    rules = [
        f'filter "refusal{number}" phase rcpt-to match rcpt-to {{ "{address}" }} reject "{reply}"'
        for number, (address, reply) in enumerate(refused.items())
    ]
    chain = ", ".join(f'"refusal{number}"' for number in range(len(rules)))
    text = CONFIGURATION.format(
        user=USER, root=root, certificates="\n".join(certificates), listeners="\n".join(listeners),
        filters="\n".join([*rules, f'filter "refusals" chain {{ {chain} }}']),
    )  # fmt: skip
    (root / "smtpd.conf").write_text(text)
