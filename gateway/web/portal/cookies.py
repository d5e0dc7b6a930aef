"""Cookies, hidden form fields and where a request came from: who may change something (PO-06, PO-07).

Before login a browser holds a random *visit*, which is no session: the server keeps nothing of it. Forms carry a field
derived from it, so that another site cannot make a browser post a form of ours. After login the session's own id takes
that place. `Referrer-Policy: no-referrer` makes browsers send `Origin: null` with our own forms, so Sec-Fetch-Site is
what tells our pages from others; browsers that lack it still have to know the cookie.
"""

import hmac
import secrets
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gateway.message.pickup import form_token

VISIT: Final = "__Host-visit"
SESSION: Final = "__Host-session"
_FORM: Final = b"portal form"


def new_secret() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def give(response: Response, name: str, value: str) -> None:
    """Set a cookie that only this host, only TLS and no script sees; it ends with the browser."""
    response.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="strict")


def take_back(response: Response, name: str) -> None:
    """Make the browser forget a cookie."""
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="strict")


def held(request: Request, name: str) -> str:
    """The value of a cookie, "" when there is none."""
    return request.cookies.get(name, "")


def hidden_field(secret: str) -> str:
    """The field that forms of this browser carry."""
    return form_token(secret, _FORM)


def is_ours(request: Request, base_url: str, *, secret: str, typed: str) -> bool:
    """Was this form made by a page of ours in this browser.

    secret: the cookie that the field was made from; typed: the field as it came back.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin", "null")
    if site != "same-origin" or origin not in {"null", base_url}:
        return False
    return bool(secret) and hmac.compare_digest(hidden_field(secret).encode(), typed.encode("utf-8", "replace"))
