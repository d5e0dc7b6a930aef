"""Signed checkpoints as text: C2SP tlog-checkpoint over C2SP signed-note, Ed25519. Standard library and cryptography.

    gw.clinic.example/audit            origin
    1234                               number of leaves
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=    root, base64
                                       blank
    — gw.clinic.example/audit <base64 of key id (4 bytes) and signature (64)>

Source: https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note.
"""

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

DASH: Final = "\N{EM DASH}"
ED25519: Final = b"\x01"  # signed-note: signature type of Ed25519
KEY_ID_BYTES: Final = 4
ROOT_BYTES: Final = 32


class NoteError(Exception):
    """The text is not a checkpoint, or the key did not sign it; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a log says of itself: its name, how many leaves it has, and their root hash."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """The signed note. The origin is also the name of the key: it holds no blank and no plus (signed-note)."""
    if not checkpoint.origin or any(letter.isspace() or letter == "+" for letter in checkpoint.origin):
        raise NoteError("the origin must not be empty or hold blanks or a plus")
    text = str(checkpoint)
    signature = _key_id(checkpoint.origin, key.public_key()) + key.sign(text.encode())
    return f"{text}\n{DASH} {checkpoint.origin} {base64.b64encode(signature).decode()}\n"


def verify(note: str, key: Ed25519PublicKey) -> Checkpoint:
    """Read a note that this key signed; signatures by other keys (witnesses) are passed over.

    Raises: NoteError.
    """
    text, blank, signatures = note.rpartition("\n\n")
    if not blank:
        raise NoteError("not a signed note")
    text += "\n"
    checkpoint = _read(text)
    for line in signatures.splitlines():
        if _is_signed(line, text.encode(), checkpoint.origin, key):
            return checkpoint
    raise NoteError("the checkpoint is not signed by this key")


def read_public_key(pem: bytes) -> Ed25519PublicKey:
    """Raises: NoteError."""
    try:
        key = load_pem_public_key(pem)
    except ValueError:
        raise NoteError("not a PEM public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise NoteError("not an Ed25519 public key")
    return key


def write_public_key(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _read(text: str) -> Checkpoint:
    lines = text.splitlines()
    if len(lines) < 3 or not lines[0] or not (lines[1].isascii() and lines[1].isdigit()):
        raise NoteError("not a checkpoint")
    if lines[1] != str(int(lines[1])):  # tlog-checkpoint: no leading zeroes
        raise NoteError("the tree size of the checkpoint is not in its shortest form")
    root = _decode(lines[2])
    if len(root) != ROOT_BYTES:
        raise NoteError("the root of the checkpoint is not a SHA-256 hash")
    return Checkpoint(origin=lines[0], size=int(lines[1]), root=root)


def _is_signed(line: str, text: bytes, name: str, key: Ed25519PublicKey) -> bool:
    dash, _, rest = line.partition(" ")
    signer, _, encoded = rest.partition(" ")
    if dash != DASH or signer != name:
        return False
    blob = _decode(encoded)
    if blob[:KEY_ID_BYTES] != _key_id(name, key):
        return False
    try:
        key.verify(blob[KEY_ID_BYTES:], text)
    except InvalidSignature:
        return False
    return True


def _key_id(name: str, key: Ed25519PublicKey) -> bytes:
    """signed-note: SHA-256(name || LF || type || public key), first four bytes."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return sha256(name.encode() + b"\n" + ED25519 + raw).digest()[:KEY_ID_BYTES]


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("the checkpoint holds bad base64") from None
