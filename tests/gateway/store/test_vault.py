"""Sealing: what was sealed opens in its place and nowhere else, and the master key file is guarded."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.store.content import PIECE_BYTES, Part, open_part, seal_part
from gateway.store.errors import DamagedContent, KeyMismatch, KeyUnusable
from gateway.store.vault import Place, Vault, new_data_key, open_piece, seal_piece

KEY = bytes(range(32))
PLACE = Place(message_id="M1", part="message", number=0, last=True, key_id="k1")


@pytest.mark.parametrize(
    "moved",
    [{"message_id": "M2"}, {"part": "report"}, {"number": 1}, {"last": False}, {"key_id": "k2"}],
)
def test_a_piece_opens_only_in_its_own_place(moved: dict[str, Any]) -> None:
    """KY-02: ciphertext of one message, part or key generation does not open as another."""
    data_key = new_data_key()
    sealed = seal_piece(data_key, PLACE, b"result: positive")
    assert open_piece(data_key, PLACE, sealed) == b"result: positive"
    with pytest.raises(DamagedContent):
        open_piece(data_key, replace(PLACE, **moved), sealed)


def test_a_data_key_unwraps_only_for_its_message() -> None:
    """KY-02: a wrapped key cannot be moved to another message's row."""
    vault = Vault(KEY)
    data_key = new_data_key()
    wrapped = vault.wrap("M1", data_key)
    assert vault.unwrap("M1", wrapped) == data_key
    with pytest.raises(DamagedContent):
        vault.unwrap("M2", wrapped)
    with pytest.raises(DamagedContent):
        Vault(bytes(32)).unwrap("M1", wrapped)


def test_a_secret_opens_only_under_its_name() -> None:
    vault = Vault(KEY)
    sealed = vault.seal_secret("signing key", b"seed")
    assert vault.open_secret("signing key", sealed) == b"seed"
    with pytest.raises(DamagedContent):
        vault.open_secret("other key", sealed)


def test_every_sealing_has_its_own_nonce_and_every_message_its_own_key() -> None:
    """KY-03: data keys are random, and the key that wraps is derived for the message, so none wraps twice."""
    nonces = {seal_piece(KEY, PLACE, b"")[1:13] for _ in range(2000)}
    assert len(nonces) == 2000
    assert new_data_key() != new_data_key()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda sealed: b"", "cut short"),
        (lambda sealed: sealed[:20], "cut short"),
        (lambda sealed: sealed[:-1], "altered"),
        (lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]), "altered"),
        (lambda sealed: sealed[:5] + bytes([sealed[5] ^ 1]) + sealed[6:], "altered"),
        (lambda sealed: b"\x07" + sealed[1:], "unknown version 7"),
    ],
)
def test_damaged_ciphertext_is_one_clean_error(damage: Any, why: str) -> None:
    """KY-08: truncated, flipped, empty, unknown version: DamagedContent, without content in its text."""
    sealed = seal_piece(KEY, PLACE, b"secret words")
    with pytest.raises(DamagedContent, match=why) as caught:
        open_piece(KEY, PLACE, damage(sealed))
    assert "secret words" not in str(caught.value)


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
def test_a_part_comes_back_whole(size: int) -> None:
    data = bytes(size)
    pieces = [piece["ciphertext"] for piece in seal_part(Part(message_id="M1", name="message", data=data), KEY, "k1")]
    assert len(pieces) == max(1, -(-size // PIECE_BYTES))
    assert open_part("M1", "message", pieces, KEY, "k1") == data


@pytest.mark.parametrize(
    ("order", "why"),
    [([0, 1], "cut at a piece boundary"), ([1, 0, 2], "reordered"), ([0, 1, 1, 2], "repeated"), ([], "all gone")],
)
def test_pieces_cannot_be_cut_reordered_or_repeated(order: list[int], why: str) -> None:
    """KY-09: number and last flag of every piece are authenticated."""
    part = Part(message_id="M1", name="message", data=bytes(3 * PIECE_BYTES))
    pieces = [piece["ciphertext"] for piece in seal_part(part, KEY, "k1")]
    with pytest.raises(DamagedContent):
        open_part("M1", "message", [pieces[number] for number in order], KEY, "k1")


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    first = Vault.open(path, may_create=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["master.key"]
    assert Vault.open(path, may_create=False).key_id == first.key_id
    assert Vault.open(path, may_create=True).key_id == first.key_id


def test_a_missing_key_is_not_minted_over_existing_data(tmp_path: Path) -> None:
    """KY-05: with data sealed by it, a missing key stops the start."""
    with pytest.raises(KeyMismatch):
        Vault.open(tmp_path / "master.key", may_create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [KEY, base64.b64encode(KEY), base64.b64encode(KEY) + b"\n"])
def test_a_key_file_is_raw_or_base64(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(0o400)
    assert Vault.open(path, may_create=False).key_id == Vault(KEY).key_id


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        (KEY, 0o640, "others may read"),
        (KEY, 0o604, "others may read"),
        (b"", 0o600, "must be 32 bytes"),
        (KEY[:31], 0o600, "must be 32 bytes"),
        (base64.b64encode(KEY[:30]), 0o600, "must be 32 bytes"),
        (b"not base64 at all!", 0o600, "must be 32 bytes"),
    ],
)
def test_a_bad_key_file_is_refused(tmp_path: Path, content: bytes, mode: int, why: str) -> None:
    """KY-05, KY-07: readable by others, or not a key."""
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(KeyUnusable, match=why):
        Vault.open(path, may_create=True)


def test_reprs_hide_keys() -> None:
    assert KEY.hex() not in repr(Vault(KEY))
    assert repr(Vault(KEY)) == f"Vault(key_id='{Vault(KEY).key_id}')"
