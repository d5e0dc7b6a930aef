"""What a child cannot do once it serves (AB-05): each attempt is made for real, inside a child."""

import os
import platform
from dataclasses import fields

import pytest

from gateway.workers import landlock, seccomp
from gateway.workers.confine import Layer
from gateway.workers.limits import Limits
from gateway.workers.probe import probe
from tests.gateway.workers.conftest import OpenPool


@pytest.mark.slow
@pytest.mark.parametrize(
    ("deed", "layer"),
    [
        ("fork", Layer.SECCOMP),
        ("exec", Layer.SECCOMP),
        ("socket", Layer.SECCOMP),
        ("signal", Layer.SECCOMP),
        ("open", Layer.LANDLOCK),
        ("write", Layer.LANDLOCK),
    ],
)
async def test_deed_is_refused(open_pool: OpenPool, deed: str, layer: Layer) -> None:
    """Another process, the network, our own process, the file system: out of reach wherever the layer holds."""
    pool = await open_pool()
    if layer in pool.held:
        assert await pool.call(deed.encode(), b"") == b"refused"


@pytest.mark.slow
async def test_layers_that_every_linux_has() -> None:
    """These need neither root nor a recent kernel; the others are best effort and told."""
    assert await probe() >= {Layer.NO_NEW_PRIVS, Layer.LIMITS, Layer.DIES_WITH_PARENT, Layer.NOT_DUMPABLE}


@pytest.mark.slow
async def test_child_inherits_nothing(open_pool: OpenPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """KY: no secret of our environment, and no descriptor but the standard three and its socket."""
    monkeypatch.setenv("MAILWARD_SECRET", "x")
    leak = os.memfd_create("leak")
    os.set_inheritable(leak, True)
    try:
        pool = await open_pool()
        assert set((await pool.call(b"environment", b"")).decode().split()) <= {
            "LANG",
            "PATH",
            "PYTHONPATH",
            "LC_CTYPE",
        }
        assert await pool.call(b"descriptors", b"") == b"4"
    finally:
        os.close(leak)


@pytest.mark.slow
async def test_codecs_are_loaded_before(open_pool: OpenPool) -> None:
    """A codec that nothing used yet works behind the closed doors."""
    pool = await open_pool()
    assert (await pool.call(b"codec", b"")).decode()


@pytest.mark.parametrize("machine", list(seccomp.ARCHITECTURES))
def test_filter_is_well_formed(machine: str) -> None:
    """Whole instructions, below the kernel's 4096, ending in a return; no call is listed twice."""
    architecture = seccomp.ARCHITECTURES[machine]
    code = seccomp.program(architecture)
    numbers = [row[architecture.column] for row in seccomp.DENIED.values() if row[architecture.column] is not None]
    assert len(code) % 8 == 0
    assert len(code) // 8 < 4096
    assert code[-8] == 0x06
    assert len(set(numbers)) == len(numbers)


def test_filter_knows_this_machine() -> None:
    """The layer exists on what we are tested on."""
    assert platform.machine() in seccomp.ARCHITECTURES


@pytest.mark.parametrize(
    ("version", "rights"),
    [(1, (0x1FFF, 0, 0)), (2, (0x3FFF, 0, 0)), (3, (0x7FFF, 0, 0)), (4, (0x7FFF, 3, 0)), (6, (0xFFFF, 3, 3))],
)
def test_landlock_asks_only_what_the_kernel_knows(version: int, rights: tuple[int, int, int]) -> None:
    """An unknown right is EINVAL and would cost the whole layer."""
    assert landlock.ruleset(version) == rights


def test_limits_survive_the_command_line() -> None:
    """Parent and child speak of the same bounds."""
    limits = Limits(**{field.name: 7 for field in fields(Limits)})
    assert Limits.from_argument(limits.to_argument()) == limits
