"""The spool of a large message: sealed pieces in a file without a name (RX-06, KY-01, KY-09, QD-02)."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.intake.spool import PREFIX, Spool, Spools, nameless_file
from gateway.store.errors import DamagedContent, StoreFull, StoreSick
from tests.gateway.waiting import until

MARKER = b"hepatitis of Maria Gonzalez\r\n"
PIECES = [bytes([letter]) * 1000 for letter in b"abc"]
OVERHEAD = 29  # version, nonce and tag of a sealed piece
SEALED = 1000 + OVERHEAD


def spooled(folder: Path) -> list[Path]:
    """Files without a name under the folder that this process holds open, as paths that open them once more."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            target = str(link.readlink())
            if target.startswith(str(folder)) and target.endswith(" (deleted)"):
                found.append(link)
    return found


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def spools(tmp_path: Path) -> Iterator[Spools]:
    made = Spools(tmp_path, floor_bytes=0)
    yield made
    made.close()


async def filled(spools: Spools) -> Spool:
    spool = spools.new()
    for number, piece in enumerate(PIECES):
        await spool.put(piece, is_last=number == len(PIECES) - 1)
    return spool


async def test_comes_back_whole_and_leaves_nothing(spools: Spools, tmp_path: Path) -> None:
    spool = await filled(spools)
    assert len(spooled(tmp_path)) == 1
    assert await spool.bring() == b"".join(PIECES)
    assert spooled(tmp_path) == []
    spool.close()


async def test_nothing_can_be_read_or_found(spools: Spools, tmp_path: Path) -> None:
    """KY-01, QD-02: ciphertext only, no name that a killed process could leave, for our user only."""
    spool = spools.new()
    await spool.put(MARKER * 1000)
    (file,) = spooled(tmp_path)
    facts = file.stat()
    assert names_in(tmp_path) == []
    assert (facts.st_nlink, facts.st_mode & 0o777, facts.st_size) == (0, 0o600, len(MARKER) * 1000 + OVERHEAD)
    content = file.read_bytes()
    assert MARKER not in content
    assert b"Maria" not in content
    spool.close()
    await until(lambda: not spooled(tmp_path))


def cut(content: bytes) -> bytes:
    return content[: 2 * SEALED]


def cut_inside(content: bytes) -> bytes:
    return content[:-1]


def exchanged(content: bytes) -> bytes:
    return content[SEALED : 2 * SEALED] + content[:SEALED] + content[2 * SEALED :]


def repeated(content: bytes) -> bytes:
    return content[:SEALED] * 2 + content[2 * SEALED :]


def altered(content: bytes) -> bytes:
    return content[:500] + bytes([content[500] ^ 1]) + content[501:]


@pytest.mark.parametrize("attack", [cut, cut_inside, exchanged, repeated, altered])
async def test_tampering_is_seen(spools: Spools, tmp_path: Path, attack: Callable[[bytes], bytes]) -> None:
    """KY-09: cut at a piece's end, cut inside, pieces moved or repeated, a bit turned."""
    spool = await filled(spools)
    (file,) = spooled(tmp_path)
    file.write_bytes(attack(file.read_bytes()))
    with pytest.raises(DamagedContent):
        await spool.bring()
    spool.close()


async def test_another_messages_pieces_are_not_taken(spools: Spools, tmp_path: Path) -> None:
    """KY-09: each message has its own key."""
    first, second = await filled(spools), await filled(spools)
    one, other = spooled(tmp_path)
    one.write_bytes(other.read_bytes())
    results = []
    for spool in (first, second):
        with suppress(DamagedContent):
            results.append(await spool.bring())
        spool.close()
    assert results == [b"".join(PIECES)]


async def test_a_message_without_its_end_is_none(spools: Spools) -> None:
    """KY-09: the last piece says that it is the last."""
    spool = spools.new()
    await spool.put(PIECES[0])
    with pytest.raises(DamagedContent):
        await spool.bring()
    spool.close()


async def test_free_space_is_left_to_the_store(tmp_path: Path) -> None:
    """QD-07: outcomes of deliveries must still fit."""
    spools = Spools(tmp_path, floor_bytes=1 << 62)
    spool = spools.new()
    with pytest.raises(StoreFull):
        await spool.put(PIECES[0])
    spool.close()
    spools.close()
    assert spooled(tmp_path) == []


async def test_descriptors_are_left_to_everything_else(tmp_path: Path) -> None:
    """RX-11: sessions that are let in may all send large messages at once; the store and deliveries keep theirs."""
    ceiling = highest_descriptor() + 4
    spools = Spools(tmp_path, floor_bytes=0, ceiling=ceiling)
    made: list[Spool] = []
    while len(made) < ceiling and (not made or await is_taken(made[-1])):  # more than three: there may be gaps below
        made.append(spools.new())
    assert 3 < len(made) < ceiling
    made[-1].close()
    made[0].close()
    made.append(spools.new())
    await until(lambda: is_taken(made[-1]))  # there is room again
    for spool in made:
        spool.close()
    spools.close()
    assert spooled(tmp_path) == []


def highest_descriptor() -> int:
    return max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())


async def is_taken(spool: Spool) -> bool:
    try:
        await spool.put(PIECES[0])
    except StoreFull:
        return False
    return True


@pytest.mark.parametrize(("number", "error"), [(errno.ENOSPC, StoreFull), (errno.EIO, StoreSick)])
async def test_what_the_disk_says(
    spools: Spools, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    def fail(*_: Any) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", fail)
    spool = spools.new()
    with pytest.raises(error):
        await spool.put(PIECES[0])
    spool.close()


def test_file_systems_that_know_only_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """QD-02: the name is gone before the first octet is written."""
    real, names = os.open, []

    def old(path: Any, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        names.append(Path(path).name)
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", old)
    file = nameless_file(tmp_path)
    assert [name.startswith(PREFIX) for name in names] == [True]
    assert names_in(tmp_path) == []
    facts = os.fstat(file)
    assert (facts.st_nlink, facts.st_mode & 0o777) == (0, 0o600)
    os.close(file)
