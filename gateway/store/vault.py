"""The vault: AES-256-GCM under one random key a message, each wrapped by the master key.

Every ciphertext is `version (1 byte) || nonce (12, random) || AES-256-GCM output`. Its additional data names the place
it belongs to (table and column, message id, part, piece number, whether it is the last piece, master key id, version),
so that nothing can be moved, reordered, cut at a piece boundary or replayed from another row (KY-02, KY-09).

How this works: the master key never encrypts. Each purpose has its own key, HMAC-SHA256(master key, purpose); a
message's wrapping key has the message id in its purpose and wraps once. So no AES-GCM key comes near 2**32 random
nonces, however long an installation lives (KY-03; NIST SP 800-38D section 8.3).

While the master key is being rotated (`gateway.store.rotation`) there are two: the current one seals, both open. Fails
with `DamagedContent` for any ciphertext that does not open (KY-08).
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Callable, Iterable
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

WRAPPED: Final = "message.wrapped_key"
NEXT: Final = ".new"  # beside the master key during a rotation
BEFORE: Final = ".old"  # after one, until nothing bears it

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


class _Master:
    """One master key and what is derived from it."""

    __slots__ = ("_key", "id")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise KeyUnusable("master key: must be 32 bytes, raw or base64")
        self._key = key
        self.id = self.derive("key id").hex()[:KEY_ID_LETTERS]

    def derive(self, *purpose: str) -> bytes:
        return hmac.digest(self._key, b"\0".join(word.encode() for word in ("mailward", *purpose)), hashlib.sha256)


class Vault:
    """Holds the master key; wraps data keys and seals the installation's own secrets.

    key_id: names the key that this process began with; new content bears it, and it stays during a rotation.
    """

    __slots__ = ("_hash_keys", "_masters", "command", "key_id", "path")

    def __init__(
        self, master_key: bytes, *others: bytes, path: Path | None = None, command: tuple[str, ...] = ()
    ) -> None:
        """master_key: 32 bytes, seals. others: open too. path, command: where it came from. Raises: KeyUnusable."""
        self._masters = (_Master(master_key), *(_Master(other) for other in others))
        self._hash_keys: dict[str, bytes] = {}
        self.key_id = self._masters[0].id
        self.path = path
        self.command = command

    def __repr__(self) -> str:
        return f"Vault(key_id={self.key_id!r})"

    @classmethod
    def open(cls, path: Path, *, may_create: bool) -> "Vault":
        """Read the master key file; make one only when may_create says that nothing was ever sealed here (KY-05).

        The files of a rotation that lie beside it are read too.
        Raises: KeyMismatch when it is missing and may not be made; KeyUnusable for a bad file.
        """
        if may_create and not path.exists():
            create_key(path)
        try:
            first = read_key(path)
        except FileNotFoundError:
            raise KeyMismatch(
                f"{path}: master key is missing, and the database holds data sealed by it; bring the key back"
            ) from None
        others = [read_key(beside(path, end)) for end in (NEXT, BEFORE) if beside(path, end).exists()]
        return cls(first, *others, path=path)

    @property
    def newest_id(self) -> str:
        """Names the key that seals now."""
        return self._masters[0].id

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of all keys that open, the newest first."""
        return tuple(master.id for master in self._masters)

    @property
    def has_others(self) -> bool:
        """Whether a rotation is not finished."""
        return len(self._masters) > 1

    def turn(self, master_key: bytes) -> None:
        """Seal with this key from now on; what is sealed by those before still opens."""
        new = _Master(master_key)
        self._masters = (new, *(one for one in self._masters if one.id != new.id))

    def is_newest(self, wrapped: bytes, message_id: str) -> bool:
        """Whether a message's data key is wrapped by the key that seals now."""
        try:
            self._unwrap(self._masters[0], message_id, wrapped)
        except DamagedContent:
            return False
        return True

    def hash_key(self, purpose: str) -> bytes:
        """What `keyed_hash` goes by."""
        return self._hash_keys.get(purpose) or self._masters[0].derive("hash", purpose)

    def hash_as(self, key_id: str, purposes: Iterable[str]) -> None:
        """Go by what an older key gives, where no hash key is kept: it made the hashes that are on file."""
        for master in self._masters:
            if master.id == key_id:
                self._hash_keys = {name: master.derive("hash", name) for name in purposes} | self._hash_keys

    def keep_hash_key(self, purpose: str, key: bytes) -> None:
        """Go by this one, whatever the master key: hashes that are on file must be found after a rotation."""
        self._hash_keys[purpose] = key

    def wrap(self, message_id: str, data_key: bytes) -> bytes:
        """A message's data key, sealed for its row."""
        master = self._masters[0]
        return _seal(master.derive(WRAPPED, message_id), data_key, _aad(WRAPPED, message_id, master.id))

    def unwrap(self, message_id: str, wrapped: bytes) -> bytes:
        """Raises: DamagedContent when it was not wrapped for this message by this master key."""
        return self._first(lambda master: self._unwrap(master, message_id, wrapped))

    def seal_secret(self, name: str, value: bytes) -> bytes:
        """One of the installation's own secrets, such as the audit signing key."""
        master = self._masters[0]
        return _seal(master.derive("secret", name), value, _aad("secret.ciphertext", name, master.id))

    def open_secret(self, name: str, ciphertext: bytes) -> bytes:
        """Raises: DamagedContent when it was not sealed under this name by this master key."""
        return self._first(
            lambda one: _open(one.derive("secret", name), ciphertext, _aad("secret.ciphertext", name, one.id))
        )

    def seal_row(self, column: str, row_id: str, value: bytes) -> bytes:
        """A value of one row that is sealed by itself. column: table and column, such as decision_record.ciphertext."""
        master = self._masters[0]
        return _seal(master.derive(column, row_id), value, _aad(column, row_id, master.id))

    def open_row(self, column: str, row_id: str, ciphertext: bytes) -> bytes:
        """Raises: DamagedContent when it was not sealed for this row by this master key."""
        return self._first(lambda one: _open(one.derive(column, row_id), ciphertext, _aad(column, row_id, one.id)))

    def keyed_hash(self, purpose: str, text: str) -> str:
        """The same text always gives the same 64 hexadecimal digits, from which nobody without the key can guess it."""
        return hmac.digest(self.hash_key(purpose), text.encode(), hashlib.sha256).hex()

    def _unwrap(self, master: _Master, message_id: str, wrapped: bytes) -> bytes:
        return _open(master.derive(WRAPPED, message_id), wrapped, _aad(WRAPPED, message_id, master.id))

    def _first(self, opening: Callable[[_Master], bytes]) -> bytes:
        """By the current key, or by those before it while a rotation is under way."""
        for master in self._masters[:-1]:
            with suppress(DamagedContent):
                return opening(master)
        return opening(self._masters[-1])


def beside(path: Path, end: str) -> Path:
    """A file of a rotation. end: NEXT or BEFORE."""
    return path.with_name(path.name + end)


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


def read_key(path: Path) -> bytes:
    """Raises: FileNotFoundError; KeyUnusable for a bad file."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(1024)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KeyUnusable(f"{path}: master key cannot be read: {error.strerror}") from None
    if mode & _exposing(path):
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


def _exposing(path: Path) -> int:
    """The bits of a mode that give a key away. systemd hands a credential to a service by an ACL, which shows as 0440,
    in a folder that nobody else may enter (systemd.exec(5), LoadCredential=).
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return 0o037 if folder and path.parent == Path(folder) else 0o077


def create_key(path: Path) -> None:
    """Write a fresh key, whole and synced or not at all; keeps a key that is there."""
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
        sync_folder(path.parent)
    except OSError as error:
        raise KeyUnusable(f"{path}: master key cannot be made: {error.strerror}") from None


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable. Raises: OSError."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
