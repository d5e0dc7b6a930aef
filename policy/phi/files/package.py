"""Objects of other programs in office documents: files that were put in whole, as most of them are.

Source: [MS-OLEDS] section 2.3.6 for the stream; what Windows' packager writes into it is known from its files only, so
what does not look so is read as it stands.
"""

import struct
from collections.abc import Iterator
from typing import Final

from policy.phi.files.found import Found, Job, Piece
from policy.phi.files.streams import printable

_PACKAGED: Final = 2
_NAME_OCTETS: Final = 1_024


def read_content(data: bytes, job: Job) -> Iterator[Found]:
    """Yield what a stream holds that is a file of its own."""
    if data:
        yield from job.inside(data, number=1)


def read_native(stream: bytes, job: Job) -> Iterator[Found]:
    """Yield what the stream of a packaged file holds: its names and itself."""
    names, content = _packaged(stream)
    yield from [Piece(job.place, " ".join(names), is_name=True)] if names else []
    yield from job.inside(content, number=1, file_name=names[0] if names else "")


def _packaged(stream: bytes) -> tuple[list[str], bytes]:
    """Split into names and content: length, 2, label, path, two numbers, length and a path, length and content."""
    at = 6
    names: list[str] = []
    if int.from_bytes(stream[4:6], "little") != _PACKAGED:
        return [], stream[4:]
    try:
        for _ in range(2):
            end = stream.index(b"\x00", at, at + _NAME_OCTETS)
            names.append(stream[at:end].decode("cp1252", errors="replace"))
            at = end + 1
        (length,) = struct.unpack_from("<L", stream, at + 4)
        names.append(stream[at + 8 : at + 8 + length].rstrip(b"\x00").decode("cp1252", errors="replace"))
        at += 8 + length
        (size,) = struct.unpack_from("<L", stream, at)
    except (ValueError, struct.error):
        return [], stream[4:]
    content, rest = stream[at + 4 : at + 4 + size], stream[at + 4 + size :]
    if len(content) < size or length >= _NAME_OCTETS:
        return [], stream[4:]
    return names + printable(rest), content  # the names again, in UTF-16
