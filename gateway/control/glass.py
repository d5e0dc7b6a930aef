"""Break-glass: held treatment mail that cannot wait goes now, protected, and is reviewed afterwards.

45 CFR 164.312(a)(2)(ii) asks for a way in an emergency. It opens no unsafe way: what a rule holds goes, what no method
keeps private does not. Who used it is in the audit log, and so is the review; what has none is listed.
"""

from datetime import UTC, datetime
from typing import Any, Final

from gateway.audit import admin
from gateway.audit.search import Query, search
from gateway.control.office import Office
from gateway.control.wire import Refused
from gateway.message.account import Account
from gateway.store.statements import Unit
from policy.facts import Facts
from policy.sensitivity import Sensitivity

USAGE: Final = 2
TREATMENT: Final = frozenset({"treatment", ""})  # what nobody said may be treatment; the person who asks says so
MOST: Final = 10_000  # events read for the list
BROKEN: Final = "glass.broken"
REVIEWED: Final = "glass.reviewed"


def check_glass(office: Office, account: Account | None, *, purpose: str) -> str:
    """Whether somebody may break the glass for mail of a purpose. Returns: the role. Raises: Refused."""
    roles = {role.lower() for role in office.settings.policy.break_glass_roles}
    if not roles:
        raise Refused("nobody may: policy.break_glass_roles names no role")
    if account is None or account.is_program or account.role.lower() not in roles:
        raise Refused(f"only a person with the role {' or '.join(sorted(roles))} may; say who with --by")
    if purpose.lower() not in TREATMENT:
        raise Refused(f"the message is for {purpose}, and this is for treatment alone")
    return account.role


def check_emergency(facts: Facts, *, affiliation: str) -> None:
    """Whether the record of an emergency is whole for records of a Part 2 programme. Raises: Refused.

    42 CFR 2.51(c): who received it and where they work, who disclosed it, when, and the nature of the emergency; the
    last three are in every record of a broken glass. So each recipient has a record of their own.
    """
    if Sensitivity.PART2 not in facts.sent.sensitivity:
        return
    if not affiliation:
        raise Refused(
            "these are Part 2 records: say who receives them and where they work, --affiliation (42 CFR 2.51(c)(1))",
            USAGE,
        )
    if len(facts.recipients) > 1:
        raise Refused(
            "these are Part 2 records: release them to one recipient at a time, --to (42 CFR 2.51(c)(1))", USAGE
        )


async def unreviewed(office: Office) -> list[dict[str, Any]]:
    """Uses that nobody has reviewed yet, oldest first."""
    async with office.store.read() as conn:
        broken = await search(conn, Query(kind=BROKEN, limit=MOST))
        reviewed = await search(conn, Query(kind=REVIEWED, limit=MOST))
    done = {(one.event.queue_id, str(one.event.data["used_at"])) for one in reviewed}
    return [
        {
            "queue_id": one.event.queue_id,
            "at": one.event.at.isoformat(),
            "recipient": one.event.recipient,
            **{name: one.event.data[name] for name in ("by", "role", "rules", "why")},
            "affiliation": one.event.data.get("affiliation", ""),
            "system_login": one.event.data.get("system_login", ""),
        }
        for one in broken
        if (one.event.queue_id, one.event.at.isoformat()) not in done
    ]


async def review(office: Office, *, queue_id: str, by: str, why: str) -> int:
    """Write down what a second look found. Returns: how many uses it is about. Raises: Refused."""
    if not why.strip():
        raise Refused("what was found is needed; it is kept in the audit log", USAGE)
    waiting = [one for one in await unreviewed(office) if one["queue_id"] == queue_id]
    if not waiting:
        raise Refused(f"nothing of {queue_id} waits for a review")
    if by.strip().lower() in {str(one["by"]).strip().lower() for one in waiting}:
        raise Refused("who broke the glass does not review it")
    asker = office.asker
    if not asker.is_shared and asker.login in {str(one["system_login"]) for one in waiting}:
        raise Refused(f"{asker.login} broke the glass under another name and does not review it")
    now = datetime.now(UTC)
    uses = dict.fromkeys(one["at"] for one in waiting)
    told = [
        admin.glass_reviewed(at=now, queue_id=queue_id, used_at=at, by=by, why=why, login=asker.login) for at in uses
    ]
    await office.store.commit(Unit(events=tuple(told)))
    return len(waiting)
