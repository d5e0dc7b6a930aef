"""What servers have put into a Maildir."""

from pathlib import Path


def read_maildir(folder: Path) -> list[bytes]:
    """The messages in it, oldest first."""
    new = folder / "new"
    return [path.read_bytes() for path in sorted(new.iterdir())] if new.is_dir() else []
