"""Corners of office files: whatever stands in one is read, or the file says that something in it is not."""

import re
import struct
import time
from typing import Final

import pytest

from tests.policy.phi.files.compound import excel, record
from tests.policy.phi.files.make import (
    NUMBER,
    docx,
    letters,
    odf,
    paragraph,
    read,
    reasons,
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
