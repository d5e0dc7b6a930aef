"""Tables in a text: what stands below a label belongs to it."""

import time

import pytest

from policy.phi.classify import classify_message
from policy.phi.columns import find_columns
from policy.phi.identifiers import find_identifiers
from policy.phi.look import look
from policy.phi.report import Kind
from tests.policy.phi.messages import mail


@pytest.mark.parametrize(
    ("table", "kind", "value"),
    [
        ("Name | MRN | Result\nJ | 00448812 | positive", Kind.MRN, "00448812"),
        ("| Name | MRN |\n|------|-----|\n| J | 00448812 |", Kind.MRN, "00448812"),
        ("Name,SSN,Dx\nK,412557813,asthma", Kind.SSN, "412557813"),
        ("hello\nDOB;Dx\n3/4/1961;asthma", Kind.DOB, "3/4/1961"),
        ("Chart No.   Name   Dx\n20-91-33   J   lupus", Kind.MRN, "20-91-33"),
        ("Member ID: | Plan\nXYZ920654042 | gold", Kind.MEMBER_ID, "XYZ920654042"),
    ],
)
def test_values_below_their_labels(table: str, kind: Kind, value: str) -> None:
    """With the offset of the value itself, in each row until the table ends."""
    view = look(table)
    (found,) = find_columns(view).people
    assert (found.kind, found.value) == (kind, value)
    assert view.text[found.start : found.end] == value
    assert found in find_identifiers(view)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Name | MRN | Result\n\nJ | 00448812 | positive", "a blank line ends a table"),
        ("Name | MRN | Result\nJ | 00448812", "a row has as many cells as its head"),
        ("Name | MRN | Result\nJ | unknown | x", "no number"),
        ("Name | Date | Result\nJ | 00448812 | x", "no label of ours"),
        ("Send the MRN, DOB, and chart\n00448812, please, today", "a sentence"),
        ("MRN 5512345 | DOB | x\nJ | 3/4/1961 | x", "a head holds no numbers"),
    ],
)
def test_what_is_no_table(text: str, why: str) -> None:
    assert not find_columns(look(text)).people, why


@pytest.mark.parametrize(
    "table",
    [
        "SKU  Item\n412-55-7812  Amoxicillin 500 mg\n412-55-7813 Metformin",
        "Item No. | Description | Price\n412-55-7812 | Insulin glargine | 22.10",
        "Qty,Lot,Drug\n4,412-55-7812,heparin",
    ],
)
def test_goods_are_nobodys_number(table: str) -> None:
    """A stock list in which every article has the shape of an SSN, beside drugs: told apart by its head."""
    assert Kind.SSN not in {mention.kind for mention in find_identifiers(look(table))}
    assert not classify_message(mail(table.replace("\n", "\r\n"))).phi


def test_the_same_numbers_below_names_are_phi() -> None:
    report = classify_message(mail("Name | No.\r\nMaria Gomez | 412-55-7812\r\n\r\nBoth have hepatitis C."))
    assert report.phi
    assert Kind.SSN in {finding.kind for finding in report.findings}


def test_tables_without_end_are_linear() -> None:
    """MP-15: heads under heads, rows without end, long lines, words of heads in one line."""
    for text in (
        "mrn|x\n" * 10_000, "mrn|x\n" + "1|2\n" * 15_000, "mrn " * 15_000, "mrn|" * 15_000, "sku,mrn\n1,\n" * 5_000,
        "mrn  x\n" + "9" * 60_000,
    ):  # fmt: skip
        view = look(text)
        begun = time.process_time()
        find_columns(view)
        assert time.process_time() - begun < 0.5
