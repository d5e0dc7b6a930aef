"""An editor's child that was taken over by the message it read: it says whatever the message ends with."""

import os

import msgspec

from gateway.inspect.editor import Bodies
from gateway.message.bodyedit import Body, Cut
from gateway.workers.child import serve
from policy.phi.report import Kind

HEAD = 45  # where the body begins


def handle(_header: bytes, blob: memoryview) -> bytes:
    data = bytes(blob)
    if data.endswith(b"nothing"):
        return msgspec.msgpack.encode(Bodies(()))
    if data.endswith(b"beyond"):
        return msgspec.msgpack.encode(Bodies((Body(HEAD, len(data) + 9, True, "utf-8", "7bit"),)))
    if data.endswith(b"other kind"):
        cut = Cut(0, 5, Kind.NAME)
        return msgspec.msgpack.encode(Bodies((Body(HEAD, len(data), True, "utf-8", "7bit", (cut,)),)))
    if data.endswith(b"own words"):
        return msgspec.msgpack.encode({"type": "Impossible", "obstacle": "ring this number"})
    os._exit(9)


if __name__ == "__main__":
    serve(handle)
