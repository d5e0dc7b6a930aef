"""What each kind of message asks of its next hop."""

from dataclasses import replace

import pytest

from gateway.delivery.needs import NeedsPolicy, needs_for
from gateway.message.entry import MessageKind, QueueEntry
from policy.decision import Method, UnsignedMx
from tests.gateway.delivery.test_ladder import make
from tls.levels import TlsLevel
from tls.requirement import HopTls, Needs, requirement

NONE, ENCRYPTED, VERIFIED = TlsLevel.NONE, TlsLevel.ENCRYPTED, TlsLevel.VERIFIED
FREE = Needs(level=NONE, is_content_free=True)
ONWARD = Needs(level=VERIFIED, is_onward=True)
TLS = make(Method.TLS)
KINDS = {kind: replace(make(Method.TLS, protected=False), kind=kind) for kind in MessageKind}


@pytest.mark.parametrize(
    ("entry", "needs"),
    [
        (TLS, ONWARD),
        (make(Method.OPENPGP), Needs(level=NONE)),
        (make(Method.SMIME), Needs(level=NONE)),
        (make(Method.PORTAL), FREE),
        (make(Method.TLS, protected=False), Needs(level=NONE)),
        (make(Method.TLS, requiretls=True), Needs(level=VERIFIED, is_onward=True, requiretls=True)),
        (make(Method.TLS, protected=False, requiretls=True), Needs(level=VERIFIED, requiretls=True)),
        (make(Method.OPENPGP, requiretls=True), Needs(level=VERIFIED, requiretls=True)),
        (make(Method.PORTAL, protected=False, requiretls=True), FREE),
        (KINDS[MessageKind.NOTICE], FREE),
        (KINDS[MessageKind.DSN], FREE),
        (replace(KINDS[MessageKind.DSN], requiretls=True), Needs(level=NONE, wishes_requiretls=True)),
        (KINDS[MessageKind.TLS_REPORT], FREE),
        (KINDS[MessageKind.SENDER_NOTICE], FREE),
        (KINDS[MessageKind.CODE], ONWARD),
    ],
)
def test_needs_by_kind_and_rung(entry: QueueEntry, needs: Needs) -> None:
    """Invariant 1 and "The portal does not undo what TLS refused"."""
    assert needs_for(entry, NeedsPolicy(), has_pin=False, is_inbound=False) == needs


@pytest.mark.parametrize(("is_inbound", "needs"), [(False, ONWARD), (True, Needs(level=ENCRYPTED, is_onward=True))])
def test_pin_for_the_sender(is_inbound: bool, needs: Needs) -> None:
    """Whoever reads the PIN and the notice can open the message; our own inbound host may have any certificate."""
    entry = KINDS[MessageKind.SENDER_NOTICE]
    assert needs_for(entry, NeedsPolicy(), has_pin=True, is_inbound=is_inbound) == needs


def test_code_channel() -> None:
    """`portal.code_channel = "encrypted"`: unauthenticated TLS, never clear."""
    policy = NeedsPolicy(code_level=ENCRYPTED)
    needs = needs_for(KINDS[MessageKind.CODE], policy, has_pin=False, is_inbound=False)
    assert needs == Needs(level=ENCRYPTED, is_onward=True)


@pytest.mark.parametrize("level", [ENCRYPTED, VERIFIED])
def test_no_code_through_a_smart_host_that_nobody_vouches_for(level: TlsLevel) -> None:
    """PO-02: our TLS ends at a smart host; it may pass the code on in clear unless REQUIRETLS binds it."""
    needs = needs_for(KINDS[MessageKind.CODE], NeedsPolicy(code_level=level), has_pin=False, is_inbound=False)
    needed = requirement(needs, HopTls(is_vouched=True, is_smart_host=True))
    assert (needed.level, needed.requiretls) == (VERIFIED, True)
    assert not requirement(needs, HopTls(is_vouched=True, is_smart_host=True, is_attested=True)).requiretls


@pytest.mark.parametrize(
    ("entry", "vouched"), [(TLS, True), (KINDS[MessageKind.CODE], True), (make(Method.OPENPGP), False)]
)
def test_unsigned_mx(entry: QueueEntry, vouched: bool) -> None:
    """`tls.unsigned_mx = "climb"` concerns what verified TLS has to hide."""
    policy = NeedsPolicy(unsigned_mx=UnsignedMx.CLIMB)
    assert needs_for(entry, policy, has_pin=False, is_inbound=False).is_vouched is vouched


@pytest.mark.parametrize("unsigned_mx", UnsignedMx)
@pytest.mark.parametrize(
    ("entry", "vouched"),
    [
        (TLS, True),
        (make(Method.TLS, requiretls=True), True),
        (KINDS[MessageKind.CODE], True),
        (make(Method.OPENPGP), False),
        (make(Method.PORTAL), False),
    ],
)
def test_what_is_sensitive_never_takes_an_unsigned_mx(
    entry: QueueEntry, vouched: bool, unsigned_mx: UnsignedMx
) -> None:
    """Issue 6, line 3: whatever `tls.unsigned_mx` says, and the code that opens it neither."""
    policy = NeedsPolicy(unsigned_mx=unsigned_mx)
    needs = needs_for(replace(entry, sensitive=True), policy, has_pin=False, is_inbound=False)
    assert needs.is_vouched is vouched
