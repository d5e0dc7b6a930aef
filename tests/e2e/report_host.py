"""A web host that takes TLS reports, for tests with a gateway in another process: HTTPS in a thread."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

from gateway.demo.authority import Identity


@dataclass
class ReportHost:
    """answers: status of each post in turn, the last for ever. posts: media type and body of what came."""

    port: int = 0
    answers: list[int] = field(default_factory=lambda: [201])
    posts: list[tuple[str, bytes]] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, number: int, *, timeout_s: float = 15) -> None:
        with self.came:
            assert self.came.wait_for(lambda: len(self.posts) >= number, timeout_s), "no report was posted"


@contextmanager
def report_host(identity: Identity, address: str) -> Iterator[ReportHost]:
    host = ReportHost()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with host.came:
                host.posts.append((self.headers["Content-Type"], body))
                status = host.answers.pop(0) if len(host.answers) > 1 else host.answers[0]
                host.came.notify_all()
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Nothing on standard error."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity.certificate, identity.private_key)
    server = HTTPServer((address, 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    host.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
