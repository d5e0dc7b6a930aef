"""Configurations that tests start from."""

from pathlib import Path
from typing import Final

from gateway.config import Settings, parse

MINIMAL: Final = """\
[server]
hostname = "gw.clinic.example"
[[listener]]
bind = "127.0.0.1:587"
[[domain]]
name = "clinic.example"
"""


def settings(more: str = "") -> Settings:
    """The smallest configuration, and more tables after it."""
    return parse(MINIMAL + more, Path("test.toml"))


def settings_in(data_dir: Path, more: str = "") -> Settings:
    """The same, with its state in a directory of the test."""
    return parse(config_in(data_dir, more), Path("test.toml"))


def config_in(data_dir: Path, more: str = "") -> str:
    """The text of such a file."""
    return MINIMAL.replace("[server]", f'[server]\ndata_dir = "{data_dir}"') + more
