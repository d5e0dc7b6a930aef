"""Text of the XML of office documents: what stands in one paragraph is one line, a row of a table is one line.

How this works: expat says what opens and closes; a stack holds a frame for each open paragraph, cell, row and table.
Inside a paragraph every other element is a run of the same line, so that an identifier cut by formatting is whole;
outside of one, each element is a line. A text box inside a paragraph has a frame of its own and does not cut the line.
What attributes say in words, and comments, stand behind all lines.
A document type is refused, so no entity can be defined (AB-07); elements are counted against the budget.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from policy.phi.files.found import Budget
from policy.phi.text_csv import table_lines

_LINES: Final = frozenset("p h si is".split())  # paragraphs of every dialect; strings of a spreadsheet
_COMMENT_LINE: Final = ("spreadsheetml", "text")  # `text` is a paragraph there, and the whole body in OpenDocument
# Inside a paragraph, but no words of its line: notes, comments, field codes, who made a change and when.
_ASIDE: Final = frozenset(
    """
    annotation note note-citation creator date date-string instrText delInstrText rPh textbox txbxContent frame
    custom-shape deletion docPr cNvPr desc title author footnote endnote comment
    """.split()
)
_CELLS: Final = frozenset({"tc", "table-cell", "covered-table-cell", "gridCell"})
_ROWS: Final = frozenset({"tr", "table-row"})
_TABLES: Final = frozenset({"tbl", "table"})
_SIGNS: Final = {
    "tab": " ",
    "s": " ",
    "br": "\n",
    "cr": "\n",
    "line-break": "\n",
    "noBreakHyphen": "-",
    "ptab": " ",
}
# Attributes in which a document says words: alternative texts, WordArt, links, form fields, who wrote a comment.
_SPEAKING: Final = frozenset("descr title string alt href author tooltip prompt promptTitle alias".split())
# Elements whose attribute is a value that somebody gave: variables, tags, choices, filters, answers, columns.
_VALUED: Final = frozenset(
    """
    docVar tag listItem default statusText helpText filter customFilter inputCells item ocxPr property tableColumn
    cacheField person cmAuthor definedName fldSimple alias hyperlink user-field-decl variable-set user-field-get
    hidden-text conditional-text placeholder label cell-content-change comment author dbPr bookmarkStart bookmark
    """.split()
)
_GIVEN: Final = frozenset(
    """
    val value name displayName displayText text comment instr location error errorTitle display string-value
    string-value-if-true string-value-if-false current-value description formula command
    """.split()
)
# Attributes that say how something looks or where it is, in words: never read.
_LOOKING: Final = frozenset(
    """
    ascii hAnsi cs eastAsia typeface Ignorable fmla eqn path d enhanced-path points viewBox transform style clip
    font-family font-name border border-top border-bottom border-left border-right padding class-names gfxdata
    border-line-width stroke-linejoin condition content-validation-name id sqref ref coordsize uri schemaLocation
    """.split()
)
_CUT_NUMBER: Final = re.compile(r"[0-9]-[0-9]|\b[0-9]{3} [0-9]{2} [0-9]{4}\b")  # by hyphens, or as social security's
_LETTER: Final = re.compile(r"[^\W\d_]")
_SIGN: Final = re.compile(r"[^\W_]")
_BETWEEN_WORDS: Final = frozenset(" -@\n\t\xa0")
_NO_WORDS: Final = re.compile(r"[{(]?[0-9A-Fa-f]{8}-[0-9A-Fa-f-]{27}[)}]?|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z?")
_PICTURED: Final = ("wingdings", "webdings", "symbol", "marlett")  # fonts of signs
# Elements whose one attribute is their words: values of a pivot table's cache, which shows although the sheet is gone,
# custom properties, and choices of a form.
_TAKEN: Final = {"s": "v", "n": "v", "d": "v", "property": "name", "default": "val", "listEntry": "val"}
_DEPTH: Final = 500
_HEX: Final = frozenset("0123456789abcdefABCDEF")


class XmlRefused(Exception):
    """The XML is damaged, defines entities, or is more than is looked at; the text says which, in words."""


@dataclass(slots=True)
class Frame:
    """An open paragraph, cell, row or table. repeat: how often a cell or row stands there (ODF 1.3 section 19.677)."""

    name: str
    is_line: bool = False
    words: list[str] = field(default_factory=list)  # of the line that is open
    lines: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    repeat: str = ""

    def cut(self) -> None:
        """Close the line that is open."""
        line = "".join(self.words).strip()
        self.words.clear()
        if line:
            self.lines.append(line)


class Walk:
    """What expat calls; `finish` gives the lines. `cell`, `row` and `table` may be done in another way."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.stack = [Frame("")]
        self.depth = 0
        self.beside: dict[str, None] = {}  # what attributes, comments and instructions say
        self.judged: set[str] = set()  # values of attributes, which repeat a lot

    def start(self, full_name: str, attributes: dict[str, str]) -> None:
        self.budget.elements -= 1
        self.depth += 1
        if self.budget.elements < 0 or self.depth > _DEPTH:
            raise XmlRefused("the document is more than is looked at")
        name = full_name.rpartition(" ")[2]
        top = self.stack[-1]
        if attributes:
            self._say(name, attributes, top)
        if name in _SIGNS and top.is_line:
            top.words.append(_SIGNS[name])
        if name in _LINES or name in _ASIDE or (name == _COMMENT_LINE[1] and _COMMENT_LINE[0] in full_name):
            self.stack.append(Frame(full_name, is_line=True))
        elif name in _CELLS or name in _ROWS or name in _TABLES:
            self.stack.append(Frame(full_name, repeat=_repeated(attributes) if attributes else ""))
        elif not top.is_line:
            top.cut()

    def _say(self, name: str, attributes: dict[str, str], top: Frame) -> None:
        taken, is_valued, judged = _TAKEN.get(name), name in _VALUED, self.judged
        for full_key, value in attributes.items():
            key = full_key.rpartition(" ")[2] if " " in full_key else full_key
            if key in _SPEAKING or key == taken:
                top.lines += [value] if value else []
            elif is_valued and key in _GIVEN:
                self.beside[value] = None
            elif value not in judged and key not in _LOOKING:
                judged.add(value)
                if speaks(value):
                    self.beside[value] = None
        if name == "sym":
            self._sign({key.rpartition(" ")[2]: value for key, value in attributes.items()}, top)

    def _sign(self, said: dict[str, str], top: Frame) -> None:
        """Read a character that is given by its number in a font (ECMA-376 part 1 section 17.3.3.30)."""
        code = said.get("char", "")
        if len(code) == 4 and not set(code) - _HEX and not said.get("font", "").lower().startswith(_PICTURED):
            number = int(code, 16)
            top.words.append(chr(number & 0xFF if number >> 8 == 0xF0 else number))

    def aside(self, *words: str) -> None:
        """Take a comment or a processing instruction: no program shows it, and it goes out all the same."""
        line = " ".join(words).strip()
        if line:
            self.beside[line] = None

    def end(self, full_name: str) -> None:
        self.depth -= 1
        top = self.stack[-1]
        if top.name != full_name or len(self.stack) == 1:
            if not top.is_line:
                top.cut()
            return
        self.stack.pop()
        top.cut()
        under = self.stack[-1]
        name = full_name.rpartition(" ")[2]
        if name in _CELLS:
            self.cell(top, under)
        elif name in _ROWS:
            self.row(top, under)
        elif name in _TABLES:
            self.table(top, under)
        else:
            under.lines += top.lines

    def cell(self, top: Frame, under: Frame) -> None:
        """Close a cell. under: what it is in."""
        under.cells.append(" ".join(top.lines))

    def row(self, top: Frame, under: Frame) -> None:
        """Close a row."""
        under.rows.append(top.cells)
        under.lines += top.lines

    def table(self, top: Frame, under: Frame) -> None:
        """Close a table."""
        under.lines += table_lines(top.rows) + top.lines

    def text(self, data: str) -> None:
        self.stack[-1].words.append(data)

    def finish(self) -> list[str]:
        """Return all lines, those of rows and cells outside of a table too."""
        lines: list[str] = []
        for frame in self.stack:
            frame.cut()
            lines += [*frame.lines, *table_lines(frame.rows), *frame.cells]
        return [*lines, *filter(None, self.beside)]


def _repeated(attributes: dict[str, str]) -> str:
    return next((value for key, value in attributes.items() if key.endswith("s-repeated")), "")


def speaks(value: str) -> bool:
    """Tell whether a value has words or a number such as people write, and is no name for programs. Linear."""
    if _BETWEEN_WORDS.isdisjoint(value) or _NO_WORDS.fullmatch(value):
        return False
    if "@" in value or _CUT_NUMBER.search(value):
        return True
    return _LETTER.search(value) is not None and sum(_SIGN.search(word) is not None for word in value.split()) > 1


def xml_lines(data: bytes, budget: Budget) -> list[str]:
    """Return the lines of one XML part. Raises: XmlRefused."""
    return walked(data, Walk(budget))


def walked(data: bytes, walk: Walk) -> list[str]:
    """Return the same by a walk of one's own. Raises: XmlRefused."""
    _parse(data, walk.start, walk.end, walk.text, walk.aside)
    return walk.finish()


def xml_tags(data: bytes, budget: Budget) -> tuple[list[tuple[str, dict[str, str]]], list[str]]:
    """Return every element of a part as its local name and attributes, and what stands between. Raises: XmlRefused."""
    tags: list[tuple[str, dict[str, str]]] = []
    words: list[str] = []

    def start(full_name: str, attributes: dict[str, str]) -> None:
        budget.elements -= 1
        if budget.elements < 0:
            raise XmlRefused("the document is more than is looked at")
        said = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        tags.append((full_name.rpartition(" ")[2], said))

    def text(*found: str) -> None:
        words.extend(word for word in found if word.strip())

    _parse(data, start, lambda _: None, text, text)
    return tags, words


def _parse(
    data: bytes,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
    aside: Callable[..., None],
) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.CommentHandler = aside
    parser.ProcessingInstructionHandler = aside
    parser.StartDoctypeDeclHandler = _refuse("the document defines its own type")
    parser.EntityDeclHandler = _refuse("the document defines entities")
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise XmlRefused("the document's XML is damaged") from error


def _refuse(reason: str) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise XmlRefused(reason)

    return refuse
