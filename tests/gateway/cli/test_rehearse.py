"""`mailward rehearse`: a changed policy over decisions that are stored; nothing changes, and what would is told."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.cli.main import main
from gateway.config import load
from gateway.message.entry import EntryState
from gateway.store import bindings, organisations
from gateway.store.bindings import Bound, persons_key
from gateway.store.consents import patient_key
from gateway.store.opening import open_store
from gateway.store.register_tables import decision_record
from gateway.store.store import Store
from policy.phi.persons import address_mark, id_marks
from tests.gateway.config.samples import config_in
from tests.gateway.pipeline.counter import CLEAN, PHI, Counter, letter
from tests.gateway.pipeline.test_registers import associate, send

pytestmark = pytest.mark.slow

HOLDS_B: Final = """
[[policy.rule]]
name = "nothing-to-b"
when = 'phi and recipient.domain == "b.example"'
action = "hold"
"""
Work = Callable[[Store], Awaitable[None]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailward.toml"
    path.write_text(config_in(tmp_path / "data", ""), encoding="utf-8")
    return path


def at_work(config: Path, work: Work) -> None:
    """Let a gateway of this configuration take mail."""

    async def run() -> None:
        store = await open_store(load(config), node="n")
        try:
            await work(store)
        finally:
            await store.close()

    asyncio.run(run())


async def three(store: Store) -> None:
    """One message with two recipients, one without health information."""
    await Counter(store, PHI).accept(letter(), "pat@b.example", "doc@c.example")
    await Counter(store, CLEAN).accept(letter(), "pat@b.example")


def rehearse(config: Path, added: str, *arguments: str) -> Result:
    new = config.with_name("new.toml")
    new.write_text(config.read_text(encoding="utf-8") + added, encoding="utf-8")
    return CliRunner().invoke(main, ["rehearse", "--with", str(new), "--config", str(config), *arguments])


def answer(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_the_same_policy_flips_nothing(config: Path) -> None:
    at_work(config, three)
    told = answer(rehearse(config, "", "--json"))
    assert (told["messages"], told["decisions"], told["flips"], told["changes"]) == (2, 3, 0, [])


def test_a_new_rule_flips_what_it_applies_to(config: Path) -> None:
    """Item 12: counts, the rule, and an example with its trace."""
    at_work(config, three)
    told = answer(rehearse(config, HOLDS_B, "--json"))
    (change,) = told["changes"]
    assert (change["was"], change["becomes"], change["count"]) == ("protect: tls, portal", "hold", 1)
    assert change["rules"] == {"nothing-to-b": 1}
    (example,) = change["examples"]
    assert (example["recipient"], example["was"]["action"]) == ("pat@b.example", "protect")
    assert "nothing-to-b" in " ".join(example["becomes"]["trace"])
    words = rehearse(config, HOLDS_B).stdout
    assert "3 decisions on 2 messages of the last 7d; 1 would flip." in words
    assert "1: protect: tls, portal  ->  hold" in words
    assert 'Rule "nothing-to-b" asks for hold' in words


def test_another_default_and_another_ladder_count_too(config: Path) -> None:
    at_work(config, three)
    flipped = answer(rehearse(config, '[policy]\ndefault = "protect-all"\n', "--json"))
    assert [(one["was"], one["becomes"]) for one in flipped["changes"]] == [("allow: tls", "protect: tls, portal")]
    ladder = answer(rehearse(config, '[delivery]\nmethods = ["portal"]\n', "--json"))
    assert [(one["becomes"], one["count"]) for one in ladder["changes"]] == [("protect: portal", 2)]


def test_a_register_that_nobody_asked_is_asked_now(config: Path) -> None:
    """Unasked, it would hold all mail to a business associate, and the answer would frighten for nothing."""

    async def work(store: Store) -> None:
        await organisations.add(store, [associate()], renews=False, events=())
        counter = Counter(store, PHI)
        await send(counter, "a@billing.example", b"X-Mailward-Purpose: payment")
        await send(counter, "a@billing.example", b"X-Mailward-Purpose: operations")

    at_work(config, work)
    told = answer(rehearse(config, '[policy]\npacks = ["business-associates"]\n', "--json"))
    assert (told["flips"], told["asked_now"]) == (1, 2)
    assert told["changes"][0]["rules"] == {"business-associates/purpose": 1}


def test_what_is_older_is_left_out(config: Path) -> None:
    async def work(store: Store) -> None:
        await three(store)

        async def age(conn: AsyncConnection) -> None:
            c = decision_record.c
            newest = sa.select(sa.func.max(c.at, type_=c.at.type))
            last = (await conn.execute(newest)).scalar_one()
            await conn.execute(sa.update(decision_record).where(c.at < last).values(at=last - timedelta(days=8)))

        await store.transact(age)

    at_work(config, work)
    assert answer(rehearse(config, HOLDS_B, "--json"))["messages"] == 1
    assert answer(rehearse(config, HOLDS_B, "--json", "--since", "0s"))["messages"] == 0


def test_a_damaged_record_stops_nothing(config: Path) -> None:
    """KY-08: it is counted, and the others are told."""

    async def work(store: Store) -> None:
        await three(store)

        async def spoil(conn: AsyncConnection) -> None:
            one = (await conn.execute(sa.select(sa.func.min(decision_record.c.queue_id)))).scalar_one()
            await conn.execute(
                sa.update(decision_record).where(decision_record.c.queue_id == one).values(ciphertext=bytes(60))
            )

        await store.transact(spoil)

    at_work(config, work)
    told = answer(rehearse(config, "", "--json"))
    assert (told["messages"], told["unreadable"]) == (1, 1)


def test_a_wrong_file_and_a_wrong_time(config: Path) -> None:
    """All problems of the new file, as check-config tells them."""
    at_work(config, three)
    bad = rehearse(config, HOLDS_B.replace("phi and", "phy and"))
    assert (bad.exit_code, "phy is not a known fact" in bad.stderr) == (78, True)
    assert rehearse(config, "", "--since", "soon").exit_code == 2


def test_the_index_is_asked_now_where_no_rule_asked_for_it(config: Path) -> None:
    """Else a rehearsal of the pack misaddressed would promise that it holds nothing."""

    async def work(store: Store) -> None:
        key = persons_key(store.vault)
        people = {"MRN-0001": "pat@b.example", "MRN-0002": "eve@b.example"}
        bound = [
            Bound(
                person=patient_key(store.vault, number), names=id_marks(key, number),
                addresses=frozenset({address_mark(key, address)}),
            )
            for number, address in people.items()
        ]  # fmt: skip
        await bindings.bind(store, bound, at=datetime.now(UTC), events=())
        report = replace(PHI, named=tuple(sorted(id_marks(key, "MRN-0001"))))
        for address in people.values():
            await Counter(store, report).accept(letter(), address)

    at_work(config, work)
    told = answer(rehearse(config, '[policy]\npacks = ["misaddressed"]\n', "--json"))
    assert (told["flips"], told["asked_now"]) == (1, 2)
    assert told["changes"][0]["rules"] == {"misaddressed/other-patient": 1}
    assert told["changes"][0]["examples"][0]["recipient"] == "eve@b.example"


def test_addresses_that_everybody_sees_are_counted_for_a_later_rule(config: Path) -> None:
    """No rule asked for them when the message came."""

    async def work(store: Store) -> None:
        shown = b"To: " + b", ".join(b"p%d@b.example" % number for number in range(30))
        await Counter(store, CLEAN).accept(letter(shown), "p1@b.example")

    at_work(config, work)
    rule = '[[policy.rule]]\nname = "many"\nwhen = "recipients.visible > 20"\naction = "hold"\n'
    assert answer(rehearse(config, rule, "--json"))["flips"] == 1


LABEL: Final = """
[[policy.label]]
name = "all-of-it"
when = 'login == "nurse@clinic.example"'
purpose = "{purpose}"
"""


def test_a_label_of_the_new_policy_counts(config: Path) -> None:
    """It says what a message is for before rules and registers speak; the sender's own word stands before it."""

    async def work(store: Store) -> None:
        counter = Counter(store, PHI)
        await send(counter, "pat@b.example")
        await send(counter, "pat@b.example", b"X-Mailward-Purpose: treatment")

    at_work(config, work)
    rule = '[[policy.rule]]\nname = "m"\nwhen = \'purpose == "marketing"\'\naction = "hold"\n'
    assert answer(rehearse(config, rule, "--json"))["flips"] == 0
    told = answer(rehearse(config, rule + LABEL.format(purpose="marketing"), "--json"))
    (change,) = told["changes"]
    assert (change["becomes"], change["count"], change["rules"]) == ("hold", 1, {"m": 1})


def test_registers_are_asked_about_the_purpose_that_a_label_gives(config: Path) -> None:
    """What they said of payment is no answer about operations, which the agreement does not permit."""
    pack = '[policy]\npacks = ["business-associates"]\n'
    config.write_text(config.read_text(encoding="utf-8") + pack + LABEL.format(purpose="payment"), encoding="utf-8")

    async def work(store: Store) -> None:
        await organisations.add(store, [associate()], renews=False, events=())
        entry = await send(Counter(store, PHI, settings=load(config)), "a@billing.example")
        assert entry.state is EntryState.QUEUED

    at_work(config, work)
    assert answer(rehearse(config, "", "--json"))["flips"] == 0
    new = config.with_name("other.toml")
    text = config.read_text(encoding="utf-8")
    new.write_text(text.replace('purpose = "payment"', 'purpose = "operations"'), encoding="utf-8")
    told = answer(CliRunner().invoke(main, ["rehearse", "--with", str(new), "--config", str(config), "--json"]))
    assert (told["flips"], told["asked_now"]) == (1, 1)
    assert told["changes"][0]["rules"] == {"business-associates/purpose": 1}
