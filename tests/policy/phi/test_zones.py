"""Signatures, footers and attributions are told apart from the matter."""

import pytest

from policy.phi.look import look
from policy.phi.zones import Zone, find_zones, flow, unquote

SENDER = frozenset({"ann weaver"})


@pytest.mark.parametrize(
    ("text", "marker", "zone"),
    [
        ("Hello\n\nBest,\nAnn Weaver\nNursing\n603-555-0182", "Nursing", Zone.SIGNATURE),
        ("Hello\n-- \nAnn Weaver", "Ann", Zone.SIGNATURE),
        ("Hello\n\nAnn Weaver\nNursing", "Nursing", Zone.SIGNATURE),
        ("Hello\n\nCarl Jones\nBilling Office\n603-555-0182", "Carl", Zone.SIGNATURE),
        ("On 5 May 2026, Carl Jones wrote:\nhi", "Carl", Zone.ATTRIBUTION),
        ("From: Carl Jones\nSent: today\nhi", "Carl", Zone.ATTRIBUTION),
        ("This e-mail is confidential and only for the intended recipient, see HIPAA.", "HIPAA", Zone.FOOTER),
        ("Hello\n\nPatient: Carl Jones\nAsthma\n603-555-0182", "Carl", None),
        ("Carl Jones has asthma and is in bed 4 today.", "Carl", None),
        ("Thanks for your note about Carl Jones.", "Carl", None),
    ],
)
def test_zones(text: str, marker: str, zone: Zone | None) -> None:
    """By shape, line by line; the matter itself is in no zone."""
    assert find_zones(look(text), SENDER).at(text.index(marker)) is zone


def test_quote_marks_are_taken_away() -> None:
    """Quoted history is read like the rest."""
    assert unquote("> > hello\n| world\nx > y") == "hello\nworld\nx > y"


def test_flow_keeps_offsets() -> None:
    """A wrapped line is joined with a blank in place of its end; short lines stay apart."""
    text = "x" * 70 + "\nnext\nshort\n\nend"
    assert flow(text) == "x" * 70 + " next\nshort\n\nend"
    assert len(flow(text)) == len(text)
