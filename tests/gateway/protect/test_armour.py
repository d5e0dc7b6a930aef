"""gateway.protect.armour and crc24."""

import base64
import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pgpy import PGPMessage

from gateway.protect.armour import armour_message, split_certificates
from gateway.protect.crc24 import INITIAL, SMALL, TABLE, crc24
from gateway.protect.errors import CertificateError
from tests.cost import growth
from tests.gateway.protect.keys import certificate_of, make_key

ONE = certificate_of(make_key())
TWO = certificate_of(make_key(address="c@example.org"))


def armoured(data: bytes, *, check: int | None = None) -> bytes:
    tail = base64.b64encode((crc24(data) if check is None else check).to_bytes(3, "big"))
    return (
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\n"
        + base64.encodebytes(data)
        + b"="
        + tail
        + b"\n-----END PGP PUBLIC KEY BLOCK-----\n"
    )


def one_by_one(data: bytes) -> int:
    register = INITIAL
    for octet in data:
        register = (register << 8 & 0xFFFFFF) ^ TABLE[register >> 16 ^ octet]
    return register


def test_crc_of_the_standard_text() -> None:
    """The check value of CRC-24/OPENPGP in the catalogue of parametrised CRC algorithms."""
    assert crc24(b"123456789") == 0x21CF02


@pytest.mark.parametrize("size", [0, 1, SMALL - 1, SMALL, SMALL + 1, SMALL + 255, SMALL + 257, 3 * SMALL + 77])
def test_lanes_make_no_difference(size: int) -> None:
    """The fast way and the loop agree at every length."""
    data = os.urandom(size)
    assert crc24(data) == one_by_one(data)


def test_pgpy_reads_our_armour() -> None:
    """RFC 9580 section 6; PGPy checks the checksum."""
    message = bytes(PGPMessage.new(b"x" * 10_000, format="b"))
    assert bytes(PGPMessage.from_blob(armour_message(message).decode())) == message


@pytest.mark.slow
def test_a_megabyte_is_quick() -> None:
    """PGPy needs 1.3 s for this; ours about 0.02 s."""
    start = time.process_time()
    armour_message(bytes(1_000_000))
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    "data",
    [
        ONE + TWO,
        armoured(ONE + TWO),
        armoured(ONE) + b"some text\r\n" + armoured(TWO),
        armoured(ONE + TWO).replace(b"\n", b"\r\n"),
    ],
    ids=["binary", "one block", "two blocks", "CRLF"],
)
def test_many_certificates_in_one_file(data: bytes) -> None:
    """Whatever form people mail to each other."""
    assert split_certificates(data) == (ONE, TWO)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no OpenPGP public key"),
        (b"hello", "neither"),
        (ONE[:-1], "cut short"),
        (ONE[:1], "cut short"),
        (armoured(ONE, check=1), "checksum"),
        (armoured(ONE).replace(b"Comment: x\n\n", b"\n!"), "neither"),
        (bytes(make_key()), "private"),
        (str(make_key()).encode(), "private"),
        (bytes(PGPMessage.new(b"x", format="b")), "no OpenPGP public key"),
    ],
    ids=["empty", "text", "cut", "one octet", "checksum", "bad line", "private key", "armoured private key", "message"],
)
def test_other_files_are_refused(data: bytes, why: str) -> None:
    """With a reason that helps; private keys above all."""
    with pytest.raises(CertificateError, match=why):
        split_certificates(data)


def test_lines_that_look_like_beginnings() -> None:
    """What a key server sends is read in time that grows with its size, not with the square of it."""

    def read(size: int) -> None:
        with pytest.raises(CertificateError):
            split_certificates(b"A: -----BEGIN PGP PUBLIC KEY BLOCK-----\n" * size)

    assert growth(lambda: read(1500), lambda: read(6000), under=8) < 8


@given(st.binary(max_size=100))
def test_anything_is_read_or_refused(data: bytes) -> None:
    """Invariant: CertificateError, or pieces that add up to the input."""
    try:
        assert b"".join(split_certificates(data)) == data
    except CertificateError:
        return
