"""Compound files ([MS-CFB]) and what stands in them, made for the tests."""

import struct
from collections.abc import Mapping

SECTOR = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_NONE = 0xFFFFFFFF


def _entry(name: str, kind: int, *, child: int = _NONE, right: int = _NONE, start: int = _END, size: int = 0) -> bytes:
    raw = name.encode("utf-16-le") + b"\0\0"
    return struct.pack(
        "<64sHBB3L16sLQQLQ", raw, len(raw) if name else 0, kind, 1, _NONE, right, child, b"", 0, 0, 0, start, size
    )


def compound(streams: Mapping[str, bytes]) -> bytes:
    """Return a compound file. streams: content by path, such as "a/b"; every stream is filled up to 4,096 octets.

    The directory is a list (each entry the right one of the last), which every reader takes.
    """
    names: list[tuple[str, bytes | None]] = []
    for path, given in streams.items():
        steps = path.split("/")
        folders: list[tuple[str, None]] = [("/".join(steps[:depth]), None) for depth in range(1, len(steps))]
        names += [folder for folder in folders if folder not in names]
        names.append((path, given))
    sectors: list[bytes] = []
    fat: list[int] = []

    def put(content: bytes) -> int:
        first = len(sectors)
        for at in range(0, len(content), SECTOR):
            sectors.append(content[at : at + SECTOR].ljust(SECTOR, b"\0"))
            fat.append(len(sectors))
        fat[-1] = _END
        return first

    index = {path: number for number, (path, _) in enumerate(names, start=1)}
    entries = []
    top = [path for path, _ in names if "/" not in path]
    entries.append(_entry("Root Entry", 5, child=index[top[0]]))
    for path, content in names:
        folder, _, name = path.rpartition("/")
        beside = [other for other, _ in names if other.rpartition("/")[0] == folder]
        after = beside[beside.index(path) + 1 :]
        right = index[after[0]] if after else _NONE
        if content is None:
            inside = [other for other, _ in names if other.rpartition("/")[0] == path]
            entries.append(_entry(name, 1, child=index[inside[0]], right=right))
        else:
            filled = content.ljust(4096, b"\0")  # shorter ones would live in the mini stream
            entries.append(_entry(name, 2, right=right, start=put(filled), size=len(filled)))
    directory = put(b"".join(entries).ljust(-(-len(entries) // 4) * SECTOR, b"\0"))
    count = -(-(len(fat) + 1) // 127)
    start = len(sectors)
    fat += [_FAT] * count
    table = b"".join(struct.pack("<L", value) for value in fat).ljust(count * SECTOR, b"\xff")
    header = struct.pack(
        "<8s16sHHHHH6sLLLLLLLLLL", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, b"", 0, count,
        directory, 0, 4096, _END, 0, _END, 0, start,
    )  # fmt: skip
    header += b"".join(struct.pack("<L", start + number if number < count else _FREE) for number in range(1, 109))
    return header + b"".join(sectors) + table


def word(text: str, *, flags: int = 0, wide: str = "", streams: Mapping[str, bytes] | None = None) -> bytes:
    """Return a document of Word 97. text: its first piece, in windows-1252; wide: a second one, in UTF-16."""
    body, after = text.encode("cp1252"), wide.encode("utf-16-le")
    at = 1024
    head = bytearray(at)
    struct.pack_into("<2H", head, 0, 0xA5EC, 0x00C1)
    struct.pack_into("<H", head, 10, 0x0200 | flags)
    places = [0, len(text), len(text) + len(wide)]
    plc = struct.pack("<3L", *places) + struct.pack("<HLH", 0, at * 2 | 0x40000000, 0)
    plc += struct.pack("<HLH", 0, at + len(body), 0)
    clx = b"\x01\x02\x00ab" + b"\x02" + struct.pack("<L", len(plc)) + plc
    struct.pack_into("<2L", head, 0x01A2, 0, len(clx))
    return compound({"WordDocument": bytes(head) + body + after, "1Table": clx, **(streams or {})})


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("<2H", kind, len(body)) + body


def excel(
    *cells: tuple[int, int, str], before: bytes = b"", after: bytes = b"", streams: Mapping[str, bytes] | None = None
) -> bytes:
    """Return a workbook of Excel 97 with one hidden sheet.

    cells: row, column, text. before: records of the workbook; after: of the sheet, behind its cells.
    """
    name = "Tab"
    bof = struct.pack("<6H", 0x0600, 0x0005, 0, 0, 0, 0) + bytes(4)
    page = struct.pack("<6H", 0x0600, 0x0010, 0, 0, 0, 0) + bytes(4)
    start = _record(0x0809, bof) + _record(0x0042, struct.pack("<H", 1200)) + before
    length = len(start) + 4 + 8 + len(name) + 4
    listed = _record(0x0085, struct.pack("<LBBBB", length, 1, 0, len(name), 0) + name.encode())
    body = b"".join(
        _record(0x0204, struct.pack("<4HB", row, column, 0, len(text), 0) + text.encode("latin-1"))
        for row, column, text in cells
    )
    ends = _record(0x000A, b"")
    workbook = start + listed + ends + _record(0x0809, page) + body + after + ends
    return compound({"Workbook": workbook, **(streams or {})})


def record(kind: int, body: bytes) -> bytes:
    """Return a record of a BIFF stream."""
    return _record(kind, body)


def tnef(*attributes: tuple[int, bytes]) -> bytes:
    """Return a TNEF stream."""
    return b"\x78\x9f\x3e\x22\x01\x00" + b"".join(
        b"\x01" + struct.pack("<2L", number, len(value)) + value + struct.pack("<H", sum(value) % 65536)
        for number, value in attributes
    )


def prop(kind: int, number: int, value: bytes) -> bytes:
    """Return a property of TNEF with one value of any length."""
    return struct.pack("<2H2L", kind, number, 1, len(value)) + value + bytes(-len(value) % 4)
