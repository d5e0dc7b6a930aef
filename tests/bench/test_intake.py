"""The benchmark of the intake still runs, with every contender and every load; its figures mean nothing here."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from bench.accepting import SERVERS
from bench.contenders import accepting
from bench.intake import ALL, BESIDE, LOADS, OURS, RIVALS, Found, Turn, cpu_ratios, ratios, table
from bench.wire import WORKS, Refused, run
from tests.tools import need

REPOSITORY: Final = Path(__file__).parents[2]
TURNS: Final = 3


def bench(*arguments: str) -> dict[str, Any]:
    """The command's JSON."""
    done = subprocess.run(
        [
            sys.executable, "-m", "bench.intake", "--json",
            "--rounds", "1", "--scale", "0.002", "--megabytes", "0.5", *arguments,
        ],
        capture_output=True, text=True, check=True, timeout=120, cwd=REPOSITORY,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("server", SERVERS)
def test_every_work_is_done_by_every_server(server: str, tmp_path: Path) -> None:
    """So many turns as were asked for; the large messages are of a size that our intake spools."""
    with accepting(server, server, tmp_path / "server") as contender:
        for work in WORKS:
            spent = run(contender.port, work, parallel=2, limit=TURNS, octets=500_000)
            assert spent.done == TURNS
            assert spent.seconds > 0


@pytest.mark.slow
def test_a_refusal_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers 5xx quickly must not look fast."""
    monkeypatch.setattr("bench.wire.ONE_BY_ONE", ())
    with accepting("ours", OURS, tmp_path / "server") as contender, pytest.raises(Refused):
        run(contender.port, "lockstep", parallel=1, limit=1)


@pytest.mark.e2e
@pytest.mark.slow
def test_the_whole_comparison_runs() -> None:
    """Real Postfix and a whole gateway among them, with the lag of its loop."""
    need("postfix")
    found = bench("--seconds", "0.5")
    assert list(found["played"]) == [OURS, *RIVALS, "Mailward, whole"]
    assert all(set(works) == {load.work for load in LOADS} for works in found["played"].values())
    assert all(turns[0]["rate"] > 0 for works in found["played"].values() for turns in works.values())
    assert set(found["ratios"]) == set(found["cpu_ratios"]) == set(RIVALS)
    assert found["lag"][ALL]["turns"] > 50
    assert found["lag"][BESIDE]["turns"] > 50


def test_table_shows_ratios_of_rounds_and_who_saturates() -> None:
    """The median of 2x, 3x and 4x; a client at 95 % of a core is marked."""

    def turns(*rates: float, client: float) -> dict[str, list[Turn]]:
        return {load.work: [Turn(rate=rate, client=client, cpu_ms=1.5) for rate in rates] for load in LOADS}

    found = Found(
        octets=1, played={OURS: turns(200, 330, 440, client=0.95), RIVALS[0]: turns(100, 110, 110, client=0.2)}
    )
    assert ratios(found) == {RIVALS[0]: {load.work: 3.0 for load in LOADS}}
    assert cpu_ratios(found) == {RIVALS[0]: {load.work: 1.0 for load in LOADS}}
    lines = table(found).splitlines()
    assert "330* (1.50)" in next(line for line in lines if line.startswith(OURS))
    assert "110 (1.50)" in next(line for line in lines if line.startswith(RIVALS[0] + " "))
