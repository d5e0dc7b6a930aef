"""HTML and XML to text (MP-10; `libraries.md`, "Text extraction hides identifiers")."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.phi.text_html import html_text
from policy.phi.text_xml import xml_text


@pytest.mark.parametrize(
    ("markup", "shown", "why"),
    [
        ("S<b></b>S<i>N</i> 412<span>-55-</span>7812", "SSN 412-55-7812", "inline tags join"),
        ("<p>one</p><p>two</p>", "one\n\ntwo", "blocks part"),
        ("a<br>b", "a\n\nb", "line breaks part"),
        ("412&#45;55&#x2d;7812&nbsp;x", "412-55-7812\u00a0x", "character references"),
        ('<p style="display:none">412-55-7812</p>', "412-55-7812", "hidden by style"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a | b", "cells part"),
        (
            "<table><tr><th>MRN</th><th>Dx</th></tr><tr><td>00448812</td><td>E11.9</td></tr></table>",
            "MRN | Dx\n\nMRN: 00448812; Dx: E11.9",
            "values stand beside their headers",
        ),
        ("<div>Jane\r\n  Doe</div>", "Jane Doe", "source line ends are blanks"),
    ],
)
def test_what_is_shown(markup: str, shown: str, why: str) -> None:
    """A reader of the page sees these words, in these lines."""
    assert html_text(markup).shown.strip() == shown, why


@pytest.mark.parametrize(
    "markup",
    [
        "<!-- 412-55-7812 -->",
        '<img alt="412-55-7812">',
        '<input value="412-55-7812">',
        "<script>var ssn = '412-55-7812'</script>",
        "<style>/* 412-55-7812 */</style>",
        '<meta name="x" content="412-55-7812">',
        f'<a href="data:text/plain;base64,{base64.b64encode(b"412-55-7812").decode()}">x</a>',
        '<a href="data:text/plain,412%2D55%2D7812">x</a>',
        '<a href="https://x.example/?ssn=412%2D55%2D7812">x</a>',
        "<title>412-55-7812</title>",
        "<template><p>412-55-7812</p></template>",
        "<noscript>412-55-7812</noscript>",
        "<svg><text>412-55-7812</text></svg>",
    ],
)
def test_what_is_hidden_is_read_too(markup: str) -> None:
    """MP-10: comments, attributes, scripts, data: URIs and templates carry identifiers all the same."""
    page = html_text(f"<html><body><p>hi</p>{markup}</body></html>")
    assert "412-55-7812" in page.shown + page.hidden
    assert not page.doubts


@pytest.mark.slow
def test_deep_pages_do_not_recurse() -> None:
    """The depth of a page is its sender's choice."""
    page = html_text("<div>" * 200_000 + "412-55-7812" + "</div>" * 200_000)
    assert "412-55-7812" in page.shown
    assert page.doubts


def test_xml_keeps_what_speaks_and_expands_nothing() -> None:
    """AB-07: entities of a DTD stay as they are written."""
    markup = '<!DOCTYPE a [<!ENTITY b "bomb">]><a><v displayName="Asthma"/><p>Jane &amp; co &b;</p></a>'
    text = xml_text(markup)
    assert "Asthma" in text
    assert "Jane & co &b;" in text


PIECES = (
    *"<>/=\"'&;- \n",
    *("<!--", "-->", "<![CDATA[", "<!", "<?", "<div ", "<p>", "</p>", "<td>", "<a href=", "title=", "x", "1"),
    *("<script>", "<style>", "<title>", "<textarea>", "<template>", "<noscript>", "<svg>", "<select><option>", "&#x3"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_broken_markup_hides_nothing(markup: str) -> None:
    """MP-19, MP-10: whatever stands before it, what follows is read, or the page is in doubt."""
    page = html_text(f"{markup}> 412-55-7812")
    assert "412-55-7812" in page.shown + page.hidden or page.doubts
    assert "412-55-7812" in xml_text(f"{markup}> 412-55-7812")


@pytest.mark.parametrize(
    "page",
    [
        "<!--[if mso]><p>412-55-7812</p><![endif]--><!DOCTYPE html><html><body>Hello</body></html>",
        "<!DOCTYPE html><!--[if mso]><p>412-55-7812</p><![endif]--><html><body>Hello</body></html>",
        "<html><body>Hello</body></html><!--[if mso]><p>412-55-7812</p><![endif]-->",
    ],
    ids=["before the doctype", "before the root", "after the root"],
)
def test_comments_beside_the_root_are_read(page: str) -> None:
    """MP-10: Outlook shows conditional comments wherever they stand."""
    assert "412-55-7812" in html_text(page).hidden


def test_a_page_that_ends_inside_a_tag_is_in_doubt() -> None:
    """MP-10: parsers drop the unfinished tag with all that it holds; nobody can say who else does."""
    assert html_text('<p>Hello</p><a href="> 412-55-7812').doubts
    assert not html_text("<p>Hello</p> and good bye").doubts
