"""Programs and people at the running server: who may send as what, from where, and for how long (ID-03, ID-07)."""

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest

from gateway.message.account import Account
from gateway.store.errors import StoreSick
from tests.gateway.intake.harness import USER, Server, Wire, connected, make_account

HERE, ELSEWHERE = ip_network("127.0.0.0/8"), ip_network("192.0.2.0/24")
EHR = make_account("ehr", "lab@clinic.example", "*@clinic.example", networks=(HERE,))


async def mail(wire: Wire, sender: str) -> bytes:
    return await wire.ask(f"MAIL FROM:<{sender}>".encode())


async def log_in(wire: Wire, user: str) -> None:
    await wire.ask(b"EHLO c.example")
    await wire.log_in(user)


@pytest.mark.parametrize(
    ("senders", "sender", "code"),
    [
        (["lab@clinic.example"], "Lab@Clinic.Example", b"250"),
        (["lab@clinic.example"], "boss@clinic.example", b"553 5.7.1"),
        (["*@clinic.example"], "boss@clinic.example", b"250"),
        (["*@clinic.example"], "boss@sub.clinic.example", b"553 5.7.1"),
        (["*@elsewhere.example"], "boss@elsewhere.example", b"553 5.7.1"),
        (["*@clinic.example"], "", b"550 5.7.1"),
        (["<>"], "", b"250"),
        (["<>"], "boss@clinic.example", b"553 5.7.1"),
    ],
)
async def test_a_program_sends_as_its_senders(server: Server, senders: list[str], sender: str, code: bytes) -> None:
    """ID-03, ID-07: within our domains, whatever a credential says."""
    server.backend.accounts["ehr"] = make_account("ehr", *senders)
    async with connected(server, "submissions") as wire:
        await log_in(wire, "ehr")
        assert (await mail(wire, sender)).startswith(code)


async def test_the_envelope_tells_login_and_senders(server: Server) -> None:
    server.backend.accounts["ehr"] = EHR
    async with connected(server, "submissions") as wire:
        await log_in(wire, "ehr")
        await mail(wire, "lab@clinic.example")
        await wire.ask(b"RCPT TO:<b@x.example>")
        await wire.ask(b"DATA")
        assert (await wire.ask(b"Subject: x\r\n\r\ny\r\n.")).startswith(b"250")
    ((envelope, _),) = server.backend.messages
    assert (envelope.client.login, envelope.client.senders) == ("ehr", EHR.senders)
    assert server.backend.used == ["ehr"]


@pytest.mark.parametrize(
    "now",
    [
        None,
        replace(EHR, key="another secret"),
        replace(EHR, expires_at=datetime(2020, 1, 1, tzinfo=UTC)),
        replace(EHR, networks=(ELSEWHERE,)),
    ],
    ids=["revoked", "new secret", "expired", "moved"],
)
async def test_what_is_revoked_ends_for_sessions_under_way(server: Server, now: Account | None) -> None:
    """Revoked at once: the next MAIL is refused, and nobody is signed in any more."""
    server.backend.accounts["ehr"] = EHR
    async with connected(server, "submissions") as wire:
        await log_in(wire, "ehr")
        assert (await mail(wire, "lab@clinic.example")).startswith(b"250")
        await wire.ask(b"RSET")
        server.backend.accounts.pop("ehr")
        if now is not None:
            server.backend.accounts["ehr"] = now
        assert (await mail(wire, "lab@clinic.example")).startswith(b"535 5.7.8")
        assert (await mail(wire, "lab@clinic.example")).startswith(b"530 5.7.0")


async def test_a_disabled_person_is_out_at_once(server: Server) -> None:
    async with connected(server, "submissions") as wire:
        await log_in(wire, USER)
        server.backend.accounts.clear()
        assert (await mail(wire, USER)).startswith(b"535 5.7.8")


class Sick(dict[str, Account]):
    """Accounts in a database that does not answer."""

    def get(self, key: object, default: object = None, /) -> Any:
        raise StoreSick("no connection")


async def test_a_database_that_does_not_answer_signs_nobody_out(server: Server) -> None:
    """QD-16: MAIL is for later, and the session goes on when it answers again."""
    async with connected(server, "submissions") as wire:
        await log_in(wire, USER)
        known, server.backend.accounts = server.backend.accounts, Sick()
        assert (await mail(wire, USER)).startswith(b"451")
        server.backend.accounts = known
        assert (await mail(wire, USER)).startswith(b"250")
