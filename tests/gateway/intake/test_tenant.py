"""Cloud smart hosts: the right address is not enough, each message proves its tenant (ID-02)."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.values import TenantProof
from gateway.intake.tenant import take_proof
from tests.gateway.intake.harness import Server, make_listener, ready_to_send, running

SECRET = b"5b7c0f6e2d1a4983"
GUID = b"7d1f4c0e-6a0b-4b0f-9a53-0f6c1f0e9d11"
PROOF = TenantProof("X-Clinic-Proof", SECRET.decode())


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[Server]:
    """A relay for a cloud whose addresses are trusted."""
    own = {"trusted_networks": ["127.0.0.0/8"], "require_tls": False}
    more = {
        "by-secret": make_listener("relay", **own, tenant_header=f"X-Clinic-Proof: {SECRET.decode()}"),
        "by-tenant": make_listener("relay", **own, tenant_header=f"X-MS-Exchange-CrossTenant-Id: {GUID.decode()}"),
    }
    async with running(tmp_path, more=more) as started:
        yield started


async def send(server: Server, listener: str, header: bytes) -> bytes:
    """The reply to a message with these header fields."""
    async with ready_to_send(server, listener) as wire:
        await wire.ask(b"DATA")
        return await wire.ask(b"From: a@clinic.example\r\n" + header + b"Subject: x\r\n\r\nbody\r\n.")


@pytest.mark.parametrize(
    "header",
    [
        b"X-Clinic-Proof: " + SECRET + b"\r\n",
        b"x-clinic-PROOF:" + SECRET + b"\r\n",
        b"X-Clinic-Proof:\r\n " + SECRET + b"  \r\n",
    ],
)
async def test_proof_is_taken_and_taken_out(cloud: Server, header: bytes, log_text: io.StringIO) -> None:
    """ID-02: the secret is neither stored nor sent on nor logged; nothing else changes."""
    assert (await send(cloud, "by-secret", header)).startswith(b"250 ")
    ((_, message),) = cloud.backend.messages
    assert message == b"From: a@clinic.example\r\nSubject: x\r\n\r\nbody\r\n"
    assert SECRET.decode() not in log_text.getvalue()


async def test_tenant_id_of_microsoft_365(cloud: Server) -> None:
    """ID-02: the same with the field that Exchange Online writes itself."""
    good = b"X-MS-Exchange-CrossTenant-Id: " + GUID + b"\r\n"
    assert (await send(cloud, "by-tenant", good)).startswith(b"250 ")
    other = b"X-MS-Exchange-CrossTenant-Id: " + GUID[:-1] + b"2\r\n"
    assert (await send(cloud, "by-tenant", other)).startswith(b"550 5.7.1 ")


WRONG = [
    b"",
    b"X-Clinic-Proof:\r\n",
    b"X-Clinic-Proof: another tenant's\r\n",
    b"X-Clinic-Proof: " + SECRET.upper() + b"\r\n",
    b"X-Clinic-Proof: " + SECRET[:-1] + b"\r\n",
    b"X-Clinic-Proof: " + SECRET + b"0\r\n",
    b"X-Clinic-Proof: " + SECRET + b", another\r\n",
    b"X-Clinic-Proof: " + SECRET[:8] + b"\r\n " + SECRET[8:] + b"\r\n",
    b"X-Clinic-Proof: " + SECRET + b"\xc2\xa0\r\n",
    (b"X-Clinic-Proof: " + SECRET + b"\r\n") * 2,
    b"X-Clinic-Proof: guess\r\nX-Clinic-Proof: " + SECRET + b"\r\n",
    b"X-Clinic-Proof : " + SECRET + b"\r\n",
    b" X-Clinic-Proof: " + SECRET + b"\r\n",
    b"X-Clinic-Proof2: " + SECRET + b"\r\n",
    b"Subject: X-Clinic-Proof: " + SECRET + b"\r\n",
    b"\r\nX-Clinic-Proof: " + SECRET + b"\r\n",
]


@pytest.mark.parametrize("header", WRONG)
async def test_right_address_wrong_tenant(cloud: Server, header: bytes) -> None:
    """ID-02: none, wrong, in another case, folded inside, twice, in the body: refused after DATA, the session lives."""
    assert (await send(cloud, "by-secret", header)).startswith(b"550 5.7.1 ")
    assert cloud.backend.messages == []


@given(st.binary(max_size=120), st.binary(max_size=120))
def test_only_the_proof_goes(before: bytes, after: bytes) -> None:
    """Whatever surrounds the proof is octet for octet there afterwards, or the message is refused."""
    proof = b"X-Clinic-Proof: " + SECRET + b"\r\n"
    taken = take_proof(before + proof + after, PROOF)
    assert taken in {None, before + after}


def test_secret_is_not_printed() -> None:
    """KY-01."""
    assert PROOF.value not in repr(PROOF)
