"""Office documents in ZIP files: Word, PowerPoint, Excel (ECMA-376) and OpenDocument (OASIS ODF 1.3).

Every XML part is read, not a list of known ones, so headers, footers, notes, comments, text boxes, what was deleted
under tracking, masters, charts and properties are all there. What is no XML is read by its own content, like an
attachment; pictures, macros and what is fetched from elsewhere are told as unreadable.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from policy.phi.files import archive, sheet
from policy.phi.files.found import TOO_MUCH, Found, Job, Piece, Unreadable
from policy.phi.files.magic import NOT_YET
from policy.phi.files.ods import SPREADSHEET, read_sheets
from policy.phi.files.slides import in_order, slide_pages
from policy.phi.files.streams import printable
from policy.phi.files.xml_walk import XmlRefused, speaks, xml_lines, xml_tags
from policy.phi.files.zip import Entry, begins, unpack
from policy.phi.report import Place
from policy.phi.text_xml import xml_text

WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXCEL: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
POWERPOINT: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
OPEN_DOCUMENT: Final = "application/vnd.oasis.opendocument.text"
TYPES: Final = frozenset({WORD, EXCEL, POWERPOINT, OPEN_DOCUMENT})
_FOLDERS: Final = (("word/", WORD), ("xl/", EXCEL), ("ppt/", POWERPOINT))
_XML_NAMES: Final = (".xml", ".rels", ".vml", ".rdf")
# Parts that say how things look, never what: no program shows a word of them.
_LOOKS: Final = re.compile(
    r"\[Content_Types\]\.xml|META-INF/manifest\.xml|settings\.xml"
    r"|(?:word|xl|ppt)/(?:theme/.*|styles\.xml|fontTable\.xml|webSettings\.xml|calcChain\.xml|tableStyles\.xml)"
)
# The first page as a small picture, made by the program that saved the file from what is read here anyway.
_THUMBNAIL: Final = re.compile(r"docProps/thumbnail\.(?:jpe?g|png|emf|wmf)|Thumbnails/thumbnail\.png")
_THUMBNAIL_OCTETS: Final = 65_536
_DRAWING_OCTETS: Final = 262_144
# What programs remember of a printer and of lines, and how LibreOffice draws a table that is there as cells, too.
_PRINTER: Final = re.compile(
    r"xl/printerSettings/printerSettings\d{1,4}\.bin|layout-cache|Pictures/TablePreview\d{1,4}\.svm"
)
_PRINTER_OCTETS: Final = 262_144
_BINARY_BOOK: Final = re.compile(r"xl/(?:workbook|sharedStrings|styles|(?:worksheets|chartsheets)/[^/]*)\.bin")
_TYPE: Final = re.compile(rb"[a-z]{1,20}/[a-z0-9.+-]{1,100}\s*")
_TYPE_OCTETS: Final = 130
_SAYS_WORDS: Final = re.compile(rb">\s*[^<>\s]|[0-9]-[0-9]|@|<!--")  # what a part of looks has none of
_MACROS: Final = re.compile(r".*vba(?:Project|Data).*|.*macrosheets/.*|Basic/.+|Scripts/.+", re.IGNORECASE)
_SHEET: Final = re.compile(r"xl/worksheets/[^/]*\.xml")
_FLAT: Final = re.compile(
    r"<(?:\w{1,20}:)?(?:document|wordDocument|Workbook|package)\b[^<>]*"
    r"(?:opendocument|microsoft-com:office|schemas\.microsoft\.com/office)"
)
_FLAT_CHARACTERS: Final = 20_000  # in which the first tag stands
_FLAT_FILE: Final = re.compile(rb"<(?:\w{1,20}:)?(?:binary-data|binaryData|binData)\b")
_STRINGS: Final = "xl/sharedStrings.xml"
_STYLES: Final = "xl/styles.xml"
_CONTENT: Final = "content.xml"
_ENCRYPTION: Final = b"encryption-data"


def is_office(files: Sequence[Entry]) -> bool:
    """Tell by the names in a ZIP whether it is an office document (ECMA-376 part 2; ODF 1.3 part 2 section 3)."""
    names = {entry.name for entry in files}
    return "[Content_Types].xml" in names or {"META-INF/manifest.xml", "content.xml"} <= names


def read_office(data: bytes, files: Sequence[Entry], job: Job) -> Iterator[Found]:
    """Yield what an office document holds."""
    names = [entry.name for entry in files]
    kind = next((kind for folder, kind in _FOLDERS if any(name.startswith(folder) for name in names)), OPEN_DOCUMENT)
    sheets: list[bytes] = []
    strings: list[str] = []
    styles = b""
    yield from _names(names, job, kind)
    pages = slide_pages(data, files, job.budget)
    for number, entry in in_order(files, pages):
        if job.budget.octets <= 0 or job.budget.characters <= 0:
            yield Unreadable(job.at(name=kind), TOO_MUCH)
            return
        if not entry.name.endswith(_XML_NAMES) or entry.is_encrypted:
            yield from _other(data, entry, job, number, kind)
            continue
        content, reason = unpack(data, entry, job.budget)
        if reason:
            yield Unreadable(job.at(name=kind), reason)
        if _SHEET.fullmatch(entry.name):
            sheets.append(content)
        elif entry.name == _STRINGS:
            strings, reason = _lines(content, entry.name, job)
            yield from [Unreadable(job.at(name=kind), reason)] if reason else []
        elif not reason:
            styles = content if entry.name == _STYLES else styles
            yield from _xml_part(content, entry.name, job, job.at(name=kind, page=pages.get(entry.name, 0)))
    if sheets:
        yield from sheet.read_workbook(data, sheet.Workbook(sheets, strings, styles), job, kind)
    elif strings:
        yield Piece(job.at(name=kind), "\n".join(strings))


def is_flat(text: str) -> bool:
    """Tell whether a text is an office document in one piece of XML: OpenDocument's, Word's or Excel's."""
    return _FLAT.search(text[:_FLAT_CHARACTERS]) is not None


def read_flat(data: bytes, job: Job) -> Iterator[Found]:
    """Yield what such a document says, with its runs joined; files in it are in base64 and are told."""
    place = replace(job.place, name=job.place.name or "application/xml")
    lines, reason = _lines(data, "", job)
    if reason:
        yield Unreadable(place, reason)
    if lines:
        yield Piece(place, "\n".join(lines))
    if _FLAT_FILE.search(data):
        yield Unreadable(place, f"{NOT_YET} (an embedded object)")


def _names(names: Sequence[str], job: Job, kind: str) -> Iterator[Found]:
    """Yield the names of parts that are no names of a program's making."""
    said = [spoken for name in names if speaks(spoken := archive.spoken(name.rpartition("/")[2]))]
    if said:
        yield Piece(job.at(name=kind), "\n".join(said), is_name=True)


def _xml_part(content: bytes, name: str, job: Job, place: Place) -> Iterator[Found]:
    if name == "META-INF/manifest.xml" and _ENCRYPTION in content:
        yield Unreadable(place, "the document is encrypted")
    if name.endswith(".rels"):
        yield from _relations(content, job, place.name)
        return
    if name == _CONTENT and SPREADSHEET in content:
        yield from read_sheets(content, job, place.name)
        return
    is_looks = _LOOKS.fullmatch(name) is not None
    if is_looks and not _SAYS_WORDS.search(content):
        return
    lines, reason = _lines(content, name, job)
    if reason:
        yield Unreadable(place, reason)
    if is_looks:
        lines = [line for line in lines if speaks(line)]
    if lines:
        yield Piece(place, "\n".join(lines))


def _lines(content: bytes, name: str, job: Job) -> tuple[list[str], str]:
    try:
        return (xml_lines(content, job.budget), "") if content.strip() else ([], "")
    except XmlRefused as refused:
        if not name.endswith(".vml") or len(content) > _DRAWING_OCTETS:
            return [], str(refused)
        # Excel writes <br> into its drawings, which is no XML: their words are read without believing their tags.
        return xml_text(content.decode("utf-8", errors="replace")).split("\n"), ""


def _relations(content: bytes, job: Job, kind: str) -> Iterator[Found]:
    """Yield where links lead, and what the document takes in from elsewhere (ECMA-376 part 2 section 9.3)."""
    place = job.at(name=kind)
    try:
        tags, lines = xml_tags(content, job.budget) if content.strip() else ([], [])
    except XmlRefused as refused:
        yield Unreadable(place, str(refused))
        return
    for _, said in tags:
        if said.get("TargetMode", "").lower() == "external":
            lines.append(said.get("Target", ""))
            if not said.get("Type", "").endswith(("/hyperlink", "/attachedTemplate", "/externalLinkPath")):
                yield Unreadable(place, "the document shows something that is elsewhere")
        else:
            lines += (value for value in said.values() if speaks(value))
    if lines:
        yield Piece(place, "\n".join(lines))


def _other(data: bytes, entry: Entry, job: Job, number: int, kind: str) -> Iterator[Found]:
    """Yield what a part holds that is no XML."""
    place = job.at(name=kind)
    if _MACROS.fullmatch(entry.name):
        yield Unreadable(place, "the document holds macros")
    elif entry.is_encrypted:
        yield Unreadable(place, "the document is encrypted")
    elif _BINARY_BOOK.fullmatch(entry.name):
        yield Unreadable(place, f"{NOT_YET} (a workbook in binary)")
    elif (entry.name == "mimetype" and _TYPE.fullmatch(begins(data, entry, _TYPE_OCTETS))) or (
        _THUMBNAIL.fullmatch(entry.name) and entry.size <= _THUMBNAIL_OCTETS
    ):
        return
    elif _PRINTER.fullmatch(entry.name) and entry.size <= _PRINTER_OCTETS:
        content, reason = unpack(data, entry, job.budget)
        yield Piece(place, "\n".join(printable(content)))
        yield from [Unreadable(place, reason)] if reason else []
    else:
        yield from archive.read_entry(data, entry, job, number)
