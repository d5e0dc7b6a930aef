"""The child process that finds what a message must change for 7-bit transport; started by `gateway.workers`, no key.

Request: the blob is the message. Answer: `Plan` or `Impossible` as MessagePack.
"""

from typing import Final

import msgspec

from gateway.inspect.converter import Impossible, Plan
from gateway.inspect.eightbit import NoSevenBitForm, find_edits
from gateway.inspect.sample import SAMPLE
from gateway.workers.child import serve

_ENCODER: Final = msgspec.msgpack.Encoder()


def handle(_header: bytes, blob: memoryview) -> bytes:
    """Answer one request."""
    try:
        return _ENCODER.encode(Plan(find_edits(bytes(blob))))
    except NoSevenBitForm as why:
        return _ENCODER.encode(Impossible(why.obstacle))


if __name__ == "__main__":
    handle(b"", memoryview(SAMPLE))  # loads what would otherwise be loaded too late
    serve(handle)
