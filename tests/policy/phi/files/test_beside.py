"""Streams, digits and headers beside the text of a file: read, or told."""

import gzip
import io
import re
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Final

import pytest

from tests.policy.phi.files.compound import compound, excel, prop, record, tnef, word
from tests.policy.phi.files.make import (
    NUMBER,
    docx,
    read,
    reasons,
    relations,
    words,
    zipped,
)
from tests.policy.phi.files.test_rtf import rtf

SSN: Final = f"SSN {NUMBER}"
_WIDE_SSN: Final = SSN.encode("utf-16-le")
_EMBEDDED: Final = "attachment type not readable yet (an embedded object)"


def _ole(**streams: bytes) -> bytes:
    return compound({name.replace("ONE_", "\x01").replace("FIVE_", "\x05"): data for name, data in streams.items()})


def packaged(name: str, content: bytes) -> bytes:
    """Return the stream of a file that was dropped into a document."""
    path = b"C:\\" + name.encode() + b"\0"
    body = b"\2\0" + name.encode() + b"\0" + path + struct.pack("<2HL", 0, 3, len(path)) + path
    body += struct.pack("<L", len(content)) + content
    return struct.pack("<L", len(body)) + body


def _digits(data: bytes) -> str:
    """Return octets as RTF writes them."""
    return re.sub("(.{64})", "\\1\r\n", data.hex())


_HEADER: Final = bytes.fromhex("0105000002000000")  # of an object in RTF, [MS-OLEDS] section 2.2.4
_STORE: Final = _HEADER + compound({"Item": f"<a><b>{SSN}</b></a>".encode().ljust(5000)})
_OBJECT: Final = _HEADER + compound({"\x01Ole10Native": packaged("a.txt", SSN.encode())})
_QUIET: Final = "stylesheet generator colortbl listtable rsidtbl xmlnstbl mmathPr filetbl blipuid themedata".split()


@pytest.mark.parametrize(
    "body",
    [
        *(f"{{\\*\\{word} {SSN};}}x" for word in _QUIET),
        rf"{{\stylesheet{{\s0 SSN {NUMBER[:4]}\'35\'35{NUMBER[6:]};}}}}x",
        rf"{{\fonttbl{{\f9 {SSN};}}}}x",
        rf"{{\*\datastore {_digits(_STORE)}}}x",
        rf"{{\object{{\*\objdata {_digits(_OBJECT)}}}}}x",
        rf"{{\field{{\*\fldinst x}}{{\*\datafield {_digits(_WIDE_SSN)}}}{{\fldrslt x}}}}x",
        rf"{{\*\docvar{{a}}{{{SSN}}}}}x",
        rf"{{\*\userprops{{\propname a}}\proptype30{{\staticval {SSN}}}}}x",
    ],
    ids=lambda _: "body",
)
def test_rich_text(body: str) -> None:
    """MP-14, AB-03: looks that are none, custom XML and objects in digits, data of fields, variables, properties."""
    found = read(rtf(body))
    assert NUMBER in words(found)
    assert reasons(found) == []


def test_an_object_of_rich_text_that_is_no_file_is_told() -> None:
    """AB-03: its words are read as far as there are any, and it counts as unread."""
    found = read(rtf(rf"{{\object{{\*\objdata {_digits(_HEADER + SSN.encode())}}}}}x"))
    assert NUMBER in words(found)
    assert reasons(found) == [_EMBEDDED]


_ODF: Final = "urn:oasis:names:tc:opendocument:xmlns"
_OPC: Final = "http://schemas.microsoft.com/office/2006/xmlPackage"
_RUNS: Final = "<w:p><w:r><w:t>SSN 412-</w:t></w:r><w:r><w:t>55-7812</w:t></w:r></w:p>{}"
_FLAT: Final = {
    "OpenDocument": f"<office:document xmlns:office='{_ODF}:office:1.0' xmlns:text='{_ODF}:text:1.0'>"
    "<text:p>SSN 412-<text:span>55</text:span>-7812</text:p>{}</office:document>",
    "Word 2003": "<w:wordDocument xmlns:w='http://schemas.microsoft.com/office/word/2003/wordml'>"
    f"{_RUNS}</w:wordDocument>",
    "Word": f"<pkg:package xmlns:pkg='{_OPC}' xmlns:w='w'>{_RUNS}</pkg:package>",
}


@pytest.mark.parametrize("kind", _FLAT)
def test_documents_in_one_piece_of_xml(kind: str) -> None:
    """MP-14: runs are joined as in a document of many parts, and a file in base64 is told."""
    for encoding in ("utf-8", "iso-8859-1"):
        data = f'<?xml version="1.0" encoding="{encoding}"?>{_FLAT[kind].format("<a>é</a>")}'.encode(encoding)
        assert {SSN, "é"} <= set(words(read(data)).split("\n"))
        assert reasons(read(data)) == []
    for name in ("office:binary-data", "w:binData", "pkg:binaryData"):
        assert _EMBEDDED in reasons(read(f'<?xml version="1.0"?>{_FLAT[kind].format(f"<{name}/>")}'.encode()))


def _commented(comment: bytes, *, of_file: bytes = b"", extra: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        member = zipfile.ZipInfo("a.txt")
        member.comment, member.extra = of_file, extra
        archive.writestr(member, "lunch")
        archive.comment = comment
    return out.getvalue()


def _pax(**headers: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("a.txt")
        member.pax_headers = headers
        archive.addfile(member)
    return out.getvalue()


def _gzip(flags: int, header: bytes) -> bytes:
    plain = gzip.compress(b"lunch", mtime=0)
    return plain[:3] + bytes([flags]) + plain[4:10] + header + plain[10:]


@pytest.mark.parametrize(
    "data",
    [
        _commented(SSN.encode()),
        _commented(b"", of_file=SSN.encode()),
        _commented(b"", extra=struct.pack("<2H", 0x9999, len(SSN)) + SSN.encode()),
        _gzip(0x08, SSN.encode() + b".txt\0"),
        _gzip(0x10, SSN.encode() + b"\0"),
        _gzip(0x18, b"a\0" + SSN.encode() + b"\0"),
        _gzip(0x04, struct.pack("<H", len(SSN)) + SSN.encode()),
        gzip.compress(b"lunch") + _gzip(0x10, SSN.encode() + b"\0"),
        _pax(comment=SSN),
    ],
    ids=lambda _: "file",
)
def test_what_archives_say_beside_their_files(data: bytes) -> None:
    """MP-11, AB-03: comments, names of what was compressed and further fields go out with the archive."""
    found = read(data)
    assert any(NUMBER in getattr(piece, "content", "") for piece in found)
    assert reasons(found) == []


_LONG: Final = SSN.encode().ljust(5000)  # no shorter stream is made
_MAPI: Final[Mapping[str, bytes]] = {"__properties_version1.0": bytes(32)}
_ATTACH: Final = "__attach_version1.0_#00000000"
_NESTED: Final = f"{_ATTACH}/__substg1.0_3701000D"


@pytest.mark.parametrize(
    "data",
    [
        docx(more={"word/embeddings/oleObject1.bin": _ole(ONE_Ole10Native=packaged("a.txt", SSN.encode()))}),
        docx(more={"word/embeddings/oleObject1.bin": _ole(Package=zipped({"a.txt": _LONG}, zipfile.ZIP_STORED))}),
        docx(more={"word/embeddings/oleObject1.bin": _ole(CONTENTS=_LONG)}),
        docx(more={"word/embeddings/oleObject1.bin": word(SSN)}),
        word("x", streams={"\x05DocumentSummaryInformation": _WIDE_SSN}),
        word("x", streams={"MsoDataStore/Item": f"<a><b>{SSN}</b></a>".encode().ljust(5000)}),
        word("x", streams={"Data": _WIDE_SSN}),
        excel((0, 0, "x"), before=record(0x18, bytes(15) + SSN.encode())),
        excel((0, 0, "x"), before=record(0x1B8, bytes(30) + _WIDE_SSN)),
        excel((0, 0, "x"), streams={"_SX_DB_CUR/0001": record(0xCD, b"\x0f\0\0" + SSN.encode())}),
        compound({**_MAPI, "__substg1.0_101F101F": bytes(4), "__substg1.0_101F101F-00000000": _WIDE_SSN}),
        compound({**_MAPI, "__nameid_version1.0/__substg1.0_00040102": struct.pack("<L", 30) + _WIDE_SSN}),
        compound({**_MAPI, "__substg1.0_80010102": SSN.encode()}),
        compound({**_MAPI, f"{_NESTED}/__properties_version1.0": b"x", f"{_NESTED}/__substg1.0_0037001F": _WIDE_SSN}),
        tnef((0x00069004, struct.pack("<L", 1) + struct.pack("<L", 1) + prop(0x1F, 0x3001, _WIDE_SSN))),
        tnef((0x00069002, bytes(14)), (0x0006800F, SSN.encode()),
             (0x00069005, struct.pack("<L", 1) + prop(0x0102, 0x3701, b"other"))),
        tnef((0x00078008, SSN.encode())),
    ],
    ids=lambda _: "file",
)  # fmt: skip
def test_streams_are_read(data: bytes) -> None:
    """MP-14, AB-03: objects, custom properties, names, hints, lists of values, recipients, two values of one thing."""
    found = read(data)
    assert NUMBER in words(found)
    assert reasons(found) == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (zipped({"[Content_Types].xml": "<Types/>", "xl/workbook.bin": b"words", "xl/worksheets/sheet1.bin": b"words"}),
         "attachment type not readable yet (a workbook in binary)"),
        (word("x", streams={"Elsewhere": _WIDE_SSN}), "a part of the document is not read"),
        (excel((0, 0, "x"), streams={"Storage/Stream": b"\1"}), "a part of the document is not read"),
        (compound({"PowerPoint Document": struct.pack("<2HL", 0, 0x1011, 4) + b"abcd"}), _EMBEDDED),
        (compound({"PowerPoint Document": struct.pack("<2HL", 15, 0x2F14, 0)}), "the document is encrypted"),
        (compound({"PowerPoint Document": b"", "Current User": bytes(12) + b"\xdf\xc4\xd1\xf3"}),
         "the document is encrypted"),
        (compound({"EncryptedPackage": b"x", "EncryptionInfo": b"x"}), "the document is encrypted"),
        (compound({**_MAPI, f"{_NESTED}/CONTENTS": b"x"}), _EMBEDDED),
        (tnef((0x00069003, struct.pack("<L", 20_001) + prop(0x1F, 0x37, b"a\0") * 20_001)),
         "the TNEF container is damaged"),
        (docx(more={"word/_rels/document.xml.rels": "<Relationships"}), "the document's XML is damaged"),
        (docx(more={"word/_rels/document.xml.rels": relations(("image", "http://x.example/a&gt;b"))}),
         "the document shows something that is elsewhere"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)  # fmt: skip
def test_what_is_not_read_is_told(data: bytes, reason: str) -> None:
    """AB-02, AB-03, invariant 5: XLSB, sealed slides, objects, and streams that nobody knows."""
    assert reason in reasons(read(data))
