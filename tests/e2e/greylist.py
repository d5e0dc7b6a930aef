"""A policy server for Postfix that puts recipients off once, as greylisting does (SMTPD_POLICY_README)."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False  # Postfix keeps its connections

    def __init__(self, prefix: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.prefix = prefix
        self.known: set[str] = set()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(socketserver.StreamRequestHandler):
    """Requests are lines `name=value`, ended by an empty one."""

    def handle(self) -> None:
        assert isinstance(self.server, _Server)
        recipient = ""
        for raw in self.rfile:
            name, _, value = raw.decode().strip().partition("=")
            if name == "recipient":
                recipient = value
            if name:
                continue
            is_new = recipient.startswith(self.server.prefix) and recipient not in self.server.known
            self.server.known.add(recipient)
            self.wfile.write(f"action={'450 4.7.1 Greylisted' if is_new else 'dunno'}\n\n".encode())


@contextmanager
def greylist(prefix: str) -> Iterator[_Server]:
    """Serve on a port of 127.0.0.1. prefix: of recipients that are put off the first time they come."""
    with _Server(prefix) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
