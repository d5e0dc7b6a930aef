"""Archives: what is in them is read, bombs end early, and what two programs could open differently is a doubt."""

import bz2
import gzip
import io
import lzma
import os
import struct
import subprocess
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from policy.phi.classify import classify_message
from policy.phi.files import archive
from policy.phi.files.found import TOO_MUCH, Budget, Piece
from tests.policy.phi.files.make import NUMBER, PNG, SEVEN_ZIP, docx, letters, paragraph, read, reasons, words, zipped
from tests.policy.phi.messages import PHI_SENTENCE, attachment, mail, multipart, pdf, text_part
from tests.tools import IN_CI, need

SSN = f"SSN {NUMBER}"
MIB = 1024 * 1024


def tar(files: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    """Return a TAR of files, or of links to them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.type, member.size = kind, len(content) if kind == tarfile.REGTYPE else 0
            member.linkname = "" if kind == tarfile.REGTYPE else content.decode()
            made.addfile(member, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        zipped({"a.txt": SSN}),
        zipped({"a.txt": SSN}, zipfile.ZIP_STORED),
        zipped({"a.txt": SSN}, zipfile.ZIP_BZIP2),
        zipped({"f/": b"", "f/a.txt": SSN}),
        zipped({"a.zip": zipped({"b.zip": zipped({"c.txt": SSN})}, zipfile.ZIP_STORED)}),
        zipped({"a.docx": docx(paragraph("SSN 412-", "55-7812"))}),
        docx(more={"word/embeddings/x.bin": zipped({"y.zip": zipped({"z.txt": SSN})})}),
        zipped({"a.pdf.exe": pdf([[SSN]])}),
        zipped({"a.gz": gzip.compress(tar({"b.txt": SSN.encode()}))}),
        gzip.compress(SSN.encode()),
        gzip.compress(b"SSN 412-55") + gzip.compress(b"-7812"),
        bz2.compress(SSN.encode()),
        lzma.compress(SSN.encode()),
        tar({"a/b.txt": SSN.encode()}),
        gzip.compress(tar({"a.docx": docx(paragraph(SSN))})),
    ],
    ids=lambda _: "file",
)
def test_nested_files_are_read(data: bytes) -> None:
    """AB-03: zip-in-zip-in-docx, tar.gz, any name: type by content."""
    found = read(data, file_name="holiday.png")
    assert SSN in words(found)
    assert reasons(found) == []


def _rar(content: bytes, *, is_encrypted: bool = False) -> bytes:
    """Return a RAR of version 4 with one stored file: the format's own program is not free."""

    def block(kind: int, flags: int, body: bytes, data: bytes = b"") -> bytes:
        head = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
        return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head + data

    name, size = b"a.txt", len(content)
    file = struct.pack("<LLBLLBBHL", size, size, 3, zlib.crc32(content), 0, 20, 0x30, len(name), 0o100644) + name
    return (
        b"Rar!\x1a\x07\x00"
        + block(0x73, 0, bytes(6))
        + block(0x74, 0x8000 | 4 * is_encrypted, file, content)
        + block(0x7B, 0x4000, b"")
    )


@pytest.mark.parametrize("data", [SEVEN_ZIP, _rar(SSN.encode())], ids=["7z", "rar"])
def test_other_archives(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """AB-03: 7z and RAR with the extra [archives]; without it they are unreadable."""
    if not archive.has_libarchive():
        (pytest.fail if IN_CI else pytest.skip)("libarchive is not installed; `make test SYSTEM=1` installs it")
    assert SSN in words(read(data))
    assert reasons(read(data)) == []
    assert reasons(read(data[:-30]))
    monkeypatch.setattr(archive, "libarchive", None)
    assert reasons(read(data)) == ["an archive of this kind cannot be read without the extra [archives]"]


@pytest.mark.e2e
@pytest.mark.parametrize("switches", [["-t7z"], ["-t7z", "-mhe=on"], ["-tzip"], ["-tzip", "-mem=AES256"]])
def test_encrypted_by_the_real_program(switches: list[str], tmp_path: Path) -> None:
    """AB-02: what 7-Zip encrypts, with or without the names, is unreadable and never clean."""
    (tmp_path / "a.txt").write_text(SSN)
    subprocess.run(
        [need("7z"), "a", "-psecret", *switches, "x", "a.txt"], cwd=tmp_path, check=True, capture_output=True
    )
    data = next(path.read_bytes() for path in tmp_path.iterdir() if path.name != "a.txt")
    found = read(data)
    assert any("is encrypted" in reason for reason in reasons(found))
    assert SSN not in words(found)


def test_an_encrypted_rar_is_told() -> None:
    """AB-02: the flag of a file is believed."""
    assert reasons(read(_rar(SSN.encode(), is_encrypted=True)))


def test_names_and_messages_inside() -> None:
    """MP-11, MP-08: a file's name in an archive speaks; a message in it is read like an attached one."""
    data = zipped({"Ann_Lee_MRN_00448812.txt": "x", "b": mail(PHI_SENTENCE), "c.eml": mail("hello")})
    found = read(data)
    assert (
        next(piece.content for piece in found if isinstance(piece, Piece) and piece.is_name) == "Ann Lee MRN 00448812"
    )
    assert letters(found) == [mail(PHI_SENTENCE), mail("hello")]
    report = classify_message(multipart([text_part("see file"), attachment(data, kind="application/zip")]))
    assert report.phi
    assert report.uninspectable == ()


def local(name: bytes, content: bytes, *, flags: int = 0, method: int = 0, crc: int | None = None) -> bytes:
    """Return a local header with its content."""
    check = zlib.crc32(content) if crc is None else crc
    size = len(content)
    return (
        struct.pack("<4s5H3L2H", b"PK\3\4", 20, flags, method, 0, 0, check, size, size, len(name), 0) + name + content
    )


def central(name: bytes, content: bytes, offset: int, *, flags: int = 0, method: int = 0, size: int = -1) -> bytes:
    """Return a record of the directory."""
    length = len(content) if size < 0 else size
    return struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 20, 20, flags, method, 0, 0,
        zlib.crc32(content), length, length, len(name), 0, 0, 0, 0, 0, offset,
    ) + name  # fmt: skip


def end(count: int, size: int, offset: int, comment: bytes = b"") -> bytes:
    """Return the end of an archive."""
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, offset, len(comment)) + comment


def build(*parts: bytes, directory: bytes, count: int, comment: bytes = b"") -> bytes:
    """Return an archive from its pieces."""
    files = b"".join(parts)
    return files + directory + end(count, len(directory), len(files), comment)


A = local(b"a.txt", SSN.encode())
B = local(b"b.txt", b"lunch")
IN_A = central(b"a.txt", SSN.encode(), 0)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (build(A, B, directory=IN_A, count=1), "something lies between the files of an archive"),
        (build(b"MZ" * 20, A, directory=central(b"a.txt", SSN.encode(), 40), count=1),
         "something stands before the first file of an archive"),
        (build(A, directory=IN_A + central(b"b.txt", SSN.encode(), 0), count=2),
         "an archive's two headers of a file disagree"),
        (build(A, directory=IN_A * 2, count=2), "files of an archive lie over each other"),
        (build(A, directory=IN_A * 2, count=2), "two files of an archive have the same name"),
        (build(A, directory=central(b"a.txt", b"other", 0, size=len(SSN)), count=1),
         "an archive's two headers of a file disagree"),
        (build(A, directory=IN_A, count=1) + b"more", "something stands behind the end of an archive"),
        (build(A, directory=IN_A, count=2), "the archive's directory does not hold what its end says"),
        (build(A, directory=IN_A, count=1, comment=end(0, 0, 0)),
         "something stands between an archive's directory and its end"),
        (build(A, directory=central(b"a.txt", SSN.encode(), 9999), count=1),
         "an archive's directory names a file that is not there"),
        (build(local(b"../../x", SSN.encode()), directory=central(b"../../x", SSN.encode(), 0), count=1),
         "a name in an archive leads out of it"),
        (build(local(b"/etc/x", SSN.encode()), directory=central(b"/etc/x", SSN.encode(), 0), count=1),
         "a name in an archive leads out of it"),
        (build(local(b"a\0.txt", SSN.encode()), directory=central(b"a\0.txt", SSN.encode(), 0), count=1),
         "a NUL stands in the name of a file"),
        (build(local(b"a", b"x", flags=1), directory=central(b"a", b"x", 0, flags=1), count=1),
         "a file in an archive is encrypted"),
        (build(local(b"a", b"x", method=99), directory=central(b"a", b"x", 0, method=99), count=1),
         "a file in an archive is encrypted"),
        (build(local(b"a", b"x", method=9), directory=central(b"a", b"x", 0, method=9), count=1),
         "a file in an archive is packed in a way that is not read"),
        (build(local(b"a", b"x", method=8), directory=central(b"a", b"x", 0, method=8), count=1),
         "a file in an archive is damaged"),
        (A, "the archive is damaged"),
        (gzip.compress(SSN.encode())[:-9], "the compressed file is damaged"),
        (gzip.compress(SSN.encode()) + b"tail", "the compressed file is damaged"),
        (tar({"a": b"/etc/passwd"}, tarfile.SYMTYPE), "a link, a device or a file with holes is in an archive"),
        (tar({"a": SSN.encode()})[:600], "the archive is damaged"),
        (tar({"a": SSN.encode()}) + b"PK", "something stands behind the end of an archive"),
        (pdf([[SSN]]) + zipped({"a.txt": "x"}), "an archive stands in something else"),
        (zipped({"a": b"\x89PNG\r\n\x1a\n"}), "attachment type not readable yet (an image)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)  # fmt: skip
def test_what_two_programs_open_differently_is_a_doubt(data: bytes, reason: str) -> None:
    """AB-02, AB-03, AB-04: hidden, doubled, encrypted and disputed files make the message protected."""
    assert reason in reasons(read(data))


def test_a_polyglot_is_read_both_ways() -> None:
    """AB-03: a file that is a PDF and an archive is read as both, and is a doubt."""
    found = read(pdf([["from the page"]]) + zipped({"a.txt": "from the archive"}))
    assert "from the page" in words(found)
    assert "an archive stands in something else" in reasons(found)


@pytest.mark.parametrize("before", [b"MZ" * 20, b"\x89PNG\r\n\x1a\n", b"PK\x03\x04" * 9, PNG])
def test_what_stands_before_hides_nothing(before: bytes) -> None:
    """AB-03: an archive behind a program or a picture is a doubt, and is read all the same, as programs do."""
    found = read(before + zipped({"a.txt": SSN, "b.zip": zipped({"c.txt": "soup"})}))
    assert "something stands before the first file of an archive" in reasons(found)
    assert SSN in words(found)
    assert "soup" in words(found)


def test_what_stands_behind_hides_nothing() -> None:
    """AB-03: an archive with a tail is a doubt, and is read all the same, as programs do."""
    found = read(build(A, directory=IN_A, count=1) + b"more")
    assert reasons(found) == ["something stands behind the end of an archive"]
    assert SSN in words(found)


@pytest.mark.parametrize("name", ["../../x.txt", "/etc/mailward-slip", "C:\\x", "a/../../../x"])
def test_nothing_is_written(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """AB-04: the reader opens no file, whatever an archive calls its own."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a file was opened")

    data = zipped({name: SSN})
    for owner, call in ((io, "open"), (os, "open"), (Path, "open")):
        monkeypatch.setattr(owner, call, refuse)
    monkeypatch.setattr("builtins.open", refuse)
    assert SSN in words(read(data))


def _zeros(count: int) -> bytes:
    return zipped({"zero": bytes(count)})


def _overlap(files: int) -> bytes:
    """Return a bomb as Fifield's (2019): every name points at the same packed octets."""
    packed = zlib.compress(bytes(20 * MIB), 9)[2:-4]
    check = zlib.crc32(bytes(20 * MIB))
    head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, check, len(packed), 20 * MIB, 1, 0) + b"a"
    record = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, check, len(packed), 20 * MIB, 1, 0, 0, 0, 0, 0, 0
    ) + b"a"  # fmt: skip
    return build(head + packed, directory=record * files, count=files)


def _matryoshka(levels: int) -> bytes:
    """Return 42.zip in small: sixteen archives in each archive."""
    data = _zeros(4 * MIB)
    for _ in range(levels):
        data = zipped({f"{number:x}.zip": data for number in range(16)})
    return data


def _quine() -> bytes:
    """Return archives nested without end, for all that a reader can know."""
    data = b"x"
    for _ in range(40):
        data = zipped({"r/r.zip": data}, zipfile.ZIP_STORED)
    return data


def _stored(body: str) -> bytes:
    """Return a document whose parts are not compressed, so that no ratio gives it away."""
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    parts = {"[Content_Types].xml": "<Types/>", "word/document.xml": f"<w:document {space}>{body}</w:document>"}
    return zipped(parts, zipfile.ZIP_STORED)


def _many(count: int) -> bytes:
    """Return an archive of so many empty files, each in 76 octets."""
    parts = [local(b"%08d" % number, b"") for number in range(count)]
    at, records = 0, []
    for number, part in enumerate(parts):
        records.append(central(b"%08d" % number, b"", at))
        at += len(part)
    directory = b"".join(records)
    return b"".join(parts) + directory + end(min(count, 65535), len(directory), at)


BOMBS: dict[str, Callable[[], bytes]] = {
    "zeros": lambda: _zeros(80 * MIB),
    "gzip": lambda: gzip.compress(bytes(80 * MIB), 1),
    "gzip in gzip": lambda: gzip.compress(gzip.compress(bytes(80 * MIB), 1), 9),
    "bzip2": lambda: bz2.compress(bytes(20 * MIB)),
    "xz": lambda: lzma.compress(bytes(20 * MIB), preset=0),
    "overlap": lambda: _overlap(1_500),
    "42.zip": lambda: _matryoshka(4),
    "quine": _quine,
    "a crowd": lambda: _many(30_000),
    "a smaller crowd": lambda: zipped({f"{number}.txt": b"x" for number in range(1_900)}),
    "tar": lambda: tar({f"{number}": b"x" for number in range(2_000)}),
    "paragraphs": lambda: docx("<w:p/>" * 2_000_000),
    "stored paragraphs": lambda: _stored("<w:p/>" * 600_000),
    "a long word": lambda: _stored("<w:p>" + "x" * 6_000_000 + "</w:p>"),
    "tables in tables": lambda: _stored("<w:tbl><w:tr><w:tc>" * 200 + "</w:tc></w:tr></w:tbl>" * 200),
    "documents": lambda: zipped({f"{number}.docx": docx(paragraph(f"{number} " * 40_000)) for number in range(60)}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_bombs_end_early(name: str) -> None:
    """AB-01, AB-07: octets, ratio, entries, depth and elements each end it, within 5 s, as a doubt."""
    message = multipart([text_part("hi"), attachment(BOMBS[name](), kind="application/zip")])
    started = time.process_time()
    report = classify_message(message)
    seconds = time.process_time() - started
    assert report.uninspectable
    assert not any("classifier failed" in entry.reason for entry in report.uninspectable)
    assert seconds < 5


def test_a_small_file_stays_small() -> None:
    """AB-01: what grows more than two hundred times is not unpacked, however much budget there is."""
    assert reasons(read(_zeros(2 * MIB))) == [TOO_MUCH]
    budget = Budget(characters=100)
    read(gzip.compress(bytes(60 * MIB), 9), budget=budget)
    assert budget.octets > 40 * MIB


def test_files_in_files_are_counted() -> None:
    """AB-01: the files of all archives of a message together, and no more are opened."""
    many = zipped({f"{number}.zip": zipped({"a.txt": f"{number}", "b.txt": f"-{number}"}) for number in range(30)})
    found = read(many, budget=Budget(characters=1_000, entries=20))
    assert "there are too many files in files" in reasons(found)
    assert len([piece for piece in found if isinstance(piece, Piece) and not piece.is_name]) == 13


@pytest.mark.slow
def test_the_budget_is_one_for_all_parts() -> None:
    """AB-01: two hundred parts do not unpack two hundred times as much."""
    budget = Budget(characters=100_000_000)
    rounds = [reasons(read(_zeros(MIB * 9 // 10), budget=budget)) for _ in range(80)]
    assert TOO_MUCH not in rounds[0]
    assert TOO_MUCH in rounds[-1]
