"""Looks for the key of a recipient who has none on file, when a message needs it (`[discovery]`).

How this works: the sources are asked one after the other until one has something that may be used; it is filed with the
trust that its source gives (`store.certificates`), and the caller reads the register again. That nothing was found is
remembered, so that a message that comes again and again asks once. Whatever fails here is a key that was not found: the
message takes its next way.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from gateway.audit import admin
from gateway.audit.keys import found_events
from gateway.config.discovery import CertificateSource, Discovery, KeySource
from gateway.log import get_logger
from gateway.metrics import Metrics
from gateway.protect import dns_keys, vks, wkd
from gateway.protect.errors import SealError
from gateway.protect.found import Found
from gateway.protect.sealer import Sealer
from gateway.store import certificates, smime_certificates
from gateway.store.certificates import Age, Certificate, Source
from gateway.store.smime_certificates import SmimeCertificate, Trust
from gateway.store.store import Store
from gateway.workers.errors import WorkerError
from tls.dnssec.answers import Lookup, State
from tls.errors import FetchError, NotThere

AT_ONCE: Final = 8  # recipients looked for at the same time
REMEMBERED: Final = 10_000  # addresses of which it is known that nothing was found
UNCERTAIN: Final = timedelta(minutes=10)  # how long that is remembered when a source did not answer

log = get_logger("delivery")


class KeyDns(Protocol):
    """What is asked of DNS here; `DnssecResolver` is one. Nothing is raised."""

    async def openpgpkey(self, name: str) -> Lookup[bytes]:
        """Each record as its RDATA (RFC 7929 section 2.2: a transferable public key)."""

    async def smimea(self, name: str) -> Lookup[bytes]:
        """Each record as its RDATA (RFC 8162 section 2, as TLSA)."""


class Unanswered(Exception):
    """A source did not answer, or nobody vouches for what it said: there may be a key all the same."""


class KeyFinder:
    """One for the gateway."""

    def __init__(
        self,
        settings: Discovery,
        *,
        web: wkd.Web,
        dns: KeyDns,
        sealer: Sealer,
        store: Store,
        metrics: Metrics,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._web = web
        self._dns = dns
        self._sealer = sealer
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._nothing: OrderedDict[tuple[str, str], datetime] = OrderedDict()  # kind and address: until when
        self._under_way: dict[tuple[str, str], asyncio.Task[bool]] = {}
        self._keys: Final[Mapping[KeySource, Callable[[str], Awaitable[Sequence[bytes]]]]] = {
            KeySource.WKD: self._from_wkd,
            KeySource.DNS: self._from_dns,
            KeySource.VKS: self._from_keyserver,
        }

    async def openpgp(self, address: str) -> bool:
        """Look for a key. address: as the sender wrote it. Returns: whether something was filed. Raises: StoreError."""
        return bool(self._settings.openpgp) and await self._once("openpgp", address, self._find_key)

    async def smime(self, address: str) -> bool:
        """Look for a certificate. As `openpgp`."""
        return bool(self._settings.smime) and await self._once("smime", address, self._find_certificate)

    async def renew(self, address: str, source: KeySource) -> None:
        """Ask again where the key on file came from. address: as it was written then. Raises: StoreError."""
        if self._settings.asks_about(address):
            try:
                async with asyncio.timeout(self._settings.deadline.total_seconds()), self._slots:
                    await self._ask(source, address)
            except (Unanswered, TimeoutError):
                log.info("a key could not be renewed", source=source.value)

    async def _once(self, kind: str, address: str, find: Callable[[str], Awaitable[bool]]) -> bool:
        """One look-up for all who want the same one, and none while it is known that there is nothing."""
        what = (kind, address)
        if not self._settings.asks_about(address) or self._is_known_missing(what):
            return False
        task = self._under_way.get(what)
        if task is None:
            task = asyncio.create_task(self._limited(what, find), name="key look-up")
            self._under_way[what] = task
            task.add_done_callback(lambda _: self._under_way.pop(what, None))
        return await asyncio.shield(task)

    async def _limited(self, what: tuple[str, str], find: Callable[[str], Awaitable[bool]]) -> bool:
        remember = self._settings.remember
        try:
            async with asyncio.timeout(self._settings.deadline.total_seconds()), self._slots:
                if await find(what[1]):
                    return True
        except (Unanswered, TimeoutError):
            remember = min(remember, UNCERTAIN)
        self._nothing[what] = self._clock() + remember
        while len(self._nothing) > REMEMBERED:
            self._nothing.popitem(last=False)
        return False

    def _is_known_missing(self, what: tuple[str, str]) -> bool:
        until = self._nothing.get(what)
        if until is not None and until <= self._clock():
            del self._nothing[what]
            return False
        return until is not None

    async def _find_key(self, address: str) -> bool:
        is_certain = True
        for source in self._settings.openpgp:
            try:
                if await self._ask(source, address):
                    return True
            except Unanswered:
                is_certain = False
        if not is_certain:
            raise Unanswered
        return False

    async def _ask(self, source: KeySource, address: str) -> bool:
        """Ask one source, and file what may be. Returns: whether something was filed. Raises: Unanswered."""
        try:
            answers = await self._keys[source](address)
            found = await self._read(answers, address.lower())
        except NotThere:
            self._count(source.value, "nothing")
            return False
        except (FetchError, WorkerError, SealError, Unanswered) as why:
            self._count(source.value, "failed")
            raise Unanswered from why
        self._count(source.value, "found" if found else "nothing")
        filed = await self._file(source, address, [one for one in found if not one.is_revoked])
        await self._file(source, address, [one for one in found if one.is_revoked], is_revoked=True)
        return filed

    async def _read(self, answers: Sequence[bytes], address: str) -> list[Found]:
        """The keys in answers, beside what is on file. Raises: WorkerError, SealError, StoreError."""
        async with self._store.read() as conn:
            on_file = {one.fingerprint: one.certificate for one in await certificates.copies(conn, address=address)}
        return [
            one
            for data in answers
            for one in await self._sealer.openpgp_in(data, address=address, on_file=on_file)
        ]  # fmt: skip

    async def _file(self, source: KeySource, address: str, found: Sequence[Found], *, is_revoked: bool = False) -> bool:
        now = self._clock()
        news = [
            Certificate(
                fingerprint=one.fingerprint, address=address.lower(), certificate=one.certificate, imported_at=now,
                expires_at=one.expires_at, source=Source(source.value), spelled=address, age=one.age,
            )
            for one in found
        ]  # fmt: skip
        if not news:
            return False
        filed = await certificates.found(self._store, news, is_revoked=is_revoked, events=found_events)
        for one in filed:
            if one.age is Age.NEWER:
                log.warning("its owner revoked a key on file, or a part of it", fingerprint=one.fingerprint)
                self._count(source.value, "revoked")
        return bool(filed)

    async def _find_certificate(self, address: str) -> bool:
        filed = False
        for data in await self._certificates(address):
            try:
                found = await self._sealer.smime_in(data, address=address.lower())
            except (WorkerError, SealError) as why:
                raise Unanswered from why
            for one in found:
                await self._file_certificate(address.lower(), one)
                filed = True
        self._count(CertificateSource.DNS.value, "found" if filed else "nothing")
        return filed

    async def _file_certificate(self, address: str, one: Found) -> None:
        now = self._clock()
        assert one.expires_at is not None  # noqa: S101  # X.509 has always an end (RFC 5280 section 4.1.2.5)
        new = SmimeCertificate(
            fingerprint=one.fingerprint, address=address, certificate=one.certificate, trust=Trust.DOMAIN,
            imported_at=now, expires_at=one.expires_at,
        )  # fmt: skip
        event = admin.certificate_imported(
            at=now, address=address, fingerprint=one.fingerprint, trust=new.trust, expires_at=new.expires_at, by="dns"
        )
        await smime_certificates.add(self._store, new, events=(event,))

    async def _certificates(self, address: str) -> Sequence[bytes]:
        return dns_keys.certificates_in(_vouched(await self._dns.smimea(dns_keys.smime_name(address))))

    async def _from_wkd(self, address: str) -> Sequence[bytes]:
        return (await wkd.find(self._web, address),)

    async def _from_dns(self, address: str) -> Sequence[bytes]:
        return _vouched(await self._dns.openpgpkey(dns_keys.openpgp_name(address)))

    async def _from_keyserver(self, address: str) -> Sequence[bytes]:
        return (await vks.find(self._web, self._settings.keyserver, address),)

    def _count(self, source: str, result: str) -> None:
        self._metrics.counter("key_lookups", source, result).inc()


def _vouched(answer: Lookup[bytes]) -> Sequence[bytes]:
    """The records, when DNSSEC vouches for them. Raises: Unanswered: there may be others."""
    if answer.state is State.FAILED or not answer.is_secure:  # an absence can be forged as well
        raise Unanswered
    return answer.records
