"""A leak is found in whatever dress it wears, and a notice is none."""

import base64
import quopri
from email.header import Header

import pytest

from gateway.demo.leaks import leak, markers
from gateway.demo.letters import LETTERS, Letter
from gateway.demo.mailbox import leaves
from tests.gateway.demo.scene import notice

REFERRAL = next(letter for letter in LETTERS if letter.name == "02-referral")
CLAIMS = next(letter for letter in LETTERS if letter.name == "04-claims")
HL7 = next(letter for letter in LETTERS if letter.name == "05-hl7-result")
LINE = b"RE: Thomas Albrecht, DOB 11/02/1955, MRN 00517730"
SUBJECT = "Referral: Mr. Albrecht, atrial fibrillation"
HEAD = b"From: a@clinic.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"


def _dressed(encoding: str, body: bytes) -> bytes:
    return HEAD + f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(REFERRAL.data, id="as it was"),
        pytest.param(_dressed("7bit", LINE), id="one line"),
        pytest.param(_dressed("7bit", LINE.replace(b" ", b"\r\n\t")), id="folded"),
        pytest.param(_dressed("base64", base64.encodebytes(b"x" + LINE)), id="base64"),
        pytest.param(_dressed("7bit", b"text\r\n\r\n" + base64.b64encode(LINE)), id="base64 undeclared"),
        pytest.param(_dressed("quoted-printable", quopri.encodestring(LINE, quotetabs=True)), id="quoted-printable"),
        pytest.param(
            HEAD.replace(b"x", Header(SUBJECT, "utf-8").encode().encode()) + b"\r\n",
            id="subject as an encoded word",
        ),
    ],
)  # fmt: skip
def test_a_leak_is_found(content: bytes) -> None:
    """Invariant 1, looked at from outside."""
    assert leak(markers(REFERRAL.data), content)


def test_attachments_count_and_their_names() -> None:
    """A row of the CSV, a segment of HL7, and the file name are content as well (invariant 4)."""
    assert leak(markers(CLAIMS.data), _dressed("7bit", b"W884120391,Okafor,Daniel,1971-05-09,J45.40,94010,212.50"))
    assert leak(markers(CLAIMS.data), _dressed("7bit", b"see claims.csv"))
    attachment = leaves(HL7.data)[1].content
    assert leak(markers(HL7.data), _dressed("base64", base64.encodebytes(attachment)))


@pytest.mark.parametrize("letter", LETTERS, ids=lambda letter: letter.name)
def test_a_notice_is_no_leak(letter: Letter) -> None:
    """Otherwise every portal message would look like one."""
    wanted = markers(letter.data)
    for recipient in letter.recipients:
        assert not leak(wanted, notice(letter, recipient))
