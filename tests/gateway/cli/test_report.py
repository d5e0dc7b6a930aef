"""`mailward report`: what got out with one login."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import main
from gateway.config import load
from gateway.store.opening import open_store
from tests.gateway.config.samples import config_in
from tests.gateway.pipeline.counter import CLEAN, RECIPIENT, SENDER, Counter, letter


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Two messages, of which the brake holds the second."""
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data", "[brake]\nmessages_per_hour = 1\n"), encoding="utf-8")

    async def accept() -> None:
        settings = load(path)
        store = await open_store(settings, node="test")
        try:
            for _ in range(2):
                await Counter(store, CLEAN, settings).accept(letter())
        finally:
            await store.close()

    asyncio.run(accept())
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["report", "sent", *arguments, "--config", str(config)])


def test_what_got_out(config: Path) -> None:
    (row,) = (json.loads(line) for line in run(config, "--login", SENDER, "--json").stdout.splitlines())
    assert (row["recipient"], row["state"], row["protected"]) == (RECIPIENT, "queued", False)
    rows = run(config, "--login", SENDER, "--since", "2h", "--all", "--json").stdout.splitlines()
    assert [json.loads(line)["state"] for line in rows] == ["queued", "held"]
    assert RECIPIENT in run(config, "--login", SENDER).stdout
    assert not run(config, "--login", "nobody@clinic.example", "--json").stdout


@pytest.mark.parametrize("arguments", [(), ("--login", SENDER, "--since", "yesterday")])
def test_wrong_usage(config: Path, arguments: tuple[str, ...]) -> None:
    result = run(config, *arguments)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
