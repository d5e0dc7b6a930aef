"""What the web does not have: a way to send mail through the portal, and a way to administer anything."""

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from gateway.config import ConfigError
from gateway.message.entry import MessageKind
from gateway.metrics import Metrics
from gateway.store import accounts, queue
from gateway.store.rows import PortalMessage
from gateway.web.health import health_app
from gateway.web.portal.app import portal_app
from tests.gateway.config.samples import settings
from tests.gateway.web.clinic import Browser, Clinic
from tests.gateway.web.mails import make_mail

ACTS = {
    "/m/{token}",
    "/unsubscribe/{token}",
    "/logout",
}  # open a message, stop advertising, sign out: no mail of anybody
EVIL = "eve@evil.example"
HEADER = f"x\r\nBcc: {EVIL}\r\n\r\nBuy"
ADMIN = ("/admin", "/admin/login", "/login", "/console", "/api", "/api/v1/queue", "/setup", "/users", "/.env", "/debug")


def routes(app: object) -> list[Route]:
    """Those of an application, below whatever is wrapped around it."""
    while not isinstance(app, Starlette):
        app = app._app  # type: ignore[attr-defined]
    return [one for one in app.routes if isinstance(one, Route)]


async def mail(clinic: Clinic) -> list[str]:
    """Everything in the queue, by its kind and recipient."""
    async with clinic.store.read() as conn:
        return sorted(f"{one.kind} {one.recipient}" for one in await queue.listing(conn, queue.Filter()))


def test_po_14_nothing_in_the_portal_writes_mail(clinic: Clinic) -> None:
    """PO-14: readers cannot reply: whoever adds a route that acts has to say here what it does, and to whom."""
    acting = {one.path for one in routes(portal_app(clinic.deps)) if not (one.methods or set()) <= {"GET", "HEAD"}}
    assert acting == ACTS


@pytest.mark.slow
async def test_po_14_no_open_relay(clinic: Clinic, browser: Browser) -> None:
    """PO-14: recipients, subjects and fields with line ends, in every form that there is and some that are not."""
    await browser.open_with_code(clinic, await clinic.publish(make_mail()))
    assert (await browser.get("/message")).status_code == 200
    before = await mail(clinic)
    assert [one.split()[0] for one in before] == [MessageKind.MAIL.value]
    fields = {"to": EVIL, "cc": EVIL, "bcc": EVIL, "subject": HEADER, "body": "Buy", "recipient": HEADER, "do": "reply"}
    for path in ("/message", "/message/reply", "/message/forward", "/message/body", "/reply", "/send", "/"):
        answer = await browser.post(path, **fields)
        assert answer.status_code in {404, 405}, path
    assert await mail(clinic) == before


@pytest.mark.slow
async def test_po_14_a_code_goes_to_who_was_written_to(clinic: Clinic, browser: Browser) -> None:
    """PO-14: the one mail that a visitor can cause: no field of the form says where it goes, nor adds a line to it."""
    asked: list[PortalMessage] = []

    async def send_code(waiting: PortalMessage, code: str, reference: str) -> None:
        asked.append(waiting)

    clinic.send_code = send_code  # type: ignore[method-assign]
    token = await clinic.publish(make_mail())
    await browser.get(f"/m/{token}")
    await browser.post(f"/m/{token}", do="send", to=EVIL, recipient=EVIL, email=HEADER, secret=HEADER)
    (waiting,) = asked
    assert (waiting.recipient in str(await mail(clinic)), waiting.recipient == EVIL) == (True, False)


@pytest.mark.slow
async def test_po_20_nothing_is_administered_over_http(browser: Browser) -> None:
    """PO-20: no page asks for an administrator's password, so none can be guessed; no token in a URL opens anything."""
    basic = {"Authorization": "Basic YWRtaW46YWRtaW4="}
    for path in ADMIN:
        for method, query in (("GET", ""), ("POST", ""), ("DELETE", ""), ("GET", "?token=admin&access_token=admin")):
            answer = await browser.http.request(method, path + query, headers=basic)
            assert answer.status_code in {404, 405}, (method, path)
            assert {"set-cookie", "www-authenticate"}.isdisjoint(answer.headers)


def test_po_20_monitoring_only_reads() -> None:
    """PO-20: three pages, none of which takes anything."""
    found = {one.path: one.methods for one in routes(health_app(Metrics(), tuple))}
    assert found == {path: {"GET", "HEAD"} for path in ("/metrics", "/healthz", "/readyz")}


async def test_po_20_a_new_installation_knows_nobody(clinic: Clinic) -> None:
    """PO-20: no default account, no default password, no credential."""
    async with clinic.store.read() as conn:
        found = await accounts.directory(conn)
    assert (found.by_login, found.by_secret) == ({}, {})


def test_po_20_there_is_no_console() -> None:
    """PO-20: administration is the control socket, by the login of the system; no console can be configured."""
    with pytest.raises(ConfigError, match="there is no console in this version"):
        settings('[console]\nbind = "0.0.0.0:8444"\n')
