"""Two persons where a rule asks for two: the first approval is kept, and only a second person's lets held mail go."""

from dataclasses import dataclass
from datetime import datetime

from gateway.audit import events
from gateway.control.asker import UNKNOWN, Asker
from gateway.control.changes import BY
from gateway.message.entry import QueueEntry
from gateway.store import approvals
from gateway.store.queue import MessageFacts
from gateway.store.store import Store
from policy.decision import Action, Decision
from policy.rules.book import RuleBook


@dataclass(frozen=True, slots=True)
class Approver:
    """by: who says so; BY: nobody was named. why, at: the reason and the time. asker: who it is for the kernel.

    shows: as of `Wish`. by_name: names count where the account is one that people share (`policy.approvers_by_name`).
    """

    by: str
    why: str
    at: datetime
    asker: Asker = UNKNOWN
    by_name: bool = False
    shows: str = ""


async def wanting(
    store: Store, entry: QueueEntry, decision: Decision, rules: RuleBook, approver: Approver, about: MessageFacts | None
) -> str:
    """What is missing before a recipient's copy may go; empty: nothing.

    Whoever sent a message is neither of the two. Two requests that name nobody are not two persons, nor are two names
    from one login of the system, nor two accounts that people share: one person may come by both.
    """
    needed = max(
        (rules.by_name[name].approvers for name in decision.rules if rules.by_name[name].action is Action.HOLD),
        default=1,
    )
    if needed == 1:
        return ""
    person = approver.by.strip().lower()
    if not person or person == BY:
        return "two persons must let it go, so say who you are (--by)"
    if person in {entry.sender.lower(), (about.login if about else "").lower()}:
        return "two persons must let it go, and who sent it is neither of them"
    asker = approver.asker
    if asker.login and asker.is_shared and not approver.by_name:
        return (
            f"two persons must let it go, and {asker.login} is an account that people share; come by a login of"
            " your own (sudo), or let names count where there are none (policy.approvers_by_name)"
        )
    about_it = {"by": person, "why": approver.why, "login": asker.login, "shows": approver.shows}
    event = events.message_approved(entry, at=approver.at, **about_it)
    login = "" if asker.is_shared else asker.login
    people = await approvals.approve(store, entry.id, person, needed=needed, at=approver.at, event=event, login=login)
    if people is None:
        return f"two persons must let it go, and {asker.login} has done so under another name"
    if len(people) >= needed:
        return ""
    return f"recorded that {person} lets it go; a second person must, too"
