"""`mailward demo` as a newcomer runs it: a process of its own, the real gateway below it, and nothing left behind."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.letters import EVERYTHING, LETTERS, Way
from gateway.demo.run import open_clinic, perform
from tests.e2e.installation import REPOSITORY

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

TIME_LIMIT_S = 120  # it takes about ten; machines that run tests are busy


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A directory for temporary files, to be found empty in the end."""
    room = tmp_path / "tmp"
    room.mkdir()
    return room


@pytest.fixture(autouse=True)
def ctrl_c_counts() -> Iterator[None]:
    """Children inherit what is ignored, and `nohup` and a shell's `&` ignore it; a handler is not inherited."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def start(room: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", "demo", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(room), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


def gateways(room: Path) -> list[int]:
    """Processes that still name a file in the room."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue  # it has ended meanwhile
            if str(room).encode() in command:
                found.append(int(entry.name))
    return found


def test_it_shows_every_ending_and_keeps_every_promise(room: Path) -> None:
    """Issue line 12, and the whole main job with it."""
    with start(room, "--json") as process:
        output, errors = process.communicate(timeout=TIME_LIMIT_S)
    assert process.returncode == 0, output + errors
    assert errors == ""
    *rows, summary = [json.loads(line) for line in output.splitlines()]
    expected = {
        (f"{letter.name}.eml", recipient): way.value for letter in EVERYTHING for recipient, way in letter.ways.items()
    }
    assert {(row["file"], row["recipient"]): row["left_by"] for row in rows} == expected
    assert len(rows) >= 9
    assert summary["ok"] is True
    assert summary["broken"] == []
    assert summary["audit"].startswith("OK: ")
    _proofs_are_there(rows)
    _each_step_is_there(rows)
    assert list(room.iterdir()) == []
    assert gateways(room) == []


def _proofs_are_there(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert row["seq"] >= 0
        match row["left_by"]:
            case Way.VERIFIED_TLS:
                assert row["tls_version"] in {"TLSv1.2", "TLSv1.3"}
                assert row["verification"].startswith("webpki")
            case Way.OPENPGP:
                assert len(row["openpgp_key"]) == 40
            case Way.SMIME:
                assert len(row["smime_certificate"]) == 64
            case Way.PORTAL_PIN:
                assert len(row["pin"]) == len("4817-2290")
            case Way.HELD | Way.REFUSED:
                assert "45 CFR 164." in row["why"]
            case Way.PORTAL_CODE:
                assert not row["pin"]
                assert row["opened"]


def _each_step_is_there(rows: list[dict[str, Any]]) -> None:
    """From TLS to the portal: the attempt that was refused has its own event, and so has what came of it."""
    for row in rows:
        numbers = [step["seq"] for step in row["steps"]]
        assert numbers == sorted(set(numbers))
        assert row["seq"] == numbers[-1]
    climbed = next(row for row in rows if row["recipient"] == "referrals@labs.example")
    refused, published, opened = climbed["steps"]
    assert (refused["method"], refused["seen"], refused["tls_failure"]) == ("tls", "tls-refused", "expired")
    assert (refused["tls_version"], refused["verification"]) == ("TLSv1.3", "expired")
    assert re.fullmatch("[0-9a-f]{64}", refused["certificate"])
    assert (refused["host"], refused["required"]) == ("mx.labs.example", ["message needs verified TLS"])
    assert refused["reply"] == "550 5.7.5 next hop has an expired certificate"
    assert [(step["method"], step["seen"]) for step in (published, opened)] == [
        ("portal", "published"), ("portal", "opened"),
    ]  # fmt: skip


def test_the_terminal_tells_each_step_of_a_climb(room: Path) -> None:
    with start(room) as process:
        output, errors = process.communicate(timeout=TIME_LIMIT_S)
    assert process.returncode == 0, output + errors
    _, _, told = output.partition("Referral letter to referrals@labs.example\n")
    refused, published, opened = told.splitlines()[:3]
    assert re.fullmatch(
        r"  tls: refused, server has an expired certificate \(TLSv1\.3, certificate [0-9a-f]{16}, "
        r"host mx\.labs\.example, message needs verified TLS\), audit event \d+", refused,
    )  # fmt: skip
    assert re.fullmatch(r"  portal: published, audit event \d+", published)
    assert re.fullmatch(r"  portal: opened, audit event \d+", opened)


def test_ctrl_c_in_the_middle_leaves_nothing(room: Path) -> None:
    with start(room) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("1. "):
                break
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=TIME_LIMIT_S)
    assert process.returncode == 128 + signal.SIGINT, output + errors
    assert "Traceback" not in errors
    assert list(room.iterdir()) == []
    assert gateways(room) == []


def test_keep_goes_on_until_it_is_interrupted(room: Path) -> None:
    """--keep: addresses are printed, a command finds the gateway, and Ctrl-C ends it with the result's own status."""
    with start(room, "--keep", "--json") as process:
        assert process.stdout is not None
        running: dict[str, Any] = {}
        for line in process.stdout:
            running = json.loads(line)
            if running["type"] == "running":
                break
        listing = subprocess.run(
            [sys.executable, "-m", "gateway", "queue", "list", "--all", "--json", "--config", running["config"]],
            capture_output=True, text=True, check=True, timeout=60, cwd=REPOSITORY,
        )  # fmt: skip
        process.send_signal(signal.SIGINT)
        _output, errors = process.communicate(timeout=TIME_LIMIT_S)
    assert len(listing.stdout.splitlines()) >= 11
    assert process.returncode == 0, errors
    assert list(room.iterdir()) == []


async def test_a_promise_that_cannot_be_kept_is_reported() -> None:
    """The checks bite: a referral promised to a server by verified TLS, whose certificate has expired."""
    invoice = next(letter for letter in LETTERS if letter.name == "07-invoice")
    sabotaged = replace(invoice, ways={"orders@labs.example": Way.VERIFIED_TLS})
    said: list[str] = []
    async with open_clinic(said.append) as clinic:
        outcome = await perform(clinic, said.append, (sabotaged,))
    (sentence,) = outcome.broken
    assert "Supplier invoice to orders@labs.example: expected verified TLS, saw TLS, not verified" in sentence
    assert any("250 Queued as" in line for line in said)
