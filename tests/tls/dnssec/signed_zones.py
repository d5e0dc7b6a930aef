"""A real validating resolver: unbound on loopback, with zones that are signed when the test starts.

`signed.test` is signed and its key is a trust anchor; `plain.test` is not signed; `bogus.test` is signed, and its trust
anchor is another key, as if somebody had forged the zone. No other server is asked, nothing leaves the machine.
"""

import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path

import dns.dnssec
import dns.rdatatype
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec
from dns.dnssectypes import Algorithm
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from tests.tls.pki import LEAF
from tests.tools import free_port, need

TLSA = f"3 1 1 {LEAF.tlsa(3, 1, 1).data.hex()}"
PLAIN = f"""
@ 60 IN SOA ns hostmaster 1 3600 600 86400 60
@ 60 IN NS ns
ns 60 IN A 127.0.0.1
@ 60 IN MX 10 MX
@ 60 IN MX 20 mx2
mx 60 IN A 9.9.9.9
mx 60 IN AAAA 2620:fe::9
_25._tcp.mx 60 IN TLSA {TLSA}
alias 60 IN CNAME mx.signed.test.
away 60 IN CNAME mx.plain.test.
_25._tcp.away 60 IN TLSA {TLSA}
astray 60 IN CNAME mx.bogus.test.
text 60 IN TXT "one " "string"
null 60 IN MX 0 .
_mta-sts 60 IN TXT "v=STSv1; id=1;"
mta-sts 60 IN A 127.0.0.1
"""


def sign(text: str, origin: str) -> tuple[str, str]:
    """Sign a zone. Returns: the zone, and its key as a trust anchor."""
    zone = dns.zone.from_text(text, origin, relativize=False)
    private = ec.generate_private_key(ec.SECP256R1())
    key = dns.dnssec.make_dnskey(private.public_key(), Algorithm.ECDSAP256SHA256, flags=257)
    dns.dnssec.sign_zone(zone, keys=[(private, key)], lifetime=86_400)
    return zone.to_text(relativize=False), _anchor(origin, key)


def _anchor(origin: str, key: DNSKEY) -> str:
    return f"{origin} 60 IN DNSKEY {key.to_text()}\n"


class Kind(Enum):
    """How a zone stands to its trust anchor."""

    SIGNED = auto()
    PLAIN = auto()
    BOGUS = auto()  # signed, and the anchor is another key


ZONES: Mapping[str, tuple[str, Kind]] = {
    "signed.test": (PLAIN, Kind.SIGNED),
    "plain.test": (PLAIN, Kind.PLAIN),
    "bogus.test": (PLAIN, Kind.BOGUS),
}


def write_zones(folder: Path, zones: Mapping[str, tuple[str, Kind]]) -> None:
    """A file for each zone, and all anchors in one."""
    anchors = []
    for name, (text, kind) in zones.items():
        signed, anchor = sign(text, f"{name}.")
        (folder / name).write_text(f"$ORIGIN {name}.\n{text}" if kind is Kind.PLAIN else signed)
        if kind is Kind.BOGUS:
            _, anchor = sign(text, f"{name}.")
        if kind is not Kind.PLAIN:
            anchors.append(anchor)
    (folder / "anchors").write_text("".join(anchors))


def config(folder: Path, port: int, names: Iterable[str], *, is_validating: bool) -> str:
    """unbound.conf: every zone is a local file that the validator sees as if it came from outside."""
    zones = "".join(
        f'auth-zone:\n  name: "{zone}"\n  zonefile: "{folder / zone}"\n  for-downstream: no\n  for-upstream: yes\n'
        for zone in names
    )
    return f"""
server:
  interface: 127.0.0.1@{port}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  msg-cache-size: 1m
  rrset-cache-size: 1m
  local-zone: "test." nodefault
  module-config: "{"validator " if is_validating else ""}iterator"
  trust-anchor-file: "{folder / "anchors"}"
remote-control:
  control-enable: no
{zones}"""


@contextmanager
def unbound(
    folder: Path, *, is_validating: bool = True, zones: Mapping[str, tuple[str, Kind]] = ZONES
) -> Iterator[int]:
    """Run the resolver. zones: name to what is in it. Yields: its port."""
    program, port = need("unbound"), free_port()
    write_zones(folder, zones)
    (folder / "unbound.conf").write_text(config(folder, port, zones, is_validating=is_validating))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, "-d", "-c", str(folder / "unbound.conf")], stderr=log, stdout=log)
    try:
        deadline = time.monotonic() + 10
        while "start of service" not in (folder / "log").read_text():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.01)  # it has no other way to say that it listens
        yield port
    finally:
        process.terminate()
        process.wait(10)
