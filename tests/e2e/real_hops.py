"""Postfix, Exim and OpenSMTPD as next hops: one instance of each, with an address of its own for each kind of TLS.

Each takes mail for every recipient but `gone` (550) and `later` (450).
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.demo.authority import Identity
from tests.e2e.exim import Sections, running_exim
from tests.e2e.greylist import greylist
from tests.e2e.opensmtpd import Listening, running_opensmtpd
from tests.e2e.postfix import MASTER_CF, running_postfix
from tests.e2e.rsa_identity import issue_rsa
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.tools import need

Kind = str
GOOD: Final = ("tls13", "tls12")
BAD: Final = (
    "wrongname",
    "expired",
    "unknownca",
    "selfsigned",
    "notls",
)  # what no message may pass that needs verified TLS
OLD: Final = "tls10"
PROBED: Final = "notls"  # whose address is connected to until the server is up: not where sessions are counted
MAKE: Final[Mapping[Kind, Callable[[World, str], Identity]]] = {
    "tls13": lambda world, host: world.authority.issue(host),
    "tls12": lambda world, host: world.authority.issue(host),
    "tls10": lambda world, host: issue_rsa(world.authority, host, world.folder),
    "wrongname": lambda world, host: world.authority.issue(f"other-{host}"),
    "expired": lambda world, host: world.authority.issue(host, is_expired=True),
    "unknownca": lambda world, host: world.self_signed(host),
    "selfsigned": lambda world, host: self_signed(world.folder, host),
}
VERSIONS: Final = {"tls13": "TLSv1.3", "tls12": "TLSv1.2", "tls10": "TLSv1"}
GNUTLS: Final = {"tls13": "1.3", "tls12": "1.2", "tls10": "1.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A domain, and the address of the server that takes its mail. identity: None: no STARTTLS."""

    kind: Kind
    domain: str
    host: str
    address: str
    identity: Identity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A running server.

    offers: EHLO keywords that matter here. version: finds the TLS version in its Received. session: given a stand, the
    pattern of what it logs for each new connection. chunked: what it logs of mail that came by BDAT, if it tells.
    """

    stands: Mapping[Kind, Stand]
    offers: frozenset[str]
    messages: Callable[[], list[bytes]]
    log: Callable[[], str]
    version: re.Pattern[bytes]
    session: Callable[[Stand], str]
    chunked: str = ""

    def wait_for(self, text: str) -> bytes:
        """The first message with this text, as it lies in the mailbox."""
        wanted = text.encode()
        until(lambda: any(wanted in message for message in self.messages()), state=lambda: self.log()[-4000:])
        return next(message for message in self.messages() if wanted in message)

    def has(self, text: str) -> bool:
        """Whether a text is in anything that the server kept or wrote down."""
        return any(text.encode() in message for message in self.messages()) or text in self.log()

    def tls_of(self, message: bytes) -> str:
        """The TLS version that the server says a message came over, empty in clear."""
        found = self.version.search(own_trace(message))
        return found[1].decode().removeprefix("TLSv") if found else ""

    def sessions(self, kind: Kind) -> int:
        return len(re.findall(self.session(self.stands[kind]), self.log()))


def own_trace(message: bytes) -> bytes:
    """What the server put before our first field."""
    return message[: message.index(b"DKIM-Signature:")]


def as_sent(message: bytes) -> bytes:
    """From our first field on, with CRLF."""
    return message[message.index(b"DKIM-Signature:") :].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def self_signed(folder: Path, host: str) -> Identity:
    """A certificate for the right name that is its own authority."""
    identity = Identity(folder / f"self-{host}.pem", folder / f"self-{host}.key")
    command = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN={host}"
    subprocess.run(
        [need("openssl"), *command.split(), "-addext", f"subjectAltName=DNS:{host}",
         "-keyout", identity.private_key, "-out", identity.certificate],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    return identity


def _stands(world: World, server: str, kinds: tuple[Kind, ...]) -> dict[Kind, Stand]:
    stands = {}
    for kind in kinds:
        domain = f"{kind}.{server}.example"
        host, address = world.name(domain)
        identity = MAKE[kind](world, host) if kind in MAKE else None
        stands[kind] = Stand(kind=kind, domain=domain, host=host, address=address, identity=identity)
    return stands


@contextmanager
def postfix(world: World) -> Iterator[Peer]:
    """All extensions that matter; greylists `grey`."""
    stands = _stands(world, "postfix", (*GOOD, OLD, *BAD))
    with greylist("grey@") as policy:
        settings = {
            "myhostname": "mx.postfix.example",
            "smtputf8_enable": "yes",
            "message_size_limit": "60000000",
            "virtual_mailbox_limit": "0",
            "smtpd_tls_received_header": "yes",
            "tls_medium_cipherlist": "DEFAULT:@SECLEVEL=0",  # so that it speaks TLS 1.0
            "smtpd_tls_ciphers": "medium",
            "smtpd_recipient_restrictions": "check_recipient_access inline:{ {gone@ = 550 5.1.1 No such user}, "
            f"{{later@ = 450 4.2.1 Later}} }}, check_policy_service inet:127.0.0.1:{policy.port}",
            "smtpd_policy_service_default_action": "451 4.3.5 No policy server",
        }
        services = [
            f"{stand.address}:{world.port} inet n - n - - smtpd -o syslog_name=postfix-{stand.kind} "
            + " ".join(f"-o {name}={value}" for name, value in _postfix_tls(stand).items())
            for stand in stands.values()
        ]
        master = "\n".join([*services, MASTER_CF.partition("\n")[2]])
        address = stands[PROBED].address
        with running_postfix(
            address=address, port=world.port, settings=settings, files={"master.cf": master}
        ) as server:
            yield Peer(
                stands=stands,
                offers=frozenset({"SMTPUTF8"}),
                messages=server.messages,
                log=lambda: server.log,
                version=re.compile(rb"using (TLSv1[.0-9]*) with cipher"),
                session=lambda stand: rf"postfix-{stand.kind}/smtpd\[\d+\]: connect from",
            )


def _postfix_tls(stand: Stand) -> dict[str, str]:
    if stand.identity is None:
        return {"smtpd_tls_security_level": "none"}
    return {
        "smtpd_tls_security_level": "may",
        "smtpd_tls_cert_file": str(stand.identity.certificate),
        "smtpd_tls_key_file": str(stand.identity.private_key),
        "smtpd_tls_protocols": VERSIONS.get(stand.kind, ">=TLSv1.2"),
    }


@contextmanager
def exim(world: World) -> Iterator[Peer]:
    """All extensions that matter; Debian builds it with GnuTLS."""
    stands = _stands(world, "exim", (*GOOD, OLD, *BAD))
    files, ciphers = [], "NORMAL"
    for stand in stands.values():
        if stand.identity is not None:
            for source, suffix in ((stand.identity.certificate, "pem"), (stand.identity.private_key, "key")):
                files.append(Path(shutil.copy(source, world.folder / f"{stand.address}.{suffix}")))
        if stand.kind in GNUTLS:
            only = f"NORMAL:-VERS-ALL:+VERS-TLS{GNUTLS[stand.kind]}"
            ciphers = f"${{if eq{{$received_ip_address}}{{{stand.address}}}{{{only}}}{{{ciphers}}}}}"
    main = {
        "primary_hostname": "exim.example",
        "local_interfaces": " : ".join(stand.address for stand in stands.values()),
        "tls_advertise_hosts": "${if exists{$spool_directory/$received_ip_address.pem}{*}{}}",
        "tls_certificate": "$spool_directory/$received_ip_address.pem",
        "tls_privatekey": "$spool_directory/$received_ip_address.key",
        "tls_require_ciphers": ciphers,
        "acl_smtp_rcpt": "${if eq{$local_part}{gone}{deny}{${if eq{$local_part}{later}{defer}{accept}}}}",
    }
    address = stands[PROBED].address
    with running_exim(Sections.keeping(), address=address, port=world.port, main=main, files=files) as server:
        yield Peer(
            stands=stands,
            offers=frozenset({"SMTPUTF8"}),
            messages=server.messages,
            log=lambda: server.log,
            version=re.compile(rb"esmtps +\(TLS(1\.\d)\)"),
            session=lambda stand: rf"SMTP connection from .* I=\[{stand.address}\]:\d+ \(TCP/IP",
            chunked=" K S=",
        )


@contextmanager
def opensmtpd(world: World) -> Iterator[Peer]:
    """No PIPELINING, no CHUNKING, no SMTPUTF8; speaks no TLS below 1.2."""
    stands = _stands(world, "opensmtpd", (*GOOD, *BAD))
    listening = [
        Listening(one.host, one.address, one.identity, VERSIONS.get(one.kind, "secure").lower())
        for one in stands.values()
    ]
    domains = [stand.domain for stand in stands.values()]
    refused = {f"gone@{domain}": "550 5.1.1 No such user" for domain in domains}
    refused |= {f"later@{domain}": "450 4.2.1 Later" for domain in domains}
    with running_opensmtpd(listening, port=world.port, refused=refused) as server:
        yield Peer(
            stands=stands,
            offers=frozenset(),
            messages=server.messages,
            log=lambda: server.log,
            version=re.compile(rb"ESMTPS id \S+ \((TLSv1\.\d)"),
            session=lambda stand: rf"\[hostname={stand.host},",
        )


SERVERS: Final[Mapping[str, Callable[[World], AbstractContextManager[Peer]]]] = {
    "postfix": postfix,
    "exim": exim,
    "opensmtpd": opensmtpd,
}
