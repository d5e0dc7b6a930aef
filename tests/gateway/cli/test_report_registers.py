"""`mailward report consent`, `baa` and `disclosures`: what stands, what ends, who is unknown, what is accounted for."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli.main import main
from gateway.message.entry import EntryState
from gateway.store import consents, organisations, queue
from gateway.store.rotation import rotate
from gateway.store.rows import save_entry
from gateway.store.statements import Unit
from gateway.store.store import Store
from policy.baa import Relation
from policy.consent import Kind
from tests.gateway.cli.test_rehearse import at_work
from tests.gateway.config.samples import config_in
from tests.gateway.pipeline.counter import CLEAN, PHI, Counter
from tests.gateway.pipeline.test_registers import associate, consent, send

DAY = timedelta(days=1)
PATIENT = b"X-Mailward-Patient: MRN-0042"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data", ""), encoding="utf-8")
    return path


def report(config: Path, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["report", *arguments, "--config", str(config)])
    assert result.exit_code == 0, result.output
    return result.stdout


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_consents_in_force_and_lately_ended(config: Path) -> None:
    async def work(store: Store) -> None:
        now = datetime.now(UTC)
        rows = [
            consent("pat@b.example", Kind.UNENCRYPTED, id="C1"),
            consent("pat@b.example", Kind.CONFIDENTIAL, id="C2"),
            consent("old@b.example", Kind.UNENCRYPTED, id="C3", given_at=now - 90 * DAY, expires_at=now - 60 * DAY),
            consent("new@b.example", Kind.UNENCRYPTED, id="C4", given_at=now - 90 * DAY, expires_at=now - 2 * DAY),
        ]
        await consents.add(store, rows, events=())
        await consents.revoke(store, "C2", at=now, events_of=lambda _: ())

    at_work(config, work)
    told = json.loads(report(config, "consent", "--json"))
    assert told["counts"] == {"unencrypted": 1}
    assert [(one["id"], one["state"]) for one in told["entries"]] == [
        ("C1", "in force"), ("C2", "revoked"), ("C4", "expired"),
    ]  # fmt: skip
    assert "unencrypted: 1" in report(config, "consent")


@pytest.mark.slow
def test_agreements_and_domains_that_nobody_knows(config: Path) -> None:
    """Issue 6, line 9: an unknown organisation is listed for review; clean mail and our own domain are not."""

    async def work(store: Store) -> None:
        now = datetime.now(UTC)
        rows = [
            associate(expires_at=now + 20 * DAY),
            associate(name="None", domains=("none.example",), agreed_at=None),
            associate(name="Payer", domains=("payer.example",), agreed_at=None, relation=Relation.PAYER),
        ]
        await organisations.add(store, rows, renews=False, events=())
        for address in ("a@eu.billing.example", "x@stranger.example", "y@Stranger.example", "z@clinic.example"):
            await send(Counter(store, PHI), address)
        await send(Counter(store, CLEAN), "x@clean.example")

    at_work(config, work)
    told = json.loads(report(config, "baa", "--json"))
    assert {one["name"]: one["state"] for one in told["organisations"]} == {
        "Billing Ltd": "ends within 30 days", "None": "missing", "Payer": "none needed",
    }  # fmt: skip
    assert [(one["domain"], one["copies"]) for one in told["unknown"]] == [("stranger.example", 2)]
    assert "stranger.example" in report(config, "baa")


@pytest.mark.slow
def test_disclosures_that_are_accounted_for(config: Path) -> None:
    """45 CFR 164.528(a)(1): not treatment, not what never left, not what holds nothing; by patient."""

    async def work(store: Store) -> None:
        counter = Counter(store, PHI)
        health = b"X-Mailward-Purpose: public-health"
        for purpose in (health, b"X-Mailward-Purpose: treatment", b"X-Mailward-Purpose: judicial"):
            entry = await send(counter, "office@state.example", purpose, PATIENT)
            await deliver(store, entry.id)
        await deliver(store, (await send(counter, "other@state.example", health)).id)
        await send(counter, "waits@state.example", health, PATIENT)
        await deliver(store, (await send(Counter(store, CLEAN), "clean@state.example", health, PATIENT)).id)

    at_work(config, work)
    told = lines(report(config, "disclosures", "--patient", "MRN-0042", "--json"))
    assert [(one["recipient"], one["purpose"], one["permitted_by"]) for one in told] == [
        ("office@state.example", "public-health", "45 CFR 164.512(b)"),
        ("office@state.example", "judicial", "45 CFR 164.512(e)"),
    ]
    at_work(config, turn_key)
    assert lines(report(config, "disclosures", "--patient", "MRN-0042", "--json")) == told
    assert len(lines(report(config, "disclosures", "--json"))) == 3
    assert report(config, "disclosures", "--json", "--since", "0s") == ""
    assert "MRN-0042" not in report(config, "disclosures")


async def turn_key(store: Store) -> None:
    await rotate(store)


async def deliver(store: Store, entry_id: str) -> None:
    async with store.read() as conn:
        entry = await queue.one(conn, entry_id)
    assert entry is not None
    await store.commit(Unit(changes=(save_entry(replace(entry, state=EntryState.DELIVERED), release=True),)))
