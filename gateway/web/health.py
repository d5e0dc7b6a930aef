"""What monitoring asks: metrics, is it alive, is it able to accept. For loopback or a management network."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.metrics import CONTENT_TYPE, Metrics

Reasons = Callable[[], tuple[str, ...]]


def health_app(metrics: Metrics, ready: Reasons, warnings: Reasons = tuple) -> Starlette:
    """GET /metrics, /healthz and /readyz.

    ready: why mail cannot be accepted right now, in words without content; empty when it can. warnings: what has to be
    mended although it can, said behind `ready`.
    """

    async def page(_request: Request) -> Response:
        return Response(metrics.page(), media_type=CONTENT_TYPE)

    async def alive(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def able(_request: Request) -> Response:
        reasons = ready()
        if not reasons:
            return PlainTextResponse("".join(("ready\n", *(f"warning: {warning}\n" for warning in warnings()))))
        return PlainTextResponse("".join(f"{reason}\n" for reason in reasons), status_code=503)

    app = Starlette(routes=[Route("/metrics", page), Route("/healthz", alive), Route("/readyz", able)])
    app.router.redirect_slashes = False  # a redirect would repeat the Host header
    return app
