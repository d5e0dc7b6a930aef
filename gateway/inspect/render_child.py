"""The child process that reads stored messages for the portal; started by `gateway.workers`, holds no key.

Request: the header is a number, 0 for the message itself, else an attachment's; the blob is the message.
Answer: `Rendered`, `Attached` or `Refused` as MessagePack.
"""

from typing import Final

import msgspec

from gateway.inspect.render import attachment, render_message
from gateway.workers.child import serve

_ENCODER: Final = msgspec.msgpack.Encoder()
_SAMPLE: Final = (
    b"From: a@a.example\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nSubject: =?utf-8?q?a?=\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>a\r\n'
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: a\r\n\r\na\r\n--b--\r\n"
)


def handle(header: bytes, blob: memoryview) -> bytes:
    """Answer one request."""
    number = int(header)
    return _ENCODER.encode(attachment(bytes(blob), number) if number else render_message(bytes(blob)))


if __name__ == "__main__":
    for sample in (b"0", b"1"):
        handle(sample, memoryview(_SAMPLE))  # loads what would otherwise be loaded too late
    serve(handle)
