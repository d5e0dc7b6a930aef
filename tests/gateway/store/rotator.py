"""Rotations to be killed: for each step a copy of a home, and a process that kills itself right before that step.

With keys that a command prints, the home has a file `keys`, and `keys.new` that takes its place before the rotation.

Prints the number of steps that were killed; copy number N was killed before step N.
"""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store import rotation
from gateway.store.key_command import read_keys
from gateway.store.store import Store
from gateway.store.vault import Vault

PRINTED = "keys"
CALLS = ("open", "link", "rename", "unlink", "fsync")


def open_printed(folder: Path) -> Vault:
    """The vault of a home whose keys a real program prints."""
    command = ("/bin/cat", str(folder / PRINTED))
    return Vault(*read_keys(command), command=command)


def kill_before(step: int, *, calls: Sequence[str]) -> None:
    """Count every call that changes something, and die before one of them. calls: of `os`."""
    rotation.AT_ONCE = 2  # type: ignore[misc]  # several pages, to die between them
    left = [step]

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return call(*arguments, **options)

        return run

    for name in calls:
        setattr(os, name, counted(getattr(os, name)))
    for name in ("execute", "commit"):
        setattr(AsyncConnection, name, counted(getattr(AsyncConnection, name)))
    rotation._settle_files = counted(rotation._settle_files)  # right after the commit


async def rotate(folder: Path, step: int) -> None:
    vault = open_printed(folder) if (folder / PRINTED).exists() else Vault.open(folder / "master.key", may_create=False)
    if (folder / PRINTED).exists():
        (folder / f"{PRINTED}.new").replace(folder / PRINTED)
    store = await Store.open(url="sqlite", data_dir=folder, vault=vault, node="node-1", free_space_floor=0)
    kill_before(step, calls=() if vault.command else CALLS)  # a command has no files that change
    await rotation.rotate(store)
    os._exit(0)  # before anything else is counted


def main(home: Path, copies: Path) -> int:
    step = 0
    while True:
        folder = copies / f"killed-{step}"
        shutil.copytree(home, folder)
        child = os.fork()
        if not child:
            asyncio.run(rotate(folder, step))
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return step
        step += 1


if __name__ == "__main__":
    sys.stdout.write(str(main(Path(sys.argv[1]), Path(sys.argv[2]))))
