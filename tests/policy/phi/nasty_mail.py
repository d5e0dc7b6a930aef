"""Messages made to be read differently, for hypothesis: every body holds a mark, in a form that a program may undo."""

import base64
import quopri
from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

TYPES: Final = (
    "text/plain", "TEXT/Plain; charset=utf-8", "text/plain; charset=us-ascii; charset=utf-7", "text/html", "text",
    'text/plain; charset="utf-16le"', "application/octet-stream", "text/plain; charset=x-unknown", "/", "text/plain;;",
    "text/plain; name*0*=utf-8''mark40x; name*1=.txt", "application/pdf", "message/rfc822", "text/rfc822-headers",
)  # fmt: skip
ENCODINGS: Final = (
    "7bit", "base64", "BASE64", " base64 ", '"base64"', "base64 (x)", "(x) base64", "base64;", "quoted-printable",
    "quoted-printable ", "x-uuencode", "binary", "8bit", "base64\r\n ", "bas\r\n e64", "base64, 7bit", "q", "b",
)  # fmt: skip
BOUNDARIES: Final = (
    'boundary="{0}"', "boundary={0}", "boundary ={0}", 'boundary="{0}', "boundary='{0}'", "boundary*0={0}",
    'boundary="{0} "', "BOUNDARY={0}", "boundary=a; boundary={0}", "boundary={0}; boundary=a",
    "boundary*=us-ascii''{0}", 'boundary="\\{0}"', "boundary={0}(x)", "x=y; boundary={0}", "boundary=;boundary={0}",
    "boundary={0},",
)  # fmt: skip
OPENINGS: Final = ("--{0}", "--{0} ", "--{0}\t", "--{0}x", " --{0}", "-- {0}", "--{0}--")
CLOSINGS: Final = ("--{0}--", "", "--{0}-", "--{0}-- x", "--{0}")
NAMES: Final = ("b1", "b11", "b=2", "b:3", "=_x", "a")
SUBTYPES: Final = ("mixed", "alternative", "digest", "signed", "related", "mixed; charset=utf-7")
FIELDS: Final = ("Content-Type", "content-type", "Content-Type ", "Content-type\t", "CONTENT-TYPE", " Content-Type")
SUBJECTS: Final = (
    "Subject: hello", "Subject: =?utf-8?q?mark=336x?=", "Subject: =?utf-8?b?bWFyaw==?= =?utf-8?b?MzZ4?=",
    "MIME-Version: 1.0\r\nSubject: a", "Subject: a\r\n\tmark36x",
)  # fmt: skip


def _mostly(choices: Sequence[str]) -> st.SearchStrategy[str]:
    """Choose the first and sane one, but for one time in nine: one with many oddities is doubted anyway."""
    return st.integers(0, 8).flatmap(lambda dice: st.just(choices[0]) if dice else st.sampled_from(choices))


def _coded(mark: str, encoding: str, twist: int) -> str:
    """Write a mark in a transfer encoding, or in one that is not said."""
    text = f"see {mark} here"
    word = encoding.lower()
    if "base64" in word.replace("\r\n ", "") or (twist == 1 and "quoted" not in word):
        coded = base64.b64encode(text.encode()).decode()
        cut, spoilt = f"{coded[:8]}\r\n{coded[8:]}", f"{coded[:5]}!{coded[5:]}"
        return (coded, coded.rstrip("="), cut, spoilt, f"{coded}\r\nmark39x")[twist]
    if "quoted" in word or twist == 2:
        coded = quopri.encodestring(text.encode()).decode().replace("mark", "=6Da=\r\nrk" if twist else "=6dark")
        return coded + ("=" if twist == 3 else "")
    return text


@st.composite
def _leaf(draw: st.DrawFn, number: int) -> str:
    encoding = draw(st.sampled_from(("", "base64", "quoted-printable")) | _mostly(ENCODINGS))
    fields = [f"{draw(_mostly(FIELDS))}: {draw(_mostly(TYPES))}"]
    fields += [f"Content-Transfer-Encoding: {encoding}"] if encoding else []
    if draw(st.integers(0, 14)) == 0:
        fields.append(f"Content-Transfer-Encoding: {draw(st.sampled_from(ENCODINGS))}")
    if draw(st.integers(0, 7)) == 0:
        fields.append(f'Content-Disposition: attachment; filename="mark{number + 30}x.txt"')
    twist = draw(st.sampled_from((0, 0, 0, 0, 1, 2, 3, 4)))
    return "\r\n".join((*draw(st.permutations(fields)), "", _coded(f"mark{number:02}x", encoding, twist)))


@st.composite
def _tree(draw: st.DrawFn, depth: int, first: int) -> str:
    if depth == 0 or draw(st.integers(0, 2)) == 0:
        return draw(_leaf(first))
    boundary = f"{draw(_mostly(NAMES))}{depth}{first}"
    head = f"{draw(_mostly(FIELDS))}: multipart/{draw(_mostly(SUBTYPES))}; {draw(_mostly(BOUNDARIES)).format(boundary)}"
    if draw(st.integers(0, 14)) == 0:
        head += f"\r\nContent-Transfer-Encoding: {draw(st.sampled_from(ENCODINGS))}"
    lines = [head, "", draw(_mostly(("", "mark37x", "Content-Type: text/plain")))]
    for index in range(draw(st.integers(1, 2))):
        lines += [draw(_mostly(OPENINGS)).format(boundary), draw(_tree(depth - 1, first * 2 + index))]
    lines += [draw(_mostly(CLOSINGS)).format(boundary), draw(st.sampled_from(("", "mark38x")))]
    return "\r\n".join(lines)


@st.composite
def nasty_mail(draw: st.DrawFn) -> bytes:
    """A message of at most eight parts, with a subject that may be as strange as they are."""
    data = f"From: a@b.example\r\n{draw(st.sampled_from(SUBJECTS))}\r\n{draw(_tree(3, 1))}\r\n"
    return data.replace("\r\n", draw(_mostly(("\r\n", "\n")))).encode()
