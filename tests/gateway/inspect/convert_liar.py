"""A converter's child that a message took over: it answers with whatever the message says."""

import msgspec

from gateway.inspect.converter import Plan
from gateway.message.sevenbit import Change, Edit
from gateway.workers.child import serve

ANSWERS = {
    b"nothing": Plan(()),
    b"a field": Plan((Edit(0, 20, Change.SAY_7BIT),)),
    b"the body": Plan((Edit(20, 10**9, Change.BASE64),)),
}


def handle(_header: bytes, blob: memoryview) -> bytes:
    """The last word of the message chooses."""
    word = bytes(blob).rpartition(b"\r\n")[2]
    if word == b"own words":
        return msgspec.msgpack.encode({"type": "Impossible", "obstacle": "ring this number"})
    return msgspec.msgpack.encode(ANSWERS[word])


if __name__ == "__main__":
    serve(handle)
