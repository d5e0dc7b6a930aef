"""A portal on a real HTTPS port, and browsers that trust its certificate."""

import ssl
from collections.abc import AsyncIterator, Callable

import pytest
import trustme

from gateway.store.store import Store
from gateway.web.portal.app import portal_app
from gateway.web.serve import HttpServer, server_context
from tests.gateway.web.clinic import Browser, Clinic


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder = tmp_path_factory.mktemp("tls")
    leaf = authority.issue_cert("127.0.0.1", "secure.clinic.example")
    (folder / "key.pem").write_bytes(leaf.private_key_pem.bytes())
    (folder / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    return server_context(folder / "chain.pem", folder / "key.pem")


@pytest.fixture(scope="session")
def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


@pytest.fixture
async def clinic(store: Store) -> Clinic:
    return Clinic(store)


@pytest.fixture
async def port(clinic: Clinic, server_tls: ssl.SSLContext) -> AsyncIterator[int]:
    server = HttpServer(portal_app(clinic.deps), host="127.0.0.1", port=0, tls=server_tls)
    await server.start()
    yield server.port
    await server.stop()


@pytest.fixture
async def new_browser(port: int, trust: ssl.SSLContext) -> AsyncIterator[Callable[[], Browser]]:
    browsers: list[Browser] = []

    def make() -> Browser:
        browsers.append(Browser(port, trust))
        return browsers[-1]

    yield make
    for browser in browsers:
        await browser.http.aclose()


@pytest.fixture
def browser(new_browser: Callable[[], Browser]) -> Browser:
    return new_browser()
