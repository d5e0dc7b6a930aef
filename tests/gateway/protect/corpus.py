"""Messages in the shapes that real mail has: what mail programs, scripts and devices write, seeded, so always the same.

Not the words matter but the octets: folding, blanks, line ends, encodings, nesting, fields that many programs add.
"""

import base64
import quopri
import random
from collections.abc import Callable, Iterator
from typing import Final

WORDS: Final = (
    "the patient result of from and blood pressure letter Müller façade naïve 検査 résumé was seen in clinic today "
    "with no complaint dear colleague please find attached kind regards Zoë 10 mg/dL = . .. -- \t"
).split(" ")
SUBJECTS: Final = (
    "Subject: Result",
    "Subject:",
    "Subject: Re: AW:  two   blanks ",
    f"subject: {'long ' * 20}\r\n {'word ' * 9}",
    "Subject: =?utf-8?B?QmVmdW5kIE3DvGxsZXI=?=\r\n =?utf-8?Q?_f=C3=BCr_Sie?=",
    "Subject: tab\tin it",
)
EXTRA: Final = (
    "Cc: c@example.org",
    "Reply-To: <desk@clinic.example>",
    "X-Mailer: Microsoft Outlook 16.0",
    "Thread-Index: AdcX\r\n\tq0==",
    "X-MS-Exchange-Organization-SCL: -1",
    "Importance: high",
    "List-Unsubscribe: <https://clinic.example/u>,\r\n <mailto:u@clinic.example>",
    "Sender: ehr@clinic.example",
    "Content-Language: de",
    "Auto-Submitted: auto-generated",
    "X-Empty:",
    "Comments:   \r\n \t folded blanks",
)
Chance = random.Random
Shape = Callable[[Chance], tuple[bytes, bytes]]  # header fields of its own, and the body


def corpus(count: int, *, author: str = "Joe Doe <joe@clinic.example>", seed: int = 6376) -> Iterator[bytes]:
    """So many messages with CRLF lines, each shape in turn."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    for number in range(count):
        own, body = SHAPES[number % len(SHAPES)](chance)
        yield _header(chance, number, author) + own + b"\r\n" + body


def as_transferred(message: bytes) -> bytes:
    """As the next hop has it: SMTP ends the last line (RFC 5321 section 4.1.1.4)."""
    return message if message.endswith(b"\r\n") else message + b"\r\n"


def _text(chance: Chance, words: int) -> str:
    lines, line = [], ""
    for _ in range(words):
        line += chance.choice(WORDS) + chance.choice((" ", " ", " ", "  "))
        if len(line) > chance.randrange(40, 76):
            lines.append(line if chance.random() < 0.2 else line.rstrip(" "))
            line = ""
        if chance.random() < 0.02:
            lines.append(chance.choice(("", "", " ", "\t", "> quoted", ".", "From here on")))
    return "\r\n".join([*lines, line])


def _header(chance: Chance, number: int, author: str) -> bytes:
    to = ", ".join(f'"R {n}, Dr." <r{n}@example.org>' for n in range(chance.choice((1, 1, 1, 2, 30))))
    received = (
        f"Received: from ehr.clinic.example ([10.0.0.{number % 250}])\r\n\tby exchange.clinic.example id {number}"
    )
    fields = [
        f"From: {author}",
        "To: " + to.replace(">, ", chance.choice((">,\r\n ", ">,\r\n\t", ">, "))),
        chance.choice(SUBJECTS),
        "Date: Tue, 24 Nov 2026 09:00:00 +0000" + chance.choice(("", " (UTC)")),
        f"Message-ID: <{number}.{chance.getrandbits(64):x}@clinic.example>",
    ]
    if chance.random() < 0.4:
        ids = [f"<{chance.getrandbits(80):x}@mail.example>" for _ in range(chance.randrange(1, 12))]
        fields += ["In-Reply-To: " + ids[-1], "References: " + "\r\n ".join(ids)]
    fields += [extra for extra in EXTRA if chance.random() < 0.25]
    return "\r\n".join([received, *chance.sample(fields, len(fields))]).encode() + b"\r\n"


def _plain(chance: Chance) -> tuple[bytes, bytes]:
    end = chance.choice(("\r\n", "", "\r\n\r\n\r\n", " \r\n", "\r\n \t\r\n"))
    field = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    return field, (_text(chance, chance.randrange(5, 300)) + end).encode()


def _bare(chance: Chance) -> tuple[bytes, bytes]:
    """A script's or a scanner's: no MIME at all."""
    return b"", chance.choice((b"", b"\r\n", b"Scan to mail\r\n", b"a  b \t c\r\n" * 3, b"."))


def _quoted(chance: Chance) -> tuple[bytes, bytes]:
    body = quopri.encodestring(_text(chance, 200).replace("\r\n", "\n").encode()).replace(b"\n", b"\r\n")
    kind = b'MIME-Version: 1.0\r\nContent-Type: text/html;\r\n charset="utf-8"\r\n'
    return kind + b"Content-Transfer-Encoding: quoted-printable\r\n", body + b"\r\n"


def _latin(chance: Chance) -> tuple[bytes, bytes]:
    body = _text(chance, 100).encode("iso-8859-1", "replace")
    return b"Mime-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n", body


def _part(head: str, body: bytes) -> bytes:
    return head.encode() + b"\r\n\r\n" + body + b"\r\n"


def _alternative(chance: Chance, boundary: str = "alt_=_1") -> tuple[bytes, bytes]:
    text = _text(chance, 80).encode()
    html = b"<html><body>\r\n<p>" + text.replace(b"\r\n", b"<br>\r\n") + b"</p>\r\n</body></html>"
    parts = [
        _part("Content-Type: text/plain; charset=UTF-8", text),
        _part("Content-Type: text/html; charset=UTF-8", html),
    ]
    mark = f"--{boundary}".encode()
    body = b"".join(mark + b"\r\n" + part for part in parts) + mark + b"--\r\n"
    return f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n\tboundary="{boundary}"\r\n'.encode(), body


def _attached(chance: Chance) -> tuple[bytes, bytes]:
    own, inner = _alternative(chance, "inner")
    octets = base64.encodebytes(chance.randbytes(chance.randrange(100, 30_000))).replace(b"\n", b"\r\n")
    head = (
        "Content-Type: application/pdf; name*0*=utf-8''Bef;\r\n name*1*=und%20M%C3%BCller.pdf\r\n"
        'Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n\tfilename="report.pdf"'
    )
    content_type = own.partition(b"\r\n")[2].rstrip(b"\r\n").decode()
    body = b"This is a multi-part message in MIME format.\r\n"
    body += b"--mix\r\n" + _part(content_type, inner) + b"--mix\r\n" + _part(head, octets) + b"--mix--\r\n\r\nepilogue"
    return b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=mix\r\n", body


def _invitation(chance: Chance) -> tuple[bytes, bytes]:
    lines = ["BEGIN:VCALENDAR", "METHOD:REQUEST", "BEGIN:VEVENT", "SUMMARY:" + "x" * 60, " folded " + "y" * 40]
    lines += [f"DTSTART:202611{chance.randrange(10, 30)}T090000Z", "END:VEVENT", "END:VCALENDAR", ""]
    return b"MIME-Version: 1.0\r\nContent-Type: text/calendar; method=REQUEST\r\n", "\r\n".join(lines).encode()


def _longest(chance: Chance) -> tuple[bytes, bytes]:
    """Lines as long as they may be, RFC 5322 section 2.1.1."""
    return b"", b"".join(chance.choice((b"x", b"a ", b" ")) * 499 + b"\r\n" for _ in range(4))


SHAPES: Final[tuple[Shape, ...]] = (
    _plain, _bare, _quoted, _latin, _alternative, _attached, _invitation, _longest,
)  # fmt: skip
