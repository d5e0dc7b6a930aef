"""Decision records: sealed for their row, readable years later, gone after `retention.evidence`."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store import decisions
from gateway.store.decisions import Correction, Stored
from gateway.store.errors import DamagedContent, RowRefused
from gateway.store.register_tables import decision_policy, decision_record
from gateway.store.statements import Unit
from gateway.store.store import Store
from policy.decide import Facts, RecipientFacts, decide
from policy.decision import Action, Method
from policy.facts import Sent
from policy.phi.report import Finding, Kind, Place, Report
from policy.record import Cause, Kept, keep
from policy.rules.version import PolicyVersion
from tests.cost import cpu_s
from tests.gateway.store.parts import NOW

POLICY: Final = PolicyVersion("f" * 64, "{}")
FOUND: Final = Finding(kind=Kind.HIV, masked="H…", place=Place(part="1", line=3), certainty=0.9, why="a word")


def kept(recipients: int = 1, findings: int = 1) -> Kept:
    facts = Facts(
        report=Report(phi=True, score=0.9, findings=(FOUND,) * findings, lowest_method=Method.PORTAL),
        recipients=tuple(
            RecipientFacts(address=f"pat{number}@b.example", methods=(Method.TLS, Method.PORTAL))
            for number in range(recipients)
        ),
        sent=Sent(sender="nurse@clinic.example", at=NOW, our_domains=frozenset({"clinic.example"})),
    )
    return keep(facts, decide(facts), patient="id:abc", asked=("consent",))


def stored(queue_id: str = "Q1", **changes: object) -> Stored:
    made = Stored(queue_id=queue_id, at=NOW, cause=Cause.RECEIVED, policy_id=POLICY.id, kept=kept())
    return replace(made, **changes)  # type: ignore[arg-type]


async def write(store: Store, *records: Stored) -> None:
    await store.commit(Unit(changes=tuple(decisions.record(store.vault, one) for one in records)))


async def read(store: Store, queue_id: str = "Q1") -> tuple[Stored, ...]:
    async with store.read() as conn:
        return await decisions.of_message(conn, store.vault, queue_id)


async def test_what_is_read_is_what_was_written(store: Store) -> None:
    """All of it, types and zone included; several of one message in their order."""
    later = stored(at=NOW + timedelta(days=1), cause=Cause.RELEASED)
    await write(store, later, stored(), stored("Q2"))
    assert await read(store) == (stored(), later)
    assert (await read(store))[0].kept.thin.sent.at == NOW


async def test_no_recipient_and_no_topic_can_be_read_on_the_disk(file_store: Store) -> None:
    """A recipient with a topic is health information."""
    await write(file_store, stored())
    async with file_store.read() as conn:
        row = (await conn.execute(sa.select(decision_record))).mappings().one()
    assert b"pat0@b.example" not in bytes(row["ciphertext"])
    assert not {"pat0@b.example", "hiv"} & {str(value) for value in row.values()}


async def test_a_record_that_was_moved_or_altered_does_not_open(store: Store) -> None:
    """KY-02: another message's record, an older one of the same message, a flipped bit."""
    await write(store, stored(), stored("Q2"))

    async def swap(conn: AsyncConnection) -> None:
        other = sa.select(decision_record.c.ciphertext).where(decision_record.c.queue_id == "Q2").scalar_subquery()
        await conn.execute(
            sa.update(decision_record).where(decision_record.c.queue_id == "Q1").values(ciphertext=other)
        )

    await store.transact(swap)
    with pytest.raises(DamagedContent):
        await read(store)
    assert await read(store, "Q2") == (stored("Q2"),)


async def test_nothing_is_written_twice_or_over(store: Store) -> None:
    """Never by an edit: a second record of the same moment is refused."""
    await write(store, stored())
    with pytest.raises(RowRefused):
        await write(store, stored(cause=Cause.RELEASED))
    assert await read(store) == (stored(),)


async def test_a_policy_is_known_once(store: Store) -> None:
    await decisions.know_policy(store, POLICY, at=NOW)
    await decisions.know_policy(store, PolicyVersion(POLICY.id, "other"), at=NOW + timedelta(days=1))
    async with store.read() as conn:
        assert await decisions.policy_body(conn, POLICY.id) == "{}"
        assert await decisions.policy_body(conn, "none") == ""
        assert (await conn.execute(sa.select(decision_policy.c.first_at))).scalars().all() == [NOW]


async def test_pages_have_every_record_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one moment, too; older ones and other causes are left out."""
    monkeypatch.setattr(decisions, "AT_ONCE", 2)
    some = [stored(name) for name in ("Q1", "Q2", "Q3", "Q4", "Q5")]
    await write(store, *some, stored("Q6", at=NOW - timedelta(days=8)), stored("Q7", cause=Cause.CHECKED))
    seen, after = list[str](), (NOW - timedelta(days=7), "")
    async with store.read() as conn:
        while page := await decisions.sealed_since(conn, NOW - timedelta(days=7), causes=[Cause.RECEIVED], after=after):
            seen += [decisions.opened(row, store.vault).queue_id for row in page]
            after = page[-1]["at"], page[-1]["queue_id"]
    assert seen == ["Q1", "Q2", "Q3", "Q4", "Q5"]


async def test_corrections_are_appended(store: Store) -> None:
    first = Correction(
        id="C1", queue_id="Q1", recipient="pat0@b.example", at=NOW, recorded_by="privacy", action=Action.HOLD,
        why="It named another patient.",
    )  # fmt: skip
    second = replace(first, id="C2", at=NOW + timedelta(days=1), action=None, why="The reason was another.")
    await write(store, stored())
    await decisions.correct(store, first, events=())
    await decisions.correct(store, second, events=())
    async with store.read() as conn:
        assert await decisions.corrections(conn, store.vault, "Q1") == (first, second)
        assert await decisions.corrections(conn, store.vault, "Q2") == ()
    assert await read(store) == (stored(),), "the record stands"


async def test_what_is_too_old_goes(store: Store) -> None:
    """retention.evidence."""
    await write(store, stored("Q1", at=NOW - timedelta(days=1)), stored("Q2"))
    assert await decisions.forget(store, before=NOW) == 1
    assert await read(store, "Q1") == ()
    assert await read(store, "Q2") == (stored("Q2"),)


@pytest.mark.alone
async def test_many_recipients_and_findings_stay_small(file_store: Store) -> None:
    """A record of a thousand recipients takes less room than 40 bytes for each, and less time than 0.1 ms for each."""
    one, many = stored(kept=kept(findings=500)), stored(kept=kept(1000))
    assert len(decisions.record(file_store.vault, one).row["ciphertext"]) < 1500
    row = decisions.record(file_store.vault, many)
    assert min(cpu_s(lambda: decisions.record(file_store.vault, many)) for _ in range(5)) < 0.1
    assert len(row.row["ciphertext"]) < 40_000
