"""Reports over HTTPS (TL-29) to a host whose address a stranger chose: a real collector, and its attacks."""

import asyncio
import ssl
from collections.abc import Callable

import pytest

from gateway.delivery.report_post import HttpsPoster
from gateway.delivery.routes import is_allowed
from tests.faulty import certificates
from tests.faulty.collector import HOST, collector
from tests.tls.fake_dns import FakeDns
from tls.contexts import build_policy_context

A = f"{HOST} A"
LOOPBACK = ("127.0.0.1",)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return build_policy_context(certificates.trust_file(tmp_path_factory.mktemp("trust")))


def poster(context: ssl.SSLContext, dns: FakeDns | None = None, *, deadline_s: float = 10) -> HttpsPoster:
    dns = dns or FakeDns({A: LOOPBACK})
    return HttpsPoster(dns, context, is_allowed=LOOPBACK.__contains__, deadline_s=deadline_s)


async def test_a_report_is_posted(context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 8460 3 and 6.4: POST to the whole address, its media type, the host by SNI and Host; no proxy."""
    for name in ("HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with collector(certificates.good(HOST)) as host:
        assert await poster(context).post(host.url, b"packed") == ""
        head = host.heads[0].decode()
        assert head.startswith("POST /v1/tls?who=b HTTP/1.1\r\n")
        assert f"\r\nHost: {HOST}:{host.port}\r\n" in head
        assert "\r\nContent-Type: application/tlsrpt+gzip\r\n" in head
        assert (host.bodies, host.names) == ([b"packed"], [HOST])


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", ""),
        (b"HTTP/1.1 307 Moved\r\nLocation: https://127.0.0.1/secret\r\nContent-Length: 0\r\n\r\n", "answered 307"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answered 404"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "answered 503"),
        (b"220 mx.b.example ESMTP\r\n", "broke off (RemoteProtocolError)"),
        (b"", "broke off (RemoteProtocolError)"),
    ],
)
async def test_what_it_answers(context: ssl.SSLContext, answer: bytes, why: str) -> None:
    """Only 2xx counts; no redirect is followed, no body is waited for."""
    async with collector(certificates.good(HOST)) as host:
        host.answer = answer
        assert await poster(context).post(host.url, b"packed") == why
        assert len(host.heads) == 1


BAD_CERTIFICATES: list[Callable[[str], ssl.SSLContext]] = [
    certificates.expired, certificates.self_signed, certificates.of_unknown_authority,
    lambda _: certificates.good("other.example"),
]  # fmt: skip


@pytest.mark.parametrize("make", BAD_CERTIFICATES)
async def test_its_certificate_is_checked(context: ssl.SSLContext, make: Callable[[str], ssl.SSLContext]) -> None:
    async with collector(make(HOST)) as host:
        assert await poster(context).post(host.url, b"packed") == "broke off (ConnectError)"
        assert host.bodies == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"])
async def test_no_knocking_inside(context: ssl.SSLContext, address: str) -> None:
    """A domain must not make us post to a host of our own network, unless `delivery.private_networks` lists it."""
    dns = FakeDns({f"{HOST} {'AAAA' if ':' in address else 'A'}": (address,)})
    careful = HttpsPoster(dns, context, is_allowed=lambda text: is_allowed(text, ()))
    async with collector(certificates.good(HOST)) as host:
        assert await careful.post(host.url, b"packed") == "has no address that may be connected to"
        assert await careful.post(f"https://127.0.0.1:{host.port}/", b"packed") != ""
        assert host.heads == []


async def test_no_address(context: ssl.SSLContext) -> None:
    dns = FakeDns({}, failed=[A])
    assert await poster(context, dns).post(f"https://{HOST}/", b"packed") == "has no address that may be connected to"
    assert await poster(context).post("https://elsewhere.example/", b"packed") != ""


async def test_another_address_where_the_first_is_dead(context: ssl.SSLContext) -> None:
    dns = FakeDns({A: ("127.0.0.9", "127.0.0.1")})
    careless = HttpsPoster(dns, context, is_allowed=lambda _: True)
    async with collector(certificates.good(HOST)) as host:
        assert await careless.post(host.url, b"packed") == ""


async def test_a_silent_host_costs_the_deadline(context: ssl.SSLContext) -> None:
    async with collector(certificates.good(HOST)) as host:
        host.is_silent = True
        async with asyncio.timeout(3):
            assert await poster(context, deadline_s=0.1).post(host.url, b"packed") == "took too long"
