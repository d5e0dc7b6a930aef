"""Corners of office files: whatever stands in one is read, or the file says that something in it is not."""

import gzip
import io
import re
import struct
import tarfile
import time
import zipfile
from collections.abc import Mapping
from typing import Final

import pytest

from tests.policy.phi.files.compound import compound, excel, prop, record, tnef, word
from tests.policy.phi.files.make import (
    NUMBER,
    docx,
    letters,
    odf,
    paragraph,
    read,
    reasons,
    relations,
    shared_strings,
    sheet,
    word_part,
    words,
    xlsx,
    zipped,
)
from tests.policy.phi.files.test_rtf import rtf

SSN: Final = f"SSN {NUMBER}"
_P: Final = paragraph(SSN)
_X: Final = sheet([["x"]])
_S: Final = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WIDE_SSN: Final = SSN.encode("utf-16-le")
_EMBEDDED: Final = "attachment type not readable yet (an embedded object)"


def _docx(**more: str) -> bytes:
    """Return a document with a part; its path has __ for / and ends in .xml."""
    return docx(more={f"{path.replace('__', '/')}.xml": content for path, content in more.items()})


def _xlsx(**more: str) -> bytes:
    return xlsx(_X, more={f"{path.replace('__', '/')}.xml": content for path, content in more.items()})


def _pptx(**more: str) -> bytes:
    parts = {f"ppt/{path.replace('__', '/')}.xml": content for path, content in more.items()}
    return zipped({"[Content_Types].xml": "<Types/>", **parts})


def _workbook(names: str) -> str:
    return (
        f'<workbook {_S} xmlns:r="{_OFFICE}"><sheets><sheet name="Tab1" sheetId="1" r:id="rId1"/></sheets>{names}'
        "</workbook>"
    )


def _symbols(font: str) -> str:
    signs = "".join(f'<w:r><w:sym w:font="{font}" w:char="F0{ord(sign):02X}"/></w:r>' for sign in SSN)
    return f"<w:p>{signs}</w:p>"


WORD: Final = {
    "alternative chunk": docx(more={"word/afchunk.htm": f"<p>{SSN}"}),
    "chunk in rich text": docx(more={"word/afchunk.rtf": rtf(SSN)}),
    "chunk of its own kind": docx(more={"word/afchunk.docx": docx(_P)}),
    "custom XML": _docx(customXml__item1=f"<a><b>{SSN}</b></a>"),
    "attribute of custom XML": _docx(customXml__item1=f"<a><b ssn='{SSN}'/></a>"),
    "document variable": _docx(word__settings=f"<s xmlns:w='w'><w:docVar w:name='x' w:val='{SSN}'/></s>"),
    "name of a style": _docx(word__styles=f"<s xmlns:w='w'><w:name w:val='{SSN}'/></s>"),
    "text among styles": _docx(word__styles=f"<s><t>{SSN}</t></s>"),
    "text in a theme": _docx(word__theme__theme1=f"<a><p>{SSN}</p></a>"),
    "header in the folder of themes": _docx(word__theme__x=word_part("hdr", _P)),
    "diagram": _docx(word__diagrams__data1=f"<d xmlns:a='a'><a:p><a:r><a:t>{SSN}</a:t></a:r></a:p></d>"),
    "chart": _docx(word__charts__chart1=f"<c><strCache><pt><v>{SSN}</v></pt></strCache></c>"),
    "simple field": docx(f"<w:p><w:fldSimple w:instr=' QUOTE {SSN} '/></w:p>"),
    "symbols": docx(_symbols("Arial")),
    "choice": docx(f"<w:p><w:listItem w:displayText='{SSN}' w:value='x'/></w:p>"),
    "value of a choice": docx(f"<w:p><w:listItem w:displayText='x' w:value='{SSN}'/></w:p>"),
    "hint of a form": docx(f"<w:p><w:statusText w:val='{SSN}'/></w:p>"),
    "tag of a control": docx(f"<w:p><w:tag w:val='{SSN}'/></w:p>"),
    "bookmark": docx(f"<w:p><w:bookmarkStart w:name='{NUMBER}'/></w:p>"),
    "name of a drawing": docx(f"<w:p><w:docPr id='1' name='{SSN}'/></w:p>"),
    "numbering": _docx(word__numbering=f"<n xmlns:w='w'><w:lvlText w:val='{SSN}'/></n>"),
    "comment of XML": docx(f"<w:p><!-- {SSN} --></w:p>"),
    "instruction of XML": docx(f"<w:p><?x {SSN} ?></w:p>"),
    "control": _docx(word__activeX__activeX1=f"<o><ocxPr name='Caption' value='{SSN}'/></o>"),
    "building blocks": _docx(word__glossary__document=word_part("glossaryDocument", _P)),
    "content types": zipped({"[Content_Types].xml": f"<Types><x>{SSN}</x></Types>", "word/document.xml": "<a/>"}),
    "link with a prefix and a sign": docx(
        more={"word/_rels/document.xml.rels": '<r:Relationships xmlns:r="x"><r:Relationship TargetMode="External" '
              f'Type="x/hyperlink" Target="http://x.example/a>{NUMBER}"/></r:Relationships>'}
    ),
    "target in the document": docx(
        more={"word/_rels/document.xml.rels": f'<Relationships><Relationship Target="{NUMBER}.xml"/></Relationships>'}
    ),
}  # fmt: skip
EXCEL: Final = {
    "defined name": _xlsx(xl__workbook=_workbook(f'<definedName name="a">"{SSN}"</definedName>')),
    "comment of a name": _xlsx(xl__workbook=_workbook(f'<definedName name="a" comment="{SSN}">1</definedName>')),
    "threaded comment": _xlsx(xl__threadedComments__t1=f"<T><threadedComment><text>{SSN}</text></threadedComment></T>"),
    "who commented": _xlsx(xl__persons__person=f'<l><person displayName="{SSN}"/></l>'),
    "sound of a string": xlsx(
        f'<worksheet {_S}><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c></row></sheetData></worksheet>',
        more={"xl/sharedStrings.xml": shared_strings(f"<t>x</t><rPh sb='0' eb='1'><t>{SSN}</t></rPh>")},
    ),
    "sheet that is not listed": xlsx(_X, more={"xl/worksheets/sheet9.xml": sheet([[SSN]])}),
    "sheet in another folder": xlsx(_X, more={"xl/other/s.xml": sheet([[SSN]])}),
    "formula": xlsx(f'<worksheet {_S}><sheetData><row r="1"><c r="A1"><f>IF(A2,&#34;{SSN}&#34;)</f><v>0</v></c></row>'
                    "</sheetData></worksheet>"),
    "formula as character data": xlsx(
        f'<worksheet {_S}><sheetData><row r="1"><c r="A1"><f><![CDATA["{SSN}"]]></f><v>0</v></c></row></sheetData>'
        "</worksheet>"),
    "long header": xlsx(sheet([["x"]], after=f"<h><oddHeader>{'a ' * 2000}{SSN}</oddHeader></h>")),
    "place of a link": xlsx(sheet([["x"]], after=f'<hyperlink ref="A1" location="{NUMBER}"/>')),
    "filter": xlsx(sheet([["x"]], after=f'<filters><filter val="{SSN}"/></filters>')),
    "condition": xlsx(sheet([["x"]], after=f'<cfRule type="containsText" text="{SSN}"/>')),
    "scenario": xlsx(sheet([["x"]], after=f'<inputCells r="A1" val="{SSN}"/>')),
    "list of choices": xlsx(sheet([["x"]], after=f'<formula1>"{SSN},b"</formula1>')),
    "column of a table": _xlsx(xl__tables__table1=f'<table><tableColumn name="{SSN}"/></table>'),
    "field of a pivot table": _xlsx(xl__pivotCache__pivotCacheDefinition1=f'<p><cacheField name="{SSN}"/></p>'),
    "other workbook": _xlsx(xl__externalLinks__externalLink1=f"<e><cell t='str'><v>{SSN}</v></cell></e>"),
    "revision": _xlsx(xl__revisions__revisionLog1=f"<r><nc t='inlineStr'><is><t>{SSN}</t></is></nc></r>"),
    "command of a connection": _xlsx(xl__connections=f'<c><dbPr command="select {SSN}"/></c>'),
    "control": _xlsx(xl__ctrlProps__ctrlProp1=f'<f><item val="{SSN}"/></f>'),
    "style": _xlsx(xl__styles=f'<styleSheet {_S}><cellStyle name="{SSN}"/></styleSheet>'),
    "chart sheet": _xlsx(xl__chartsheets__sheet1=f"<c><oddHeader>{SSN}</oddHeader></c>"),
}  # fmt: skip
SLIDES: Final = {
    "author of comments": _pptx(commentAuthors=f'<l><cmAuthor name="{SSN}"/></l>'),
    "tag": _pptx(tags__tag1=f'<l><tag name="X" val="{SSN}"/></l>'),
    "layout": _pptx(slideLayouts__slideLayout1=f"<l xmlns:a='a'><a:p><a:t>{SSN}</a:t></a:p></l>"),
    "section": _pptx(presentation=f'<p><section name="{SSN}"/></p>'),
    "name of a shape": _pptx(slides__slide1=f'<p><cNvPr id="1" name="{SSN}"/></p>'),
}
OPEN_DOCUMENT: Final = {
    "text cell": odf(f"<table:table-cell office:string-value='{SSN}'/>"),
    "formula": odf(f"<table:table-cell table:formula='of:=\"{SSN}\"'/>"),
    "name of a table": odf(f"<table:table table:name='{SSN}'/>"),
    "cell before a change": odf(f"<table:previous><table:change-track-table-cell><text:p>{SSN}</text:p>"
                                "</table:change-track-table-cell></table:previous>"),
    "field": odf(f"<text:user-field-decl office:string-value='{SSN}' text:name='a'/>"),
    "hidden text": odf(f"<text:p><text:hidden-text text:string-value='{SSN}'/></text:p>"),
    "text on a condition": odf(f"<text:p><text:conditional-text text:string-value-if-true='{SSN}'/></text:p>"),
    "choice": odf(f"<text:p><text:label text:value='{SSN}'/></text:p>"),
    "placeholder": odf(f"<text:p><text:placeholder text:description='{SSN}'/></text:p>"),
    "setting": odf("<text:p/>", more={"settings.xml": f"<a><config-item>{SSN}</config-item></a>"}),
    "layout": odf("<text:p/>", more={"layout-cache": SSN}),
    "type": odf("<text:p/>", more={"mimetype": SSN}),
    "object": odf("<text:p/>", more={"Object 1/content.xml": f"<d xmlns:text='t'><text:p>{SSN}</text:p></d>"}),
}  # fmt: skip


@pytest.mark.parametrize("data", [*WORD.values(), *EXCEL.values(), *SLIDES.values(), *OPEN_DOCUMENT.values()],
                         ids=[*WORD, *EXCEL, *SLIDES, *OPEN_DOCUMENT])  # fmt: skip
def test_it_is_read(data: bytes) -> None:
    """MP-14, AB-03: what a program keeps in a corner goes out with the document, so it is read as text."""
    found = read(data)
    assert NUMBER in words(found)
    assert reasons(found) == []


def test_a_chunk_that_is_a_message() -> None:
    """MP-08: a web archive in a document is read as a message, with all of its parts."""
    chunk = f"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<p>{SSN}"
    assert letters(read(docx(more={"word/afchunk.mht": chunk}))) == [chunk.encode()]


def test_signs_of_a_picture_font_are_no_letters() -> None:
    """A tick of Wingdings is no letter before the word beside it."""
    assert words(read(docx(_symbols("Wingdings")))) == ""


def test_names_of_parts_speak() -> None:
    """MP-11: the name of a part is read when it is no name that a program gives."""
    found = read(docx(_P, more={"word/media/412-66-7812.xml": "<a/>"}))
    assert any(getattr(piece, "is_name", False) and "412-66-7812" in getattr(piece, "content", "") for piece in found)


def test_looks_are_no_words() -> None:
    """Styles, fonts and places of a real document add nothing to what it says."""
    looks = (
        "<w:p><w:pPr><w:ind w:left='12 700'/></w:pPr><w:r><w:rPr><w:rFonts w:ascii='Times New Roman'/></w:rPr>"
        "<w:t>lunch</w:t></w:r><v:shape xmlns:v='v' style='margin-left:1 pt' path='m 0-1 l 2-3 e'/>"
        "<a:ext xmlns:a='a' uri='{28A0092B-C50C-407E-A947-70E740481C1C}'/>"
        "<w:ins w:date='2024-05-06T10:00:00Z'/></w:p>"
    )
    styles = "<w:styles xmlns:w='w'><w:lsdException w:name='heading 1'/></w:styles>"
    assert words(read(docx(looks, more={"word/styles.xml": styles}))) == "lunch"


def _formatted(code: str, number: str) -> bytes:
    styles = (
        f'<styleSheet {_S}><numFmts><numFmt numFmtId="164" formatCode="{code}"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="164" applyNumberFormat="1"/></cellXfs></styleSheet>'
    )
    related = "".join(
        f'<Relationship Id="rId{at}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for at, (kind, target) in enumerate((("worksheet", "worksheets/sheet1.xml"), ("styles", "styles.xml")), start=1)
    )
    cells = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>Patient</t></is></c><c r="B1" t="inlineStr"><is><t>No</t></is></c>'
        '</row><row r="2"><c r="A2" t="inlineStr"><is><t>Ann Lee</t></is></c>'
        f'<c s="1" r="B2"><f>A9</f><v>{number}</v></c></row>'
    )
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return xlsx(
        f"<worksheet {_S}><sheetData>{cells}</sheetData></worksheet>",
        more={
            "xl/styles.xml": styles,
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{space}">{related}</Relationships>',
        },
    )


@pytest.mark.parametrize(
    ("code", "number", "shown"),
    [
        ("000-00-0000", "12557812", "012-55-7812"),
        ("000\\-00\\-0000;@", "412557812", "412-55-7812"),
        ("000-00-0000", "1.2557812E7", "012-55-7812"),
        ("00000000", "448812", "00448812"),
        ("&quot;MRN &quot;0000000", "48812", "MRN 0048812"),
        ("[&lt;=9999999]###\\-####;\\(###\\)\\ ###\\-####", "5551234", "555-1234"),
        ("[&lt;=9999999]###\\-####;\\(###\\)\\ ###\\-####", "6175551234", "(617) 555-1234"),
        ("#,##0.00", "448812", "448812"),
        ("0", "448812", "448812"),
        ("0.00E+00", "448812", "448812"),
    ],
)
def test_numbers_are_read_as_they_are_shown(code: str, number: str, shown: str) -> None:
    """MP-14: a social security number kept as 12557812 is 012-55-7812 to whoever opens the sheet, in XLSX and XLS."""
    assert f"{shown}\n" in words(read(_formatted(code, number))).replace(";", "\n") + "\n"
    plain = re.sub("&(lt|quot);", lambda sign: {"lt": "<", "quot": '"'}[sign[1]], code)
    body = struct.pack("<2HBB", 164, len(plain), 0, 0)[:5] + plain.encode()
    looks = record(0x41E, body) + record(0xE0, struct.pack("<2H", 0, 0) + bytes(16))
    looks += record(0xE0, struct.pack("<2H", 0, 164) + bytes(16))
    cell = record(0x203, struct.pack("<3Hd", 5, 5, 1, float(number)))
    found = read(excel((0, 0, "Patient"), (0, 1, "No"), before=looks, after=cell))
    assert shown in words(found).split("\n")


@pytest.mark.parametrize(
    "data",
    [
        docx(f"<w:p><a b='a{' ' * 200_000}'/></w:p>"),
        docx(f"<w:p><a b='{'a-' * 100_000}'/></w:p>"),
        docx(f"<w:p><a b='{'a ' * 100_000}'/></w:p>"),
        xlsx(_X, more={"xl/styles.xml": "<numFmt numFmtId='164' formatCode='00-00'/>" + "<cellXfs " * 30_000}),
        xlsx(_X, more={"xl/styles.xml": f"<numFmt numFmtId='164' formatCode='{'0;' * 100_000}'/><cellXfs></cellXfs>"}),
        rtf("{\\stylesheet " + "\\'" * 100_000 + "}x"),
        rtf("1" * 200_001),
    ],
    ids=lambda _: "file",
)
def test_long_values_cost_no_more_per_octet(data: bytes) -> None:
    """MP-15: what is looked for in attributes, formats and looks is found in one pass."""
    started = time.process_time()
    read(data)
    assert time.process_time() - started < 1


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
