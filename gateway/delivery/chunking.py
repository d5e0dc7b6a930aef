"""CHUNKING (RFC 3030): the message by its length, so that no line in it can end it early and none is dot-stuffed.

How this works: RFC 3030 section 2 sends BDAT after the replies to RCPT, not along with them (Exchange once broke on
that), so BDAT takes as many round trips as pipelined DATA and saves none. Whoever offers CHUNKING without doing it
would read the message as commands. Therefore the first chunk that a host ever gets is one line, the first of the
header, which we wrote ourselves; only a 250 to it lets the rest follow, and from then on a message is one chunk.
"""

from dataclasses import dataclass
from typing import Final

CRLF: Final = b"\r\n"
BOOK_LIMIT: Final = 10_000  # hosts remembered; the oldest are forgotten and asked again
NOT_DONE: Final = frozenset({500, 501, 502, 503, 504, 555})  # RFC 5321 section 4.2.4: it does not know the command
BROKEN: Final = "451 4.5.0 next hop offers CHUNKING and does not take BDAT"


@dataclass(slots=True)
class Chunking:
    """What is known of one host. is_proved: it took a chunk. is_broken: it offers CHUNKING and took none."""

    is_proved: bool = False
    is_broken: bool = False


class ChunkingBook:
    """One `Chunking` for each host, shared by its connections, in memory."""

    def __init__(self) -> None:
        self._hosts: dict[str, Chunking] = {}

    def of(self, host: str) -> Chunking:
        """host: `name:port`."""
        known = self._hosts.get(host)
        if known is None:
            if len(self._hosts) >= BOOK_LIMIT:
                del self._hosts[next(iter(self._hosts))]
            known = self._hosts[host] = Chunking()
        return known


def is_chunkable(data: bytes) -> bool:
    """Whether a message can go as chunks as it stands: whole lines, and more than one of them."""
    return data.endswith(CRLF) and data.find(CRLF) + len(CRLF) < len(data)


def first_line(data: bytes) -> bytes:
    """The first line of a message, with its end."""
    return data[: data.find(CRLF) + len(CRLF)]


def bdat_command(size: int, *, is_last: bool) -> bytes:
    """RFC 3030 section 2; the octets follow at once."""
    return b"BDAT %d%s\r\n" % (size, b" LAST" if is_last else b"")
