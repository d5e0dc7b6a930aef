"""An Exim of its own for a test: Debian's binary, with configuration, spool and log in a temporary folder.

Debian's Exim and Postfix exclude each other as packages, so Exim is unpacked into a folder
(contrib/setup/system-packages.sh). It must be started by root and drops to the user that is built into it.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.maildir import read_maildir
from tests.e2e.waiting import is_listening, until
from tests.tools import need

BINARY: Final = "/opt/mailward-tests/exim/usr/sbin/exim4"
USER: Final = "Debian-exim"
STOP_S: Final = 20
CONFIGURATION: Final = """\
exim_path = {binary}
spool_directory = {root}/spool
log_file_path = {root}/log/%slog
pid_file_path = {root}/spool/exim.pid
daemon_smtp_ports = {port}
log_selector = +smtp_confirmation +all_parents +received_recipients +incoming_port +incoming_interface +smtp_connection
keep_environment =
acl_smtp_mail = accept
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
message_size_limit = 60M
deliver_drop_privilege = true
queue_run_max = 1
{main}
begin routers
{routers}
begin transports
{transports}
begin retry
* * F,1h,1s
begin authenticators
{authenticators}
"""
MAIN: Final = {"tls_advertise_hosts": "", "acl_smtp_rcpt": "accept"}  # where the test says nothing else
ROUTER: Final = """\
smart_host:
  driver = manualroute
  transport = gateway
  route_list = * 127.0.0.1::{port}
  self = send
"""


@dataclass(frozen=True, slots=True)
class Sections:
    """How Exim sends: the text of three sections of its configuration."""

    routers: str
    transports: str
    authenticators: str = ""

    @classmethod
    def smart_host(cls, port: int, authenticators: str = "", **options: str) -> "Sections":
        """Everything to a port of 127.0.0.1. options: of the smtp transport."""
        lines = ["gateway:", "driver = smtp", *(f"{name} = {value}" for name, value in options.items())]
        return cls(ROUTER.format(port=port), "\n  ".join(lines), authenticators)

    @classmethod
    def keeping(cls) -> "Sections":
        """Everything into one Maildir."""
        return cls(
            "all:\n  driver = accept\n  transport = keep",
            "keep:\n  driver = appendfile\n  maildir_format\n  directory = $spool_directory/mail\n  create_directory",
        )


@dataclass(frozen=True, slots=True)
class Exim:
    """A running instance."""

    root: Path
    port: int

    @property
    def log(self) -> str:
        path = self.root / "log" / "mainlog"
        return path.read_text(errors="replace") if path.exists() else ""

    def messages(self) -> list[bytes]:
        """What its transport, if it has `Sections.keeping`, put into the Maildir."""
        return read_maildir(self.root / "spool" / "mail")

    @property
    def dialogue(self) -> str:
        """What it said to the next hops and heard from them, also inside TLS; passwords are masked by Exim."""
        return (self.root / "output").read_text(errors="replace")


@contextmanager
def running_exim(
    sections: Sections,
    *,
    port: int,
    main: Mapping[str, str] | None = None,
    files: Sequence[Path] = (),
    address: str = "127.0.0.1",
) -> Iterator[Exim]:
    """Start Exim on `address:port`; stop it in the end.

    main: options on top of the common ones, or instead of them. files: copied to `$spool_directory`, where Exim may
    read them.
    """
    binary = need(BINARY)
    if os.geteuid() != 0:
        pytest.skip("Exim is started by root")
    root = Path(tempfile.mkdtemp(prefix="mailward-exim-"))
    process: subprocess.Popen[bytes] | None = None
    try:
        file = _configure(root, sections, main or {}, address=address, binary=binary, port=port)
        for source in files:
            copy = Path(shutil.copy(source, root / "spool"))
            shutil.chown(copy, USER, USER)
            copy.chmod(0o600)
        with (root / "output").open("wb") as output:
            process = subprocess.Popen(
                [binary, "-C", file, "-bdf", "-q1s", "-d-all+transport"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=root,
            )
        exim = Exim(root, port)
        until(lambda: is_listening(address, port), state=lambda: exim.log + exim.dialogue)
        yield exim
    finally:
        if process is not None:
            process.terminate()
            process.wait(STOP_S)
        shutil.rmtree(root, ignore_errors=True)


def _configure(root: Path, sections: Sections, main: Mapping[str, str], *, address: str, **values: object) -> Path:
    root.chmod(0o755)
    for name in ("spool", "log"):
        (root / name).mkdir()
        shutil.chown(root / name, USER, USER)
    file = root / "exim.conf"  # root's, as Exim insists
    common = {**MAIN, "local_interfaces": address}
    options = "".join(f"{name} = {value}\n" for name, value in {**common, **main}.items())
    file.write_text(CONFIGURATION.format(root=root, main=options, **values, **asdict(sections)))
    return file
