"""Forms and failures before the first byte: what cannot be sealed or signed is not sent at all."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.config.values import HostPort
from gateway.delivery.letter import Batch, letter_of
from gateway.delivery.outcome import Outcome, Seen
from gateway.message.entry import MessageKind
from gateway.message.queue_id import new_queue_id
from gateway.protect.dkim_keys import DkimKey
from gateway.protect.errors import NoUsableCertificate, SealError
from gateway.store import certificates, own_keys
from gateway.store.certificates import Certificate, Source
from gateway.store.own_keys import OwnKey, OwnKeys, write_own_keys
from gateway.store.sealed import write_secret
from gateway.store.store import Store
from gateway.workers.errors import ChildCrashed, ChildTimeout, PoolUnavailable
from policy.decision import Method
from tests.gateway.delivery.office import BODY, CIPHERTEXT, MARKER, Office, make_entry, make_message
from tls.levels import TlsLevel

HOME = HostPort("exchange.clinic.example", 25)


def key() -> DkimKey:
    private = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return DkimKey.load("clinic.example", "s1", private)


def batch(*, body: bytes = BODY, **changes: Any) -> Batch:
    entry = make_entry(new_queue_id(), **changes)
    return Batch(letter=letter_of(make_message(entry, body=body)), entries=(entry,))


async def attempt(office: Office, one: Batch) -> Outcome:
    (outcome,) = await office.courier.attempt(one, tls_seen=False)
    return outcome


@pytest.mark.parametrize(
    "trouble",
    [SealError("no"), ChildCrashed(), ChildTimeout(), PoolUnavailable()],
    ids=["cannot", "killed", "too slow", "no sealer"],
)
async def test_what_cannot_be_encrypted_is_not_sent(office: Office, trouble: Exception) -> None:
    """CR-13: the original never leaves on the rung openpgp; it waits."""
    office.sealer.answer = trouble
    outcome = await attempt(office, batch(methods=(Method.OPENPGP,)))
    assert outcome.seen is Seen.DEFERRED
    assert office.transport.jobs == []


async def test_without_a_usable_key_nothing_is_sent(office: Office) -> None:
    """CR-01: the reason is kept in words, and the ladder climbs."""
    office.sealer.answer = NoUsableCertificate("it has expired")
    outcome = await attempt(office, batch(methods=(Method.OPENPGP,)))
    assert (outcome.seen, office.transport.jobs) == (Seen.NO_KEY, [])
    assert "it has expired" in outcome.why


async def test_the_domains_own_key_signs_inside(office: Office) -> None:
    """The sealer is handed the key of the sending domain and no other, and none that signs no more."""
    now = datetime.now(UTC)
    own = OwnKey(
        fingerprint="A" * 40, address="openpgp@clinic.example", algorithm="EdDSA", certificate=b"public",
        private_key=b"private", since=now,
    )  # fmt: skip
    vault = office.store.vault
    for keys, handed in (
        ({"other.example": (own,)}, None),
        ({"clinic.example": (own,)}, b"private"),
        ({"clinic.example": (own.retired(now),)}, None),
    ):

        async def file(conn: AsyncConnection, keys: OwnKeys = keys) -> None:
            await write_own_keys(conn, vault, keys)

        await office.store.transact(file)
        await attempt(office, batch(methods=(Method.OPENPGP,)))
        assert office.sealer.signer == handed
    assert len(office.transport.jobs) == 3


async def test_a_damaged_key_of_ours_keeps_the_message(office: Office) -> None:
    """CR-13: no unsigned copy instead."""

    async def file(conn: AsyncConnection) -> None:
        await write_secret(conn, office.store.vault, own_keys.SECRET, b"not JSON")

    await office.store.transact(file)
    outcome = await attempt(office, batch(methods=(Method.OPENPGP,)))
    assert (outcome.seen, office.transport.jobs) == (Seen.DEFERRED, [])


async def test_nothing_is_sent_while_another_key_waits(office: Office) -> None:
    """CR-03: neither the old key nor the new one is encrypted to before a person has said which one counts."""
    one = batch(methods=(Method.OPENPGP,))
    address, now = one.entries[0].recipient, datetime.now(UTC)
    old = Certificate(fingerprint="A" * 40, address=address, certificate=b"old", imported_at=now)
    await certificates.add(office.store, old, events=())
    await attempt(office, one)
    assert len(office.transport.jobs) == 1
    new = replace(old, fingerprint="B" * 40, certificate=b"new", source=Source.WKD)
    await certificates.found(office.store, [new], events=lambda _: ())
    assert (await attempt(office, one)).seen is Seen.KEY_PENDING
    assert len(office.transport.jobs) == 1
    await certificates.reject(office.store, new.fingerprint, events=())
    assert (await attempt(office, one)).seen is Seen.DELIVERED


async def test_ciphertext_is_what_leaves(office: Office) -> None:
    await attempt(office, batch(methods=(Method.OPENPGP,)))
    (job,) = office.transport.jobs
    assert job.data == CIPHERTEXT
    assert job.needs.level is TlsLevel.NONE


@pytest.mark.parametrize(
    "body",
    [
        b"From: nurse@clinic.example\r\nFrom: boss@clinic.example\r\n\r\n" + MARKER,
        b"From: nurse@clinic.example\r\n\r\n" + MARKER + b"\n",
    ],
    ids=["two From", "bare LF"],
)
async def test_what_cannot_be_signed_waits(store: Store, body: bytes) -> None:
    """CR-10, CR-12: never unsigned where a key is configured."""
    office = Office(store, dkim=(key(),))
    outcome = await attempt(office, batch(body=body))
    assert (outcome.seen, outcome.reply[:9]) == (Seen.DEFERRED, "451 4.7.0")
    assert office.transport.jobs == []


async def test_the_form_that_leaves_is_signed_last(store: Store) -> None:
    """Ciphertext is signed as ciphertext; a letter for several domains is signed once."""
    office = Office(store, dkim=(key(),))
    await attempt(office, batch(methods=(Method.OPENPGP,)))
    assert office.transport.jobs[0].data.startswith(b"DKIM-Signature:")
    assert office.transport.jobs[0].data.endswith(CIPHERTEXT)
    one = batch()
    await attempt(office, one)
    await attempt(office, one)
    assert office.transport.jobs[1].data is office.transport.jobs[2].data
    assert office.transport.jobs[1].data.endswith(BODY)


@pytest.mark.parametrize("kind", list(MessageKind))
async def test_only_our_words_to_our_senders_go_inbound(store: Store, kind: MessageKind) -> None:
    """OB-11: `domain.inbound` for status notices and notices to senders; a patient's mail there goes by MX."""
    office = Office(store, inbound={"clinic.example": HOME})
    await attempt(office, batch(kind=kind, sender="", recipient="nurse@clinic.example", methods=(Method.TLS,)))
    (job,) = office.transport.jobs
    assert job.via == (HOME if kind in {MessageKind.DSN, MessageKind.SENDER_NOTICE} else None)


@pytest.mark.parametrize(("to", "level"), [("clinic.example", TlsLevel.ENCRYPTED), ("b.example", TlsLevel.VERIFIED)])
async def test_a_pin_leaves_over_tls_or_not_at_all(store: Store, to: str, level: TlsLevel) -> None:
    """PO-02: whoever reads the PIN on the way could open the message."""
    office = Office(store, inbound={"clinic.example": HOME})
    kind = MessageKind.SENDER_NOTICE
    await attempt(office, batch(kind=kind, sender="", recipient=f"nurse@{to}", methods=(Method.TLS,)))
    assert office.transport.jobs[0].needs.level is level
    await attempt(office, batch(kind=kind, sender="", recipient=f"nurse@{to}", methods=(Method.TLS,), protected=False))
    assert office.transport.jobs[1].needs.is_content_free


@pytest.mark.parametrize(
    ("protected", "requiretls", "ret"), [(True, False, "HDRS"), (False, True, "HDRS"), (False, False, "FULL")]
)
async def test_a_peers_notice_does_not_hold_what_we_protect(
    office: Office, protected: bool, requiretls: bool, ret: str
) -> None:
    """TL-27, RFC 3461 section 4.3: a next hop's DSN comes back a way we do not choose; RFC 8689 section 5."""
    one = batch(protected=protected, requiretls=requiretls)
    await attempt(office, replace(one, letter=replace(one.letter, ret="FULL")))
    assert office.transport.jobs[0].ret == ret


async def test_publishing_opens_no_connection(office: Office) -> None:
    outcome = await attempt(office, batch(methods=(Method.PORTAL,)))
    assert (outcome.seen, office.transport.jobs) == (Seen.DELIVERED, [])


CAME = b"Received: from pc ([192.0.2.1])\r\n\tby gw.clinic.example with UTF8SMTPSA id 1;\r\n\tnow\r\n"


@pytest.mark.parametrize(
    ("recipient", "body", "is_needed"),
    [
        ("a@b.example", BODY, False),
        ("j\u00f6@b.example", BODY, True),
        ("a@b.example", CAME + BODY, False),
        ("a@b.example", CAME + "Subject: gr\u00fcezi\r\n".encode() + BODY, True),
        ("a@b.example", "Subject: gr\u00fcezi\r\n".encode() + BODY, False),
        ("a@b.example", CAME + BODY + "gr\u00fcezi\r\n".encode(), False),
    ],
    ids=["ASCII", "recipient", "asked for nothing", "header", "8-bit header without it", "body"],
)
async def test_smtputf8_is_asked_for_when_it_is_needed(
    office: Office, recipient: str, body: bytes, is_needed: bool
) -> None:
    """SM-18, RFC 6531 3.2: an address or a header that came by it; a body has 8BITMIME."""
    await attempt(office, batch(recipient=recipient, body=body))
    (job,) = office.transport.jobs
    assert job.smtputf8 is is_needed
