"""The child process that finds the text bodies of a message and what in them is to be masked; no key.

Request: the header is a `Wish`, the blob is the message. Answer: `Bodies` or `Impossible` as MessagePack.
"""

from functools import partial
from typing import Final

import msgspec

from gateway.inspect.bodies import find_bodies
from gateway.inspect.editor import Bodies, Impossible, Wish
from gateway.inspect.sample import SAMPLE
from gateway.inspect.wire import unpack_custom
from gateway.message.bodyedit import BodyEditError
from gateway.workers.child import read_setup, serve
from policy.phi.custom.detect import CustomDetectors
from policy.phi.report import Kind

_ENCODER: Final = msgspec.msgpack.Encoder()
_WISHES: Final = msgspec.msgpack.Decoder(Wish)
PLAIN: Final = b"Content-Type: text/html\r\n\r\n<p>SSN 219-09-9999</p>\r\n"


def handle(header: bytes, blob: memoryview, *, custom: CustomDetectors) -> bytes:
    """Answer one request."""
    wish = _WISHES.decode(header)
    try:
        return _ENCODER.encode(Bodies(find_bodies(bytes(blob), wish.kinds, adds=wish.adds, custom=custom)))
    except BodyEditError as why:
        return _ENCODER.encode(Impossible(why.obstacle))


if __name__ == "__main__":
    added = CustomDetectors(unpack_custom(read_setup()))
    everything = _ENCODER.encode(Wish(kinds=tuple(Kind), adds=True))
    for sample in (SAMPLE, PLAIN):  # loads what would otherwise be loaded too late
        handle(everything, memoryview(sample), custom=added)
    serve(partial(handle, custom=added))
