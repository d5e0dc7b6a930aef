"""The page behind a link: says who wrote, sends a code on request, takes the code or PIN, opens a session.

GET changes nothing, so that link scanners may look as often as they like (PO-03). A try is counted by the database
before it is judged, so that a thousand parallel guesses are five (PO-01).
"""

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.brake import Brake, network_of
from gateway.message import pickup
from gateway.store import portal as register
from gateway.store.errors import MissingRow
from gateway.store.portal import PortalSession, Secret
from gateway.store.rows import PortalMessage
from gateway.web.forms import FormError, read_form
from gateway.web.portal import cookies
from gateway.web.portal.brakes import address_of
from gateway.web.portal.deps import CODE_LIFETIME, PortalDeps
from gateway.web.portal.pages import Pages
from gateway.web.portal.stages import Stage, Trouble, count, stage_of, wait_words

HASHERS: Final = 2  # each takes 64 MiB and a core for 0.1 s
DIGITS: Final = {Stage.CODE: pickup.CODE_DIGITS, Stage.PIN: pickup.PIN_DIGITS}
MISTYPED: Final = {Stage.CODE: Trouble.MISTYPED_CODE, Stage.PIN: Trouble.MISTYPED_PIN}
WRONG: Final = {Stage.CODE: Trouble.WRONG_CODE, Stage.PIN: Trouble.WRONG_PIN}
USED_UP: Final = {Stage.CODE: Trouble.CODE_USED_UP, Stage.PIN: Trouble.PIN_USED_UP}
MISSING: Final = {Stage.ASK: Trouble.NO_CODE, Stage.LOCKED: Trouble.PIN_USED_UP}


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to a link that exists."""

    request: Request
    message: PortalMessage
    stage: Stage

    @property
    def client_ip(self) -> str:
        return address_of(self.request)


class Landing:
    """Serves /m/<token>."""

    def __init__(self, deps: PortalDeps, pages: Pages) -> None:
        self._deps = deps
        self._pages = pages
        self._hashers = asyncio.Semaphore(HASHERS)
        self._per_peer = Brake(every_s=2, burst=60)  # a clinic's whole waiting room may share one address
        self._per_link = Brake(every_s=20, burst=20)
        self._secrets = Brake(every_s=600, burst=5)  # 149 codes a day at most: 745 guesses at 10^6

    async def show(self, request: Request) -> Response:
        """GET: the page as it stands. Sets one random cookie for the form and stores nothing."""
        visit = await self._visit(request)
        return self._pages.problem(404) if visit is None else self._page(visit)

    async def submit(self, request: Request) -> Response:
        """POST: one of the two buttons."""
        try:
            form = await read_form(request)
        except FormError as error:
            return self._pages.problem(error.status)
        visit = await self._visit(request)
        if visit is None:
            return self._pages.problem(404)
        secret = cookies.held(request, cookies.VISIT)
        if not cookies.is_ours(request, self._deps.base_url, secret=secret, typed=form.get("form", "")):
            return self._page(visit, Trouble.STALE, status=403, typed=form.get("secret", ""))
        wait = self._wait_s(visit)
        if wait > 0:
            return self._page(visit, Trouble.TOO_FAST, status=429, wait=wait, typed=form.get("secret", ""))
        if form.get("do") == "send":
            return await self._send(visit)
        return await self._open(visit, form.get("secret", ""))

    async def _visit(self, request: Request) -> Visit | None:
        """The message of a link; None for unknown and expired ones alike, after the same look-up (PO-05)."""
        now = self._deps.now()
        async with self._deps.store.read() as conn:
            message = await register.by_token_hash(conn, pickup.hash_token(request.path_params["token"]))
        if message is None or message.expires_at <= now:
            return None
        return Visit(request, message, stage_of(message, now))

    def _wait_s(self, visit: Visit) -> float:
        now = time.monotonic()
        peer = network_of(visit.client_ip)
        return max(self._per_peer.wait_s(peer, now), self._per_link.wait_s(visit.message.token_hash, now))

    async def _send(self, visit: Visit) -> Response:
        """Have a new secret made: a code is mailed to the recipient, a PIN is told to the sender."""
        message = visit.message
        if visit.stage is Stage.PIN:
            return self._back(visit)
        wait = self._secrets.wait_s(message.token_hash, time.monotonic())
        if wait > 0:
            return self._page(visit, Trouble.TOO_FAST, status=429, wait=wait)
        if visit.stage is Stage.LOCKED:
            await self._deps.desk.pin_exhausted(message)
            return self._back(visit)
        code = pickup.new_code()
        async with self._hashers:
            secret_hash = await asyncio.to_thread(pickup.hash_secret, code)
        expires_at = self._deps.now() + CODE_LIFETIME
        secret = Secret(hash=secret_hash, expires_at=expires_at, tries=pickup.TRIES)
        try:
            await register.set_secret(self._deps.store, message.token_hash, secret, events=())
        except MissingRow:
            return self._back(visit)  # it needs a PIN by now, or is gone
        await self._deps.desk.send_code(message, code, pickup.reference_of(secret_hash))
        self._count("sent")
        return self._back(visit)

    async def _open(self, visit: Visit, typed: str) -> Response:
        """Judge a code or PIN."""
        message, stage = visit.message, visit.stage
        if stage in MISSING:
            return self._page(visit, MISSING[stage], status=422)
        if len(pickup.read_digits(typed)) != DIGITS[stage]:
            return self._page(visit, MISTYPED[stage], status=422, typed=typed)
        counted = await register.spend_try(self._deps.store, message.token_hash, now=self._deps.now())
        if counted is None:
            self._count("none-left")
            return await self._again(visit, USED_UP[stage])
        async with self._hashers:
            is_right = await asyncio.to_thread(pickup.is_right, counted.secret_hash, typed)
        visit = replace(visit, message=counted)
        return await (self._let_in(visit) if is_right else self._turn_away(visit, typed))

    async def _turn_away(self, visit: Visit, typed: str) -> Response:
        """A wrong try: recorded before it is answered (PO-13); the last one ends the code or PIN."""
        left = visit.message.tries_left
        await self._deps.desk.failed(visit.message, tries_left=left, client_ip=visit.client_ip)
        self._count("wrong")
        if left > 0:
            return self._page(visit, WRONG[visit.stage], status=422, typed=typed, left=left)
        is_pin = visit.stage is Stage.PIN
        if is_pin and self._secrets.wait_s(visit.message.token_hash, time.monotonic()) == 0:  # else the page offers it
            await self._deps.desk.pin_exhausted(visit.message)
        return await self._again(visit, USED_UP[visit.stage])

    async def _let_in(self, visit: Visit) -> Response:
        """Use the code up, record the opening, then hand out a session that nobody knew before (PO-06)."""
        message, now = visit.message, self._deps.now()
        secret = cookies.new_secret()
        session = PortalSession(
            id_hash=pickup.hash_token(secret),
            token_hash=message.token_hash,
            csrf_hash=pickup.hash_token(cookies.hidden_field(secret)),
            created_at=now,
            seen_at=now,
        )
        old = pickup.hash_token(cookies.held(visit.request, cookies.SESSION))
        try:
            await register.open_session(
                self._deps.store,
                session,
                secret_hash=message.secret_hash,
                is_single_use=visit.stage is Stage.CODE,
                tries=pickup.TRIES,
                events=(),
            )
        except MissingRow:
            return await self._again(visit, MISSING[Stage.ASK])
        await self._deps.desk.opened(message, client_ip=visit.client_ip)
        await register.end_session(self._deps.store, old)
        self._count("right")
        self._deps.metrics.counter("portal_messages", "opened").inc()
        response = RedirectResponse("/message", status_code=303)
        cookies.give(response, cookies.SESSION, secret)
        cookies.take_back(response, cookies.VISIT)
        return response

    async def _again(self, visit: Visit, trouble: Trouble) -> Response:
        """The page as it stands after a change."""
        fresh = await self._visit(visit.request)
        return self._pages.problem(404) if fresh is None else self._page(fresh, trouble, status=422)

    def _back(self, visit: Visit) -> Response:
        return RedirectResponse(f"/m/{visit.request.path_params['token']}", status_code=303)

    def _page(
        self,
        visit: Visit,
        trouble: Trouble | None = None,
        *,
        status: int = 200,
        typed: str = "",
        left: int = 0,
        wait: float = 0,
    ) -> Response:
        """The page, with at most one trouble."""
        message = visit.message
        sender = "the sender" if message.sensitive else message.sender  # as in the notice: nothing tells a speciality
        words = {"sender": sender, "tries": count(left, "try", "tries"), "wait": wait_words(wait)}
        secret = cookies.held(visit.request, cookies.VISIT) or cookies.new_secret()
        response = self._pages.show(
            "landing",
            status=status,
            headers={"Retry-After": str(int(wait) + 1)} if wait > 0 else None,
            organisation=self._deps.written_by(message),
            message=message,
            sender=sender,
            stage=visit.stage.value,
            reference=pickup.reference_of(message.secret_hash),
            trouble=trouble.text(**words) if trouble else "",
            typed=typed[: pickup.TYPED_MAX],
            form=cookies.hidden_field(secret),
        )
        cookies.give(response, cookies.VISIT, secret)
        return response

    def _count(self, result: str) -> None:
        self._deps.metrics.counter("portal_code", result).inc()
