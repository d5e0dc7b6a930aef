"""Tables pasted with tabs: the value below a label belongs to it, and what is no table stays as it was."""

import time

import pytest

from policy.phi.classify import classify_message
from policy.phi.report import Kind
from policy.phi.text_tabs import tab_tables
from tests.policy.phi.messages import mail


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (
            "MRN\tPatient\tDOB\n448812\tMaria Delgado\t02/03/1960\n",
            "MRN\tPatient\tDOB\nMRN: 448812; Patient: Maria Delgado; DOB: 02/03/1960\n",
        ),
        ("Name\tDiagnosis\nMaria\tHIV", "Name\tDiagnosis\nName: Maria; Diagnosis: HIV"),
        ("see:\n\n> MRN\tName\n> 448812\tMaria\n> bye", "see:\n\n> MRN\tName\n> MRN: 448812; Name: Maria\n> bye"),
        ("MRN\tUnit\tBed\n448812\t\t4\n5\t", "MRN\tUnit\tBed\nMRN: 448812; Bed: 4\nMRN: 5"),
    ],
)
def test_a_value_gets_its_label(text: str, read: str) -> None:
    """MP-14: line for line, so that places stay; empty cells and rows that end early keep their columns."""
    assert tab_tables(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "Patient\tMaria Delgado\nDOB\t02/03/1960\nMRN\t448812",  # a label at the head of each line
        "Name:\tMaria Delgado\nDOB:\t02/03/1960",
        "MRN\tName",  # nothing below
        "MRN\t448812\nMRN\t448813",  # no head
        "Lunch\tRoom\nMonday\tB",  # of no known word
        "MRN\tName\nA\tB\tC",  # more cells than labels
        "\tMRN\n\t448812",
        "dear all\nno tab here",
        "",
    ],
)
def test_what_is_no_table_stays(text: str) -> None:
    """Nothing is cut, and nothing gets the label of something else."""
    assert tab_tables(text) == text


def test_a_pasted_column_of_numbers_is_found() -> None:
    """What no label stands beside is known by the head of its column; the line is that of the row."""
    report = classify_message(mail("Census:\r\n\r\nUnit\tMRN\tDiagnosis\r\n4 West\t0448812\tpneumonia\r\n"))
    (mrn,) = [one for one in report.findings if one.kind is Kind.MRN]
    assert mrn.place.line == 4
    assert report.phi


def test_linear() -> None:
    """Issue 5: tabs cost no more than other letters."""
    begin = time.process_time()
    tab_tables("MRN\tName\n" + "1\t2\n" * 50_000)
    tab_tables("\t" * 200_000)
    tab_tables("a\tb\n\n" * 40_000)
    assert time.process_time() - begin < 2
