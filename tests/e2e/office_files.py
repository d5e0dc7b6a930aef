"""Documents as LibreOffice writes them: each kind, made in one run from texts that have a number in every corner."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.tools import need

PROLOGUE: Final = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document office:version="1.3"'
    ' office:mimetype="application/vnd.oasis.opendocument.{kind}"'
    + "".join(
        f' xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
        for short, long in {
            "office": "office", "text": "text", "table": "table", "style": "style", "draw": "drawing", "meta": "meta",
            "fo": "xsl-fo-compatible", "svg": "svg-compatible", "presentation": "presentation",
        }.items()
    )
    + ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink">'
)  # fmt: skip
# Where a number stands: each document has all of its own.
IN_TEXT: Final = {
    name: f"412-55-78{number}"
    for number, name in enumerate(
        "title body split cell hidden comment footnote header footer box deleted link".split(), start=10
    )
}
IN_SHEETS: Final = {
    name: f"413-55-78{number}"
    for number, name in enumerate("cell hidden comment header footer far title".split(), start=10)
}
IN_SLIDES: Final = {
    name: f"414-55-78{number}" for number, name in enumerate("first second notes cell title".split(), start=10)
}

_META: Final = "<office:meta><dc:title>Record {title}</dc:title></office:meta>"
_NOTE: Final = "<office:annotation><dc:creator>Ann</dc:creator><text:p>see {comment}</text:p></office:annotation>"
_TEXT: Final = (
    _META
    + """<office:automatic-styles><style:style style:name="H" style:family="text"><style:text-properties
 text:display="none"/></style:style><style:style style:name="B" style:family="text"><style:text-properties
 fo:font-weight="bold"/></style:style><style:page-layout style:name="L"><style:header-style/><style:footer-style/>
</style:page-layout></office:automatic-styles><office:master-styles><style:master-page style:name="Standard"
 style:page-layout-name="L"><style:header><text:p>top {header}</text:p></style:header><style:footer><text:p>bottom
 {footer}</text:p></style:footer></style:master-page></office:master-styles><office:body><office:text>
<text:tracked-changes><text:changed-region text:id="c1"><text:deletion><office:change-info><dc:creator>Ann</dc:creator>
<dc:date>2026-01-02T03:04:05</dc:date></office:change-info><text:p>gone {deleted}</text:p></text:deletion>
</text:changed-region></text:tracked-changes>
<text:p>The number is {body}.</text:p>
<text:p>It is cut: {split}.</text:p>
<text:p>Hidden: <text:span text:style-name="H">{hidden}</text:span> there.</text:p>
<text:p>Noted<office:annotation><dc:creator>Ann</dc:creator><text:p>see {comment}</text:p></office:annotation>
 and<text:note text:note-class="footnote" text:id="f1"><text:note-citation>1</text:note-citation><text:note-body>
<text:p>below {footnote}</text:p></text:note-body></text:note> more<text:change text:change-id="c1"/>.</text:p>
<table:table table:name="T"><table:table-column table:number-columns-repeated="2"/><table:table-row><table:table-cell>
<text:p>Name</text:p></table:table-cell><table:table-cell><text:p>Number</text:p></table:table-cell></table:table-row>
<table:table-row><table:table-cell><text:p>Roe</text:p></table:table-cell><table:table-cell><text:p>{cell}</text:p>
</table:table-cell></table:table-row></table:table>
<text:p>A box<draw:frame text:anchor-type="as-char" svg:width="5cm" svg:height="1cm"><draw:text-box><text:p>in a box
 {box}</text:p></draw:text-box></draw:frame></text:p>
<text:p><text:a xlink:type="simple" xlink:href="https://x.example/?n={link}">a link</text:a></text:p>
</office:text></office:body></office:document>"""
)
_SHEETS: Final = (
    _META
    + """<office:automatic-styles><style:style style:name="off" style:family="table" style:master-page-name="Default">
<style:table-properties table:display="false"/></style:style><style:style style:name="on" style:family="table"
 style:master-page-name="Default"><style:table-properties table:display="true"/></style:style><style:page-layout
 style:name="L"><style:header-style/><style:footer-style/></style:page-layout></office:automatic-styles>
<office:master-styles><style:master-page style:name="Default" style:page-layout-name="L"><style:header><text:p>top
 {header}</text:p></style:header><style:footer><text:p>bottom {footer}</text:p></style:footer></style:master-page>
</office:master-styles><office:body><office:spreadsheet>
<table:table table:name="Shown" table:style-name="on"><table:table-row><table:table-cell office:value-type="string">
<text:p>Name</text:p></table:table-cell><table:table-cell office:value-type="string"><text:p>Number</text:p>
</table:table-cell></table:table-row><table:table-row table:number-rows-repeated="3"/><table:table-row>
<table:table-cell office:value-type="string"><text:p>Roe</text:p></table:table-cell><table:table-cell
 office:value-type="string"><text:p>{cell}</text:p></table:table-cell></table:table-row>
<table:table-row table:number-rows-repeated="20"/><table:table-row><table:table-cell
 table:number-columns-repeated="27"/><table:table-cell office:value-type="string"><text:p>{far}</text:p>
</table:table-cell></table:table-row><table:table-row><table:table-cell office:value-type="string">"""
    + _NOTE
    + """<text:p>noted</text:p></table:table-cell></table:table-row></table:table>
<table:table table:name="Kept" table:style-name="off"><table:table-row><table:table-cell office:value-type="string">
<text:p>{hidden}</text:p></table:table-cell></table:table-row></table:table>
</office:spreadsheet></office:body></office:document>"""
)
_SLIDE: Final = """<draw:page draw:name="p{number}" draw:master-page-name="M"><draw:frame svg:width="20cm"
 svg:height="3cm" svg:x="1cm" svg:y="1cm"><draw:text-box><text:p>slide {shown}</text:p></draw:text-box>
</draw:frame>{more}
<presentation:notes><draw:frame presentation:class="notes" svg:width="10cm" svg:height="5cm" svg:x="1cm" svg:y="12cm">
<draw:text-box><text:p>{notes}</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>"""
_TABLE: Final = """<draw:frame svg:width="15cm" svg:height="3cm" svg:x="1cm" svg:y="8cm"><table:table>
<table:table-column/>
<table:table-row><table:table-cell><text:p>in a cell {cell}</text:p></table:table-cell></table:table-row></table:table>
</draw:frame>"""
_SLIDES: Final = (
    _META
    + """<office:automatic-styles><style:page-layout style:name="L"><style:page-layout-properties fo:page-width="28cm"
 fo:page-height="21cm"/></style:page-layout></office:automatic-styles><office:master-styles><style:master-page
 style:name="M" style:page-layout-name="L"/></office:master-styles><office:body><office:presentation>"""
    + _SLIDE.format(number=1, shown="{first}", more="", notes="say nothing")
    + _SLIDE.format(number=2, shown="{second}", more=_TABLE, notes="say {notes}")
    + "</office:presentation></office:body></office:document>"
)
SOURCES: Final = {
    "text.fodt": ("text", _TEXT, IN_TEXT),
    "sheets.fods": ("spreadsheet", _SHEETS, IN_SHEETS),
    "slides.fodp": ("presentation", _SLIDES, IN_SLIDES),
}
# What is made of which: LibreOffice's name of the filter.
MADE: Final = {
    "text.docx": "MS Word 2007 XML",
    "text.doc": "MS Word 97",
    "text.rtf": "Rich Text Format",
    "text.odt": "writer8",
    "text.pdf": "writer_pdf_Export",
    "sheets.xlsx": "Calc MS Excel 2007 XML",
    "sheets.xls": "MS Excel 97",
    "sheets.ods": "calc8",
    "slides.pptx": "Impress MS PowerPoint 2007 XML",
    "slides.ppt": "MS PowerPoint 97",
    "slides.odp": "impress8",
}
LOCKED: Final = {
    "locked.doc": ("text.fodt", "MS Word 97"),
    "locked.xls": ("sheets.fods", "MS Excel 97"),
    "locked.ods": ("sheets.fods", "calc8"),
    "locked.odt": ("text.fodt", "writer8"),
}
_MODULE: Final = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE script:module PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "module.dtd">
<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Made" script:language="StarBasic">
Sub Convert
  Dim load(0) As New com.sun.star.beans.PropertyValue
  Dim save(0) As New com.sun.star.beans.PropertyValue
  load(0).Name = "Hidden"
  load(0).Value = True
  save(0).Name = "FilterName"
  Dim secured(1) As New com.sun.star.beans.PropertyValue
  secured(0).Name = "FilterName"
  secured(1).Name = "Password"
  secured(1).Value = "secret"
{lines}
  StarDesktop.terminate()
End Sub
</script:module>"""
_LIBRARY: Final = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE library:library PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "library.dtd">
<library:library xmlns:library="http://openoffice.org/2000/library" library:name="Standard" library:readonly="false"
 library:passwordprotected="false"><library:element library:name="Made"/></library:library>"""
_TIME_S: Final = 60


def make(folder: Path) -> Mapping[str, bytes]:
    """Write the sources and have LibreOffice make every file of `MADE` and `LOCKED`. Returns: them by name."""
    program = need("soffice")
    lines = []
    for source, (kind, text, numbers) in SOURCES.items():
        (folder / source).write_text(PROLOGUE.format(kind=kind) + _filled(text, numbers), encoding="utf-8")
        lines.append(f'  doc = StarDesktop.loadComponentFromURL("{(folder / source).as_uri()}", "_blank", 0, load())')
        for name, written in MADE.items():
            if name.partition(".")[0] == source.partition(".")[0]:
                lines.append(f'  save(0).Value = "{written}"')
                lines.append(f'  doc.storeToURL("{(folder / name).as_uri()}", save())')
        for name, (origin, written) in LOCKED.items():
            if origin == source:
                lines.append(f'  secured(0).Value = "{written}"')
                lines.append(f'  doc.storeToURL("{(folder / name).as_uri()}", secured())')
        lines.append("  doc.close(True)")
    _run(program, folder, "--terminate_after_init")  # a new profile has a library of its own, which would win
    library = folder / "profile/user/basic/Standard"
    (library / "Made.xba").write_text(_MODULE.format(lines="\n".join(lines)), encoding="utf-8")
    (library / "script.xlb").write_text(_LIBRARY, encoding="utf-8")
    _run(program, folder, "macro:///Standard.Made.Convert")
    return {name: (folder / name).read_bytes() for name in (*MADE, *LOCKED)}


def _filled(text: str, numbers: Mapping[str, str]) -> str:
    """Put the numbers in; the one that is cut has formatting in its middle."""
    values = dict(numbers)
    if "split" in values:
        head, middle, tail = values["split"].split("-")
        values["split"] = f'{head}<text:span text:style-name="B">-{middle}-</text:span>{tail}'
    return text.format(**values)


def _run(program: str, folder: Path, what: str) -> None:
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    process = subprocess.Popen(
        [program, profile, "--headless", "--nologo", "--norestore", what],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        start_new_session=True,  # the program is a script that starts another
    )
    try:
        assert process.wait(_TIME_S) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
