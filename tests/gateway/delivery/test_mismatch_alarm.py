"""A host that is not what is published raises an alarm, also where another host of the domain takes the mail."""

import hashlib
import re

import pytest

from gateway.message.entry import EntryState
from gateway.message.queue_id import new_queue_id
from policy.decision import Method
from tests.faulty import certificates
from tests.faulty.server import Script
from tests.gateway.delivery.conftest import Net
from tests.gateway.delivery.office import DOWNGRADED, RECIPIENT, Office, make_entry
from tests.tls.pki import ALONE, LEAF
from tls.mta_sts.parse import Mode

MX1, MX2 = "mx1.b.example", "mx2.b.example"


async def dane(net: Net, *, is_first_good: bool) -> str:
    """Two hosts with signed records, the second as it should be. Returns: a pattern of the first one's fingerprint."""
    shown = ALONE if is_first_good else LEAF
    await net.serve(Script(tls=shown.server()), Script(tls=ALONE.server()))
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    net.publish_tlsa(2, ALONE.tlsa(3, 1, 1))
    return hashlib.sha256(shown.der).hexdigest()


async def mta_sts(net: Net, *, is_first_good: bool) -> str:
    """The same by MTA-STS, with a handshake that ends at the certificate."""
    first = certificates.good(MX1) if is_first_good else certificates.expired(MX1)
    await net.serve(Script(tls=first), Script(tls=certificates.good(MX2)))
    net.publish_sts(Mode.ENFORCE, MX1, MX2)
    return "[0-9a-f]{64}"


async def unlisted(net: Net, *, is_first_good: bool) -> str:
    """A host that the policy does not list: it is not connected to, so there is no certificate."""
    await net.serve(Script(tls=certificates.good(MX1)), Script(tls=certificates.good(MX2)))
    net.publish_sts(Mode.ENFORCE, MX2, *([MX1] if is_first_good else []))
    return ""


CASES = {"DANE": (dane, "tlsa-mismatch"), "MTA-STS": (mta_sts, "expired"), "not listed": (unlisted, "sts-unlisted")}
WAYS = pytest.mark.parametrize("is_protected", [True, False], ids=["protected", "unprotected"])


def through(office: Office, net: Net) -> None:
    """Real sockets below the office."""
    office.courier._transport = net.transport


@WAYS
@pytest.mark.parametrize("case", CASES)
async def test_the_second_host_takes_it_and_the_alarm_is_raised(
    office: Office, net: Net, case: str, is_protected: bool
) -> None:
    """TL-21, TL-26: delivered, and the operator hears of the first host, once, by metric and by event."""
    publish, failure = CASES[case]
    certificate = await publish(net, is_first_good=False)
    through(office, net)
    message = await office.send(make_entry(new_queue_id(), protected=is_protected, methods=(Method.TLS,)))
    assert await office.state(message.id) is EntryState.DELIVERED
    (alarm,) = await office.events("delivery.tls_mismatch", message.id)
    assert (alarm.data["host"], alarm.data["tls_failure"]) == (MX1, failure)
    assert re.fullmatch(certificate, str(alarm.data.get("certificate", "")))
    assert str(alarm.data["why"]).startswith(f"{MX1} ")
    assert alarm.recipient == RECIPIENT
    assert MX2 not in str(alarm.data["why"])
    assert b"mailward_tls_mismatches_total 1.0" in office.metrics.page()
    assert b"mailward_tls_downgrades_total 0.0" in office.metrics.page()
    (ending,) = await office.events("delivery.delivered", message.id)
    assert ending.data["host"] == MX2


@pytest.mark.parametrize("case", CASES)
async def test_hosts_as_published_raise_none(office: Office, net: Net, case: str) -> None:
    publish, _ = CASES[case]
    await publish(net, is_first_good=True)
    through(office, net)
    message = await office.send(make_entry(new_queue_id(), methods=(Method.TLS,)))
    assert await office.state(message.id) is EntryState.DELIVERED
    assert await office.events("delivery.tls_mismatch") == []
    assert b"mailward_tls_mismatches_total 0.0" in office.metrics.page()


async def test_every_attempt_raises_it_again(office: Office, net: Net) -> None:
    """Both hosts are wrong: it waits, and each attempt is told as one alarm, not one a host."""
    await net.serve(Script(tls=LEAF.server()), Script(tls=LEAF.server()))
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    net.publish_tlsa(2, ALONE.tlsa(3, 1, 1))
    through(office, net)
    message = await office.send(make_entry(new_queue_id()))
    assert await office.state(message.id) is EntryState.QUEUED
    (alarm,) = await office.events("delivery.tls_mismatch", message.id)
    assert [host in str(alarm.data["why"]) for host in (MX1, MX2)] == [True, True]
    await office.work(message)
    assert len(await office.events("delivery.tls_mismatch", message.id)) == 2
    assert b"mailward_tls_mismatches_total 2.0" in office.metrics.page()


async def test_a_downgrade_is_another_kind(office: Office) -> None:
    """TL-07: what an operator does about it differs, so the word does."""
    office.see(RECIPIENT, DOWNGRADED)
    message = await office.send(make_entry(new_queue_id()))
    kinds = await office.kinds(message.id)
    assert "delivery.tls_downgrade" in kinds
    assert "delivery.tls_mismatch" not in kinds
