"""The real inspector behind its closed doors says what the classifier says in the open: nothing is opened late."""

import lzma
import zipfile
from collections.abc import AsyncIterator
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.inspect.inspector import Inspector, inspector_pool
from gateway.inspect.sample import SAMPLE
from gateway.inspect.wire import is_report, pack_report, unpack_report
from policy.phi.classify import classify_message
from policy.phi.report import Finding, Kind, Place, Report, Uninspectable
from tests.policy.phi.files.compound import excel, tnef, word
from tests.policy.phi.files.make import SEVEN_ZIP, docx, odf, paragraph, sheet, xlsx, zipped
from tests.policy.phi.files.test_rtf import rtf

TAGS: Final = ("[secure]", "#secure")
CHARSETS: Final = ("us-ascii", "utf-7", "utf-16", "iso-2022-jp", "gb18030", "koi8-r", "windows-1257", "idna", "x-none")
TYPES: Final = (
    "text/plain",
    "text/html",
    "text/csv",
    "text/calendar",
    "message/rfc822",
    "message/delivery-status",
    "application/pdf",
    "application/zip",
    "application/pkcs7-mime",
    "application/pgp-encrypted",
    "application/ms-tnef",
    "image/png",
)
NOTE: Final = "Patient: Jane Roe, MRN 00123456, has asthma."
FILES: Final = (
    docx(paragraph(NOTE)),
    docx(paragraph(NOTE), more={"a.xml": "<"}),
    xlsx(sheet([["Patient", "MRN"], ["Jane Roe", "00123456"]])),
    odf(f"<office:text><text:p>{NOTE}</text:p></office:text>"),
    zipped({"caf\xe9.txt": NOTE, "b.zip": zipped({"c.txt": NOTE}, zipfile.ZIP_BZIP2)}),
    lzma.compress(NOTE.encode()),
    rtf(rf"{NOTE}{{\f2 \'8e\'52}}\par"),
    word(f"{NOTE}\r"),
    excel((0, 0, NOTE)),
    SEVEN_ZIP,
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 9,
    b"Rar!\x1a\x07\x00" + bytes(40),
    tnef((0x0002800C, NOTE.encode())),
)
ENCODINGS: Final = ("7bit", "base64", "quoted-printable", "x-uuencode", "binary")


def message(*, content_type: str = "text/plain", encoding: str = "7bit", body: bytes = b"Hello [secure]\r\n") -> bytes:
    """A message of one part."""
    lines = (
        "From: a@example.org",
        "Subject: #secure",
        f"Content-Type: {content_type}",
        f"Content-Transfer-Encoding: {encoding}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


MESSAGES: Final = (
    SAMPLE,
    b"",
    b"\r\n\r\n",
    bytes(range(256)) * 64,
    SAMPLE * 200,
    *(message(content_type=f"text/plain; charset={charset}", body=b"\xc3\xa9+AOk-\x1b$B") for charset in CHARSETS),
    *(message(content_type=content_type) for content_type in TYPES),
    *(message(encoding=encoding) for encoding in ENCODINGS),
    *(message(encoding="binary", content_type="application/octet-stream", body=body) for body in FILES),
)


@pytest.fixture
async def inspector() -> AsyncIterator[Inspector]:
    """One real inspector."""
    pool = inspector_pool(1)
    await pool.start()
    yield Inspector(pool)
    await pool.stop()


@pytest.mark.slow
async def test_confined_classifier_misses_nothing(inspector: Inspector) -> None:
    """A module, codec or table that is opened late would make mail unreadable, or a finding vanish."""
    for data in MESSAGES:
        assert await inspector.inspect(data, subject_tags=TAGS) == classify_message(data, subject_tags=TAGS)


def test_sample_reaches_every_reader() -> None:
    """The warm-up run is worth something: every part of it is read, and the tag is seen in an encoded word."""
    report = classify_message(SAMPLE, subject_tags=("[sample]",))
    assert report.phi
    assert report.tagged
    assert report.uninspectable == ()
    assert {finding.place.name for finding in report.findings} >= {"text/plain", "text/html", "text/csv"}


PLACES = st.builds(
    Place,
    part=st.text(max_size=8),
    name=st.text(max_size=8),
    page=st.integers(0, 9),
    line=st.integers(0, 9),
    cell=st.text(max_size=8),
)
REPORTS = st.builds(
    Report,
    phi=st.booleans(),
    score=st.floats(0, 1),
    findings=st.lists(
        st.builds(
            Finding,
            kind=st.sampled_from(Kind),
            masked=st.text(max_size=8),
            place=PLACES,
            certainty=st.floats(0, 1),
            why=st.text(max_size=8),
        ),
        max_size=3,
    ).map(tuple),
    uninspectable=st.lists(st.builds(Uninspectable, place=PLACES, reason=st.text(max_size=8)), max_size=2).map(tuple),
    tagged=st.booleans(),
    from_addresses=st.lists(st.text(max_size=8), max_size=2).map(tuple),
)


@given(REPORTS)
def test_report_survives_the_wire(report: Report) -> None:
    """Nothing of a report is lost between the processes."""
    assert unpack_report(pack_report(report)) == report


@given(st.binary(max_size=64))
def test_stranger_bytes_are_no_report(answer: bytes) -> None:
    """MP-15: bytes are refused, or they are a whole report that says the same when it is written again."""
    if not is_report(answer):
        with pytest.raises(msgspec.DecodeError):
            unpack_report(answer)
        return
    report = unpack_report(answer)
    assert unpack_report(pack_report(report)) == report


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\xc0",
        b"\x80",
        b"\x81\xa3phi\xc2",
        b"\x81\xa3phi\xa2no",
        pack_report(Report(phi=False, score=0))[:-1],
        pack_report(Report(phi=False, score=float("nan"))),
        pack_report(Report(phi=False, score=-1e300)),
        pack_report(Report(phi=False, score=0, reasons=("why",))).replace(b"why", b"\xffhy"),
        pack_report(Report(phi=False, score=0)).replace(b"\xa4bulk\xc2", b"\xa4hulk" + b"\x91" * 5000 + b"\xc2"),
    ],
    ids=lambda answer: repr(answer[:20]),
)
def test_half_a_report_is_none(answer: bytes) -> None:
    """MP-15: a report without its verdict, of other types, or cut short is refused: it could read as clean. So is what
    msgspec reports by errors that are not its own: no UTF-8, and nesting without end.
    """
    assert not is_report(answer)
