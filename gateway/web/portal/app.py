"""The portal as an ASGI application: its routes, and the page for whatever goes wrong."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.store.errors import ContentGone, StoreClosed, StoreFull, StoreSick
from gateway.web.headers import CarefulHeaders
from gateway.web.portal.deps import PortalDeps
from gateway.web.portal.landing import Landing
from gateway.web.portal.pages import STYLESHEET, Pages
from gateway.web.portal.reading import Reading
from gateway.web.portal.room import RoomFull
from gateway.web.portal.unsubscribe import Unsubscribe
from gateway.workers.errors import PoolUnavailable


def portal_app(deps: PortalDeps) -> ASGIApp:
    """The whole portal; serve it over HTTPS only, its cookies need that."""
    pages = Pages(deps.organisation)
    landing, reading = Landing(deps, pages), Reading(deps, pages)

    unsubscribe = Unsubscribe(deps, pages)

    async def home(_request: Request) -> Response:
        return pages.show("home")

    async def stylesheet(_request: Request) -> Response:
        return Response(STYLESHEET, media_type="text/css")

    async def refused(_request: Request, error: Exception) -> Response:
        return pages.problem(error.status_code if isinstance(error, HTTPException) else 500)

    async def gone(_request: Request, _error: Exception) -> Response:
        return pages.problem(404)

    async def busy(_request: Request, _error: Exception) -> Response:
        return pages.problem(503, headers={"Retry-After": "60"})

    app = Starlette(
        routes=[
            Route("/", home),
            Route("/static/portal.css", stylesheet),
            Route("/m/{token}", landing.show, methods=["GET"]),
            Route("/m/{token}", landing.submit, methods=["POST"]),
            Route("/message", reading.message),
            Route("/message/body", reading.body),
            Route("/message/attachment/{number}", reading.attachment),
            Route("/message/{rest:path}", reading.elsewhere),
            Route("/unsubscribe/{token}", unsubscribe.show, methods=["GET"]),
            Route("/unsubscribe/{token}", unsubscribe.stop, methods=["POST"]),
            Route("/logout", reading.log_out, methods=["POST"]),
        ],
        exception_handlers={
            HTTPException: refused,
            ContentGone: gone,  # its time came while it was open (PO-18)
            StoreSick: busy,
            StoreFull: busy,
            StoreClosed: busy,
            RoomFull: busy,
            PoolUnavailable: busy,  # says nothing about the message
            Exception: refused,
        },
    )
    app.router.redirect_slashes = False  # a redirect would repeat the Host header (PO-15)
    return CarefulHeaders(app)
