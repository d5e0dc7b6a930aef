"""The internet of a test: an authority, a resolver, and next hops on loopback addresses of their own."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import dns.message

from gateway.demo.authority import Authority, Identity
from gateway.demo.resolver import Zone
from tests.e2e.nexthop import Behaviour, NextHop
from tests.tools import free_port

CLINIC: Final = "clinic.example"
HOME: Final = "exchange.clinic.example"  # where DSNs and notices to our own senders go


class World:
    """One zone, one authority, one port that all next hops share, as port 25 is on the internet."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.authority = Authority.create(folder)
        self.port = free_port()
        self._stack = ExitStack()
        self._mx: dict[str, tuple[str, ...]] = {}
        self._a: dict[str, str] = {}
        self.txt: dict[str, str] = {}
        self.resolver_port = self._serve_names()
        self.home = self.add(CLINIC, host=HOME, behaviour=lambda host: Behaviour(identity=self.authority.issue(host)))

    def add(self, domain: str, *, host: str = "", behaviour: Callable[[str], Behaviour] | None = None) -> NextHop:
        """A domain and its mail host. behaviour: made from the host's name; by default no TLS is offered."""
        host, address = self.name(domain, host=host)
        hop = NextHop(host, address, self.port, behaviour(host) if behaviour else Behaviour())
        self._stack.callback(hop.close)
        return hop

    def add_good(self, domain: str) -> NextHop:
        """A domain whose host has a certificate that verifies."""
        return self.add(domain, behaviour=lambda host: Behaviour(identity=self.authority.issue(host)))

    def name(self, domain: str, *, host: str = "") -> tuple[str, str]:
        """Give a domain an MX with an address that nobody listens on yet. Returns: host and address."""
        host = host or f"mx.{domain}"
        address = f"127.0.0.{len(self._a) + 11}"
        self._mx[domain] = (host,)
        self._a[host] = address
        return host, address

    def place(self, domain: str, host: str, address: str) -> None:
        """Give a domain this MX at this address."""
        self._mx[domain] = (host,)
        self._a[host] = address

    def self_signed(self, host: str) -> Identity:
        """A certificate for the right name that nothing vouches for."""
        folder = self.folder / f"self-signed-{host}"
        folder.mkdir()
        return Authority.create(folder).issue(host)

    def close(self) -> None:
        self._stack.close()

    def _serve_names(self) -> int:
        zone = Zone(mx=self._mx, a=self._a, txt=self.txt)
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                try:
                    wire, peer = server.recvfrom(4096)
                    server.sendto(zone.answer(dns.message.from_wire(wire)).to_wire(), peer)
                except OSError:
                    return  # closed

        threading.Thread(target=serve, daemon=True).start()
        self._stack.callback(server.close)
        port: int = server.getsockname()[1]
        return port


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    world = World(folder)
    try:
        yield world
    finally:
        world.close()
