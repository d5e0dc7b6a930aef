"""The outermost layer of each web application: deadlines, and no exception beyond this point.

uvicorn would print a traceback, whose text may quote somebody's mail, and would wait for ever for a client that neither
sends nor reads.
"""

import asyncio
from collections.abc import Iterator
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.log import get_logger

RECEIVE_S: Final = 15.0  # one piece of a request body
SEND_S: Final = 30.0  # one piece of a response, at most PIECE octets of it: 2 kB/s is the slowest reader
PIECE: Final = 64 * 1024
FAILED: Final = b"Something went wrong on our side. Please try again in a few minutes.\n"
AMBIGUOUS: Final = b"We could not read that. Load the page again and try once more.\n"
# A proxy and we could see the end of a request with both at different places: RFC 9112 section 6.1, PO-17.
FRAMINGS: Final = frozenset({b"content-length", b"transfer-encoding"})

_log = get_logger("web")


class Edge:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request; a failure is logged by its type and place, and answered with 500 if nothing was sent yet."""
        if {name for name, _ in scope["headers"]} >= FRAMINGS:
            await _end(send, 400, AMBIGUOUS)
            return
        has_begun = False
        has_body = True

        async def timed_receive() -> Message:
            nonlocal has_body
            async with asyncio.timeout(RECEIVE_S if has_body else None):  # after the body: waiting for a disconnect
                message = await receive()
            has_body = bool(message.get("more_body"))
            return message

        async def timed_send(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            for piece in _pieces(message):
                async with asyncio.timeout(SEND_S):
                    await send(piece)

        try:
            await self._app(scope, timed_receive, timed_send)
        except TimeoutError:
            _log.info("client_too_slow")
        except ClientDisconnect:
            _log.info("client_gone")
        except Exception:  # the edge of a request's task
            _log.error("request_failed", exc_info=True)  # the renderer keeps type and place only
        else:
            return
        if not has_begun:
            await _end(send, 500, FAILED)


def _pieces(message: Message) -> Iterator[Message]:
    """A long body in pieces, so that a long page does not ask for a faster line than a short one."""
    body = message.get("body", b"")
    starts = range(0, len(body), PIECE)
    if len(starts) < 2:
        yield message
        return
    for start in starts:
        is_last = start == starts[-1]
        more_body = bool(message.get("more_body")) or not is_last
        yield {"type": message["type"], "body": body[start : start + PIECE], "more_body": more_body}


async def _end(send: Send, status: int, text: bytes) -> None:
    """One sentence, and the end of the connection."""
    headers = [*PLAIN_HEADERS, (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


PLAIN_HEADERS: Final = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"connection", b"close"),
]
