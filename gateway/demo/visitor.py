"""A recipient with a browser: opens the link of a notice, types the code or PIN, reads, downloads. Plain HTTPS."""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import httpx2
from selectolax.lexbor import LexborHTMLParser

TIME_LIMIT_S: Final = 20
LIKE_A_BROWSER: Final = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}  # what `no-referrer` makes of our own forms


class PortalError(Exception):
    """The portal did not show the message; the text says at which step."""


@dataclass(frozen=True, slots=True)
class PickedUp:
    """What the portal showed. files: name to content."""

    subject: str
    text: str
    files: dict[str, bytes]


class Visitor:
    """One browser; keeps its cookies."""

    def __init__(self, authority: Path) -> None:
        context = ssl.create_default_context(cafile=authority)
        self._http = httpx2.AsyncClient(verify=context, timeout=TIME_LIMIT_S, trust_env=False)

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def pick_up(self, link: str, secret: Callable[[], Awaitable[str]], *, wants_code: bool) -> PickedUp:
        """Open one message. secret: gives the code or PIN once the page asks for it. Raises: PortalError."""
        try:
            return await self._pick_up(link, secret, wants_code=wants_code)
        except httpx2.HTTPError as error:
            raise PortalError(f"the portal cannot be reached ({type(error).__name__})") from error

    async def _pick_up(self, link: str, secret: Callable[[], Awaitable[str]], *, wants_code: bool) -> PickedUp:
        page = await self._get(link)
        if wants_code:
            await self._post(link, page, do="send")
            page = await self._get(link)
        answer = await self._post(link, page, do="open", secret=await secret())
        if answer.status_code != httpx2.codes.SEE_OTHER:
            raise PortalError(f"the portal did not take the {'code' if wants_code else 'PIN'}")
        shown = await self._get(str(httpx2.URL(link).join(answer.headers["Location"])))
        return await self._read(shown, link)

    async def _read(self, shown: LexborHTMLParser, link: str) -> PickedUp:
        files = {}
        for anchor in shown.css(".files a"):
            name = anchor.css_first("span")
            address = httpx2.URL(link).join(anchor.attributes.get("href") or "")
            files[name.text() if name else ""] = (await self._http.get(address)).content
        heading, body = shown.css_first("h1"), shown.css_first(".body")
        return PickedUp(heading.text() if heading else "", body.text() if body else "", files)

    async def _get(self, url: str) -> LexborHTMLParser:
        answer = await self._http.get(url)
        if answer.status_code != httpx2.codes.OK:
            raise PortalError(f"the portal answered {answer.status_code}")
        return LexborHTMLParser(answer.text)

    async def _post(self, url: str, page: LexborHTMLParser, **fields: str) -> httpx2.Response:
        """Submit a form of the page that is open."""
        hidden = page.css_first("input[name=form]")
        token = (hidden.attributes.get("value") if hidden else None) or ""
        return await self._http.post(url, data={"form": token, **fields}, headers=LIKE_A_BROWSER)
