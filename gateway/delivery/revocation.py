"""Whether a recipient's S/MIME certificate was revoked: its issuer is asked by OCSP, once a day and before a use.

How this works: an answer is kept until it ends, a day at most, so that most messages ask nobody and the daily look is
what the issuer sees. REVOKED is written down at once and is never soft: the certificate is on file and not used any
more. Without an answer that counts, the last one decides while it is good, and then `smime.ocsp_failure`. Certificates
that a person or their own domain vouches for have no issuer that we trust, so nobody is asked about them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.audit import admin
from gateway.config.modes import OcspFailure
from gateway.log import get_logger
from gateway.metrics import Metrics
from gateway.protect.errors import SealError
from gateway.protect.sealer import Sealer
from gateway.protect.smime import ocsp
from gateway.protect.smime.ocsp import NoAnswer, Poster, Status, TooSlow
from gateway.store import smime_certificates
from gateway.store.smime_certificates import SmimeCertificate, Trust
from gateway.store.store import Store
from gateway.workers.errors import WorkerError

AT_ONCE: Final = 4  # responders asked at the same time
KEPT: Final = timedelta(days=1)  # an answer, when it ends later itself
TRIED_AGAIN: Final = timedelta(minutes=5)  # after none; what waits in between does not ask each for itself
EARLY: Final = timedelta(hours=7)  # a look asks about what ends before the next one, so that no message has to
REVOKED: Final = "its issuer has revoked it"
BY: Final = "ocsp"

log = get_logger("delivery")


@dataclass(frozen=True, slots=True)
class _Known:
    """why_not: empty where the answer was good. until: when to ask again."""

    why_not: str
    until: datetime


class Revocation:
    """One for the gateway."""

    def __init__(
        self,
        *,
        web: Poster,
        sealer: Sealer,
        store: Store,
        metrics: Metrics,
        failure: OcspFailure,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._web = web
        self._sealer = sealer
        self._store = store
        self._metrics = metrics
        self._failure = failure
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._under_way: dict[str, asyncio.Task[str]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._slow: dict[frozenset[str], datetime] = {}  # hosts that took too long, left alone until

    async def why_not(self, one: SmimeCertificate) -> str:
        """Why a certificate that its chain vouches for may not be used now, or nothing. Raises: StoreError.

        Nobody is asked about one that has expired, which the sealer refuses: issuers need not keep it in mind.
        """
        if one.expires_at <= self._clock():
            return ""
        known = self._known.get(one.fingerprint)
        if known is not None and known.until > self._clock():
            return known.why_not
        return await self._ask_once(one)

    async def refresh(self) -> None:
        """Ask about all on file, so that the issuer's view is known before a message needs it. Raises: StoreError."""
        async with self._store.read() as conn:
            everything = await smime_certificates.everything(conn)
        on_file = {one.fingerprint: one for one in everything if one.trust is Trust.CHAIN and one.chain}
        self._known = {name: known for name, known in self._known.items() if name in on_file}
        soon = self._clock() + EARLY
        for one in on_file.values():
            known = self._known.get(one.fingerprint)
            if one.expires_at > self._clock() and (known is None or known.until <= soon or known.why_not):
                await self._ask_once(one)

    async def _ask_once(self, one: SmimeCertificate) -> str:
        """One question for all who want the same answer."""
        task = self._under_way.get(one.fingerprint)
        if task is None:
            task = asyncio.create_task(self._ask(one), name="ocsp")
            self._under_way[one.fingerprint] = task
            task.add_done_callback(lambda _: self._under_way.pop(one.fingerprint, None))
        return await asyncio.shield(task)

    async def _ask(self, one: SmimeCertificate) -> str:
        hosts = frozenset(place.host for place in ocsp.responders(one.certificate))
        if not hosts:
            return ""  # its issuer lets nobody ask; a list may be given at import
        now = self._clock()
        try:
            async with self._slots:
                data = await self._fetch(one, hosts)
            answer = await self._sealer.ocsp_answer(data, certificate=one.certificate, issuer=one.chain[0])
        except (NoAnswer, SealError, WorkerError) as why:
            text = str(why) if isinstance(why, NoAnswer) else "the answer could not be read at the moment"
            return self._unanswered(one, text, now)
        self._metrics.counter("ocsp_lookups", answer.status.value).inc()
        if answer.status is Status.REVOKED:
            event = admin.certificate_revoked(at=now, fingerprint=one.fingerprint, by=BY)
            await smime_certificates.revoke(self._store, one.fingerprint, events=(event,))
            self._known.pop(one.fingerprint, None)
            return REVOKED
        if answer.status is Status.UNKNOWN:
            return self._unanswered(one, "its issuer does not know it", now, is_counted=False)
        self._known[one.fingerprint] = _Known("", min(answer.good_until, now + KEPT))
        return ""

    async def _fetch(self, one: SmimeCertificate, hosts: frozenset[str]) -> bytes:
        """One slow host costs one certificate its deadline, and not those of all its authority's in turn."""
        until = self._slow.get(hosts)
        if until is not None and until > self._clock():
            raise NoAnswer("its responder took too long a moment ago")
        try:
            return await ocsp.fetch(self._web, one.certificate, one.chain[0])
        except TooSlow:
            self._slow[hosts] = self._clock() + TRIED_AGAIN
            raise

    def _unanswered(self, one: SmimeCertificate, why: str, now: datetime, *, is_counted: bool = True) -> str:
        if is_counted:
            self._metrics.counter("ocsp_lookups", "failed").inc()
            known = self._known.get(one.fingerprint)
            if known is not None and not known.why_not and known.until > now:
                return ""  # an early look brought nothing; what was said before is good for longer
        is_soft = self._failure is OcspFailure.SOFT
        log.warning("no word of a certificate's issuer", fingerprint=one.fingerprint, why=why, used=is_soft)
        why_not = "" if is_soft else f"whether its issuer has revoked it cannot be learned: {why}"
        self._known[one.fingerprint] = _Known(why_not, now + TRIED_AGAIN)
        return why_not
