"""A signing child that does what a message's last word says: dies, gives too few answers, or none."""

import os

import msgspec

from gateway.protect.dkim_child import Made
from gateway.protect.dkim_child import handle as honest
from gateway.workers.child import serve


def handle(header: bytes, blob: memoryview) -> bytes:
    """Answer one request."""
    words = bytes(blob).split()
    if b"die" in words:
        os._exit(1)
    if words[-1] == b"text":
        return b"250 signed"
    answer = honest(header, blob)
    if words[-1] == b"fewer":
        return msgspec.msgpack.encode(msgspec.msgpack.decode(answer, type=list[Made])[1:])
    return answer


if __name__ == "__main__":
    serve(handle)
