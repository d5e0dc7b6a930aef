"""Routes that ask for a pin or for DANE, beside what hosts publish, and what goes past all of it."""

import asyncio
import hashlib
from dataclasses import replace

import pytest

from gateway.delivery.outcome import Seen
from tests.faulty import certificates
from tests.faulty.server import Script
from tests.gateway.delivery.conftest import CLEAR, VERIFIED, Net
from tests.gateway.delivery.test_published_transport import BOTH, CONTENT_FREE, ENFORCE, MX1, MX2, proof_of, why
from tests.tls.pki import ALONE, LEAF, Issued
from tls.failures import TlsFailure
from tls.requirement import Needs


def pin_of(issued: Issued) -> str:
    return hashlib.sha256(issued.spki).hexdigest()


@BOTH
async def test_pin(net: Net, needs: Needs) -> None:
    """A route's pin is the whole proof: an expired certificate of nobody, with the right key."""
    net.delivery = {"route": [{"domain": "b.example", "tls": f"pinned:{pin_of(ALONE)}", "port": 25}]}
    await net.serve([Script(tls=ALONE.server()), Script(tls=certificates.good(MX1))])
    net.delivery["route"][0]["port"] = net.port  # type: ignore[index]
    outcome = await net.send(needs)
    assert proof_of(outcome) == "pin, MX unsigned"
    await net.transport.close()
    assert why(await net.send(needs)) == (Seen.TLS_MISMATCH, TlsFailure.PIN_MISMATCH)


async def test_pin_and_dane_both_hold(net: Net) -> None:
    """A pin does not replace what is published."""
    await net.serve(Script(tls=ALONE.server()))
    net.delivery = {"route": [{"domain": "b.example", "tls": f"pinned:{pin_of(ALONE)}", "port": net.port}]}
    net.publish_tlsa(1, LEAF.tlsa(3, 1, 1))
    assert why(await net.send(CLEAR)) == (Seen.TLS_MISMATCH, TlsFailure.TLSA_MISMATCH)


async def test_a_pinned_host_needs_no_name(net: Net) -> None:
    """`tls.unsigned_mx = "climb"`: whoever holds the key is whom the operator chose."""
    await net.serve(Script(tls=ALONE.server()))
    net.delivery = {"route": [{"domain": "b.example", "tls": f"pinned:{pin_of(ALONE)}", "port": net.port}]}
    assert (await net.send(replace(VERIFIED, is_vouched=True))).seen is Seen.DELIVERED


async def test_route_that_asks_for_dane(net: Net) -> None:
    """`tls = "dane"`: without usable records nothing goes there, however good the certificate is."""
    (server,) = await net.serve([Script(tls=certificates.good(MX1))])
    net.delivery = {"route": [{"domain": "b.example", "tls": "dane", "port": net.port}]}
    assert why(await net.send(CLEAR)) == (Seen.TLS_MISMATCH, TlsFailure.DANE_MISSING)
    assert server.connections == 0


async def test_route_that_gets_dane(net: Net) -> None:
    await net.serve(Script(tls=ALONE.server()))
    net.delivery = {"route": [{"domain": "b.example", "tls": "dane", "port": net.port}]}
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    assert proof_of(await net.send(CLEAR)) == "dane 3 1 1, MX signed"


async def test_configured_host_publishes_dane(net: Net) -> None:
    """RFC 7672 2.2.2: a host that the configuration names is held to its own records; MTA-STS is not asked for."""
    await net.serve([Script(tls=ALONE.server()), Script(tls=LEAF.server())])
    net.delivery = {"route": [{"domain": "b.example", "tls": "opportunistic", "port": net.port, "host": MX1}]}
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    net.publish_sts(ENFORCE, MX2)
    assert proof_of(await net.send(CLEAR)) == "dane 3 1 1, host configured"
    assert not any("_mta-sts" in name for name in net.tls_dns.asked)
    await net.transport.close()
    assert why(await net.send(CLEAR)) == (Seen.TLS_MISMATCH, TlsFailure.TLSA_MISMATCH)


# --- who goes past it ---


@pytest.mark.parametrize("case", ["dane", "dane failed", "unlisted", "pin", "dane route"])
async def test_content_free_mail_goes_past_everything(net: Net, case: str) -> None:
    """TL-10, TL-21, RFC 8689 5: a notice that nothing private is in tells the recipient, whatever is wrong there."""
    (server,) = await net.serve(Script())
    route = {"pin": f"pinned:{pin_of(ALONE)}", "dane route": "dane"}.get(case)
    if route:
        net.delivery = {"route": [{"domain": "b.example", "tls": route, "port": net.port}]}
    elif case == "unlisted":
        net.publish_sts(ENFORCE, MX2)
    else:
        net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    if case == "dane failed":
        net.tls_dns.failed = {f"_{net.port}._tcp.{MX1} TLSA"}
    assert (await net.send(CONTENT_FREE)).seen is Seen.DELIVERED
    assert len(server.messages) == 1
    assert net.tls_dns.asked == []
    assert (await net.send(CLEAR)).seen is not Seen.DELIVERED


# --- one look-up ---


async def test_one_lookup_for_many_messages(net: Net) -> None:
    """A busy domain costs one look-up: those at the same time share it, those after it find it."""
    await net.serve(Script(tls=ALONE.server()))
    net.publish_tlsa(1, ALONE.tlsa(3, 1, 1))
    net.publish_sts(ENFORCE, MX1)
    outcomes = await asyncio.gather(*(net.send(VERIFIED) for _ in range(20)))
    outcomes += [await net.send(CLEAR)]
    assert {outcome.seen for outcome in outcomes} == {Seen.DELIVERED}
    assert sorted(net.tls_dns.asked) == sorted(
        ["_mta-sts.b.example TXT", f"{MX1} A", f"{MX1} AAAA", f"_{net.port}._tcp.{MX1} TLSA"]
    )
