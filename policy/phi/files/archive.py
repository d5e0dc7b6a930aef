"""Archives and compressed files: ZIP, TAR, gzip, bzip2, xz; every file in them is read like an attachment of its own.

7z and RAR are read where libarchive is installed (the extra [archives]), else they are unreadable.
"""

import ctypes
import io
import lzma
import re
import tarfile
import zlib
from bz2 import BZ2Decompressor
from collections.abc import Callable, Iterator
from typing import Any, Final

from policy.phi.files import office
from policy.phi.files.found import TOO_MUCH, Found, Job, Piece, Unreadable
from policy.phi.files.magic import IMAGE, unreadable_kind
from policy.phi.files.streams import printable
from policy.phi.files.xml_walk import speaks
from policy.phi.files.zip import RATIO, SMALL, Entry, ZipDamaged, begins, read_contents, unpack

try:
    import libarchive
except (ImportError, AttributeError, OSError):  # not installed, or the system's library is not there
    libarchive = None

ZIP: Final = "application/zip"
_SNIFFED: Final = 1_024
_XZ_MEMORY: Final = 64 * 1024 * 1024  # octets of its dictionary
_NAME_BLANKS: Final = re.compile(r"[_.+/\\]+")
_GZIP_HEADER: Final = 10  # octets before what flags announce
_MEMBERS: Final = 10  # of one gzip, bzip2 or xz file


def read_zip(data: bytes, job: Job) -> Iterator[Found]:
    """Yield what a ZIP holds, be it an archive or an office document."""
    place = job.at(name=ZIP)
    try:
        contents = read_contents(data)
    except ZipDamaged as damaged:
        yield Unreadable(place, str(damaged))
        return
    yield from (Unreadable(place, doubt) for doubt in contents.doubts)
    if contents.words:
        yield Piece(place, "\n".join(contents.words))
    files = [entry for entry in contents.entries if not entry.is_folder]
    if office.is_office(files):
        yield from office.read_office(data, files, job)
        return
    for number, entry in enumerate(files, start=1):
        yield Piece(place, spoken(entry.name), is_name=True)
        yield from read_entry(data, entry, job, number)
        if job.budget.entries < 0 or job.budget.octets <= 0:
            yield Unreadable(place, TOO_MUCH)
            return


def read_entry(data: bytes, entry: Entry, job: Job, number: int) -> Iterator[Found]:
    """Yield what one file of a ZIP holds; a picture is told by its first octets and never unpacked."""
    place = job.at(name=ZIP)
    what = unreadable_kind(begins(data, entry, _SNIFFED))
    if what and not entry.is_encrypted and not (what == IMAGE and job.eye):
        job.budget.entries -= 1
        yield Unreadable(place, what)
        return
    content, reason = unpack(data, entry, job.budget)
    if reason:
        yield Unreadable(place, reason)
    if content:
        yield from job.inside(content, number=number, file_name=entry.name)


def spoken(name: str) -> str:
    """Return a file's name as words, without its suffix."""
    stem, _, suffix = name.rpartition(".")
    return _NAME_BLANKS.sub(" ", stem if stem and len(suffix) <= 5 else name)


def read_compressed(data: bytes, job: Job) -> Iterator[Found]:
    """Yield what a gzip, bzip2 or xz file holds."""
    names: list[str] = []
    content, reason = _decompress(data, job, names)
    yield from (Piece(job.place, spoken(name), is_name=True) for name in names)
    if reason:
        yield Unreadable(job.place, reason)
    if content:
        name = job.file_name.rpartition(".")[0]
        yield from job.inside(content, number=1, file_name=name)


def _decompress(data: bytes, job: Job, names: list[str]) -> tuple[bytes, str]:
    """Return the content of all members of a compressed file, and why it is not all there is.

    names: filled with what headers say.
    """
    limit = max(0, min(job.budget.octets, max(SMALL, RATIO * len(data))))
    content, reason = b"", "the compressed file is damaged"
    for _ in range(_MEMBERS):
        make = next((make for magic, make in _DECOMPRESSORS if data.startswith(magic)), None)
        if make is None:
            break
        inflater = make()
        names += _header_words(data)
        try:
            content += inflater.decompress(data, limit + 1 - len(content))
        except (zlib.error, lzma.LZMAError, OSError, EOFError):
            break
        if len(content) > limit:
            content, reason = b"", TOO_MUCH
            break
        data = inflater.unused_data
        if not inflater.eof or not data.strip(b"\x00"):
            reason = "" if inflater.eof else reason
            break
    job.budget.octets -= len(content) or (limit if reason == TOO_MUCH else 0)
    return content, reason


def _header_words(data: bytes) -> list[str]:
    """Return the name, the comment and the words in further fields of a gzip header (RFC 1952 section 2.3)."""
    if data[:2] != b"\x1f\x8b" or not data[3:4] or not data[3] & 0x1C:
        return []
    at = _GZIP_HEADER
    words: list[str] = []
    if data[3] & 0x04:
        length = int.from_bytes(data[at : at + 2], "little")
        words += printable(data[at + 2 : at + 2 + length])
        at += 2 + length
    for flag in (0x08, 0x10):
        if data[3] & flag:
            field = data[at : at + SMALL].partition(b"\x00")[0]
            words.append(field.decode("latin-1"))
            at += len(field) + 1
    return words


_DECOMPRESSORS: Final[tuple[tuple[bytes, Callable[[], Any]], ...]] = (
    (b"\x1f\x8b", lambda: zlib.decompressobj(zlib.MAX_WBITS | 16)),  # RFC 1952
    (b"BZh", BZ2Decompressor),
    (b"\xfd7zXZ\x00", lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY)),
)


def is_tar(data: bytes) -> bool:
    """Tell whether a file is a TAR: POSIX or GNU, whose mark stands in the first header; older ones have none."""
    return data[257:262] == b"ustar"


def read_tar(data: bytes, job: Job) -> Iterator[Found]:
    """Yield what a TAR holds. Links are names, never followed; a device, a hole or a foreign header is unreadable."""
    place = job.at(name="application/x-tar")
    number = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                number += 1
                said = [
                    member.name,
                    member.linkname,
                    *(value for value in member.pax_headers.values() if speaks(value)),
                ]
                yield Piece(place, spoken(" ".join(dict.fromkeys(said))), is_name=True)
                if member.isreg() and not member.issparse():
                    file = archive.extractfile(member)
                    content = file.read() if file else b""
                    yield from job.inside(content, number=number, file_name=member.name) if content else ()
                elif not member.isdir():
                    yield Unreadable(place, "a link, a device or a file with holes is in an archive")
                if job.budget.entries < 0:
                    yield Unreadable(place, TOO_MUCH)
                    return
            end = archive.offset
    except (tarfile.TarError, OSError, ValueError, EOFError, MemoryError, OverflowError):
        yield Unreadable(place, "the archive is damaged")
        return
    if data[end:].strip(b"\x00"):
        yield Unreadable(place, "something stands behind the end of an archive")


def read_other_archive(data: bytes, job: Job) -> Iterator[Found]:
    """Yield what a 7z or RAR archive holds, when libarchive is there to read it."""
    if libarchive is None:
        yield Unreadable(job.place, "an archive of this kind cannot be read without the extra [archives]")
        return
    number = 0
    try:
        with libarchive.memory_reader(data) as archive:
            for number, entry in enumerate(archive, start=1):
                yield Piece(job.place, spoken(entry.pathname or ""), is_name=True)
                if not entry.isfile:
                    if not entry.isdir:
                        yield Unreadable(job.place, "a link or a device is in an archive")
                    continue
                if _is_encrypted(entry):
                    yield Unreadable(job.place, "a file in an archive is encrypted")
                    return
                content, reason = _read_blocks(entry.get_blocks(), len(data), job)
                if reason:
                    yield Unreadable(job.place, reason)
                    return  # the next file could only be reached through the rest of this one
                yield from job.inside(content, number=number, file_name=entry.pathname or "") if content else ()
                if job.budget.entries < 0:
                    return
    except (libarchive.exception.ArchiveError, ValueError, OSError, MemoryError) as error:
        is_encrypted = "encrypt" in str(error).lower() or "passphrase" in str(error).lower()
        yield Unreadable(job.place, "the archive is encrypted" if is_encrypted else "the archive is damaged")
        return
    if not number:
        yield Unreadable(job.place, "the archive is damaged")


def has_libarchive() -> bool:
    """Tell whether 7z and RAR can be read here."""
    return libarchive is not None


def _is_encrypted(entry: Any) -> bool:
    """Tell what libarchive knows of a file; it hands out the ciphertext of a stored one as if it were the content."""
    return bool(libarchive.ffi.libarchive.archive_entry_is_encrypted(ctypes.c_void_p(entry._entry_p)))  # noqa: SLF001


def _read_blocks(blocks: Iterator[bytes], packed: int, job: Job) -> tuple[bytes, str]:
    limit = max(0, min(job.budget.octets, max(SMALL, RATIO * packed)))
    content = bytearray()
    for block in blocks:
        content += block
        if len(content) > limit:
            job.budget.octets -= len(content)
            return b"", TOO_MUCH
    job.budget.octets -= len(content)
    return bytes(content), ""
