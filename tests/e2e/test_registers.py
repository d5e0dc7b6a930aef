"""Registers of a running gateway, kept by its commands: what they change counts for the next message."""

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.e2e.installation import Installation
from tests.e2e.letters import clinical, new_marker
from tests.e2e.submit import submit
from tests.e2e.waiting import until
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[Installation]:
    """Its submission listener believes control fields; two packs are on."""
    made = Installation(tmp_path_factory.mktemp("registers") / "installation", world)
    listeners = made._document()["listener"]
    listeners[0]["control_headers"] = True
    made.write_config({"listener": listeners, "policy": {"packs": ["hipaa-baseline", "business-associates"]}})
    try:
        made.add_user()
        made.start()
        yield made
    finally:
        made.close()


def tell(gateway: Installation, *arguments: str | Path) -> str:
    done = gateway.run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def letter(marker: str, to: str, purpose: str) -> EmailMessage:
    message = clinical(marker, to=to)
    message["X-Mailward-Purpose"] = purpose
    return message


def state(gateway: Installation, queue_id: str) -> list[str]:
    return [row["queue_name"] for row in gateway.queue() if row["queue_id"] == queue_id]


def test_an_agreement_that_ends_holds_the_next_message(gateway: Installation, world: World) -> None:
    """45 CFR 164.504(e): what is in the queue as well, because its host was not there."""
    hop = world.add_good("billing.example")
    world.name("slow.billing.example")
    tell(
        gateway, "baa", "add", "Billing Ltd", "--domain", "billing.example", "--purpose", "payment",
        "--agreed", "2026-01-01",
    )  # fmt: skip
    first, second, third = new_marker(), new_marker(), new_marker()
    submit(gateway, letter(first, "a@billing.example", "payment"), to=["a@billing.example"])
    assert hop.wait_for(first.encode()).recipients == ("a@billing.example",)
    to = "a@slow.billing.example"
    waiting = submit(gateway, letter(second, to, "payment"), to=[to])
    until(lambda: any(one["queue_id"] == waiting for one in gateway.events(kind="delivery.deferred")))
    until(lambda: "1 in the queue held" in tell_end(gateway) or state(gateway, waiting) == ["held"])
    assert state(gateway, waiting) == ["held"]
    held = submit(gateway, letter(third, "a@billing.example", "payment"), to=["a@billing.example"])
    assert state(gateway, held) == ["held"]
    assert hop.find(third.encode()) is None


def tell_end(gateway: Installation) -> str:
    """End it; renewed first where an attempt was under way at that moment."""
    again = ("--domain", "billing.example", "--purpose", "payment", "--agreed", "2026-01-01", "--renew")
    tell(gateway, "baa", "add", "Billing Ltd", *again)
    return tell(gateway, "baa", "end", "Billing Ltd", "--why", "moved on")


def test_plain_mail_by_a_recorded_choice_alone(gateway: Installation, world: World, tmp_path: Path) -> None:
    """Invariant 1 and its one exception: to a host without TLS, while the choice stands, to this person."""
    hop, chosen, others, later = world.add("plain.example"), new_marker(), new_marker(), new_marker()
    form = tmp_path / "warning"
    form.write_text("signed")
    pat, eve = "pat@plain.example", "eve@plain.example"
    tell(gateway, "consent", "add", "--patient", pat, "--kind", "unencrypted", "--document", form)
    submit(gateway, letter(chosen, pat, "access"), to=[pat])
    assert hop.wait_for(chosen.encode()).recipients == (pat,)
    ids = [submit(gateway, letter(others, eve, "access"), to=[eve])]
    (row,) = [line.split()[0] for line in tell(gateway, "consent", "list").splitlines()[1:]]
    tell(gateway, "consent", "revoke", row, "--why", "wrote to us")
    ids.append(submit(gateway, letter(later, pat, "access"), to=[pat]))
    until(lambda: all(state(gateway, queue_id) == ["portal"] for queue_id in ids))
    for marker in (others, later):
        assert hop.find(marker.encode()) is None
    assert b"HbA1c" in hop.wait_for(chosen.encode()).content
