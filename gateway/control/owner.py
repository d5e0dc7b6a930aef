"""Commands that root types on a stopped gateway leave no file behind that the service cannot open."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def owners_files(data_dir: Path) -> Iterator[None]:
    """Afterwards everything in `server.data_dir` belongs to who owns the folder. Does nothing unless we are root.

    Root is not dropped before: the interpreter may lie where the service's user cannot read, and imports come late.
    """
    try:
        yield
    finally:
        if os.geteuid() == 0 and data_dir.is_dir():
            owner = data_dir.stat()
            for path in data_dir.iterdir():
                if path.stat(follow_symlinks=False).st_uid != owner.st_uid:
                    os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
