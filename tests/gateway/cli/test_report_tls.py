"""`mailward report tls`: what domains are told, for the operator, in words and as JSON (TL-29)."""

import asyncio
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import main
from gateway.config import load
from gateway.control.tls_report import FAILURE_WORDS, TROUBLE_WORDS
from gateway.store import tls_counts, tls_reports
from gateway.store.opening import open_store
from gateway.store.tls_reports import Fate, ReportState
from tests.gateway.config.samples import config_in
from tls.failures import TlsFailure
from tls.mta_sts.trouble import Trouble
from tls.tlsrpt.count import Peer, Session, count_failure, count_success, count_trouble
from tls.tlsrpt.results import AppliedPolicy, PolicyType

pytestmark = pytest.mark.slow

TODAY = datetime.now(UTC).date()
LONG_AGO = TODAY - timedelta(days=20)
STS = AppliedPolicy(type=PolicyType.STS, domain="b.example", strings=("mode: testing",))
NOTHING = AppliedPolicy(type=PolicyType.NONE, domain="a.example")


def must(session: Session | None) -> Session:
    assert session is not None
    return session


def expired(day: date = TODAY) -> Session:
    peer = Peer(mx_host="mx1.b.example", receiving_ip="192.0.2.1")
    return must(count_failure("b.example", day, STS, TlsFailure.EXPIRED, peer))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data"), encoding="utf-8")
    sums = Counter(
        {
            count_success("a.example", TODAY, NOTHING): 5,
            count_success("b.example", TODAY, STS): 7,
            expired(): 2,
            expired(LONG_AGO): 40,
            must(count_trouble("b.example", TODAY, STS, Trouble.WEBPKI)): 1,
        }
    )

    async def fill() -> None:
        store = await open_store(load(path), node="test")
        await tls_counts.add(store, sums)
        for days, fate in enumerate((Fate.WAITS, Fate.SENT, Fate.UNWANTED, Fate.DROPPED)):
            day = TODAY - timedelta(days=days)
            await tls_reports.save(
                store,
                ReportState(day=day, domain="b.example", fate=fate, tries=2, taken=0, next_at=datetime.now(UTC)),
            )
        await store.close()

    asyncio.run(fill())
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["report", "tls", *arguments, "--config", str(config)])


def test_in_words(config: Path) -> None:
    """Who failed most comes first."""
    assert run(config).stdout.splitlines() == [
        "b.example: 7 good, 3 failed",
        "  MTA-STS (b.example): 7 good, 3 failed",
        "    2 x mx1.b.example has an expired certificate [192.0.2.1] (certificate-expired)",
        "    1 x the certificate of the MTA-STS policy host does not count (sts-webpki-invalid)",
        f"  report of {TODAY - timedelta(days=3)}: dropped: nobody took it within a day",
        f"  report of {TODAY - timedelta(days=2)}: not wanted",
        f"  report of {TODAY - timedelta(days=1)}: sent",
        f"  report of {TODAY}: not sent yet, tried 2 times",
        "a.example: 5 good, 0 failed",
        "  no policy (a.example): 5 good, 0 failed",
    ]


def test_as_json(config: Path) -> None:
    first, second = (json.loads(line) for line in run(config, "--json").stdout.splitlines())
    assert (first["domain"], first["good"], first["failed"]) == ("b.example", 7, 3)
    assert first["policies"][0]["failures"][0] == {
        "result": "certificate-expired",
        "reason": "expired",
        "words": "mx1.b.example has an expired certificate",
        "mx_host": "mx1.b.example",
        "receiving_ip": "192.0.2.1",
        "sessions": 2,
    }
    assert first["reports"][-1] == {"day": TODAY.isoformat(), "fate": "waits", "tries": 2, "taken": 0}
    assert (second["domain"], second["reports"]) == ("a.example", [])


def test_one_domain_and_a_longer_time(config: Path) -> None:
    lines = run(config, "--domain", "B.example", "--since", "30d").stdout.splitlines()
    assert lines[0] == "b.example: 7 good, 43 failed"
    assert not any("a.example" in line for line in lines)


def test_nothing_to_tell(config: Path) -> None:
    assert run(config, "--domain", "c.example").stdout == f"No TLS session was counted since {week_ago()}.\n"
    assert run(config, "--domain", "c.example", "--json").stdout == ""


def week_ago() -> str:
    return (TODAY - timedelta(days=7)).isoformat()


def test_wrong_usage(config: Path) -> None:
    result = run(config, "--since", "yesterday")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)


def test_every_failure_has_words() -> None:
    assert set(FAILURE_WORDS) == {failure.value for failure in TlsFailure}
    assert set(TROUBLE_WORDS) == {trouble.value for trouble in Trouble}
