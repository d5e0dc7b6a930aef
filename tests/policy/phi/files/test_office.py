"""Office documents: every place in which one can say something is read, whole; what cannot be read is told."""

import io
import zipfile

import pytest

from policy.phi.classify import classify_message
from policy.phi.files.found import Budget, Piece
from policy.phi.report import Kind
from tests.policy.phi.files.make import (
    NUMBER,
    PNG,
    docx,
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
from tests.policy.phi.messages import PHI_SENTENCE, attachment, multipart, text_part

_RUNS = paragraph("SSN 41", "2-5", "5-78", "12 on file")
_TABLE = (
    "<w:tbl><w:tr><w:tc>" + paragraph("Patient") + "</w:tc><w:tc>" + paragraph("MRN") + "</w:tc></w:tr>"
    "<w:tr><w:tc>" + paragraph("Ann ", "Lee") + "</w:tc><w:tc>" + paragraph("0044", "8812") + "</w:tc></w:tr></w:tbl>"
)
_BOX = (
    "<w:p><w:r><w:t>before 412-</w:t></w:r><w:r><w:pict><w:txbxContent>"
    + paragraph("in the box")
    + "</w:txbxContent></w:pict></w:r><w:r><w:t>55-7812 after</w:t></w:r></w:p>"
)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (docx(_RUNS), f"SSN {NUMBER} on file"),
        (docx(_TABLE), "Patient: Ann Lee; MRN: 00448812"),
        (docx(_BOX), f"before {NUMBER} after"),
        (docx(_BOX), "in the box"),
        (docx('<w:p><w:del w:author="Dr. Roe"><w:r><w:delText>SSN 412-</w:delText></w:r><w:r>'
              "<w:delText>55-7812</w:delText></w:r></w:del></w:p>"), f"SSN {NUMBER}"),
        (docx("<w:p><w:r><w:t>412</w:t><w:noBreakHyphen/><w:t>55</w:t><w:noBreakHyphen/><w:t>7812</w:t></w:r></w:p>"),
         NUMBER),
        (docx(more={"word/header1.xml": word_part("hdr", _RUNS)}), f"SSN {NUMBER} on file"),
        (docx(more={"word/footer2.xml": word_part("ftr", _RUNS)}), f"SSN {NUMBER} on file"),
        (docx(more={"word/comments.xml": word_part("comments", "<w:comment>", _RUNS, "</w:comment>")}),
         f"SSN {NUMBER} on file"),
        (docx(more={"word/footnotes.xml": word_part("footnotes", "<w:footnote>", _RUNS, "</w:footnote>")}),
         f"SSN {NUMBER} on file"),
        (docx(more={"docProps/core.xml": "<c><title>Chart of Ann Lee</title><creator>Bo</creator></c>"}),
         "Chart of Ann Lee"),
        (docx(more={"docProps/custom.xml": '<P><property name="MRN"><lpwstr>00448812</lpwstr></property></P>'}),
         "00448812"),
        (docx(more={"word/_rels/document.xml.rels": relations(("hyperlink", "mailto:ann.lee@x.example"))}),
         "mailto:ann.lee@x.example"),
        (docx(more={"word/charts/chart1.xml": "<c><pt><v>HIV positive</v></pt></c>"}), "HIV positive"),
        (docx(more={"word/afchunk.htm": "<html><p>4<b>12</b>-55-7812"}), NUMBER),
        (docx(more={"word/embeddings/a.xlsx": xlsx(sheet([["Patient", "MRN"], ["Ann Lee", "00448812"]]))}),
         "Patient: Ann Lee; MRN: 00448812"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)  # fmt: skip
def test_word(data: bytes, line: str) -> None:
    """MP-14: runs are joined within a paragraph and a row is one line; nothing that Word shows or keeps is left out."""
    found = read(data)
    assert line in words(found).split("\n")
    assert reasons(found) == []


_EMPTY = "<table:table-cell table:number-columns-repeated='{}'/>"
_GAP = "<table:table-row table:number-rows-repeated='{}'>" + _EMPTY.format(3) + "</table:table-row>"


def _row(*cells: str) -> str:
    """Return a row of OpenDocument. cells: words, or whole elements."""
    told = (
        cell if cell[0] == "<" else f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in cells
    )
    return f"<table:table-row>{''.join(told)}</table:table-row>"


def _ods(*tables: str) -> bytes:
    made = "".join(f"<table:table>{table}</table:table>" for table in tables)
    return odf(f"<office:spreadsheet>{made}</office:spreadsheet>")


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (_ods(_row("Patient", "MRN") + _row("Ann Lee", "00448812")), "sheet 1, cell B2"),
        (_ods(_row("x"), _row("Patient", "MRN") + _row("Ann Lee", "00448812")), "sheet 2, cell B2"),
        (_ods(_GAP.format(4) + _row("Patient", "MRN") + _row("Ann Lee", "00448812")), "sheet 1, cell B6"),
        (_ods(_row("Ward", "Bed", "MRN") + _row("A", _EMPTY.format(1), "00448812")), "sheet 1, cell C2"),
        (_ods(_row(_EMPTY.format(26), "MRN") + _row(_EMPTY.format(26), "00448812")), "sheet 1, cell AA2"),
        (_ods(_row("Patient", "MRN"), _row("MRN: 00448812") + _GAP.format(1048570)), "sheet 2, cell A1"),
    ],
)
def test_a_cell_of_opendocument_is_named(data: bytes, where: str) -> None:
    """Empty cells and rows are counted as often as they stand there; the value keeps its column's label."""
    file = attachment(data, kind="application/vnd.oasis.opendocument.spreadsheet", name="a.ods")
    report = classify_message(multipart([text_part("see file"), file]))
    (mrn,) = [one for one in report.findings if one.kind is Kind.MRN]
    assert str(mrn.place).partition(", ")[2] == where


def test_a_sheet_that_is_large_for_nothing() -> None:
    """AB-07: cells at the far end of many rows are read, and cost no place for what is between."""
    rows = _row(_EMPTY.format(16_000), f"SSN {NUMBER}") * 100
    found = read(_ods(rows, _row("Ann Lee")))
    assert reasons(found) == ["a sheet is larger than is read"]
    assert f"SSN {NUMBER}" in words(found)
    assert "Ann Lee" in words(found)


_SLIDE = (
    '<p:sld xmlns:p="p" xmlns:a="a"><p:txBody><a:p><a:r><a:t>SSN 412-</a:t></a:r><a:r><a:t>55-7812</a:t></a:r></a:p>'
    "</p:txBody></p:sld>"
)


_RELATION = '<Relationship Id="r{}" Type="t" Target="{}"/>'
_SHOW = (
    '<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst><p:sldId id="256" r:id="r0"/><p:sldId id="257" r:id="r1"/>'
    "</p:sldIdLst></p:presentation>"
)


def _within(*targets: str) -> str:
    """Return a part that says which others belong to one."""
    made = "".join(_RELATION.format(number, target) for number, target in enumerate(targets))
    return f"<Relationships>{made}</Relationships>"


def _show(*order: str) -> dict[str, str]:
    """Return the parts of a presentation; order: of its slides, two or none."""
    slides = {f"ppt/slides/slide{number}.xml": _SLIDE.replace("SSN", f"Slide {number}:") for number in ("2", "10", "7")}
    return {
        "[Content_Types].xml": "<Types/>",
        **slides,
        "ppt/notesSlides/notesSlide1.xml": _SLIDE.replace("SSN", "Note of 7:"),
        "ppt/comments/comment9.xml": '<p:cm xmlns:p="p"><p:text>ask Ann Lee</p:text></p:cm>',
        "ppt/slides/_rels/slide7.xml.rels": _within("../notesSlides/notesSlide1.xml", "/ppt/comments/comment9.xml"),
        "ppt/presentation.xml": _SHOW,
        "ppt/_rels/presentation.xml.rels": _within(*order),
    }


@pytest.mark.parametrize(
    ("order", "pages"),
    [
        (("slides/slide7.xml", "/ppt/slides/slide2.xml"), {"7": 1, "2": 2, "10": 3}),
        ((), {"2": 1, "7": 2, "10": 3}),  # of no list: as their files are named
        (("../x.xml", "slides/slide10.xml"), {"10": 1, "2": 2, "7": 3}),
    ],
)
def test_slides_are_pages_in_the_order_in_which_they_are_shown(order: tuple[str, ...], pages: dict[str, int]) -> None:
    """MP-14: a slide that no list names is read too; notes and comments are on the page of their slide."""
    found = [entry for entry in read(zipped(_show(*order))) if isinstance(entry, Piece)]
    said = {entry.content: entry.place.page for entry in found}
    expected = {f"Slide {number}: {NUMBER}": page for number, page in pages.items()}
    assert expected.items() <= said.items()
    assert said[f"Note of 7: {NUMBER}"] == said["ask Ann Lee"] == pages["7"]
    shown = [entry.place.page for entry in found if entry.content.startswith("Slide")]
    assert shown == sorted(shown)


def test_a_presentation_whose_order_cannot_be_read() -> None:
    """AB-07: its slides are read all the same, and what is damaged is told."""
    for name, content in (("ppt/presentation.xml", "<a"), ("ppt/_rels/presentation.xml.rels", "<!DOCTYPE a><a/>")):
        found = read(zipped({**_show("slides/slide7.xml", "slides/slide2.xml"), name: content}))
        assert f"Slide 10: {NUMBER}" in words(found)
        assert reasons(found)


_ROWS = [["Weekly list"], ["Patient", "Date of Birth", "Dx"], ["Ann Lee", "03/14/1981", "asthma"]]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (xlsx(sheet(_ROWS)), "Patient: Ann Lee; Date of Birth: 03/14/1981; Dx: asthma"),
        (xlsx(sheet([["x"]]), sheet(_ROWS), states=["visible", "hidden"]),
         "Patient: Ann Lee; Date of Birth: 03/14/1981; Dx: asthma"),
        (xlsx(sheet([["x"]]), sheet(_ROWS), states=["visible", "veryHidden"]),
         "Patient: Ann Lee; Date of Birth: 03/14/1981; Dx: asthma"),
        (xlsx(sheet([["x"]]), more={"xl/comments1.xml": '<c xmlns="http://schemas.openxmlformats.org/spreadsheetml">'
              "<comment><text><r><t>SSN 412-</t></r><r><t>55-7812</t></r></text></comment></c>"}), f"SSN {NUMBER}"),
        (xlsx(sheet([["x"]], after="<headerFooter><oddHeader>&amp;CAnn Lee, MRN 00448812</oddHeader></headerFooter>")),
         " Ann Lee, MRN 00448812"),
        (xlsx(sheet([["x"]]), more={"xl/drawings/drawing1.xml": '<d xmlns:a="a"><a:p><a:r><a:t>SSN 412-</a:t></a:r>'
              "<a:r><a:t>55-7812</a:t></a:r></a:p></d>"}), f"SSN {NUMBER}"),
        (xlsx(sheet([["x"]]),
              more={"xl/sharedStrings.xml": shared_strings("<r><t>SSN 412-</t></r><r><t>55-7812</t></r>")}),
         f"SSN {NUMBER}"),
        (xlsx(sheet([["x"]]), more={"xl/pivotCache/pivotCacheRecords1.xml": '<p><r><s v="Ann Lee"/></r></p>'}),
         "Ann Lee"),
        (xlsx(sheet([["x"]], after="<f>IF(A1=1,&quot;HIV positive&quot;,2)</f>")), 'IF(A1=1,"HIV positive",2)'),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)  # fmt: skip
def test_excel(data: bytes, line: str) -> None:
    """MP-14: cells of hidden sheets, comments, page headers, drawings, strings and tables that no sheet shows."""
    found = read(data)
    assert line in words(found).split("\n")
    assert reasons(found) == []


def test_numbers_and_dates_are_written_as_people_do() -> None:
    """A record number is no "448812.0", a birth date is no count of days."""
    cells = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>MRN</t></is></c>'
        '<c r="B1" t="inlineStr"><is><t>DOB</t></is></c></row>'
        '<row r="2"><c r="A2"><v>448812</v></c><c r="B2" s="1"><v>29659</v></c></row>'
    )
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    styles = f'<styleSheet xmlns="{space}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
    data = xlsx(f'<worksheet xmlns="{space}"><sheetData>{cells}</sheetData></worksheet>',
                more={"xl/styles.xml": styles, "xl/_rels/workbook.xml.rels": _RELATED})  # fmt: skip
    assert "MRN: 448812; DOB: 1981-03-14" in words(read(data))


_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATED = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
)
_SPAN = "<text:p>SSN 41<text:span>2-55</text:span>-7<text:bookmark/>812</text:p>"
_FOOTER = f"<office:master-styles><style:footer>{_SPAN}</style:footer></office:master-styles>"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (odf(f"<office:text>{_SPAN}</office:text>"), f"SSN {NUMBER}"),
        (odf("<office:text><text:h>a</text:h></office:text>", styles=_FOOTER), f"SSN {NUMBER}"),
        (odf(f"<office:text><text:p>x<office:annotation><creator>Bo</creator>{_SPAN}</office:annotation>y</text:p>"
             "</office:text>"), f"SSN {NUMBER}"),
        (odf(f"<office:text><text:p>x<office:annotation><creator>Bo</creator>{_SPAN}</office:annotation>y</text:p>"
             "</office:text>"), "xy"),
        (odf(f"<office:text><text:tracked-changes><text:deletion>{_SPAN}</text:deletion></text:tracked-changes>"
             "</office:text>"), f"SSN {NUMBER}"),
        (odf("<office:text><text:p>a<text:s text:c='2'/>b<text:tab/>c<text:line-break/>d</text:p></office:text>"),
         "a b c"),
        (odf("<office:spreadsheet><table:table><table:table-row><table:table-cell><text:p>Patient</text:p>"
             "</table:table-cell><table:table-cell><text:p>MRN</text:p></table:table-cell></table:table-row>"
             "<table:table-row><table:table-cell table:number-columns-repeated='900000'><text:p>Ann Lee</text:p>"
             "</table:table-cell><table:table-cell><text:p>0044<text:span>8812</text:span></text:p></table:table-cell>"
             "</table:table-row></table:table></office:spreadsheet>"), "Patient: Ann Lee; MRN: 00448812"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)  # fmt: skip
def test_open_document(data: bytes, line: str) -> None:
    """MP-14: spans, footers, annotations, deletions and cells of ODT, ODS and ODP; a cell repeated is read once."""
    found = read(data)
    assert line in words(found).split("\n")
    assert reasons(found) == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (docx(_RUNS, more={"word/media/image1.png": PNG}), "attachment type not readable yet (an image)"),
        (docx(_RUNS, more={"word/embeddings/oleObject1.bin": b"\x00\x01\x02"}),
         "attachment type not readable yet (no text)"),
        (docx(_RUNS, more={"word/vbaProject.bin": b"\xd0\xcf"}), "the document holds macros"),
        (docx(_RUNS, more={"word/_rels/document.xml.rels": relations(("image", "https://x.example/a.png"))}),
         "the document shows something that is elsewhere"),
        (docx(_RUNS, more={"word/header1.xml": "<w:hdr"}), "the document's XML is damaged"),
        (docx(_RUNS, more={"docProps/thumbnail.jpeg": b"\xff\xd8\xff" + bytes(range(256)) * 300}),
         "attachment type not readable yet (an image)"),
        (odf(f"<office:text>{_SPAN}</office:text>", more={"Pictures/1.png": PNG}),
         "attachment type not readable yet (an image)"),
        (odf(f"<office:text>{_SPAN}</office:text>", manifest='<encryption-data checksum="x"/>'),
         "the document is encrypted"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)  # fmt: skip
def test_what_shows_without_text_is_told(data: bytes, reason: str) -> None:
    """AB-02, AB-03, invariant 5: the text is read, and what stands beside it unread is said."""
    found = read(data)
    assert NUMBER in words(found)
    assert reason in reasons(found)


def test_what_programs_always_add_is_no_alarm() -> None:
    """A thumbnail, a printer's memory and looks are no reason to hold every office document."""
    found = read(docx(_RUNS, more={"docProps/thumbnail.jpeg": b"\xff\xd8\xff" + bytes(200), "word/styles.xml": "<s/>"}))
    found += read(xlsx(sheet(_ROWS), more={"xl/printerSettings/printerSettings1.bin": b"H\0P\0 \0L\0a\0s\0e\0r\0\0\1"}))
    found += read(odf(f"<office:text>{_SPAN}</office:text>", more={"Thumbnails/thumbnail.png": PNG}))
    assert reasons(found) == []
    assert "HP Laser" in words(found)


_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><w>&c;</w>'
)
_EXTERNAL = '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/passwd">]><w>&a;</w>'


@pytest.mark.parametrize("part", [_LAUGHS, _EXTERNAL])
def test_document_types_are_refused(part: str) -> None:
    """AB-07: no entity is defined, so none expands and none is fetched."""
    found = read(docx(_RUNS, more={"word/header1.xml": part}))
    assert "the document defines its own type" in reasons(found)
    assert "ha" * 8 not in words(found)
    assert "root:" not in words(found)


def test_a_sheet_without_end_is_not_laid_out() -> None:
    """AB-07: two cells at opposite corners would be 17 thousand million cells of memory."""
    wide = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
    for cells in (
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        '<row r="1048570"><c><v>1</v></c><c><v>1</v></c></row><row r="1"><c r="A1"/></row>',
        '<row r="1048576"/><row><c r="XFD7"><v>1</v></c></row>',
    ):
        data = xlsx(wide.format(cells), more={"xl/sharedStrings.xml": shared_strings(f"<t>{NUMBER}</t>")})
        found = read(data)
        assert reasons(found) == ["a sheet is larger than is read"]
        assert NUMBER in words(found)


def test_elements_are_counted() -> None:
    """AB-07: a million tags of nothing take a second and no more; then the document counts as unread."""
    found = read(docx("<w:r/>" * 3000), budget=Budget(characters=1000, elements=2000))
    assert reasons(found) == ["the document is more than is looked at"]
    found = read(docx("<w:r>" * 600 + "</w:r>" * 600))
    assert reasons(found) == ["the document is more than is looked at"]


def test_a_damaged_workbook_is_told() -> None:
    """MP-15: what calamine refuses or panics over is unreadable, never an error of the classifier."""
    assert reasons(read(xlsx("<worksheet><sheetData>", "</x>")))
    whole = xlsx(sheet(_ROWS))
    for cut in range(0, len(whole), 97):
        assert reasons(read(b"PK\x03\x04" + whole[4:cut] + whole[cut + 3 :])) or cut == 0


def test_message_with_a_document_is_judged_by_its_words() -> None:
    """AB-03, MP-14: what a document says makes a message PHI under any name and type, or leaves it clean."""
    for kind, name in (("application/octet-stream", "x.bin"), ("text/plain", "a.txt"), ("image/png", "a.png")):
        report = classify_message(
            multipart([text_part("see file"), attachment(docx(paragraph(PHI_SENTENCE)), kind=kind, name=name)])
        )
        assert report.phi
        assert report.uninspectable == ()
    lunch = docx(paragraph("The canteen serves soup on Friday."))
    assert not classify_message(multipart([text_part("hi"), attachment(lunch, kind="application/zip")])).protected


def test_python_writes_the_same_container() -> None:
    """The makers of these tests write what zipfile can read: the oracle is not only our own reader."""
    with zipfile.ZipFile(io.BytesIO(docx(_RUNS))) as archive:
        assert archive.testzip() is None
