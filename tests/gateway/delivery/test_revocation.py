"""Issuers asked over a real network: openssl's responder, and hosts that answer with everything else (CR-05)."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from gateway.audit.search import Query, search
from gateway.config.modes import OcspFailure
from gateway.delivery.revocation import REVOKED, Revocation
from gateway.delivery.smime_ring import SmimeRing
from gateway.metrics import Metrics
from gateway.protect.sealer import LIMITS, MODULE, Sealer
from gateway.protect.smime import ocsp
from gateway.protect.smime.judge import fingerprint
from gateway.protect.smime.ocsp import Answer, read_answer
from gateway.store import smime_certificates
from gateway.store.smime_certificates import SmimeCertificate, Trust
from gateway.store.store import Store
from gateway.workers.pool import ChildPool
from policy.decision import Method
from tests.gateway.delivery.office import RECIPIENT, Office
from tests.gateway.delivery.test_courier import attempt, batch
from tests.gateway.protect.smime.authority import pem
from tests.gateway.protect.smime.openssl_ca import Issued, OpensslCa
from tests.tls.fake_dns import FakeDns
from tests.tools import free_port
from tls.web import WebPlace, WebReader

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

HOST: Final = "ocsp.ca.example"
TRUSTS_NOBODY: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
HARD, SOFT = OcspFailure.HARD, OcspFailure.SOFT
LEARNED: Final = "whether its issuer has revoked it cannot be learned"


class Reading(Sealer):
    """Reads answers here instead of in a child; `test_sealer` has the child."""

    def __init__(self) -> None:
        super().__init__(ChildPool(MODULE, 1, LIMITS, "never started"))

    async def ocsp_answer(self, answer: bytes, *, certificate: bytes, issuer: bytes) -> Answer:
        return read_answer(answer, certificate=certificate, issuer=issuer, now=datetime.now(UTC))


@dataclass
class Web:
    """The real reader, counting. addresses: what DNS has for the responder."""

    addresses: Sequence[str] = ("127.0.0.1",)
    allowed: Sequence[str] = ("127.0.0.1",)
    asked: list[WebPlace] = field(default_factory=list)

    async def post(self, place: WebPlace, body: bytes, *, sent: str, kind: str, limit: int) -> bytes:
        self.asked.append(place)
        dns = FakeDns({f"{HOST} A": self.addresses})
        reader = WebReader(dns, TRUSTS_NOBODY, is_allowed=self.allowed.__contains__)
        return await reader.post(place, body, sent=sent, kind=kind, limit=limit)


@dataclass(frozen=True)
class Site:
    port: int
    ca: OpensslCa
    good: Issued
    other: Issued
    responder: Issued
    stranger: Issued  # a recipient's certificate, not for OCSP

    def row(self, one: Issued | None = None) -> SmimeCertificate:
        der = (one or self.good).der
        return SmimeCertificate(
            fingerprint=fingerprint(der), address=RECIPIENT.lower(), certificate=der, chain=(self.ca.der,),
            trust=Trust.CHAIN, imported_at=datetime.now(UTC), expires_at=datetime.now(UTC) + timedelta(days=20),
        )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    port = free_port()
    ca = OpensslCa(tmp_path_factory.mktemp("revocation") / "ca", url=f"http://{HOST}:{port}/ocsp").create()
    good, other = (ca.issue(name, address=RECIPIENT) for name in ("good", "other"))
    return Site(port, ca, good, other, ca.issue("responder", kind="responder"), ca.issue("s", kind="not_a_responder"))


@pytest.fixture
def revocable(tmp_path: Path) -> tuple[Site, OpensslCa]:
    """One of its own, for tests that revoke."""
    port = free_port()
    ca = OpensslCa(tmp_path / "ca", url=f"http://{HOST}:{port}/ocsp").create()
    good = ca.issue("good", address=RECIPIENT)
    return Site(port, ca, good, good, good, good), ca


def asking(store: Store, web: Web, failure: OcspFailure = HARD, **options: object) -> Revocation:
    return Revocation(web=web, sealer=Reading(), store=store, metrics=Metrics(), failure=failure, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("signer", ["", "responder"], ids=["authority", "delegated"])
async def test_a_good_answer_is_kept(store: Store, site: Site, signer: str) -> None:
    """CR-05: asked once, for all who want the same, and again when the answer ends."""
    web, now = Web(), [datetime.now(UTC)]
    revocation = asking(store, web, clock=lambda: now[0])
    with site.ca.serving(site.port, signer=getattr(site, signer).file if signer else None):
        assert set(await asyncio.gather(*(revocation.why_not(site.row()) for _ in range(5)))) == {""}
        assert await revocation.why_not(site.row()) == ""
        assert [place.target for place in web.asked] == ["/ocsp"]
        now[0] += timedelta(minutes=61)
        await revocation.why_not(site.row())
        assert len(web.asked) == 2


@pytest.mark.parametrize("failure", [HARD, SOFT])
async def test_revoked_is_never_soft(store: Store, revocable: tuple[Site, OpensslCa], failure: OcspFailure) -> None:
    """CR-05: written down with its event, for good: neither import nor a person's word brings it back."""
    site, ca = revocable
    await smime_certificates.add(store, site.row(), events=())
    ca.revoke(site.good)
    web = Web()
    revocation = asking(store, web, failure)
    with ca.serving(site.port):
        assert await revocation.why_not(site.row()) == REVOKED
    async with store.read() as conn:
        (found,) = await search(conn, Query(kind="certificate.revoked"))
    assert site.row().fingerprint in str(found.event)
    await smime_certificates.add(store, site.row(), events=())
    assert not await smime_certificates.trust(store, site.row().fingerprint, events=())
    async with store.read() as conn:
        (row,) = await smime_certificates.for_address(conn, RECIPIENT)
        assert await smime_certificates.holders(conn) == frozenset()
    assert row.trust is Trust.REVOKED
    (candidate,) = await SmimeRing(_anchors(site), revocation=revocation).candidates([row])
    assert candidate.refused == REVOKED
    assert len(web.asked) == 1


def _anchors(site: Site) -> Path:
    file = site.ca.folder / "anchors.pem"
    file.write_bytes(pem(site.ca.der))
    return file


@dataclass(frozen=True)
class Trouble:
    """answer: octets of the host; None: openssl's responder, with these options and signer. reason: in the log."""

    reason: str
    answer: bytes | None = None
    options: tuple[str, ...] = ("-nmin", "60")
    signer: str = ""
    web: Web = field(default_factory=Web)
    is_slow: bool = False


def page(body: bytes, status: str = "200 OK", kind: str = "application/ocsp-response", *fields: str) -> bytes:
    lines = (
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *fields,
    )
    return "\r\n".join((*lines, "", "")).encode() + body


TROUBLE: Final = {
    "wrong signer": Trouble("without OCSPSigning", signer="stranger"),
    "false signature": Trouble("signature is false", options=("-nmin", "60", "-badsig")),
    "oversized": Trouble("sent more than 32 KiB", page(bytes(ocsp.MAX_OCTETS + 1))),
    "endless": Trouble("sent more than 32 KiB", b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n\r\n"
                       + bytes(3 * ocsp.MAX_OCTETS)),
    "slow": Trouble("took too long", page(b"x")[:-1], is_slow=True),
    "not found": Trouble("answered 404", page(b"", "404 Not Found")),
    "a redirect inside": Trouble("answered 302", page(b"", "302 Found", "x/y", "Location: http://127.0.0.1/")),
    "not OCSP": Trouble("something else than", page(b"<html>", kind="text/html")),
    "nonsense": Trouble("cannot be read", page(b"\x30\x03abc")),
    "no HTTP": Trouble("broke off", b"220 mail.b.example ESMTP\r\n"),
    "an address inside": Trouble("no address that may be asked", page(b"x"), web=Web(addresses=("10.0.0.1",))),
    "no address": Trouble("no address that may be asked", page(b"x"), web=Web(addresses=())),
}  # fmt: skip


@pytest.mark.parametrize("failure", [HARD, SOFT])
@pytest.mark.parametrize("name", TROUBLE)
async def test_without_an_answer_that_counts(
    store: Store, site: Site, name: str, failure: OcspFailure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CR-05: hard: not used, with the reason; soft: used. Either way the host is left alone for a while."""
    trouble = TROUBLE[name]
    if trouble.is_slow:
        monkeypatch.setattr(ocsp, "DEADLINE_S", 0.05)
    web = replace(trouble.web, asked=[])
    now = [datetime.now(UTC)]
    revocation = asking(store, web, failure, clock=lambda: now[0])
    async with answering(site, trouble):
        why = await revocation.why_not(site.row())
        assert why == "" if failure is SOFT else why.startswith(LEARNED)
        assert failure is SOFT or trouble.reason in why
        assert await revocation.why_not(site.row()) == why
        assert len(web.asked) == 1
        now[0] += timedelta(minutes=6)
        await revocation.why_not(site.row())
        assert len(web.asked) == 2


@asynccontextmanager
async def answering(site: Site, trouble: Trouble) -> AsyncIterator[None]:
    """A host that has one answer for everybody, and then says nothing more where it is slow."""
    if trouble.answer is None:
        with site.ca.serving(
            site.port, *trouble.options, signer=getattr(site, trouble.signer).file if trouble.signer else None
        ):
            yield
        return
    stopped = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(trouble.answer or b"")
        if trouble.is_slow:
            await stopped.wait()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", site.port):
        try:
            yield
        finally:
            stopped.set()


async def test_stale_unknown_and_of_another(store: Store, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """CR-05: what openssl's responder cannot be made to say by itself: its own answers, held up at the wrong time."""
    rows = {
        "out of date": (site.ca.answer(ocsp.request_for(site.good.der, site.ca.der), "-nmin", "1"), timedelta(hours=1)),
        "about another": (site.ca.answer(ocsp.request_for(site.other.der, site.ca.der), "-nmin", "9"), timedelta(0)),
    }
    for words, (data, later) in rows.items():
        reading = Reading()

        async def read(answer: bytes, *, certificate: bytes, issuer: bytes, later: timedelta = later) -> Answer:
            return read_answer(answer, certificate=certificate, issuer=issuer, now=datetime.now(UTC) + later)

        monkeypatch.setattr(reading, "ocsp_answer", read)
        revocation = Revocation(web=Web(), sealer=reading, store=store, metrics=Metrics(), failure=HARD)
        async with answering(site, Trouble("", page(data))):
            assert words in await revocation.why_not(site.row())
    book = site.ca.folder / "index.txt"
    kept = book.read_text()
    try:
        book.write_text("")  # the authority has lost its book
        with site.ca.serving(site.port):
            assert "does not know it" in await asking(store, Web()).why_not(site.row())
            assert await asking(store, Web(), SOFT).why_not(site.row()) == ""
    finally:
        book.write_text(kept)


async def test_the_host_field_names_a_port_of_its_own(site: Site) -> None:
    """RFC 9110 section 7.2: otherwise a host with several responders gives the answer of another one."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(page(b"x"))
        writer.close()

    place = WebPlace(host=HOST, port=site.port, target="/", is_tls=False)
    async with await asyncio.start_server(serve, "127.0.0.1", site.port):
        await Web().post(place, b"q", sent=ocsp.ASKED, kind=ocsp.ANSWERED, limit=9)
    assert f"\r\nhost: {HOST}:{site.port}\r\n".encode() in heads[0].lower()
    assert {
        WebPlace(host=HOST, port=port, target="/", is_tls=tls).authority for port, tls in ((80, False), (443, True))
    } == {HOST}


async def test_nobody_is_asked_about_what_names_no_responder(store: Store, site: Site) -> None:
    silent = site.ca.issue("silent", kind="silent")
    web = Web()
    assert await asking(store, web).why_not(site.row(silent)) == ""
    assert web.asked == []


async def test_no_question_is_no_answer(store: Store, site: Site) -> None:
    """CR-05: what is on file and cannot be read is not used, and is no bug that stops the message."""
    web = Web()
    damaged = replace(site.row(), chain=(site.ca.der[:-9],))
    assert (await asking(store, web).why_not(damaged)).startswith(LEARNED)
    assert web.asked == []


async def test_nobody_is_asked_about_what_has_expired(store: Store, site: Site) -> None:
    """Old certificates stay on file; each of them would cost a message a question that no issuer has to answer."""
    web = Web()
    gone = replace(site.row(), expires_at=datetime.now(UTC) - timedelta(days=1))
    assert await asking(store, web).why_not(gone) == ""
    assert web.asked == []


async def test_the_daily_look_finds_what_was_revoked(store: Store, revocable: tuple[Site, OpensslCa]) -> None:
    """CR-05: before a message needs it; what a person vouches for, or nobody, is not asked about."""
    site, ca = revocable
    await smime_certificates.add(store, site.row(), events=())
    for number, trust in enumerate((Trust.PERSON, Trust.NONE, Trust.DOMAIN)):
        one = replace(site.row(), fingerprint=f"{number:064X}", trust=trust)
        await smime_certificates.add(store, one, events=())
    web, now = Web(), [datetime.now(UTC)]
    revocation = asking(store, web, clock=lambda: now[0])
    with ca.serving(site.port, "-ndays", "5"):
        await revocation.refresh()
        await revocation.refresh()
        assert len(web.asked) == 1, "the answer is good for a day"
        ca.revoke(site.good)
    now[0] += timedelta(hours=18)
    with ca.serving(site.port, "-ndays", "5"):
        await revocation.refresh()
    assert len(web.asked) == 2
    async with store.read() as conn:
        trusts = {one.fingerprint: one.trust for one in await smime_certificates.everything(conn)}
    assert trusts[site.row().fingerprint] is Trust.REVOKED
    assert sorted(set(trusts.values())) == ["domain", "none", "person", "revoked"]


async def test_a_look_without_an_answer_takes_no_good_one_away(store: Store, site: Site) -> None:
    """CR-05, RFC 6960 section 3.2: what is good until the evening is so, though the responder is down at noon."""
    await smime_certificates.add(store, site.row(), events=())
    web, now = Web(), [datetime.now(UTC)]
    revocation = asking(store, web, clock=lambda: now[0])
    with site.ca.serving(site.port, "-ndays", "5"):
        await revocation.refresh()
    now[0] += timedelta(hours=18)
    await revocation.refresh()  # nobody is there
    assert len(web.asked) == 2
    assert await revocation.why_not(site.row()) == ""
    now[0] += timedelta(hours=7)
    assert (await revocation.why_not(site.row())).startswith(LEARNED)
    assert len(web.asked) == 3


async def test_a_slow_responder_is_waited_for_once(store: Store, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes every connection and says nothing costs one certificate its deadline, not each in turn."""
    monkeypatch.setattr(ocsp, "DEADLINE_S", 0.05)
    web, now = Web(), [datetime.now(UTC)]
    revocation = asking(store, web, clock=lambda: now[0])
    async with answering(site, TROUBLE["slow"]):
        for one in (site.good, site.other):
            assert "took too long" in await revocation.why_not(site.row(one))
        assert len(web.asked) == 1
    now[0] += timedelta(minutes=6)
    with site.ca.serving(site.port):
        monkeypatch.undo()
        assert await revocation.why_not(site.row(site.other)) == ""


@pytest.mark.parametrize("failure", [HARD, SOFT])
async def test_a_message_takes_its_next_way(office: Office, site: Site, failure: OcspFailure) -> None:
    """CR-05, CR-13: nothing is encrypted to a certificate of which nobody says that it is still good, when hard."""
    await smime_certificates.add(office.store, site.row(), events=())
    web = Web(addresses=())
    office.courier._smime = SmimeRing(_anchors(site), revocation=asking(office.store, web, failure))
    await attempt(office, batch(methods=(Method.SMIME,)))
    assert [bool(one.refused) for one in office.sealer.candidates] == [failure is HARD]
