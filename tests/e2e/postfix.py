"""A Postfix of its own for a test: Debian's programs, with configuration, queue and mailboxes in a temporary folder.

Postfix must be started by root; it drops to the user `postfix`, so its folders lie below a path that user can enter.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.tools import need

READY_S: Final = 15
MASTER_CF: Final = """\
{listen} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
tlsproxy unix - - n - 0 tlsproxy
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running instance; everything that it accepts for a mailbox lands in one Maildir."""

    root: Path
    port: int

    @property
    def log(self) -> str:
        path = self.root / "maillog"
        return path.read_text(errors="replace") if path.exists() else ""

    def messages(self) -> list[bytes]:
        """What has arrived, oldest first."""
        folder = self.root / "mail" / "all" / "new"
        return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []


@contextmanager
def running_postfix(
    *, address: str, port: int, settings: Mapping[str, str], files: Mapping[str, str] | None = None
) -> Iterator[Postfix]:
    """Start Postfix on `address:port` with these main.cf settings on top of the common ones; stop it in the end.

    files: name below its configuration directory to content.
    """
    postfix = need("postfix")
    if os.geteuid() != 0:
        pytest.skip("Postfix can only be started by root")
    root = Path(tempfile.mkdtemp(prefix="mailward-postfix-"))
    try:
        _configure(root, address, port, settings)
        for name, content in (files or {}).items():
            (root / "etc" / name).parent.mkdir(exist_ok=True)
            (root / "etc" / name).write_text(content)
        subprocess.run([postfix, "-c", root / "etc", "start"], check=True, capture_output=True, timeout=60)
        _wait_for(address, port)
        yield Postfix(root, port)
    finally:
        subprocess.run([postfix, "-c", root / "etc", "stop"], check=False, capture_output=True, timeout=60)
        shutil.rmtree(root, ignore_errors=True)


def _configure(root: Path, address: str, port: int, settings: Mapping[str, str]) -> None:
    root.chmod(0o755)
    for name in ("etc", "queue", "data", "mail"):
        (root / name).mkdir()
    user = pwd.getpwnam("postfix")
    for name in ("data", "mail"):
        shutil.chown(root / name, user.pw_uid, user.pw_gid)
    main = {
        "compatibility_level": "3.6",
        "queue_directory": str(root / "queue"),
        "data_directory": str(root / "data"),
        "maillog_file": str(root / "maillog"),
        "maillog_file_prefixes": str(root),
        "mail_owner": "postfix",
        "setgid_group": "postdrop",
        "myhostname": "mx.postfix.example",
        "inet_interfaces": "127.0.0.1",  # the others of 127.0.0.0/8 are none; master.cf has the address
        "inet_protocols": "ipv4",
        "mydestination": "",
        "alias_maps": "",
        "alias_database": "",
        "mynetworks": "127.0.0.0/8",
        "smtputf8_enable": "no",
        "virtual_mailbox_base": str(root / "mail"),
        "virtual_mailbox_maps": "static:all/",
        "virtual_minimum_uid": "1",
        "virtual_uid_maps": f"static:{user.pw_uid}",
        "virtual_gid_maps": f"static:{user.pw_gid}",
        "smtpd_relay_restrictions": "permit_mynetworks, reject",
        **settings,
    }
    (root / "etc" / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in main.items()))
    (root / "etc" / "master.cf").write_text(MASTER_CF.format(listen=f"{address}:{port}"))


def _wait_for(address: str, port: int) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
