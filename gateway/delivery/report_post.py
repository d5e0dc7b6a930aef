"""Hands a TLS report to the web host that a domain names (RFC 8460 section 3): one POST, and its status counts.

The address comes from a stranger's DNS. So the host is connected to at public addresses only (or in networks that mail
may go to), its certificate is checked, no redirect and no proxy is followed, and nothing of its answer is read.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx2

from tls.dnssec.answers import State
from tls.dnssec.lookup import SecureDns
from tls.tlsrpt.report import MEDIA_TYPE

DEADLINE_S: Final = 60.0  # for one report, everything together
CONNECT_S: Final = 10.0  # for one address
ADDRESS_LIMIT: Final = 2  # addresses tried
HTTPS: Final = 443


class HttpsPoster:
    """Posts reports."""

    def __init__(
        self,
        resolver: SecureDns,
        context: ssl.SSLContext,
        *,
        is_allowed: Callable[[str], bool],
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """context: of `tls.contexts.build_policy_context`. is_allowed: whether an address may be connected to."""
        self._resolver = resolver
        self._context = context
        self._is_allowed = is_allowed
        self._deadline_s = deadline_s

    async def post(self, url: str, packed: bytes) -> str:
        """Send one report. url: https, as `tls.tlsrpt.parse` lets it through. Returns: why it was not taken, or ""."""
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._post(urlsplit(url), packed)
        except TimeoutError:
            return "took too long"

    async def _post(self, url: SplitResult, packed: bytes) -> str:
        """One address after the other until one answers, whatever it says."""
        found = await self._resolver.addresses(url.hostname or "")
        addresses = [address for address in found.records if self._is_allowed(address)][:ADDRESS_LIMIT]
        if found.state is State.FAILED or not addresses:
            return "has no address that may be connected to"
        trouble = ""
        async with httpx2.AsyncClient(
            verify=self._context, follow_redirects=False, trust_env=False, timeout=httpx2.Timeout(CONNECT_S)
        ) as client:
            for address in addresses:
                try:
                    return await self._ask(client, url, address, packed)
                except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                    trouble = f"broke off ({type(error).__name__})"
        return trouble

    @staticmethod
    async def _ask(client: httpx2.AsyncClient, url: SplitResult, address: str, packed: bytes) -> str:
        host = url.hostname or ""
        literal = f"[{address}]" if ":" in address else address
        port = "" if url.port in (None, HTTPS) else f":{url.port}"
        query = f"?{url.query}" if url.query else ""
        request = client.stream(
            "POST",
            f"https://{literal}{port}{url.path or '/'}{query}",
            content=packed,
            headers={"Host": f"{host}{port}", "Content-Type": MEDIA_TYPE, "User-Agent": "mailward"},
            extensions={"sni_hostname": host},  # SNI, and the name that the certificate is checked for
        )
        async with request as response:
            return "" if response.is_success else f"answered {response.status_code}"
