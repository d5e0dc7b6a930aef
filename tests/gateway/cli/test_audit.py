"""`mailward audit`, on the database of a gateway that runs."""

import asyncio
import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.audit import checkpoint
from gateway.audit.verify import main as verify_alone
from gateway.cli.main import main
from gateway.config.model import Seal
from gateway.message.event import Event
from gateway.store.file import database_path
from gateway.store.statements import Unit
from gateway.store.store import open_vault
from tests.gateway.config.samples import MINIMAL
from tests.gateway.store.parts import NOW, make_event, open_store

EVENTS = (
    make_event("message.accepted", "Q1", sender="nurse@clinic.example", size=512),
    replace(make_event("delivery.delivered", "Q1", host="mx.x.example"), recipient="a@x.example"),
    make_event("message.accepted", "Q2"),
)


async def make_log(data_dir: Path, *, tail: tuple[Event, ...] = ()) -> None:
    """A log with a checkpoint over EVENTS and a tail that none covers."""
    vault = await open_vault("sqlite", seal=Seal(master_key=data_dir / "master.key"), data_dir=data_dir)
    store = await open_store(data_dir, vault)
    signer = await checkpoint.load_signer(store, hostname="gw.clinic.example")
    await store.commit(Unit(events=EVENTS))
    await checkpoint.make(store, signer, now=NOW)
    await store.commit(Unit(events=tail))
    await store.close()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration, and the log of its gateway."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    asyncio.run(make_log(data_dir, tail=(make_event("heartbeat"),)))
    path = tmp_path / "mailward.toml"
    path.write_text(MINIMAL.replace("[server]", f'[server]\ndata_dir = "{data_dir}"'), encoding="utf-8")
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["audit", *arguments, "--config", str(config)])


def test_verify(config: Path) -> None:
    result = run(config, "verify")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(
        "OK: 4 events, none changed; 1 signed checkpoint; the newest 1 not signed yet; root "
    )
    answer = json.loads(run(config, "verify", "--json").stdout)
    assert (answer["ok"], answer["events"], answer["signed"], answer["checkpoints"]) == (True, 4, 3, 1)


def test_verify_finds_what_was_rewritten(config: Path) -> None:
    """AU-01, AU-02: exit status 1, and the first bad sequence number by name."""
    raw = sqlite3.connect(database_path(config.parent / "data"))
    with raw:
        raw.execute("DELETE FROM audit_event WHERE seq >= 3")
    result = run(config, "verify")
    assert result.exit_code == 1
    assert "audit log is BAD: sequence 3: the log ends here" in result.stderr
    with raw:
        raw.execute("UPDATE audit_event SET body = x'7b22736571223a317d' WHERE seq = 1")
    raw.close()
    answer = run(config, "verify", "--json")
    assert answer.exit_code == 1
    assert json.loads(answer.stdout)["first_bad"] == 1


def test_export_and_checkpoint_are_enough_to_verify_elsewhere(config: Path, tmp_path: Path) -> None:
    """Invariant 7."""
    export, key, kept = tmp_path / "log.jsonl", tmp_path / "key.pem", tmp_path / "kept.txt"
    assert run(config, "export", "--output", str(export)).exit_code == 0
    assert run(config, "export").stdout_bytes == export.read_bytes()
    assert run(config, "export", "--output", str(export)).exit_code == 2, "an export is never written over"
    key.write_text(run(config, "checkpoint", "--public-key").stdout)
    kept.write_text(run(config, "checkpoint").stdout, encoding="utf-8")
    assert verify_alone([str(export), "--public-key", str(key), "--checkpoint", str(kept)]) == 0
    assert run(config, "verify", "--public-key", str(key), "--checkpoint", str(kept)).exit_code == 0
    kept.write_text("something else", encoding="utf-8")
    result = run(config, "verify", "--checkpoint", str(kept))
    assert result.exit_code == 1
    assert "not a signed note" in result.stderr


def test_search(config: Path) -> None:
    lines = run(config, "search", "--id", "q1").stdout.splitlines()
    assert lines[0].split() == ["seq", "time", "kind", "message", "recipient", "facts"]
    assert lines[1].split() == [
        "0",
        "2026-03-02T09:30:00Z",
        "message.accepted",
        "Q1",
        "sender=nurse@clinic.example",
        "size=512",
    ]
    assert len(lines) == 3
    (line,) = run(config, "search", "--recipient", "a@x.example", "--json").stdout.splitlines()
    found = json.loads(line)
    assert (found["seq"], found["kind"], found["data"]) == (1, "delivery.delivered", {"host": "mx.x.example"})
    assert run(config, "search", "--since", "2026-03-03", "--json").stdout == ""
    assert len(run(config, "search", "--kind", "message.", "--until", "2026-03-03", "--json").stdout.splitlines()) == 2


def test_proof(config: Path) -> None:
    """AU-12: one object an event, with all that an auditor needs."""
    first, second = (json.loads(line) for line in run(config, "proof", "Q1").stdout.splitlines())
    assert (first["seq"], second["seq"]) == (0, 1)
    assert json.loads(first["event"])["queue_id"] == "Q1"
    assert first["checkpoint"].startswith("gw.clinic.example/audit\n3\n")
    result = run(config, "proof", "Q3")
    assert result.exit_code == 1
    assert "no event of this message" in result.stderr


def test_without_a_database_one_line_says_so(tmp_path: Path) -> None:
    path = tmp_path / "mailward.toml"
    path.write_text(MINIMAL.replace("[server]", f'[server]\ndata_dir = "{tmp_path}"'), encoding="utf-8")
    for command in ("verify", "export", "checkpoint", "search"):
        result = run(path, command)
        assert result.exit_code == 1
        assert result.stderr.endswith("no database; the gateway has never run here\n")
        assert result.stderr.count("\n") == 1
