"""No more such mail: one page, no login, no fee (16 CFR 316.5), and one click for mail programs (RFC 8058).

GET shows a page and changes nothing, for scanners open every link. POST acts, whatever its body says: the token alone
is the word of the recipient, so there is neither a cookie nor a form secret (RFC 8058 section 3.2). It counts at once.
"""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from gateway.audit import admin
from gateway.message.optout import OptOut, read_token
from gateway.message.queue_id import new_queue_id
from gateway.store import consents
from gateway.web.portal.deps import PortalDeps
from gateway.web.portal.pages import Pages
from policy.consent import Consent, Kind

BY = "unsubscribe link"


class Unsubscribe:
    """Serves /unsubscribe/<token>."""

    def __init__(self, deps: PortalDeps, pages: Pages) -> None:
        self._deps = deps
        self._pages = pages

    async def show(self, request: Request) -> Response:
        """GET: what the button does, or that it was done."""
        wish = self._read(request)
        if wish is None:
            return self._pages.problem(404)
        return self._page(wish, is_done=await self._stands(wish, self._deps.now()))

    async def stop(self, request: Request) -> Response:
        """POST: no more of it, from now on; a second time changes nothing."""
        wish, now = self._read(request), self._deps.now()
        if wish is None:
            return self._pages.problem(404)
        if not await self._stands(wish, now):
            new = Consent(
                id=new_queue_id(),
                patient=wish.address,
                kind=Kind.OPT_OUT,
                purposes=(wish.purpose,),
                recipients=(),
                given_at=now,
                recorded_by=BY,
                recorded_at=now,
            )
            await consents.add(self._deps.store, [new], events=[admin.consent_recorded(new, at=now)])
        return self._page(wish, is_done=True)

    def _read(self, request: Request) -> OptOut | None:
        key = self._deps.unsubscribe_key
        return read_token(key, request.path_params["token"]) if key else None

    async def _stands(self, wish: OptOut, now: datetime) -> bool:
        async with self._deps.store.read() as conn:
            found = await consents.of_patients(conn, [wish.address])
        return any(one.kind is Kind.OPT_OUT and one.in_force(now) and one.is_for(wish.purpose) for one in found)

    def _page(self, wish: OptOut, *, is_done: bool) -> Response:
        return self._pages.show("unsubscribe", is_done=is_done, sender=self._deps.organisation_of(f"@{wish.sender}"))
