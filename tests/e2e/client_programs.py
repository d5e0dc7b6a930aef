"""Programs that people and scripts hand mail in with, each as one row: how it is run for a given way in.

Each runs in a folder of its own that is its HOME as well, so that no configuration of the person who runs the tests is
read or written; files with passwords have the mode that the program insists on.
"""

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tests.tools import need

HOST: Final = "localhost"  # the name that every client checks the certificate against
TIME_LIMIT_S: Final = 60


class Tls(Enum):
    """How a session is encrypted."""

    STARTTLS = "587"
    IMPLICIT = "465"
    NONE = "clear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way in. mechanism: of AUTH. authority: file with the certificate to trust."""

    port: int
    tls: Tls
    mechanism: str
    user: str
    password: str
    authority: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What is sent. message: a whole one with CRLF, for clients that compose nothing; attachment: a file."""

    sender: str
    recipient: str
    subject: str
    text: str
    attachment: Path
    message: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """composes: makes the message of its parts, instead of sending one as it stands."""

    program: str
    composes: bool
    send: Callable[[Path, Way, Mail], subprocess.CompletedProcess[bytes]]


def _run(
    folder: Path, arguments: list[str | Path], *, stdin: bytes = b"", **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """Returns: the process, its errors merged into its output: the dialogue with the server is in there."""
    program, *others = arguments
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", **variables}
    return subprocess.run(
        [need(str(program)), *others], input=stdin, env=environment, cwd=folder,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=TIME_LIMIT_S,
    )  # fmt: skip


def _swaks(folder: Path, way: Way, mail: Mail) -> subprocess.CompletedProcess[bytes]:
    tls: Mapping[Tls, list[str]] = {Tls.STARTTLS: ["--tls"], Tls.IMPLICIT: ["--tls-on-connect"], Tls.NONE: []}
    whole = folder / "swaks-data"
    whole.write_bytes(mail.message.read_bytes().removesuffix(b"\r\n"))  # swaks ends the last line itself
    trust = ["--tls-verify", "--tls-ca-path", str(way.authority)] if tls[way.tls] else []
    return _run(folder, [
        "swaks", "--server", HOST, "--port", str(way.port), *tls[way.tls], *trust,
        "--auth", way.mechanism, "--auth-user", way.user, "--auth-password", way.password,
        "--from", mail.sender, "--to", mail.recipient, "--data", f"@{whole}",
    ])  # fmt: skip


def _curl(folder: Path, way: Way, mail: Mail) -> subprocess.CompletedProcess[bytes]:
    scheme = "smtps" if way.tls is Tls.IMPLICIT else "smtp"
    return _run(folder, [
        "curl", "--disable", "--silent", "--show-error", "--verbose", "--url", f"{scheme}://{HOST}:{way.port}/client.example",
        *(["--ssl-reqd"] if way.tls is Tls.STARTTLS else []), "--cacert", way.authority,
        "--user", f"{way.user}:{way.password}", "--login-options", f"AUTH={way.mechanism}",
        "--mail-from", mail.sender, "--mail-rcpt", mail.recipient, "--upload-file", mail.message,
    ])  # fmt: skip


def _msmtp(folder: Path, way: Way, mail: Mail) -> subprocess.CompletedProcess[bytes]:
    settings = {
        "host": HOST,
        "port": way.port,
        "from": mail.sender,
        "tls": "off" if way.tls is Tls.NONE else "on",
        "tls_starttls": "on" if way.tls is Tls.STARTTLS else "off",
        "tls_trust_file": way.authority,
        "auth": way.mechanism.lower(),
        "user": way.user,
        "password": f'"{way.password}"',
    }
    file = folder / "msmtprc"
    file.touch(mode=0o600)
    file.write_text("account default\n" + "".join(f"{name} {value}\n" for name, value in settings.items()))
    arguments: list[str | Path] = ["msmtp", "--debug", f"--file={file}", "--", mail.recipient]
    return _run(folder, arguments, stdin=mail.message.read_bytes())


def _s_nail(folder: Path, way: Way, mail: Mail) -> subprocess.CompletedProcess[bytes]:
    scheme = "smtps" if way.tls is Tls.IMPLICIT else "smtp"
    login = f"{quote(way.user, safe='')}:{quote(way.password, safe='')}"
    settings = [
        "v15-compat", f"mta={scheme}://{login}@{HOST}:{way.port}", f"smtp-auth={way.mechanism.lower()}",
        f"from={mail.sender}", f"tls-ca-file={way.authority}", "tls-ca-no-defaults", "tls-verify=strict",
        "hostname=client.example", "mime-encoding=quoted-printable", "sendwait", f"DEAD={folder / 'dead.letter'}",
        *(["smtp-use-starttls"] if way.tls is Tls.STARTTLS else []),
    ]  # fmt: skip
    arguments: list[str | Path] = ["s-nail", "-:/", "-#", "-v", "-v"]
    for setting in settings:
        arguments += ["-S", setting]
    arguments += ["-s", mail.subject, "-a", mail.attachment, mail.recipient]
    return _run(folder, arguments, stdin=mail.text.encode(), MAILRC=os.devnull)


CLIENTS: Final = (
    Client(program="swaks", composes=False, send=_swaks),
    Client(program="curl", composes=False, send=_curl),
    Client(program="msmtp", composes=False, send=_msmtp),
    Client(program="s-nail", composes=True, send=_s_nail),
)
