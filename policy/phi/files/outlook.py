"""Mail as Outlook keeps and sends it: MSG files ([MS-OXMSG]), TNEF ([MS-OXTNEF]), and the RTF packed in both.

Every property that is a string is read, named ones too; bodies in HTML and RTF and attachments are read like files.
Strings of one octet a letter are in the code page that the message names, wherever it names it; as for any text, the
page is not believed where the octets say otherwise.
"""

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from policy.phi.decode import charset_decode
from policy.phi.files.found import TOO_MUCH, Found, Job, Piece, Unreadable
from policy.phi.files.magic import NOT_YET
from policy.phi.files.rtf import read_rtf
from policy.phi.files.streams import FAULTS, Streams, printable

MSG: Final = "application/vnd.ms-outlook"
TNEF: Final = "application/ms-tnef"
TNEF_MAGIC: Final = b"\x78\x9f\x3e\x22"
_TAG: Final = re.compile(r"__substg1\.0_([0-9A-Fa-f]{4})([0-9A-Fa-f]{4})(-[0-9A-Fa-f]{8})?")  # [MS-OXMSG] section 2.1
_FIXED_VALUES: Final = "__properties_version1.0"
_NAMES: Final = "__nameid_version1.0"
_NAME_STRINGS: Final = "__substg1.0_00040102"
_ATTACHMENT: Final = "__attach_version1.0_"
_WIDE, _NARROW, _BINARY, _OBJECT, _LONG = 0x001F, 0x001E, 0x0102, 0x000D, 0x0003
_HTML, _RTF, _DATA, _LONG_NAME, _NAME = 0x1013, 0x1009, 0x3701, 0x3707, 0x3704
_PAGE_OF_STRINGS, _PAGE_OF_HTML = 0x3FFD, 0x3FDE  # PidTagMessageCodepage, PidTagInternetCodepage
_SILENT: Final = frozenset({0x3709})  # the picture of an attachment's icon
_LABELS: Final = {0x0037: "Subject", 0x0C1A: "From", 0x0E04: "To", 0x0E03: "Cc"}
_FIXED: Final = {2: 2, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 2, 20: 8, 64: 8, 72: 16}  # octets of a value by type
_VARIABLE: Final = frozenset({_WIDE, _NARROW, _BINARY, _OBJECT})
_MANY: Final = 0x1000
_PROPERTIES: Final = 20_000
# [MS-OXTNEF] section 2.1.3.2: attributes, by their whole number
_ATT_PROPS, _ATT_ATTACHMENT, _ATT_REND, _ATT_DATA, _ATT_TITLE = 0x69003, 0x69005, 0x69002, 0x6800F, 0x18010
_ATT_WORDS: Final = frozenset({0x18004, 0x2800C, 0x8000, 0x18006, 0x18009})  # subject, body, from, ids
_ATT_ICON: Final = 0x68011
_ATT_PAGE: Final = 0x69007  # OEM code page, section 2.1.3.3.2
_EMBEDDED_GUID: Final = 16
_COMPRESSED: Final = 0x75465A4C
_PLAIN: Final = 0x414C454D
_WINDOW: Final = 4096
# [MS-OXRTFCP] section 2.1.2.1: what the dictionary holds before the first octet
_DICTIONARY: Final = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
    b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain"
    b"\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


# Code pages that Python calls otherwise than "cp" and their number.
_CHARSETS: Final = {
    37: "cp037", 1200: "utf-16-le", 1201: "utf-16-be", 10000: "mac_roman", 10007: "mac_cyrillic", 20127: "ascii",
    20866: "koi8-r", 21866: "koi8-u", 50220: "iso2022_jp", 50221: "iso2022_jp", 50222: "iso2022_jp",
    50225: "iso2022_kr", 51932: "euc_jp", 51936: "gb2312", 51949: "euc_kr", 52936: "hz", 54936: "gb18030",
    65000: "utf-7", 65001: "utf-8", **{28590 + part: f"iso8859-{part}" for part in range(1, 17)},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Narrow:
    """A string whose code page may only be told later."""

    value: bytes
    label: str = ""


@dataclass(frozen=True, slots=True)
class _Pages:
    """Charsets of strings and of HTML, as the message names them; empty: not at all."""

    strings: str = ""
    html: str = ""


@dataclass(slots=True)
class _Item:
    """A message or an attachment, as its properties tell it."""

    lines: list[str | _Narrow] = field(default_factory=list)
    html: list[tuple[bytes, bool]] = field(default_factory=list)  # and whether it is UTF-8
    rtf: list[bytes] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    name: str | _Narrow = ""
    named: dict[int, int] = field(default_factory=dict)  # code pages by what they are for

    def take(self, kind: int, number: int, value: bytes) -> None:
        """Keep one property."""
        if kind == _LONG:
            if number in {_PAGE_OF_STRINGS, _PAGE_OF_HTML}:
                self.named[number] = int.from_bytes(value[:4], "little")
        elif kind in {_WIDE, _NARROW}:
            self._take_words(number, value, is_wide=kind == _WIDE)
        elif number == _HTML:
            self.html.append((value.rstrip(b"\x00"), False))
        elif number == _RTF:
            self.rtf.append(value)
        elif number == _DATA:
            self.data.append(value)
        elif kind == _BINARY and number not in _SILENT:
            self.lines += printable(value)

    def _take_words(self, number: int, value: bytes, *, is_wide: bool) -> None:
        label = f"{_LABELS[number]}: " if number in _LABELS else ""
        words: str | _Narrow
        if is_wide:
            words = value.decode("utf-16-le", errors="replace").rstrip("\x00")
            self.lines.append(label + words)
        else:
            words = _Narrow(value.rstrip(b"\x00"), label)
            self.lines.append(words)
        if number == _LONG_NAME or (number == _NAME and not self.name):
            self.name = words
        if number == _HTML:
            self.html.append((words.encode() if isinstance(words, str) else words.value, is_wide))

    def bodies(self, job: Job, place_name: str, pages: _Pages) -> Iterator[Found]:
        """Yield all that the properties say."""
        place = job.at(name=place_name)
        lines: list[str] = []
        for line in self.lines:
            if isinstance(line, _Narrow):
                views, doubt = charset_decode(line.value, pages.strings)
                lines += [line.label + view for view in views]
                yield from [Unreadable(place, doubt)] if doubt else []
            else:
                lines.append(line)
        if lines:
            yield Piece(place, "\n".join(lines))
        for html, is_wide in self.html:
            if html:
                charset = "utf-8" if is_wide else pages.html
                yield from job.inside(html, number=0, file_name="body.html", charset=charset)
        for rtf in filter(None, self.rtf):
            text, reason = unpack_rtf(rtf, job.budget.octets)
            job.budget.octets -= len(text)
            yield from [Unreadable(place, reason)] if reason else read_rtf(text, job)

    def attached(self, job: Job, number: int, pages: _Pages) -> Iterator[Found]:
        """Yield what the attachment holds; two programs could take either when there are two."""
        name = self.name if isinstance(self.name, str) else charset_decode(self.name.value, pages.strings)[0][0]
        for data in filter(None, self.data):
            yield from job.inside(data, number=number, file_name=name)


def _pages(named: Mapping[int, int], oem: int = 0) -> _Pages:
    """The charsets; what is named for one only is meant for both. oem: the code page of a TNEF stream, 0: none."""
    strings, html = named.get(_PAGE_OF_STRINGS, 0), named.get(_PAGE_OF_HTML, 0)
    return _Pages(_charset(oem or strings or html), _charset(html or strings or oem))


def _charset(page: int) -> str:
    return _CHARSETS.get(page, f"cp{page}") if page else ""


def read_outlook(streams: Streams, job: Job) -> Iterator[Found]:
    """Yield what an MSG file holds, messages attached to it too."""
    storages: dict[tuple[str, ...], _Item] = {}
    is_whole = True
    for path in streams.paths:
        is_whole &= _take_stream(storages.setdefault(tuple(path[:-1]), _Item()), path, streams)
    for index, (storage, item) in enumerate(storages.items(), start=1):
        around = (storages.get(storage[:length]) for length in range(len(storage), -1, -1))
        pages = _pages(next((one.named for one in around if one and one.named), {}))
        yield from item.bodies(job, MSG, pages)
        yield from item.attached(job, index, pages)
        if not item.data and storage and storage[-1].startswith(_ATTACHMENT) and not _holds_more(storage, storages):
            yield Unreadable(job.at(name=MSG), "an attachment is somewhere else")
    if not is_whole:
        yield Unreadable(job.at(name=MSG), f"{NOT_YET} (an embedded object)")
    if streams.is_damaged:
        yield Unreadable(job.at(name=MSG), "the message is damaged")
    if job.budget.octets <= 0:
        yield Unreadable(job.at(name=MSG), TOO_MUCH)


def _take_stream(item: _Item, path: list[str], streams: Streams) -> bool:
    """Keep what a stream says; returns whether it is one that a message has."""
    if path[0] == _NAMES:  # [MS-OXMSG] section 2.2.3: what properties of one's own are called
        item.lines += printable(streams.read(*path)) if path[-1] == _NAME_STRINGS else []
        return True
    tag = _TAG.fullmatch(path[-1])
    if tag:
        number, kind = int(tag[1], 16), int(tag[2], 16)
        if tag[3]:  # section 2.1.4: one value of a list; the list itself is only lengths
            kind &= ~_MANY
        item.take(kind, number, streams.read(*path))
    elif path[-1] == _FIXED_VALUES:  # section 2.4: of 16 octets each, behind a header of 8, 24 or 32
        values = streams.read(*path)
        for at in range(len(values) % 16 or 32 * (len(path) == 1), len(values) - 15, 16):
            kind, number = struct.unpack_from("<2H", values, at)
            if kind == _LONG:
                item.take(kind, number, values[at + 8 : at + 16])
    return tag is not None or path[-1] == _FIXED_VALUES


def _holds_more(storage: tuple[str, ...], storages: Iterable[tuple[str, ...]]) -> bool:
    """Tell whether an attachment is a storage: a message, which is read as such, or an object of another program."""
    return any(other[: len(storage)] == storage and other != storage for other in storages)


def read_tnef(data: bytes, job: Job) -> Iterator[Found]:
    """Yield what a TNEF stream holds ([MS-OXTNEF] section 2.1.3): level, number, length, value and checksum, again."""
    place = job.at(name=TNEF)
    items = [_Item()]
    at, oem = 6, 0
    try:
        while at < len(data):
            number, length = struct.unpack_from("<LL", data, at + 1)
            value = data[at + 9 : at + 9 + length]
            at += 11 + length
            if at > len(data):
                raise ValueError("cut off")
            if number & 0xFFFFF == _ATT_REND:
                items.append(_Item())
                if len(items) > _PROPERTIES:
                    raise ValueError("too many attachments")
            if number & 0xFFFFF == _ATT_PAGE:
                oem = int.from_bytes(value[:4], "little")
            _take_attribute(items[-1], number & 0xFFFFF, value)
    except FAULTS:
        yield Unreadable(place, "the TNEF container is damaged")
    pages = _pages(items[0].named, oem)
    for index, item in enumerate(items, start=0):
        yield from item.bodies(job, TNEF, pages)
        yield from item.attached(job, index, pages)


def _take_attribute(item: _Item, number: int, value: bytes) -> None:
    if number in {_ATT_PROPS, _ATT_ATTACHMENT}:
        for kind, name, content in _properties(value):
            if kind == _OBJECT:  # a message or an object of another program, behind the name of its interface
                item.data.append(content[_EMBEDDED_GUID:])
            else:
                item.take(kind, name, content)
    elif number == _ATT_DATA:
        item.data.append(value)
    elif number == _ATT_TITLE:
        item.name = item.name or _Narrow(value.rstrip(b"\x00"))
    elif number in _ATT_WORDS:
        item.lines.append(_Narrow(value.rstrip(b"\x00")))
    elif number != _ATT_ICON:  # recipients, classes and what no list of attributes has
        item.lines += printable(value)


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield properties ([MS-OXTNEF] section 2.1.3.4): type, number, value; every value is filled up to 4 octets."""
    (count,) = struct.unpack_from("<L", data)
    at = 4
    if count > _PROPERTIES:
        raise ValueError("too many properties")
    for _ in range(count):
        kind, number = struct.unpack_from("<2H", data, at)
        at += 4
        if number >= 0x8000:
            (is_named,) = struct.unpack_from("<L", data, at + 16)
            (length,) = struct.unpack_from("<L", data, at + 20)
            if is_named:
                yield _WIDE, number, data[at + 24 : at + 24 + length]
            at += 24 + (_filled(length) if is_named else 0)
        plain = kind & ~_MANY
        is_counted = plain in _VARIABLE or kind & _MANY
        values = struct.unpack_from("<L", data, at)[0] if is_counted else 1
        at += 4 if is_counted else 0
        if values > len(data):
            raise ValueError("too many values")
        for _ in range(values):
            if plain in _VARIABLE:
                (length,) = struct.unpack_from("<L", data, at)
                at += 4
                yield plain, number, data[at : at + length]
            else:
                length = _FIXED[plain]
                if kind == _LONG:
                    yield kind, number, data[at : at + length]
            at += _filled(length)


def _filled(length: int) -> int:
    return length + -length % 4


def unpack_rtf(data: bytes, limit: int) -> tuple[bytes, str]:
    """Undo the compression of RTF ([MS-OXRTFCP] section 2.1.3); returns the text, and why there is none."""
    if len(data) < 16:
        return b"", "the compressed text is damaged"
    _, size, kind, _ = struct.unpack_from("<4L", data)
    if kind == _PLAIN:
        return data[16 : 16 + size], ""
    if kind != _COMPRESSED or size > limit or size > len(data) * 20:  # a reference of 2 octets stands for up to 17
        return b"", "the compressed text is damaged"
    out = bytearray(_DICTIONARY)
    at, end = 16, len(_DICTIONARY) + size
    while at < len(data) and len(out) < end:
        flags = data[at]
        at += 1
        for bit in range(8):
            if at >= len(data) or len(out) >= end:
                break
            if not flags >> bit & 1:
                out.append(data[at])
                at += 1
                continue
            word = int.from_bytes(data[at : at + 2], "big")
            at += 2
            back = (len(out) - (word >> 4)) % _WINDOW
            if back == 0:  # a reference to where it stands is the end
                return bytes(out[len(_DICTIONARY) :]), ""
            start = len(out) - back
            for step in range((word & 0x0F) + 2):
                out.append(out[start + step] if start + step >= 0 else 0x20)
    return bytes(out[len(_DICTIONARY) : end]), ""
