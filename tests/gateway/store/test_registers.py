"""People and certificates: added, changed and forgotten together with their audit events."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from gateway.message.account import Allowance
from gateway.store import certificates, credentials, people, smime_certificates
from gateway.store.accounts import Accounts
from gateway.store.certificates import Certificate, OnFile
from gateway.store.credentials import Credential
from gateway.store.errors import MissingRow
from gateway.store.people import Person
from gateway.store.smime_certificates import SmimeCertificate, Trust
from gateway.store.store import Store
from gateway.store.tables import audit_event
from tests.gateway.store.parts import NOW, make_event

NURSE = Person(address="nurse@clinic.example", password_hash="$argon2id$1", role="user", created_at=NOW)
KEY = Certificate(fingerprint="A" * 40, address="dr@partner.example", certificate=b"\x99old", imported_at=NOW)
SMIME = SmimeCertificate(
    fingerprint="C" * 64, address="dr@partner.example", certificate=b"0leaf", chain=(b"0middle", b"0root"),
    trust=Trust.CHAIN, imported_at=NOW, expires_at=NOW + timedelta(days=90),
)  # fmt: skip

SCANNER = Credential(
    name="scanner-3", secret_hash="ab" * 32, senders=("scan@clinic.example", "<>"), networks=("10.0.0.0/8",),
    allowance=Allowance(messages=100, phi=20), created_at=NOW, expires_at=NOW + timedelta(days=90),
)  # fmt: skip


async def kinds(store: Store) -> list[str]:
    async with store.read() as conn:
        return list((await conn.execute(sa.select(audit_event.c.kind).order_by(audit_event.c.seq))).scalars())


async def test_people(store: Store) -> None:
    """AU-06: what changes a register leaves its event, what changes nothing leaves none."""
    assert await people.add(store, NURSE, events=(make_event("user.added"),))
    assert not await people.add(store, replace(NURSE, role="admin"), events=(make_event("user.added"),))
    await people.passwd(store, NURSE.address, "$argon2id$2", events=(make_event("user.password_changed"),))
    await people.disable(store, NURSE.address, at=NOW, events=(make_event("user.disabled"),))
    with pytest.raises(MissingRow):
        await people.passwd(store, "nobody@clinic.example", "x", events=(make_event("user.password_changed"),))
    changed = replace(NURSE, password_hash="$argon2id$2", disabled_at=NOW)
    async with store.read() as conn:
        assert await people.get(conn, NURSE.address) == changed
        assert await people.get(conn, "nobody@clinic.example") is None
        assert await people.everyone(conn) == (changed,)
    assert await kinds(store) == ["user.added", "user.password_changed", "user.disabled"]
    assert "argon2id" not in repr(NURSE)


async def test_delegations(store: Store) -> None:
    """Shown and taken back, in the directory from the next look on; nothing for people who do not exist."""
    await people.add(store, NURSE, events=())
    accounts = Accounts(store)
    event = make_event("user.delegated")
    assert await people.delegate(store, NURSE.address, "lab@clinic.example", at=NOW, events=(event,))
    assert not await people.delegate(store, NURSE.address, "lab@clinic.example", at=NOW, events=(event,))
    with pytest.raises(MissingRow):
        await people.delegate(store, "nobody@clinic.example", "lab@clinic.example", at=NOW, events=(event,))
    async with store.read() as conn:
        assert await people.delegations(conn) == {NURSE.address: ("lab@clinic.example",)}
    known = (await accounts.current()).by_login[NURSE.address]
    assert known.senders == {NURSE.address, "lab@clinic.example"}
    back = make_event("user.undelegated")
    assert await people.undelegate(store, NURSE.address, "lab@clinic.example", events=(back,))
    assert not await people.undelegate(store, NURSE.address, "lab@clinic.example", events=(back,))
    assert (await accounts.current()).by_login[NURSE.address].senders == {NURSE.address}
    assert await kinds(store) == ["user.delegated", "user.undelegated"]


async def test_credentials(store: Store) -> None:
    """Revoked, never deleted: the name stays taken, and the secret works no longer."""
    assert await credentials.add(store, SCANNER, events=(make_event("credential.created"),))
    taken = replace(SCANNER, secret_hash="cd" * 32)
    assert not await credentials.add(store, taken, events=(make_event("credential.created"),))
    accounts = Accounts(store)
    account = (await accounts.current()).by_secret[SCANNER.secret_hash]
    assert (account.login, account.senders, account.allowance.phi) == ("scanner-3", frozenset(SCANNER.senders), 20)
    assert [str(network) for network in account.networks] == ["10.0.0.0/8"]
    await credentials.note_use(store, {"scanner-3": NOW + timedelta(days=2)})
    await credentials.revoke(store, "scanner-3", at=NOW, events=(make_event("credential.revoked"),))
    with pytest.raises(MissingRow):
        await credentials.revoke(store, "scanner-3", at=NOW, events=(make_event("credential.revoked"),))
    assert not await credentials.add(store, taken, events=(make_event("credential.created"),))
    directory = await accounts.current()
    assert (directory.by_login, directory.by_secret) == ({}, {})
    async with store.read() as conn:
        assert await credentials.everything(conn) == (
            replace(SCANNER, last_used_at=NOW + timedelta(days=2), revoked_at=NOW),
        )
    assert await kinds(store) == ["credential.created", "credential.revoked"]
    assert SCANNER.secret_hash not in repr(SCANNER) + repr(account)


async def test_certificates(store: Store) -> None:
    newer = replace(KEY, fingerprint="B" * 40, certificate=b"\x99new", imported_at=NOW + timedelta(days=1))
    await certificates.add(store, KEY, events=(make_event("key.imported"),))
    await certificates.add(store, newer, events=(make_event("key.imported"),))
    await certificates.add(store, replace(KEY, certificate=b"\x99renewed"), events=(make_event("key.imported"),))
    async with store.read() as conn:
        assert await certificates.for_address(conn, KEY.address) == (b"\x99new", b"\x99renewed")
        assert len(await certificates.everything(conn)) == 2
        assert await certificates.for_address(conn, "other@partner.example") == ()
    assert await certificates.forget(store, KEY.fingerprint, events=(make_event("key.forgotten"),))
    assert not await certificates.forget(store, KEY.fingerprint, events=(make_event("key.forgotten"),))
    assert await kinds(store) == ["key.imported"] * 3 + ["key.forgotten"]


async def test_holders_in_memory_follow_the_register(store: Store) -> None:
    """A key imported or forgotten a moment ago counts for the next message."""
    holders = certificates.Holders(store)
    assert await holders.current() == OnFile()
    await certificates.add(store, KEY, events=())
    await smime_certificates.add(store, SMIME, events=())
    assert await holders.current() == OnFile(openpgp=frozenset({KEY.address}), smime=frozenset({SMIME.address}))
    await certificates.forget(store, KEY.fingerprint, events=())
    await smime_certificates.forget(store, SMIME.fingerprint, events=())
    assert await holders.current() == OnFile()


async def test_smime_certificates(store: Store) -> None:
    """Each address has its own row; one without trust is on file and used for nothing until a person says so."""
    other = replace(SMIME, address="lab@partner.example")
    stranger = replace(SMIME, fingerprint="D" * 64, address="new@partner.example", chain=(), trust=Trust.NONE)
    for one in (SMIME, other, replace(SMIME, chain=(b"0other",)), stranger):
        await smime_certificates.add(store, one, events=(make_event("certificate.imported"),))
    async with store.read() as conn:
        assert await smime_certificates.for_address(conn, "DR@partner.example") == (replace(SMIME, chain=(b"0other",)),)
        assert await smime_certificates.holders(conn) == {SMIME.address, other.address}
        assert len(await smime_certificates.everything(conn)) == 3
    assert await smime_certificates.trust(store, stranger.fingerprint, events=(make_event("certificate.trusted"),))
    assert not await smime_certificates.trust(store, "E" * 64, events=(make_event("certificate.trusted"),))
    async with store.read() as conn:
        assert await smime_certificates.for_address(conn, stranger.address) == (replace(stranger, trust=Trust.PERSON),)
        assert stranger.address in await smime_certificates.holders(conn)
    await smime_certificates.add(store, stranger, events=())
    async with store.read() as conn:
        assert (await smime_certificates.for_address(conn, stranger.address))[0].trust is Trust.PERSON
    assert await smime_certificates.forget(store, SMIME.fingerprint, events=(make_event("certificate.forgotten"),))
    assert not await smime_certificates.forget(store, SMIME.fingerprint, events=(make_event("certificate.forgotten"),))
    async with store.read() as conn:
        assert [one.address for one in await smime_certificates.everything(conn)] == [stranger.address]
    assert await kinds(store) == ["certificate.imported"] * 4 + ["certificate.trusted", "certificate.forgotten"]
