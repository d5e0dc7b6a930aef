"""Small files of office programs and archivers, written for this project; nobody in them exists."""

import base64
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence

from policy.phi.extract import extract
from policy.phi.files.found import Budget, Found, Job, Letter, Piece, Unreadable
from policy.phi.report import Place

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes(40)
NUMBER = "412-55-7812"
# a.txt with "SSN 412-55-7812", as libarchive packs it
SEVEN_ZIP = base64.b64decode(
    "N3q8ryccAAN3QpyWGQAAAAAAAAA+AAAAAAAAAPi6s6IAKeE0QDQYzu7oiNi12sXCKkib//+hdAAAAQQGAAEJGQAHCwEAASMDAQEF"
    "XQAAgAAMDwAICgEevoLvAAAFARENAGEALgB0AHgAdAAAABUGAQAggLSBAAA="
)
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)


def read(data: bytes, *, name: str = "", file_name: str = "", budget: Budget | None = None) -> list[Found]:
    """Read a file as a part of a message would be."""
    job = Job(
        place=Place(part="2", name=name),
        budget=budget or Budget(characters=2_000_000),
        read=extract,
        file_name=file_name,
    )
    return list(extract(data, job))


def words(found: Sequence[Found]) -> str:
    """All that was read, file names aside."""
    return "\n".join(piece.content for piece in found if isinstance(piece, Piece) and not piece.is_name)


def reasons(found: Sequence[Found]) -> list[str]:
    """Why something could not be read."""
    return [entry.reason for entry in found if isinstance(entry, Unreadable)]


def letters(found: Sequence[Found]) -> list[bytes]:
    """The messages that were in it."""
    return [entry.data for entry in found if isinstance(entry, Letter)]


def zipped(files: Mapping[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP as the standard library writes it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def paragraph(*runs: str) -> str:
    """Return a paragraph of Word whose text is cut into runs, as an edit or the spelling check leaves it."""
    return "<w:p>" + "".join(f"<w:r><w:rPr/><w:t>{run}</w:t></w:r><w:proofErr/>" for run in runs) + "</w:p>"


def docx(*body: str, more: Mapping[str, bytes | str] | None = None) -> bytes:
    """Return a document of Word. body: paragraphs or other XML. more: further parts."""
    return zipped(
        {
            "[Content_Types].xml": _TYPES,
            "_rels/.rels": f'<Relationships xmlns="{_RELS}"/>',
            "word/document.xml": f"<w:document {_W}><w:body>{''.join(body)}</w:body></w:document>",
            **(more or {}),
        }
    )


def word_part(root: str, *body: str) -> str:
    """Return another part of a document of Word, such as `hdr` or `comments`."""
    return f"<w:{root} {_W}>{''.join(body)}</w:{root}>"


def relations(*targets: tuple[str, str]) -> str:
    """Return a part that says what is outside of the document: (kind, target)."""
    made = (
        f'<Relationship Id="r{number}" Type="{_OFFICE}/{kind}" Target="{target}" TargetMode="External"/>'
        for number, (kind, target) in enumerate(targets)
    )
    return f'<Relationships xmlns="{_RELS}">{"".join(made)}</Relationships>'


def _cells(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for number, row in enumerate(rows, start=1):
        cells = "".join(
            f'<c r="{chr(65 + column)}{number}" t="inlineStr"><is><t>{cell}</t></is></c>'
            for column, cell in enumerate(row)
        )
        yield f'<row r="{number}">{cells}</row>'


def sheet(rows: Sequence[Sequence[str]], *, after: str = "") -> str:
    """Return a worksheet part."""
    return f"<worksheet {_S}><sheetData>{''.join(_cells(rows))}</sheetData>{after}</worksheet>"


def xlsx(*sheets: str, states: Sequence[str] = (), more: Mapping[str, bytes | str] | None = None) -> bytes:
    """Return a workbook of Excel. sheets: worksheet parts. states: visible, hidden or veryHidden, for each."""
    states = states or ["visible"] * len(sheets)
    listed = "".join(
        f'<sheet name="Tab{number}" sheetId="{number}" state="{state}" r:id="rId{number}"/>'
        for number, state in enumerate(states, start=1)
    )
    related = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in range(1, len(sheets) + 1)
    )
    return zipped(
        {
            "[Content_Types].xml": _TYPES,
            "_rels/.rels": f'<Relationships xmlns="{_RELS}"><Relationship Id="r1" Type="{_OFFICE}/officeDocument"'
            ' Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f"<workbook {_S} {_R}><sheets>{listed}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELS}">{related}'
            f'<Relationship Id="s1" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
            "xl/sharedStrings.xml": f"<sst {_S}/>",
            **{f"xl/worksheets/sheet{number}.xml": content for number, content in enumerate(sheets, start=1)},
            **(more or {}),
        }
    )


def shared_strings(*strings: str) -> str:
    """Return the part with a workbook's strings; each may hold <r> runs."""
    return f"<sst {_S}>{''.join(f'<si>{string}</si>' for string in strings)}</sst>"


_ODF = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
    for short, long in (("office", "office"), ("text", "text"), ("table", "table"), ("style", "style"))
)


def odf(body: str, *, styles: str = "", manifest: str = "", more: Mapping[str, bytes | str] | None = None) -> bytes:
    """Return an OpenDocument file. body: what stands in office:text or office:spreadsheet."""
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"<office:document-content {_ODF}><office:body>{body}</office:body>"
            "</office:document-content>",
            "styles.xml": f"<office:document-styles {_ODF}>{styles}</office:document-styles>",
            "META-INF/manifest.xml": f"<manifest>{manifest}</manifest>",
            **(more or {}),
        }
    )
