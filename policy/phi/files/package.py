"""Objects of other programs in office documents: files that were put in whole, as most of them are.

Source: [MS-OLEDS] section 2.3.6 for the stream; what Windows' packager writes into it is known from its files only, so
what does not look so is read as it stands.
"""

import io
import struct
from collections.abc import Iterator
from typing import Final

import olefile

from policy.phi.files.found import Found, Job, Piece, Unreadable
from policy.phi.files.magic import NOT_YET
from policy.phi.files.streams import FAULTS, Streams, printable

MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
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


def read_object(data: bytes, job: Job, number: int) -> Iterator[Found]:
    """Yield what an object holds ([MS-OLEDS] section 2.2.5): a compound file behind a header, or data."""
    start = data.find(MAGIC)
    if start >= 0:
        job.budget.octets -= len(data)
        yield from job.inside(data[start:], number=number)
        return
    yield from [Piece(job.place, "\n".join(lines))] if (lines := printable(data)) else []
    yield Unreadable(job.place, f"{NOT_YET} (an embedded object)")


def read_store(data: bytes, job: Job) -> Iterator[Found]:
    """Yield the custom XML that a program keeps in a compound file of its own, behind a header or not."""
    start = data.find(MAGIC)
    if start < 0:
        yield from [Piece(job.place, "\n".join(lines))] if (lines := printable(data)) else []
        return
    try:
        with olefile.OleFileIO(io.BytesIO(data[start:])) as file:
            streams = Streams(file, job.budget)
            for number, path in enumerate(streams.paths, start=1):
                content = streams.read(*path).rstrip(b"\x00")
                yield from job.inside(content, number=number, file_name="item.xml") if content else ()
            if streams.is_damaged or job.budget.octets <= 0:
                yield Unreadable(job.place, "the document is damaged")
    except FAULTS:
        yield Unreadable(job.place, "the document is damaged")
