"""A signing child that does what the data to sign ends with: dies, gives too few signatures, or short ones."""

import os

import msgspec

from gateway.protect.dkim_child import Wanted
from gateway.protect.dkim_child import handle as honest
from gateway.workers.child import serve


def handle(header: bytes, blob: memoryview) -> bytes:
    """Answer one request."""
    wanted = msgspec.msgpack.decode(blob, type=list[Wanted])
    words = {one.data.rpartition(b" ")[2] for one in wanted}
    if b"die" in words:
        os._exit(1)
    if b"fewer" in words:
        return msgspec.msgpack.encode([b"x" * 64 for _ in wanted[1:]])
    if b"text" in words:
        return b"250 signed"
    return honest(header, blob)


if __name__ == "__main__":
    serve(handle)
