"""The message itself: its page, its HTML in a frame, its attachments. Everything here needs a session.

No address names a message: the session does, so there is no id to change (PO-12). Who asks for one all the same, or
for an attachment that is not there, gets 404 and an audit record (ID-12).
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from gateway.brake import Brake
from gateway.inspect.render import Attached, Rendered
from gateway.inspect.renderer import UnshowableError
from gateway.message.pickup import hash_token
from gateway.store import portal as register
from gateway.store.queue import load_body
from gateway.store.rows import PortalMessage
from gateway.web.disposition import attachment_disposition
from gateway.web.forms import FormError, read_form
from gateway.web.headers import FILE_POLICY
from gateway.web.portal import cookies
from gateway.web.portal.brakes import address_of
from gateway.web.portal.deps import SESSION_IDLE, SESSION_LIFETIME, PortalDeps
from gateway.web.portal.pages import Pages
from gateway.web.portal.room import Room

TOUCH_EVERY: Final = timedelta(minutes=1)
VIEWS: Final = 8  # messages held in memory while a child reads them
DOWNLOADS: Final = 8  # files held in memory while they are sent, which a slow reader may draw out
SHARE: Final = 2  # of them for one session
CLOSES_S: Final = int(SESSION_IDLE.total_seconds()) + 1  # when an untouched page asks again, and is refused
WHOLE: Final = 0  # the number of the message as it came, beside its attachments


@dataclass(frozen=True, slots=True)
class Seat:
    """A browser with a session, and the message that it may read."""

    message: PortalMessage
    secret: str


class Reading:
    """Serves /message and what is below it, and /logout."""

    def __init__(self, deps: PortalDeps, pages: Pages) -> None:
        self._deps = deps
        self._pages = pages
        self._views = Room(places=VIEWS, share=SHARE)
        self._downloads = Room(places=DOWNLOADS, share=SHARE)
        self._refusals = Brake(every_s=60, burst=20)

    async def message(self, request: Request) -> Response:
        """GET: header lines, body or its frame, attachments. Unused, it closes by itself: screens are shared, too."""
        seat = await self._seat(request)
        if seat is None:
            return self._pages.problem(403)
        try:
            shown = await self._render(seat)
        except UnshowableError:
            shown = None
        return self._pages.show(
            "message",
            headers={"Refresh": str(CLOSES_S)},
            organisation=self._deps.organisation_of(seat.message.sender),
            message=seat.message,
            shown=shown,
            form=cookies.hidden_field(seat.secret),
        )

    async def body(self, request: Request) -> Response:
        """GET: the mail's HTML for the frame."""
        seat = await self._seat(request)
        if seat is None:
            return self._pages.problem(403)
        try:
            shown = await self._render(seat)
        except UnshowableError:
            return self._pages.problem(404)
        return self._pages.frame(shown.html)

    async def attachment(self, request: Request) -> Response:
        """GET: one attachment, or the whole message, as a file; the event comes before the first octet (PO-13)."""
        seat = await self._seat(request)
        if seat is None:
            return self._pages.problem(403)
        number = _read_number(request.path_params["number"])
        if number is None:
            return await self._refuse(seat, request)
        reader = hash_token(seat.secret)
        await self._downloads.enter(reader, may_wait=False)
        try:
            file = await self._file(seat, number)
            await self._deps.desk.downloaded(
                seat.message, number=number, size=len(file.content), client_ip=address_of(request)
            )
        except UnshowableError:
            self._downloads.leave(reader)
            return await self._refuse(seat, request)
        except BaseException:
            self._downloads.leave(reader)
            raise
        self._deps.metrics.counter("portal_messages", "downloaded").inc()
        return Download(file, partial(self._downloads.leave, reader))

    async def elsewhere(self, request: Request) -> Response:
        """GET of anything else below /message, such as a queue id."""
        seat = await self._seat(request)
        return self._pages.problem(403) if seat is None else await self._refuse(seat, request)

    async def log_out(self, request: Request) -> Response:
        """POST: the session ends on the server (PO-06)."""
        try:
            form = await read_form(request)
        except FormError as error:
            return self._pages.problem(error.status)
        secret = cookies.held(request, cookies.SESSION)
        if not cookies.is_ours(request, self._deps.base_url, secret=secret, typed=form.get("form", "")):
            return self._pages.problem(403)
        await register.end_session(self._deps.store, hash_token(secret))
        response = RedirectResponse("/", status_code=303)
        cookies.take_back(response, cookies.SESSION)
        return response

    async def _refuse(self, seat: Seat, request: Request) -> Response:
        """404; recorded, but for a reader who asks so often that the log would be the one to suffer."""
        if self._refusals.wait_s(seat.message.token_hash, time.monotonic()) == 0:
            await self._deps.desk.refused(seat.message, client_ip=address_of(request))
        return self._pages.problem(404)

    async def _seat(self, request: Request) -> Seat | None:
        """Who asks; None without a session, after its time, or when the message is gone (PO-06, PO-18)."""
        secret = cookies.held(request, cookies.SESSION)
        now, store = self._deps.now(), self._deps.store
        async with store.read() as conn:
            session = await register.session(conn, hash_token(secret))
            message = await register.by_token_hash(conn, session.token_hash) if session else None
        if session is None or message is None or message.expires_at <= now:
            return None
        if now - session.seen_at > SESSION_IDLE or now - session.created_at > SESSION_LIFETIME:
            await register.end_session(store, session.id_hash)
            return None
        if now - session.seen_at > TOUCH_EVERY:
            await register.touch_session(store, session.id_hash, at=now)
        return Seat(message, secret)

    async def _render(self, seat: Seat) -> Rendered:
        """The message as a value. Raises: UnshowableError, RoomFull."""
        reader = hash_token(seat.secret)
        await self._views.enter(reader, may_wait=True)
        try:
            return await self._deps.reader.render(await self._load(seat))
        finally:
            self._views.leave(reader)

    async def _load(self, seat: Seat) -> bytes:
        return await load_body(self._deps.store, seat.message.queue_id)

    async def _file(self, seat: Seat, number: int) -> Attached:
        data = await self._load(seat)
        return Attached("message.eml", data) if number == WHOLE else await self._deps.reader.attachment(data, number)


def _read_number(word: str) -> int | None:
    """The number of an attachment as our own pages write it; None for anything else."""
    return int(word) if re.fullmatch("[0-9]{1,4}", word) else None


class Download(Response):
    """A file to keep. release: called once it is sent or given up."""

    def __init__(self, file: Attached, release: Callable[[], None]) -> None:
        headers = {
            "Content-Disposition": attachment_disposition(file.name),
            "Content-Security-Policy": FILE_POLICY,
        }
        super().__init__(file.content, headers=headers, media_type="application/octet-stream")
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._release()
