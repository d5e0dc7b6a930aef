"""`mailward queue`: what an operator types and sees, on a queue that a gateway left."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import main
from gateway.config import load
from gateway.store.opening import open_store
from tests.gateway.config.samples import config_in
from tests.gateway.pipeline.counter import RECIPIENT, SENDER, Counter, letter

ONLY_OPENPGP = '[delivery]\nmethods = ["openpgp"]\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data", ONLY_OPENPGP), encoding="utf-8")
    return path


@pytest.fixture
def held(config: Path) -> str:
    """A message of which nothing can leave. Gives: its queue id."""

    async def accept() -> str:
        settings = load(config)
        store = await open_store(settings, node="test")
        try:
            return await Counter(store, settings=settings).accept(letter())
        finally:
            await store.close()

    return asyncio.run(accept())


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["queue", *arguments, "--config", str(config)])


def rows(config: Path, *arguments: str) -> dict[str, dict[str, str]]:
    """The list by recipient, as machines read it."""
    lines = run(config, "list", "--json", *arguments).stdout.splitlines()
    return {row["recipient"]: row for row in map(json.loads, lines)}


def test_release_takes_an_id_or_a_login(config: Path, held: str) -> None:
    for arguments in ((), (held, "--login", SENDER)):
        result = run(config, "release", *arguments, "--reason", "x")
        assert result.exit_code == 2
        assert "--login" in result.stderr
    result = run(config, "release", "--login", SENDER, "--reason", "x")
    assert result.exit_code == 1
    assert "no brake is on" in result.stderr


def test_list(config: Path, held: str) -> None:
    found = rows(config)
    assert found[RECIPIENT]["queue_name"] == "held"
    assert found[RECIPIENT]["queue_id"] == held
    assert found[SENDER]["kind"] == "sender-notice"
    table = run(config, "list").stdout.splitlines()
    assert table[0].split()[:3] == ["id", "state", "method"]
    assert any(held in line and RECIPIENT in line for line in table[1:])


def test_show_explains(config: Path, held: str) -> None:
    """Invariant 6: which finding, which rule, which method, in words."""
    result = run(config, "show", held)
    assert result.exit_code == 0
    assert "held, methods: none" in result.stdout
    assert "No usable OpenPGP key of this recipient is on file" in result.stdout
    assert json.loads(run(config, "show", held, "--json").stdout)["queue_id"] == held


def test_release_and_reject(config: Path, held: str) -> None:
    """Invariant 1: no safe way, no release; the reason why is what the operator reads."""
    refused = run(config, "release", held, "--reason", "please")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "No usable OpenPGP key" in refused.stderr
    rejected = run(config, "reject", held, "--reason", "wrong patient")
    assert (rejected.exit_code, rejected.stdout) == (0, "1 recipients are refused\n")
    assert rows(config, "--all")[RECIPIENT]["queue_name"] == "rejected"
    assert run(config, "reject", held, "--reason", "again").exit_code == 1


def test_flush(config: Path, held: str) -> None:
    assert run(config, "flush").stdout == "0 recipients are tried now\n"


@pytest.mark.parametrize(
    "arguments", [("show",), ("show", "x", "y"), ("release", "x"), ("reject", "x"), ("nonsense",)], ids=" ".join
)
def test_wrong_usage(config: Path, arguments: tuple[str, ...]) -> None:
    """interface.md: status 2; a reason is not optional, it lands in the audit log."""
    result = run(config, *arguments)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_no_such_message(config: Path) -> None:
    result = run(config, "show", "nonsense")
    assert (result.exit_code, result.stderr) == (1, "mailward: there is no message nonsense\n")
