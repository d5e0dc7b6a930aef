"""The table of contents of a ZIP file, believed only when every reader must see the same files (AB-01, AB-03).

The standard library's reader goes by the central directory and skips whatever lies between; others go by the local
headers. So here both are read and compared, and the whole file must be accounted for: files from its first octet on,
none over another, nothing between them, then the directory, then its end. What is not so is still read, and is a doubt.
Source: PKWARE APPNOTE 6.3.10; the sections are named below.
"""

import struct
import zlib
from bz2 import BZ2Decompressor
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Protocol

from policy.phi.files.found import TOO_MUCH, Budget
from policy.phi.files.streams import printable

ENTRIES: Final = 2_000  # of one archive; more are not even listed
RATIO: Final = 200  # deflate reaches 1,032; a large sheet of equal rows about 100
SMALL: Final = 1024 * 1024  # octets that come out whatever the ratio
END: Final = b"PK\x05\x06"
_END: Final = struct.Struct("<4s4H2LH")  # section 4.3.16
_END64: Final = struct.Struct("<4sQ2H2L4Q")  # section 4.3.14
_LOCATOR64: Final = struct.Struct("<4sLQL")  # section 4.3.15
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")  # section 4.3.12
_LOCAL: Final = struct.Struct("<4s5H3L2H")  # section 4.3.7
_ALL_ONES: Final = 0xFFFFFFFF
_ENCRYPTED: Final = 0x2041  # section 4.4.4: bits 0, 6 and 13
_DESCRIBED: Final = 0x0008  # sizes stand behind the content
_AES: Final = 99
_DESCRIPTORS: Final = frozenset({12, 16, 20, 24})  # octets; section 4.3.9, with and without signature and 64 bits
_SYMLINK: Final = 0o120000
_UNIX: Final = 3
_RECORD: Final = b"PK\x01\x02"
_NAMES: Final = 10_000
_NAME_END: Final = 260  # octets, where the suffix is


class ZipDamaged(Exception):
    """There is no table of contents to go by: the file counts as unreadable."""


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in an archive: its name and where its packed content is (`start` to `end`)."""

    name: str
    method: int
    is_encrypted: bool
    start: int
    end: int
    size: int
    crc: int

    @property
    def is_folder(self) -> bool:
        """Whether the entry only names a folder."""
        return self.name.endswith("/") and not self.size


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of an archive in the order of its directory, why they cannot be trusted, and what else it says."""

    entries: tuple[Entry, ...]
    doubts: tuple[str, ...]
    words: tuple[str, ...] = ()  # comments, and what further fields of headers hold


@dataclass(frozen=True, slots=True)
class _Central:
    """One record of the central directory as it stands."""

    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    is_symlink: bool
    beside: bytes  # further fields and the comment


def read_contents(data: bytes) -> Contents:
    """List an archive. Raises: ZipDamaged when there is none to list, or too much of it."""
    end, at, count, size, doubts = _find_end(data)
    if count > ENTRIES:
        raise ZipDamaged(f"the archive holds more than {ENTRIES} files")
    if not data.startswith(_RECORD, at) and data.startswith(_RECORD, end - size):
        return _behind(data, end - size - at)
    records = _read_directory(data[at : at + size], count)
    entries, spans = [], []
    words = printable(data[end + _END.size :])  # section 4.4.26: the comment, or what stands there in its place
    for record in records:
        entry, header_end, doubt = _locate(data, record)
        doubts += [doubt] if doubt else []
        if entry is None:
            continue
        words += printable(record.beside)
        entries.append(entry)
        spans.append((record.offset, header_end + record.packed, bool(record.flags & _DESCRIBED)))
    doubts += _judge(spans, at) + _judge_names(records)
    if at + size != end:
        doubts.append("something stands between an archive's directory and its end")
    return Contents(tuple(entries), tuple(dict.fromkeys(doubts)), tuple(dict.fromkeys(words)))


def _behind(data: bytes, octets: int) -> Contents:
    """List an archive that was moved by what was put before it: programs count from its end then."""
    inner = read_contents(data[octets:])
    entries = (replace(entry, start=entry.start + octets, end=entry.end + octets) for entry in inner.entries)
    return Contents(
        tuple(entries), ("something stands before the first file of an archive", *inner.doubts), inner.words
    )


def _find_end(data: bytes) -> tuple[int, int, int, int, list[str]]:
    """Return where the directory ends, where it starts, how many entries it claims, its size, and doubts."""
    at = data.rfind(END)
    if at < 0 or len(data) < at + _END.size:
        raise ZipDamaged("the archive is damaged")
    _, disk, first_disk, here, count, size, start, comment = _END.unpack_from(data, at)
    if disk or first_disk or here != count:
        raise ZipDamaged("the archive is one of several volumes")
    doubts = ["something stands behind the end of an archive"] if at + _END.size + comment != len(data) else []
    locator = at - _LOCATOR64.size
    if locator >= 0 and data.startswith(b"PK\x06\x07", locator):
        _, _, at64, _ = _LOCATOR64.unpack_from(data, locator)
        if at64 + _END64.size > locator or not data.startswith(b"PK\x06\x06", at64):
            raise ZipDamaged("the archive is damaged")
        _, _, _, _, _, _, _, count, size, start = _END64.unpack_from(data, at64)
        at = at64
    if start + size > at:
        raise ZipDamaged("the archive is damaged")
    return at, start, count, size, doubts


def spoken_names(data: bytes) -> Iterator[str]:
    """Yield the ends of the names that any header of a file gives, wherever it stands: some program goes by it.

    At most so many of each kind of header; what is not to be listed is unreadable anyway (`read_contents`).
    """
    for magic, length_at, name_at in ((b"PK\x01\x02", 28, _CENTRAL.size), (b"PK\x03\x04", 26, _LOCAL.size)):
        at = data.find(magic)
        for _ in range(_NAMES):
            if at < 0:
                break
            end = at + name_at + int.from_bytes(data[at + length_at : at + length_at + 2], "little")
            yield data[max(at + name_at, end - _NAME_END) : end].decode("latin-1")
            at = data.find(magic, at + 4)


def ends_as_zip(data: bytes) -> bool:
    """Tell whether a file that begins as something else ends as an archive: programs find one from its end."""
    at = data.rfind(END)
    return at >= 0 and len(data) >= at + _END.size and at + _END.size + _END.unpack_from(data, at)[-1] == len(data)


def _read_directory(directory: bytes, count: int) -> list[_Central]:
    records: list[_Central] = []
    at = 0
    while at < len(directory):
        if len(records) > count or at + _CENTRAL.size > len(directory) or directory[at : at + 4] != b"PK\x01\x02":
            raise ZipDamaged("the archive is damaged")
        (_, made_by, _, flags, method, _, _, crc, packed, size, name_length, extra_length, comment_length, *rest) = (
            _CENTRAL.unpack_from(directory, at)
        )
        _, _, external, offset = rest
        at += _CENTRAL.size
        raw_name = directory[at : at + name_length]
        beside = directory[at + name_length : at + name_length + extra_length + comment_length]
        extra = directory[at + name_length : at + name_length + extra_length]
        at += name_length + extra_length + comment_length
        size, packed, offset = _large(extra, (size, packed, offset))
        is_symlink = made_by >> 8 == _UNIX and (external >> 16) & 0o170000 == _SYMLINK
        records.append(_Central(raw_name, flags, method, crc, packed, size, offset, is_symlink, beside))
    if len(records) != count or at != len(directory):
        raise ZipDamaged("the archive's directory does not hold what its end says")
    return records


def _large(extra: bytes, values: tuple[int, int, int]) -> tuple[int, int, int]:
    """Take values that do not fit 32 bits from the extra field (section 4.5.3)."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            words = [extra[start : start + 8] for start in range(at + 4, at + 4 + length - 7, 8)]
            made = [
                int.from_bytes(words.pop(0), "little") if value == _ALL_ONES and words else value for value in values
            ]
            return made[0], made[1], made[2]
        at += 4 + length
    return values


def _locate(data: bytes, record: _Central) -> tuple[Entry | None, int, str]:
    """Find a file by its local header; return it, where its content starts, and what the two headers disagree on."""
    if record.offset + _LOCAL.size > len(data) or not data.startswith(b"PK\x03\x04", record.offset):
        return None, 0, "an archive's directory names a file that is not there"
    (_, _, flags, method, _, _, crc, packed, size, name_length, extra_length) = _LOCAL.unpack_from(data, record.offset)
    start = record.offset + _LOCAL.size + name_length + extra_length
    raw_name = data[record.offset + _LOCAL.size : record.offset + _LOCAL.size + name_length]
    size, packed, _ = _large(data[start - extra_length : start], (size, packed, 0))
    said = (raw_name, method, flags & _ENCRYPTED)
    is_told_later = flags & _DESCRIBED and not (crc or packed or size)
    if said != (record.raw_name, record.method, record.flags & _ENCRYPTED) or not (
        is_told_later or (crc, packed, size) == (record.crc, record.packed, record.size)
    ):
        doubt = "an archive's two headers of a file disagree"
    elif start + record.packed > len(data):
        return None, 0, "a file in an archive is cut off"
    else:
        doubt = ""
    name = record.raw_name.decode("utf-8" if record.flags & 0x0800 or _is_utf8(record.raw_name) else "cp437", "replace")
    is_encrypted = bool(record.flags & _ENCRYPTED) or record.method == _AES
    end = min(len(data), start + record.packed)
    return Entry(name, record.method, is_encrypted, start, end, record.size, record.crc), start, doubt


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _judge(spans: Sequence[tuple[int, int, bool]], directory: int) -> list[str]:
    """Say what two readers could see differently in where the files lie (first octet, octet behind, described)."""
    ordered = sorted(spans)
    if ordered and ordered[0][0]:
        return ["something stands before the first file of an archive"]
    for (_, end, is_described), (start, _, _) in pairwise([*ordered, (directory, directory, False)]):
        if start < end:
            return ["files of an archive lie over each other"]
        if start > end and not (is_described and start - end in _DESCRIPTORS):
            return ["something lies between the files of an archive"]
    return []


def _judge_names(records: Sequence[_Central]) -> list[str]:
    names = [record.raw_name.replace(b"\\", b"/") for record in records]
    doubts = ["two files of an archive have the same name"] if len(set(names)) < len(names) else []
    if any(b"\x00" in name for name in names):
        doubts.append("a NUL stands in the name of a file")
    if any(name.startswith(b"/") or b".." in name.split(b"/") or name[1:2] == b":" for name in names) or any(
        record.is_symlink for record in records
    ):
        doubts.append("a name in an archive leads out of it")
    return doubts


def begins(data: bytes, entry: Entry, length: int) -> bytes:
    """Return the first octets of a file, at most `length`; b"" when they cannot be had. Costs no budget."""
    inflater = _inflater(entry.method)
    packed = data[entry.start : min(entry.end, entry.start + length + 1024)]
    if entry.is_encrypted or (inflater is None and entry.method):
        return b""
    try:
        return inflater.decompress(packed, length) if inflater else packed[:length]
    except (zlib.error, OSError):
        return b""


def unpack(data: bytes, entry: Entry, budget: Budget) -> tuple[bytes, str]:
    """Return the content of a file, and why it is not all there is ("" when it is)."""
    if entry.is_encrypted:
        return b"", "a file in an archive is encrypted"
    packed = data[entry.start : entry.end]
    limit = max(0, min(budget.octets, max(SMALL, RATIO * len(packed))))
    if entry.method == 0:
        content, is_whole = packed[: limit + 1], True
    else:
        inflater = _inflater(entry.method)
        if inflater is None:
            return b"", "a file in an archive is packed in a way that is not read"
        try:
            content = inflater.decompress(packed, limit + 1)
        except (zlib.error, OSError):
            return b"", "a file in an archive is damaged"
        is_whole = inflater.eof and not inflater.unused_data
    budget.octets -= len(content)
    if len(content) > limit:
        return b"", TOO_MUCH
    if not is_whole or len(content) != entry.size or zlib.crc32(content) != entry.crc:
        return content, "a file in an archive is damaged"
    return content, ""


def _inflater(method: int) -> _Inflater | None:
    """Return a decompressor by its number (section 4.4.5); None for what is stored or not known."""
    if method == 8:
        return zlib.decompressobj(-zlib.MAX_WBITS)
    return BZ2Decompressor() if method == 12 else None
