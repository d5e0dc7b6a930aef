"""The vault: AES-256-GCM under one random key a message, each wrapped by the master key.

Every ciphertext is `version (1 byte) || nonce (12, random) || AES-256-GCM output`. Its additional data names the place
it belongs to (table and column, message id, part, piece number, whether it is the last piece, master key id, version),
so that nothing can be moved, reordered, cut at a piece boundary or replayed from another row (KY-02, KY-09).

How this works: the master key never encrypts. Each purpose has its own key, HMAC-SHA256(master key, purpose); a
message's wrapping key has the message id in its purpose and wraps once. So no AES-GCM key comes near 2**32 random
nonces, however long an installation lives (KY-03; NIST SP 800-38D section 8.3).

Left out: rotation of the master key. Fails with `DamagedContent` for any ciphertext that does not open (KY-08).
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.store.errors import DamagedContent, KeyMismatch, KeyUnusable

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12  # NIST SP 800-38D section 5.2.1.1 recommends 96 bits
TAG_BYTES: Final = 16
VERSION: Final = b"\x01"
KEY_ID_LETTERS: Final = 16

Buffer = bytes | memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a piece of content belongs; all of it is authenticated.

    part: "message" or "report"; number: from 0; last: no piece follows; key_id: the master key that wraps the data key.
    """

    message_id: str
    part: str
    number: int
    last: bool
    key_id: str

    def aad(self) -> bytes:
        return _aad(
            "content.ciphertext", self.message_id, self.part, str(self.number), str(int(self.last)), self.key_id
        )


def new_data_key() -> bytes:
    """A fresh random key for one message."""
    return secrets.token_bytes(KEY_BYTES)


def seal_piece(data_key: bytes, place: Place, plaintext: Buffer) -> bytes:
    """Encrypt one piece for its place; releases the GIL, so threads may do it."""
    return _seal(data_key, plaintext, place.aad())


def open_piece(data_key: bytes, place: Place, ciphertext: bytes) -> bytes:
    """Decrypt one piece. Raises: DamagedContent when it is not exactly what was sealed for this place."""
    return _open(data_key, ciphertext, place.aad())


class Vault:
    """Holds the master key; wraps data keys and seals the installation's own secrets."""

    __slots__ = ("_master", "key_id")

    def __init__(self, master_key: bytes) -> None:
        """master_key: 32 bytes. Raises: KeyUnusable for any other length."""
        if len(master_key) != KEY_BYTES:
            raise KeyUnusable("master key: must be 32 bytes, raw or base64")
        self._master = master_key
        self.key_id = self._derive("key id").hex()[:KEY_ID_LETTERS]

    def __repr__(self) -> str:
        return f"Vault(key_id={self.key_id!r})"

    @classmethod
    def open(cls, path: Path, *, may_create: bool) -> "Vault":
        """Read the master key file; make one only when may_create says that nothing was ever sealed here (KY-05).

        Raises: KeyMismatch when it is missing and may not be made; KeyUnusable for a bad file.
        """
        try:
            return cls(_read_key(path))
        except FileNotFoundError:
            if not may_create:
                raise KeyMismatch(
                    f"{path}: master key is missing, and the database holds data sealed by it; bring the key back"
                ) from None
        _create_key(path)
        return cls(_read_key(path))

    def wrap(self, message_id: str, data_key: bytes) -> bytes:
        """A message's data key, sealed for its row."""
        return _seal(self._wrapping_key(message_id), data_key, self._wrap_aad(message_id))

    def unwrap(self, message_id: str, wrapped: bytes) -> bytes:
        """Raises: DamagedContent when it was not wrapped for this message by this master key."""
        return _open(self._wrapping_key(message_id), wrapped, self._wrap_aad(message_id))

    def seal_secret(self, name: str, value: bytes) -> bytes:
        """One of the installation's own secrets, such as the audit signing key."""
        return _seal(self._derive("secret", name), value, _aad("secret.ciphertext", name, self.key_id))

    def open_secret(self, name: str, ciphertext: bytes) -> bytes:
        """Raises: DamagedContent when it was not sealed under this name by this master key."""
        return _open(self._derive("secret", name), ciphertext, _aad("secret.ciphertext", name, self.key_id))

    def seal_row(self, column: str, row_id: str, value: bytes) -> bytes:
        """A value of one row that is sealed by itself. column: table and column, such as decision_record.ciphertext."""
        return _seal(self._derive(column, row_id), value, _aad(column, row_id, self.key_id))

    def open_row(self, column: str, row_id: str, ciphertext: bytes) -> bytes:
        """Raises: DamagedContent when it was not sealed for this row by this master key."""
        return _open(self._derive(column, row_id), ciphertext, _aad(column, row_id, self.key_id))

    def keyed_hash(self, purpose: str, text: str) -> str:
        """The same text always gives the same 64 hexadecimal digits, from which nobody without the key can guess it."""
        return hmac.digest(self._derive("hash", purpose), text.encode(), hashlib.sha256).hex()

    def hash_key(self, purpose: str) -> bytes:
        """A key for keyed hashes that are made elsewhere, such as in an inspector; it opens nothing."""
        return self._derive("hash key", purpose)

    def _wrapping_key(self, message_id: str) -> bytes:
        return self._derive("message.wrapped_key", message_id)

    def _wrap_aad(self, message_id: str) -> bytes:
        return _aad("message.wrapped_key", message_id, self.key_id)

    def _derive(self, *purpose: str) -> bytes:
        return hmac.digest(self._master, b"\0".join(word.encode() for word in ("mailward", *purpose)), hashlib.sha256)


def _aad(*words: str) -> bytes:
    """Additional data: the words are ids and names, none of which holds a NUL."""
    return b"\0".join([VERSION, *(word.encode() for word in words)])


def _seal(key: bytes, plaintext: Buffer, aad: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return VERSION + nonce + AESGCM(key).encrypt(nonce, plaintext, aad)


def _open(key: bytes, ciphertext: bytes, aad: bytes) -> bytes:
    if len(ciphertext) < 1 + NONCE_BYTES + TAG_BYTES:
        raise DamagedContent("sealed content is cut short")
    if ciphertext[:1] != VERSION:
        raise DamagedContent(f"sealed content has unknown version {ciphertext[0]}")
    sealed = memoryview(ciphertext)
    try:
        return AESGCM(key).decrypt(sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], aad)
    except InvalidTag:
        raise DamagedContent("sealed content was altered, moved, or sealed by another key") from None


def _read_key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(1024)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KeyUnusable(f"{path}: master key cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise KeyUnusable(f"{path}: others may read the master key (mode {mode:04o}); run chmod 0600 on it")
    if len(data) == KEY_BYTES:
        return data
    try:
        key = base64.b64decode(data.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyUnusable(f"{path}: master key must be 32 bytes, raw or base64")
    return key


def _create_key(path: Path) -> None:
    """Write a fresh key, whole and synced or not at all; keeps a key that another process made meanwhile."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise KeyUnusable(f"{path}: master key cannot be made: {error.strerror}") from None
