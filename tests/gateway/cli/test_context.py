"""Tables and JSON of the command line."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from gateway.cli.context import print_json, print_table


def test_columns_are_aligned_and_cells_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    r"""An address in the queue is the sender's choice: escape sequences and bidi marks are shown, not obeyed."""
    print_table([("a@clinic.example", None), ("\x1b[31m\u202e\n", 12)], ("ADDRESS", "TRIES"))
    assert capsys.readouterr().out.splitlines() == [
        "ADDRESS           TRIES",
        "a@clinic.example  -",
        r"\x1b[31m\u202e\n  12",
    ]


@dataclass(frozen=True, slots=True)
class _Row:
    at: datetime
    file: Path
    seen: tuple[datetime, ...]


def test_json_is_one_line_with_times_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    """RFC 3339; the offset of the machine does not show."""
    noon = datetime(2026, 11, 24, 12, tzinfo=timezone(timedelta(hours=2)))
    print_json(_Row(noon, Path("/x"), (noon,)))
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"at": "2026-11-24T10:00:00Z", "file": "/x", "seen": ["2026-11-24T10:00:00Z"]}


def test_a_time_without_a_zone_is_a_bug() -> None:
    with pytest.raises(ValueError, match="zone"):
        print_json({"at": datetime(2026, 11, 24)})  # noqa: DTZ001 - that is the point
