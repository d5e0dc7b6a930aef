"""`mailward break-glass` with Part 2 records: what the emergency of 42 CFR 2.51 has to leave behind."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import main
from gateway.config import Settings
from gateway.store import people
from gateway.store.people import Person
from gateway.store.store import Store
from tests.gateway.cli.test_rehearse import at_work
from tests.gateway.config.samples import config_in, settings
from tests.gateway.pipeline.counter import PHI, Counter, Here
from tests.gateway.pipeline.test_registers import DOC, TREATMENT, send

POLICY = '[policy]\npacks = ["part2"]\nbreak_glass_roles = ["clinician"]\n'
BY = "er@clinic.example"


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--config", str(config)])


def held(config: Path, told: Settings) -> str:
    ids = list[str]()

    async def work(store: Store) -> None:
        who = Person(address=BY, password_hash="x", role="clinician", created_at=datetime.now(UTC))
        await people.add(store, who, events=())
        entry = await send(Counter(store, PHI, settings=told, changer=Here()), DOC, *TREATMENT)
        ids.append(entry.queue_id)

    at_work(config, work)
    return ids[0]


@pytest.mark.slow
def test_who_receives_part_2_records_is_asked_for_and_kept(tmp_path: Path) -> None:
    """42 CFR 2.51(c): without the affiliation the command is used wrongly, and nothing goes."""
    config = tmp_path / "mailward.toml"
    config.write_text(config_in(tmp_path / "data", POLICY), encoding="utf-8")
    queue_id = held(config, settings(POLICY))
    release = ("break-glass", "release", queue_id, "--by", BY, "--why", "overdose, unconscious")
    refused = run(config, *release)
    assert (refused.exit_code, "--affiliation (42 CFR 2.51(c)(1))" in refused.stderr) == (2, True)
    who = "Dr A. Roe, Mercy Hospital, emergency department"
    done = run(config, *release, "--affiliation", who)
    assert (done.exit_code, done.stdout) == (0, "1 recipient go on; this waits for a review\n"), done.output
    (row,) = [json.loads(line) for line in run(config, "break-glass", "list", "--json").stdout.splitlines()]
    assert {name: row[name] for name in ("recipient", "by", "why", "affiliation")} == {
        "recipient": DOC, "by": BY, "why": "overdose, unconscious", "affiliation": who,
    }  # fmt: skip
    assert datetime.fromisoformat(row["at"]).tzinfo is not None
