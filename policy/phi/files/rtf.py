r"""Text of RTF 1.9.1: body, headers, footers, notes, comments, field codes, hidden and deleted text, properties.

How this works: a tokenizer walks groups; every destination is read unless it is known to say nothing, since a program
need not know one to show what is in it. A destination has a line of its own, so that a note or a field does not cut the
paragraph it stands in. What says nothing is looked through for numbers and addresses all the same. Objects and custom
XML stand in digits and are read as files; pictures are not read and are told.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from policy.phi.files.found import Found, Job, Piece, Unreadable
from policy.phi.files.magic import NOT_YET
from policy.phi.files.package import read_object, read_store
from policy.phi.files.rtf_looks import LOOKED_AT, in_digits, numbered, octets
from policy.phi.text_csv import table_lines

RTF: Final = "application/rtf"
MAGIC: Final = b"{\\rt"
_TOKEN: Final = re.compile(
    rb"\\'([0-9a-fA-F]{2})|\\([a-zA-Z]{1,32})(-?[0-9]{1,10})? ?|\\(.)|([{}])|[\r\n]+|([^\\{}\r\n]+)|\\", re.DOTALL
)
_BRACES: Final = re.compile(rb"[{}]|\\(?:bin([0-9]{1,10}) ?|.)", re.DOTALL)
_DEPTH: Final = 1_000
# Destinations that hold how things look, or numbers.
_SILENT: Final = frozenset(
    """
    colortbl stylesheet listtable listoverridetable rsidtbl generator themedata colorschememapping datastore
    latentstyles xmlnstbl mmathPr filetbl panose fontemb listpicture pgptbl wgrffmtfilter blipuid blptag pict objdata
    """.split()
)
_PICTURES: Final = frozenset({"pict"})
_OBJECTS: Final = frozenset({"objdata"})
_STORES: Final = frozenset({"datastore"})
_IN_DIGITS: Final = _PICTURES | _OBJECTS | frozenset("datastore themedata colorschememapping blipuid fontemb".split())
_DIGITS: Final = re.compile(rb"[0-9A-Fa-f\s]*")
_ASIDE: Final = frozenset(
    """
    footnote header headerl headerr headerf footer footerl footerr footerf annotation shptxt fldinst info title subject
    author operator keywords comment doccomm company manager category hlinkbase xe tc rxe txe nonesttables object
    """.split()
)
_BREAKS: Final = frozenset("line sect page column softline nestrow".split())
_SIGNS: Final = {"tab": " ", "emspace": " ", "enspace": " ", "qmspace": " ", "emdash": "-", "endash": "-"}
_QUOTES: Final = {"lquote": "'", "rquote": "'", "ldblquote": '"', "rdblquote": '"', "bullet": "* "}
_SYMBOLS: Final = {**_SIGNS, **_QUOTES}
_ESCAPED: Final = {b"~": " ", b"_": "-", b"-": "", b"{": "{", b"}": "}", b"\\": "\\", b"\t": " "}
_CELL: Final = "\x1f"
_PAGES: Final = {"ansi": "cp1252", "mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
# fcharset of a font: the code page of what is written in it
_CHARSETS: Final = {
    0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "cp950", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 255: "cp437",
}  # fmt: skip
_CODE_PAGES: Final = {65001: "utf-8", 10000: "mac_roman", 936: "gbk", 1361: "johab"}


@dataclass(frozen=True, slots=True)
class _State:
    """What holds inside one group."""

    page: str
    after_unicode: int = 1  # \uc: how many characters stand in for a \u
    is_aside: bool = False
    is_fonts: bool = False


@dataclass(slots=True)
class _Page:
    """The text under construction."""

    lines: list[str] = field(default_factory=list)
    open_lines: list[list[str]] = field(default_factory=lambda: [[]])
    rows: list[list[str]] = field(default_factory=list)
    pending: bytearray = field(default_factory=bytearray)
    is_in_table: bool = False

    def flush(self, page: str) -> None:
        """Decode what was written in octets."""
        if self.pending:
            try:
                words = self.pending.decode(page, errors="replace")
            except LookupError:
                words = self.pending.decode("cp1252", errors="replace")
            self.open_lines[-1].append(words)
            self.pending.clear()

    def cut(self) -> None:
        """End the line."""
        line = "".join(self.open_lines[-1])
        self.open_lines[-1].clear()
        # Halves of characters beyond the first plane come as two \u
        line = line.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if len(self.open_lines) == 1 and self.rows and line.strip():
            self.end_table()
        if line.strip():
            self.lines.append(line.replace(_CELL, " | ").strip())

    def end_row(self) -> None:
        """Keep a row; rows become lines when the table ends, each value beside its label."""
        cells = "".join(self.open_lines[-1]).split(_CELL)
        self.open_lines[-1].clear()
        self.rows.append([" ".join(cell.split()) for cell in cells[:-1]])
        self.is_in_table = False

    def end_table(self) -> None:
        """Write the rows."""
        self.lines += table_lines(self.rows)
        self.rows.clear()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.page = _Page()
        self.stack = [_State("cp1252")]
        self.fonts: dict[int, str] = {}
        self.font = 0
        self.told: list[str] = []
        self.looks: list[bytes] = []  # destinations that say nothing, if they say something
        self.objects: list[bytes] = []
        self.stores: list[bytes] = []
        self.left_to_skip = 0
        self.is_starred = False
        self.is_first = False  # of a group: a word here names a destination

    def run(self, elements: int) -> int:
        """Read until the end; returns how many tokens are left of `elements`, below 0 when they did not suffice."""
        while self.at < len(self.data) and elements >= 0:
            elements -= 1
            token = _TOKEN.match(self.data, self.at)
            if token is None:
                break
            self.at = token.end()
            code, word, number, sign, brace, text = token.groups()
            if brace:
                self._brace(brace)
            elif word:
                self._word(word.decode("ascii"), int(number) if number else None)
            elif sign:
                self._sign(sign)
            elif code:
                self._octets(bytes([int(code, 16)]))
            elif text:
                self._octets(text)
        self.page.flush(self.stack[-1].page)
        while self.page.open_lines:
            self.page.cut()
            self.page.open_lines.pop()
        self.page.end_table()
        return elements

    def _brace(self, brace: bytes) -> None:
        self.page.flush(self.stack[-1].page)
        self.is_first, self.is_starred, self.left_to_skip = brace == b"{", False, 0
        if brace == b"{":
            if len(self.stack) > _DEPTH:
                self.told.append("the document is more than is looked at")
                self.at = len(self.data)
            self.stack.append(replace(self.stack[-1], is_aside=False))
            return
        if len(self.stack) > 1 and self.stack.pop().is_aside:  # what stands behind the end is read as well
            self.page.cut()
            self.page.open_lines.pop()

    def _sign(self, sign: bytes) -> None:
        if sign == b"*" and self.is_first:
            self.is_starred = True
            return
        self.is_first = False
        self.page.flush(self.stack[-1].page)
        if sign in b"\r\n":
            self._end_paragraph()
        else:
            self.page.open_lines[-1].append(_ESCAPED.get(sign, ""))

    def _octets(self, octets: bytes) -> None:
        self.is_first = False
        skipped = min(self.left_to_skip, len(octets))
        self.left_to_skip -= skipped
        if self.stack[-1].is_fonts:
            self.looks.append(octets[skipped:])
        else:
            self.page.pending += octets[skipped:]

    def _word(self, word: str, number: int | None) -> None:
        if self.is_first and self._is_destination(word):
            return
        self.is_first = False
        if word == "u" and number is not None:
            self.page.flush(self.stack[-1].page)
            self.page.open_lines[-1].append(chr(number % 65_536))
            self.left_to_skip = self.stack[-1].after_unicode
            return
        self.left_to_skip = 0
        if word == "bin":
            self.at += max(0, number or 0)
            self.told.append("binary data stands in the document")
        elif number is not None or word in _PAGES:
            self._setting(word, number or 0)
        else:
            self._mark(word)

    def _is_destination(self, word: str) -> bool:
        """Open a destination: one that is silent is passed over at once, another has a line of its own."""
        if word in _SILENT:
            start = self.at
            self._pass_over()
            self._silent(word, self.data[start : self.at])
        elif word == "fonttbl":
            self.stack[-1] = replace(self.stack[-1], is_fonts=True)
        elif (self.is_starred or word in _ASIDE) and not self.stack[-1].is_aside:
            self.stack[-1] = replace(self.stack[-1], is_aside=True)
            self.page.open_lines.append([])
        else:
            return False
        self.is_first = self.is_starred = False
        return True

    def _silent(self, word: str, body: bytes) -> None:
        """Keep what stands in a destination that is not read as text."""
        if word in _PICTURES:
            self.told.append(f"{NOT_YET} (an image)")
        elif word in _OBJECTS or word in _STORES:
            (self.objects if word in _OBJECTS else self.stores).append(body)
        if word not in _IN_DIGITS or not _DIGITS.fullmatch(body):
            self.looks.append(body[:LOOKED_AT] if word in _PICTURES else body)

    def _pass_over(self) -> None:
        """Go to where the group ends, counting braces only."""
        depth = 0
        while brace := _BRACES.search(self.data, self.at):
            self.at = brace.end() + int(brace[1] or 0)
            depth += (brace[0] == b"{") - (brace[0] == b"}")
            if depth < 0:
                self.at = brace.start()
                return
        self.at = len(self.data)

    def _setting(self, word: str, number: int) -> None:
        state = self.stack[-1]
        page = state.page
        if word == "uc":
            state = replace(state, after_unicode=max(0, min(number, 10)))
        elif word in _PAGES:
            page = _PAGES[word]
        elif word == "ansicpg":
            page = _CODE_PAGES.get(number, f"cp{number}")
            self.stack[0] = replace(self.stack[0], page=page)
        elif word == "f" and state.is_fonts:
            self.font = number
        elif word == "fcharset" and state.is_fonts and number in _CHARSETS:
            self.fonts[self.font] = _CHARSETS[number]
        elif word == "f":
            page = self.fonts.get(number, page)
        if page != self.stack[-1].page:
            self.page.flush(self.stack[-1].page)
        self.stack[-1] = replace(state, page=page)

    def _mark(self, word: str) -> None:
        self.page.flush(self.stack[-1].page)
        line = self.page.open_lines[-1]
        if word in _SYMBOLS:
            line.append(_SYMBOLS[word])
        elif word in {"cell", "nestcell"}:
            line.append(_CELL)
        elif word == "row":
            self.page.end_row()
        elif word in {"intbl", "pard"}:
            self.page.is_in_table = word == "intbl"
        elif word == "par":
            self._end_paragraph()
        elif word in _BREAKS:
            self.page.cut() if not self.page.is_in_table else line.append(" ")

    def _end_paragraph(self) -> None:
        if self.page.is_in_table and len(self.page.open_lines) == 1:
            self.page.open_lines[-1].append(" ")
        else:
            self.page.cut()


def read_rtf(data: bytes, job: Job) -> Iterator[Found]:
    """Yield the text of an RTF document, and what it shows beside."""
    reader = _Reader(data.lstrip())
    place = job.at(name=RTF)
    left = reader.run(job.budget.elements)
    job.budget.elements = max(0, left)
    if any(len(body) > LOOKED_AT for body in reader.looks):
        reader.told.append("the document is more than is looked at")
    yield from (Unreadable(place, reason) for reason in dict.fromkeys(reader.told))
    if left < 0:
        yield Unreadable(place, "the document is more than is looked at")
    lines = [*reader.page.lines, *numbered(reader.looks)]
    lines += [words for line in lines for words in in_digits(line)]
    if lines:
        yield Piece(place, "\n".join(lines))
    for number, body in enumerate(reader.objects, start=1):
        yield from read_object(octets(body), job, number)
    for body in reader.stores:
        yield from read_store(octets(body), replace(job, place=place))
