"""Signed checkpoints: C2SP tlog-checkpoint and signed-note."""

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.audit.note import Checkpoint, NoteError, read_public_key, sign, verify, write_public_key

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
HEAD = Checkpoint(origin="gw.clinic.example/audit", size=1234, root=bytes(range(32)))
NOTE = sign(HEAD, KEY)


def test_the_text_is_what_c2sp_says() -> None:
    """tlog-checkpoint: origin, size, root; signed-note: blank line, em dash, name, base64 of key id and signature."""
    text, _, signature = NOTE.partition("\n\n")
    assert text == f"gw.clinic.example/audit\n1234\n{base64.b64encode(bytes(range(32))).decode()}"
    dash, name, blob = signature.removesuffix("\n").split(" ")
    assert (dash, name) == ("\u2014", "gw.clinic.example/audit")
    raw = base64.b64decode(blob)
    public = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert raw[:4] == sha256(b"gw.clinic.example/audit\n\x01" + public).digest()[:4]
    KEY.public_key().verify(raw[4:], text.encode() + b"\n")


def test_a_note_reads_back() -> None:
    assert verify(NOTE, KEY.public_key()) == HEAD


def test_signatures_of_witnesses_are_passed_over() -> None:
    """signed-note: unknown signatures are ignored, before and after ours."""
    witness = sign(Checkpoint(origin="witness.example/w1", size=0, root=bytes(32)), Ed25519PrivateKey.generate())
    line = witness.rpartition("\n\n")[2]
    assert verify(NOTE + line, KEY.public_key()) == HEAD
    text, _, ours = NOTE.partition("\n\n")
    assert verify(f"{text}\n\n{line}{ours}", KEY.public_key()) == HEAD


@pytest.mark.parametrize(
    ("note", "why"),
    [
        (NOTE.replace("1234", "1235"), "not signed by this key"),
        (NOTE.replace("gw.clinic", "gw.other"), "not signed by this key"),
        (sign(HEAD, Ed25519PrivateKey.generate()), "not signed by this key"),
        (NOTE.replace("1234", "01234"), "shortest form"),
        (NOTE.replace("1234", "-1"), "not a checkpoint"),
        (NOTE.replace("1234", "\u0661"), "not a checkpoint"),
        (NOTE.replace("AAEC", "!!!!"), "bad base64"),
        (NOTE.replace("\n\n", "\n"), "not a signed note"),
        ("", "not a signed note"),
        ("a\n1\n\n\u2014 a b\n", "not a checkpoint"),
        (f"a\n1\n{base64.b64encode(bytes(31)).decode()}\n\n\u2014 a b\n", "not a SHA-256 hash"),
    ],
)
def test_a_bad_note_is_refused(note: str, why: str) -> None:
    with pytest.raises(NoteError, match=why):
        verify(note, KEY.public_key())


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "a\nb"])
def test_an_origin_must_serve_as_a_key_name(origin: str) -> None:
    """signed-note: a key name is not empty and holds neither blanks nor a plus."""
    with pytest.raises(NoteError):
        sign(Checkpoint(origin=origin, size=0, root=bytes(32)), KEY)


def test_the_public_key_as_a_file() -> None:
    pem = write_public_key(KEY.public_key())
    assert pem.startswith("-----BEGIN PUBLIC KEY-----")
    assert verify(NOTE, read_public_key(pem.encode())) == HEAD
    other = generate_private_key(SECP256R1()).public_key()
    for bad in (b"", b"-----BEGIN", other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)):
        with pytest.raises(NoteError):
            read_public_key(bad)
