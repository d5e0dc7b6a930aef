"""Tables that people type or paste into a text: a value belongs to the label at the head of its column. Linear.

How this works: a line whose cells hold a known label ("Name | MRN | Result") is a head; the lines below with as many
cells are its rows. Attached tables and those of HTML have their labels beside each value already (`text_csv`). A column
of goods ("SKU") says the opposite: what stands there is nobody's number, whatever it looks like.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from policy.phi.mention import Mention, Role
from policy.phi.report import Kind
from policy.phi.view import View

_NUMBER: Final = re.compile(r"(?=[\w-]{0,12}\d)\w[\w-]{3,24}")
_SSN: Final = re.compile(r"\d{3}[ .-]?\d{2}[ .-]?\d{4}")
_DATE: Final = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.](?:\d\d){1,2}|(?:19|20)\d\d-\d\d-\d\d")
_NAME: Final = re.compile(r"[A-Z][\w'-]{1,24}(?:,? [A-Z][\w'.-]{0,24}){1,3}")
_PEOPLE: Final = (
    (Kind.MRN, 0.95, _NUMBER),
    (Kind.MEMBER_ID, 0.92, _NUMBER),
    (Kind.SSN, 0.97, _SSN),
    (Kind.DOB, 0.9, _DATE),
    (Kind.ACCOUNT, 0.64, _NUMBER),
    (Kind.NAME, 0.85, _NAME),
)
_WORDS: Final = {
    Kind.MRN: """
    mrn, mrn number, medical record, medical record number, med rec, chart, chart number, chart no, patient id, pt id
    patient number, patient no, record number, record no""",
    Kind.MEMBER_ID: """
    member id, member, member number, member no, subscriber id, subscriber, subscriber number, policy number, policy no
    medicare number, medicaid id, mbi, insurance id, beneficiary id, enrollee id""",
    Kind.SSN: "ssn, social security, social security number, social security no",
    Kind.DOB: "dob, d.o.b, date of birth, birth date, birthdate, birthday",
    Kind.NAME: "patient, patient name, resident, pt, pt name, member name, subscriber name, client name, dependent",
    Kind.ACCOUNT: "account, acct, account number, account no, acct no, patient account",
}
_GOODS_WORDS: Final = """
    sku, item, item no, item number, item code, part, part no, part number, order, order no, order number, order id
    tracking, tracking no, tracking number, invoice, invoice no, invoice number, catalog, catalog no, catalog number
    cat no, lot, lot no, lot number, batch, product, product code, product no, product id, upc, ndc, ref, reference
    serial, rma, po number, stock no, material, model, ticket, article, quote, shipment"""


def _heads(words: str) -> Iterator[str]:
    return filter(None, map(str.strip, words.replace("\n", ",").split(",")))


_HEADS: Final = {head: (kind, strength, shape) for kind, strength, shape in _PEOPLE for head in _heads(_WORDS[kind])}
_GOODS: Final = frozenset(_heads(_GOODS_WORDS))
WORDS: Final = _HEADS.keys() | _GOODS  # what every head begins with; see `Literals`
_LONGEST: Final = 400  # characters of a line
_ROWS: Final = 2_000
_CELL: Final = {
    "|": re.compile(r"[^|]+"), ";": re.compile(r"[^;]+"), ",": re.compile(r"[^,]+"),
    "  ": re.compile(r"[^ ]+(?: [^ ]+)*"),
}  # fmt: skip
_CELL_END: Final = re.compile(r"[ .:#*]*(?:[|;,\n]|\Z|(?<=  ))")
_THREE_DIGITS: Final = re.compile(r"\d{3}")
_RULE: Final = re.compile(r"[-+|:= ]+")
_WHY: Final = {kind: f"a value in a column for {kind.value.replace('_', ' ')}" for kind, *_ in _PEOPLE}


@dataclass(frozen=True, slots=True)
class Columns:
    """people: values in columns of patients' numbers. goods: offsets at which a cell of goods begins."""

    people: list[Mention] = field(default_factory=list)
    goods: set[int] = field(default_factory=set)


def find_columns(view: View) -> Columns:
    """Return what the columns of a text's tables say of their cells."""
    found = Columns()
    after = 0
    for start in _lines(view):
        if start < after:
            continue
        line = _line(view.lower, start)
        if len(line) > _LONGEST or _THREE_DIGITS.search(line):
            continue
        for mark, cell in _CELL.items():
            heads = [head.group().strip(" .:#*") for head in cell.finditer(line)] if mark in line else []
            if len(heads) > 1 and any(head in _HEADS or head in _GOODS for head in heads):
                after = _read(view, start + len(line) + 1, cell, heads, found)
                break
    return found


def _lines(view: View) -> Iterator[int]:
    """Yield where the lines begin in which a cell may end with a word of a head, in order, each once."""
    last, ends_at = -1, _CELL_END.match
    for at in sorted(
        at for word in WORDS & view.words.keys() for at in view.words[word] if ends_at(view.lower, at + len(word))
    ):
        if at > last:
            start = view.lower.rfind("\n", max(0, at - _LONGEST), at) + 1
            if start or at <= _LONGEST:
                yield start
            last = view.lower.find("\n", at)
            if last < 0:
                return


def _line(text: str, start: int) -> str:
    end = text.find("\n", start, start + _LONGEST + 1)
    return text[start : end if end >= 0 else start + _LONGEST + 1]


def _read(view: View, start: int, cell: re.Pattern[str], heads: list[str], found: Columns) -> int:
    """Take the rows below a head; return where the table ends."""
    for _ in range(_ROWS):
        line = _line(view.text, start)
        if not line or len(line) > _LONGEST:
            break
        cells = list(cell.finditer(line))
        if len(cells) == len(heads):
            for head, match in zip(heads, cells, strict=True):
                _take(head, match, start, found)
        elif heads[0] in _GOODS and line[0].isdigit():
            found.goods.add(start)
        elif not _RULE.fullmatch(line):
            break
        start += len(line) + 1
    return start


def _take(head: str, match: re.Match[str], start: int, found: Columns) -> None:
    value = match.group().strip()
    first = start + match.start() + len(match.group()) - len(match.group().lstrip())
    if head in _GOODS:
        found.goods.add(first)
    elif head in _HEADS:
        kind, strength, shape = _HEADS[head]
        if shape.fullmatch(value):
            found.people.append(Mention(kind, first, first + len(value), value, strength, _WHY[kind], Role.PATIENT))
