"""Reads one small page from a stranger's web host: MTA-STS policy, key from a web key directory, answer of OCSP.

The name comes from a stranger too. So no redirect, proxy or HTTP cache is followed, the size and the time have limits,
and only addresses that our own resolver gives are asked, in networks that mail may go to: a domain must not make us
knock at hosts inside. The certificate has to name the host whatever the address is.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx2

from tls.dnssec.answers import State
from tls.dnssec.lookup import SecureDns
from tls.errors import FetchError, NotThere
from tls.mta_sts.trouble import Trouble
from tls.networks import is_public

HTTP: Final = 80
HTTPS: Final = 443
DEADLINE_S: Final = 60.0  # RFC 8461 section 3.3, for everything together
CONNECT_S: Final = 10.0  # for one address
NOWHERE: Final = frozenset({httpx2.codes.NOT_FOUND, httpx2.codes.GONE})
ADDRESS_LIMIT: Final = 4  # addresses tried


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPlace:
    """Where a page is. host: a name, lower case. target: path and query. is_tls: false only where what is read is
    signed by itself.
    """

    host: str
    port: int
    target: str
    is_tls: bool = True

    @property
    def authority(self) -> str:
        """For the Host field: with the port where it is not the scheme's (RFC 9110 section 7.2)."""
        return self.host if self.port == (HTTPS if self.is_tls else HTTP) else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A request. limit: octets of the answer. kind: its media type, where only that one counts. sent: the body's."""

    place: WebPlace
    limit: int
    kind: str = ""
    body: bytes | None = None
    sent: str = ""


class WebReader:
    """Gets pages over HTTPS."""

    def __init__(
        self,
        resolver: SecureDns,
        context: ssl.SSLContext,
        *,
        is_allowed: Callable[[str], bool] | None = None,
        port: int = HTTPS,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """context: of `tls.contexts.build_policy_context`. is_allowed: whether an address may be asked; without it
        only public ones are. port: 443 but in tests.
        """
        self._resolver = resolver
        self._context = context
        self._is_allowed = is_allowed or is_public
        self._port = port
        self._deadline_s = deadline_s

    async def exists(self, host: str) -> bool:
        """Whether DNS has an address for a host. A look-up that failed says yes: there may be one."""
        found = await self._resolver.addresses(host)
        return found.state is State.FAILED or bool(found.records)

    async def get(self, host: str, target: str, *, limit: int, kind: str = "") -> bytes:
        """The page, when the host answers 200 and nothing else.

        target: path and query. limit: octets of the answer at most. kind: its media type, where only that one counts.
        Raises: FetchError; its text never holds what the host sent.
        """
        place = WebPlace(host=host, port=self._port, target=target)
        return await self._in_time(_Wanted(place=place, limit=limit, kind=kind))

    async def post(self, place: WebPlace, body: bytes, *, sent: str, kind: str, limit: int) -> bytes:
        """As `get`, with a body whose media type is `sent`."""
        return await self._in_time(_Wanted(place=place, limit=limit, kind=kind, body=body, sent=sent))

    async def _in_time(self, wanted: _Wanted) -> bytes:
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._fetch(wanted)
        except TimeoutError as error:
            raise FetchError(f"{wanted.place.host} took too long", Trouble.FETCH) from error

    async def _fetch(self, wanted: _Wanted) -> bytes:
        """Ask one address after the other; an answer, good or bad, ends it."""
        host = wanted.place.host
        found = await self._resolver.addresses(host)
        addresses = [address for address in found.records if self._is_allowed(address)][:ADDRESS_LIMIT]
        if found.state is State.FAILED or not addresses:
            raise FetchError(f"{host} has no address that may be asked", Trouble.FETCH)
        trouble = FetchError(f"{host} takes no connection", Trouble.FETCH)
        async with httpx2.AsyncClient(
            verify=self._context, follow_redirects=False, trust_env=False, timeout=httpx2.Timeout(CONNECT_S)
        ) as client:
            for address in addresses:
                try:
                    return await _ask(client, address, wanted)
                except httpx2.ConnectError as error:
                    if _is_certificate(error):
                        raise FetchError(f"{host} has a certificate that does not count", Trouble.WEBPKI) from error
                except httpx2.HTTPError as error:
                    trouble = FetchError(f"{host} broke off: {type(error).__name__}", Trouble.FETCH)
        raise trouble


async def _ask(client: httpx2.AsyncClient, address: str, wanted: _Wanted) -> bytes:
    place, limit, kind = wanted.place, wanted.limit, wanted.kind
    host = place.host
    literal = f"[{address}]" if ":" in address else address
    headers = {
        "Host": place.authority,
        "Accept": kind or "*/*",
        "Accept-Encoding": "identity",
        "User-Agent": "mailward",
    }
    if wanted.body is not None:
        headers["Content-Type"] = wanted.sent
    request = client.stream(
        "GET" if wanted.body is None else "POST",
        f"{'https' if place.is_tls else 'http'}://{literal}:{place.port}{place.target}",
        headers=headers,
        content=wanted.body,
        extensions={"sni_hostname": host},  # SNI, and the name that the certificate is checked for
    )
    async with request as response:
        if response.status_code in NOWHERE:
            raise NotThere(f"{host} answered {response.status_code}", Trouble.FETCH)
        if response.status_code != httpx2.codes.OK:
            raise FetchError(f"{host} answered {response.status_code}", Trouble.FETCH)
        given = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and given != kind:  # RFC 8461 section 3.2: a page that a user of the host could upload is no policy
            raise FetchError(f"{host} sent something else than {kind}", Trouble.FETCH)
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > limit:
                raise FetchError(f"{host} sent more than {limit // 1024} KiB", Trouble.FETCH)
        return bytes(body)


def _is_certificate(error: BaseException) -> bool:
    """Whether a certificate is behind a failed connection."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
