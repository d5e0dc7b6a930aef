"""Compound files: Word, Excel and PowerPoint of old, Outlook's mail; what is encrypted or embedded is told."""

import struct

import olefile
import pytest

from policy.phi.files.outlook import unpack_rtf
from tests.policy.phi.files.compound import compound, excel, prop, record, tnef, word
from tests.policy.phi.files.make import NUMBER, docx, paragraph, read, reasons, words, zipped
from tests.policy.phi.files.test_rtf import rtf

SSN = f"SSN {NUMBER}"
_CELLS = ((0, 0, "Patient"), (0, 1, "MRN"), (1, 0, "Ann Lee"), (1, 1, "0044-8812"))
_COMMENT = record(0x01B6, bytes(18)) + record(0x003C, b"\0" + SSN.encode())
_HEADER = record(0x0014, struct.pack("<HB", len(SSN), 1) + SSN.encode("utf-16-le"))


def _slides(text: str) -> bytes:
    atom = struct.pack("<2HL", 0, 0x0FA0, len(text) * 2) + text.encode("utf-16-le")
    narrow = struct.pack("<2HL", 0, 0x0FA8, len(text)) + text[::-1].encode()
    inside = atom + narrow
    return compound({"PowerPoint Document": struct.pack("<2HL", 0x0F, 1000, len(inside)) + inside})


def _msg(**streams: bytes) -> bytes:
    """Return an MSG; S_ stands for the long name of a stream."""
    named = {path.replace("S_", "__substg1.0_"): value for path, value in streams.items()}
    return compound({"__properties_version1.0": bytes(32), **named})


def _attached(value: bytes) -> bytes:
    return compound(
        {
            "__properties_version1.0": bytes(32),
            "__attach_version1.0_#00000000/__properties_version1.0": bytes(8),
            "__attach_version1.0_#00000000/__substg1.0_3707001F": "x.docx".encode("utf-16-le"),
            "__attach_version1.0_#00000000/__substg1.0_37010102": value,
        }
    )


_RTF = b"{\\rtf1 " + SSN.encode() + b"\\par}"
_PLAIN_RTF = struct.pack("<4L", len(_RTF) + 12, len(_RTF), 0x414C454D, 0) + _RTF
_MAPI = (
    struct.pack("<L", 2)
    + prop(0x001F, 0x0037, "Chart of Ann Lee".encode("utf-16-le"))
    + prop(0x0102, 0x1013, b"<p>SSN 412-<b>55</b>-7812")
)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (word(f"first\r{SSN}\r"), SSN),
        (word("SSN 412-55", wide="-7812\r\u041c\r"), SSN),
        (word("SSN 412\x1e55\x1e78\x1f12\r"), SSN),
        (word("Patient\x07MRN\x07\x07Ann Lee\x0700448812\x07\x07after\r"), "Patient: Ann Lee; MRN: 00448812"),
        (word("Patient\x07MRN\x07\x07Ann Lee\x0700448812\x07\x07after\r"), "after"),
        (excel(*_CELLS), "Patient: Ann Lee; MRN: 0044-8812"),
        (excel(*_CELLS, before=_COMMENT), SSN),
        (excel(*_CELLS, before=_HEADER), SSN),
        (_slides(SSN), SSN),
        (_msg(S_0037001F=SSN.encode("utf-16-le")), f"Subject: {SSN}"),
        (_msg(S_1000001E=SSN.encode()), SSN),
        (_msg(S_10130102=b"<p>SSN 412-<b>55</b>-7812"), SSN),
        (_msg(S_10090102=_PLAIN_RTF), SSN),
        (_attached(rtf(SSN + r"\par")), SSN),
        (tnef((0x00069003, _MAPI)), "Subject: Chart of Ann Lee"),
        (tnef((0x00069003, _MAPI)), SSN),
        (tnef((0x0002800C, SSN.encode() + b"\0")), SSN),
        (tnef((0x00069002, bytes(14)), (0x00018010, b"a.docx\0"), (0x0006800F, docx(paragraph("SSN 412-", "55-7812")))),
         SSN),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)  # fmt: skip
def test_what_it_says_is_read(data: bytes, line: str) -> None:
    """MP-12, MP-14: pieces in both widths, cells, comments, page headers, slides, bodies and attachments."""
    found = read(data, file_name="holiday.png")
    assert line in words(found).split("\n")
    assert reasons(found) == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (compound({"EncryptedPackage": b"x", "EncryptionInfo": b"y"}), "the document is encrypted"),
        (word(SSN, flags=0x0100), "the document is encrypted"),
        (excel(*_CELLS, before=record(0x002F, bytes(54))), "the document is encrypted"),
        (word(f"{SSN}\x01\r"), "attachment type not readable yet (an image)"),
        (word(f"{SSN}\x08\r"), "attachment type not readable yet (an image)"),
        (word(SSN, streams={"Macros/VBA": b"x"}), "the document holds macros"),
        (word(SSN, streams={"ObjectPool/a": b"x"}), "attachment type not readable yet (an embedded object)"),
        (excel(*_CELLS, before=record(0x00EB, b"\0\0\x07\xf0" + bytes(40))),
         "attachment type not readable yet (an image)"),
        (excel((0, 0, "a"), (65_000, 200, "b")), "a sheet is larger than is read"),
        (compound({"Whatever": b"x"}), "attachment type not readable yet (an office document of an older kind)"),
        (compound({"WordDocument": b"x" * 2000}), "the document is of a version that is not read"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40), "the document is damaged"),
        (_msg(S_10090102=struct.pack("<4L", 9, 900_000_000, 0x75465A4C, 0) + b"x"), "the compressed text is damaged"),
        (_msg(**{"__attach_version1.0_#00000000/__properties_version1.0": b"x"}),
         "an attachment is somewhere else"),
        (word(SSN) + zipped({"a.txt": "x"}), "an archive stands behind something else"),
        (rtf(SSN) + zipped({"a.txt": "x"}), "an archive stands behind something else"),
        (tnef((0x00069003, b"\xff" * 40)), "the TNEF container is damaged"),
        (tnef((0x0002800C, SSN.encode()))[:-8], "the TNEF container is damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)  # fmt: skip
def test_what_cannot_be_read_is_told(data: bytes, reason: str) -> None:
    """AB-02, AB-03, AB-07, MP-15: encrypted, embedded, damaged or too large is a reason, never silence."""
    assert reason in reasons(read(data))


@pytest.mark.parametrize(
    ("data", "content", "octets"),
    [
        (word(SSN), SSN.encode(), len(SSN)),
        (_slides(SSN), struct.pack("<2H", 0x0F, 1000), 4096),
        (_msg(S_0037001F=SSN.encode("utf-16-le")), SSN.encode("utf-16-le"), 4096),
    ],
    ids=["word", "slides", "msg"],
)
def test_damage_changes_nothing_or_is_told(data: bytes, content: bytes, octets: int) -> None:
    """MP-15: an octet of the container that is wrong or missing takes no word away in silence, and is no error.

    content: where the stream begins whose octets are words or records: others there are another text, not damage.
    """
    whole, start = words(read(data)), data.index(content)
    assert SSN in whole
    for at in range(8, len(data), 37):
        cut = read(data[:at])
        assert reasons(cut) or words(cut) == whole, at
        wrong = read(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        assert reasons(wrong) or words(wrong) == whole or start <= at < start + octets, at


def test_packed_rich_text() -> None:
    """[MS-OXRTFCP] section 3.1.1: the example of the specification."""
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a00726370673132354232 0af32068656c 090020627705b06c647d0a800fa0".replace(
            " ", ""
        )
    )
    assert unpack_rtf(packed, 10_000) == (b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n", "")


def test_packed_rich_text_is_bounded_by_its_packing() -> None:
    """AB-01: two octets stand for at most seventeen, so a larger claim is a lie."""
    head = struct.pack("<4L", 0, 1_000_000, 0x75465A4C, 0)
    assert unpack_rtf(head + bytes(100), 10_000_000) == (b"", "the compressed text is damaged")


def test_the_maker_makes_what_others_read() -> None:
    """The compound files of these tests are sound by olefile's own judgement."""
    with olefile.OleFileIO(word(SSN), raise_defects=olefile.DEFECT_POTENTIAL) as file:
        assert file.exists("WordDocument")


_WIDE_DIGITS = "SSN \uff14\uff11\uff12\uff0d\uff15\uff15\uff0d\uff17\uff18\uff11\uff12"  # full-width
_SHIFT_JIS = _WIDE_DIGITS.encode("cp932")
_STRINGS, _HTML = 0x3FFD, 0x3FDE


def _values(*pages: tuple[int, int], header: int = 32) -> bytes:
    """Return the stream of fixed values: code pages of what, and beside them the length of a string."""
    told = (struct.pack("<2HLQ", 3, number, 6, page) for number, page in pages)
    return bytes(header) + struct.pack("<2HLQ", 0x001E, 0x1000, 6, 40) + b"".join(told)


def _embedded(value: bytes) -> bytes:
    """Return an MSG with a message in it, of no code page of its own."""
    inside = "__attach_version1.0_#00000000/__substg1.0_3701000D"
    return compound(
        {
            f"{inside}/__properties_version1.0": _values(header=24),
            f"{inside}/__substg1.0_1000001E": value,
            "__properties_version1.0": _values((_STRINGS, 932)),
        }
    )


def _tnef_long(number: int, value: int) -> bytes:
    return struct.pack("<2HL", 3, number, value)


@pytest.mark.parametrize(
    "data",
    [
        _msg(S_1000001E=_SHIFT_JIS, **{"__properties_version1.0": _values((_STRINGS, 932))}),
        _msg(S_1000001E=_SHIFT_JIS, **{"__properties_version1.0": _values((_HTML, 932))}),
        _msg(S_10130102=_SHIFT_JIS, **{"__properties_version1.0": _values((_STRINGS, 1252), (_HTML, 932))}),
        _msg(S_1013001E=_SHIFT_JIS, **{"__properties_version1.0": _values((_HTML, 50220), (_STRINGS, 932))}),
        _embedded(_SHIFT_JIS),
        tnef((0x00069007, struct.pack("<2L", 932, 0)), (0x0002800C, _SHIFT_JIS)),
        tnef((0x0002800C, _SHIFT_JIS), (0x00069007, struct.pack("<2L", 932, 0))),
        tnef((0x00069003, struct.pack("<L", 2) + prop(0x001E, 0x1000, _SHIFT_JIS) + _tnef_long(_STRINGS, 932))),
        tnef((0x00069003, struct.pack("<L", 2) + _tnef_long(_HTML, 932) + prop(0x0102, 0x1013, _SHIFT_JIS))),
    ],
)  # fmt: skip
def test_strings_are_read_in_the_code_page_that_is_named(data: bytes) -> None:
    """MP-09 in Outlook's files: for strings, HTML or both; named before or behind them, or by the message around."""
    found = read(data)
    assert _WIDE_DIGITS in words(found)
    assert reasons(found) == []


@pytest.mark.parametrize("page", [37, 1200, 65000, 65001, 50225, 64_999, 0xFFFFFFFF])
def test_a_code_page_that_lies_hides_nothing(page: int) -> None:
    """MP-09: plain letters are read as they stand, too; a page that nobody knows is told."""
    values = _values((_STRINGS, page))
    for data in (
        _msg(S_1000001E=SSN.encode(), S_10130102=SSN.encode(), **{"__properties_version1.0": values}),
        tnef((0x00069007, struct.pack("<L", page)), (0x0002800C, SSN.encode())),
    ):
        found = read(data)
        assert SSN in words(found)
        assert ("the charset is unknown" in reasons(found)) == (page in {64_999, 0xFFFFFFFF})
