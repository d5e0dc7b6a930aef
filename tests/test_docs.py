"""The documentation names files and commands; they exist (OP-03's spirit: nothing sends a reader astray)."""

import re
from pathlib import Path
from typing import Final

import click
import pytest

from gateway.cli.main import COMMANDS, main

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])
OURS: Final = r"(?:gateway|policy|tls|tests|docs|systemd|bench|contrib|requirements)/[\w./-]*"
FILE: Final = re.compile(rf"`({OURS})`|\]\(([\w./-]+\.(?:md|toml))\)")
COMMAND: Final = re.compile(r"(?:^ {4}|`)mailward ([a-z-]+)(?: ([a-z-]+))?", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = [ours or str((page.parent / link).relative_to(ROOT)) for ours, link in FILE.findall(page.read_text())]
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_a_page_tells_to_type_exist(page: Path) -> None:
    missing = [
        f"{name} {sub}".strip()
        for name, sub in COMMAND.findall(page.read_text())
        if name not in COMMANDS or (sub and not _takes(name, sub))
    ]
    assert [one for one in missing if one.split()[0] not in NOT_BUILT] == []


NOT_BUILT: Final = frozenset({"backup"})  # pages say in words that it is not built


def _takes(name: str, sub: str) -> bool:
    command = main.get_command(click.Context(main), name)
    return not isinstance(command, click.Group) or sub in command.commands
