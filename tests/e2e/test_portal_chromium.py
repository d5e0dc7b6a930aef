"""A person with a real browser picks a message up: code, text, attachment; the mail's own code stays dead."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
import trustme
from playwright.async_api import Browser, BrowserContext, Error, Page, async_playwright

from gateway.inspect.render import Rendered
from gateway.inspect.renderer import Renderer, render_pool
from gateway.message.optout import OptOut, make_token
from gateway.store import consents
from gateway.store.vault import Vault
from gateway.web.portal.app import portal_app
from gateway.web.serve import HttpServer, server_context
from tests.gateway.store.parts import open_store
from tests.gateway.web.clinic import BASE_URL, UNSUBSCRIBE_KEY, Clinic
from tests.gateway.web.mails import PDF, make_mail
from tests.tools import need

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
).split()
HOST = urlsplit(BASE_URL).hostname

HOSTILE = """
<h1 style="position:fixed;top:0;left:0">Your result</h1><p>All is <b>well</b>.</p>
<script>document.title = "ran"; fetch("https://evil.example/script")</script>
<img src="https://evil.example/pixel.gif" onerror="document.title = 'ran'">
<svg onload="document.title = 'ran'"><image href="https://evil.example/svg"></svg>
<style>@import "https://evil.example/css"; body { background: url(https://evil.example/bg) }</style>
<link rel="stylesheet" href="https://evil.example/link"><base href="https://evil.example/">
<meta http-equiv="refresh" content="0;url=https://evil.example/">
<form action="https://evil.example/form"><input name="code"><button>Show my message</button></form>
<a href="javascript:document.title = 'ran'" id="trap">more</a>
"""
# Chromium connects for a frame before it finds that the policy forbids it: only the sanitiser keeps that quiet.
FRAME = '<iframe src="https://evil.example/frame"></iframe>'


@dataclass
class Leaks:
    """Connections that a browser made because mail told it to."""

    port: int = 0
    connections: int = 0


class OpenReader(Renderer):
    """The renderer, which can be told to answer with HTML that nobody sanitised."""

    html = ""

    async def render(self, data: bytes) -> Rendered:
        shown = await super().render(data)
        return msgspec.structs.replace(shown, html=self.html or shown.html)


@pytest.fixture
def server_tls(tmp_path: Path) -> ssl.SSLContext:
    assert HOST is not None
    leaf = trustme.CA().issue_cert(HOST)
    leaf.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    (tmp_path / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    return server_context(tmp_path / "chain.pem", tmp_path / "key.pem")


@pytest.fixture
async def reader() -> AsyncIterator[OpenReader]:
    pool = render_pool()
    await pool.start()
    yield OpenReader(pool)
    await pool.stop()


@pytest.fixture
async def clinic(tmp_path: Path, reader: OpenReader) -> AsyncIterator[Clinic]:
    store = await open_store(tmp_path, Vault(bytes(range(32))))
    yield Clinic(store, reader=reader)
    await store.close()


@pytest.fixture
async def leaks() -> AsyncIterator[Leaks]:
    """Where evil.example leads to: counts whoever comes."""
    leaks = Leaks()

    async def count(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        leaks.connections += 1
        writer.close()

    server = await asyncio.start_server(count, "127.0.0.1", 0)
    leaks.port = server.sockets[0].getsockname()[1]
    yield leaks
    server.close()
    await server.wait_closed()


@pytest.fixture
async def chromium(clinic: Clinic, server_tls: ssl.SSLContext, leaks: Leaks) -> AsyncIterator[Browser]:
    """Chromium, for which the portal's public name leads to our port, the evil one to a counter, others to nowhere."""
    server = HttpServer(portal_app(clinic.deps), host="127.0.0.1", port=0, tls=server_tls)
    await server.start()
    names = {HOST: server.port, "evil.example": leaks.port}
    rules = ", ".join(f"MAP {name} 127.0.0.1:{port}" for name, port in names.items())
    rules += ", MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=need("chromium"), args=[*FLAGS, f"--host-resolver-rules={rules}"]
        )
        yield browser
        await browser.close()
    await server.stop()


@pytest.fixture
async def context(chromium: Browser) -> AsyncIterator[BrowserContext]:
    context = await chromium.new_context(base_url=BASE_URL, ignore_https_errors=True)
    context.set_default_timeout(20_000)
    yield context
    await context.close()


async def pick_up(page: Page, clinic: Clinic, token: str) -> None:
    """Press and type what the page asks for."""
    await page.goto(f"/m/{token}")
    await page.get_by_role("button", name="Send me a code").click()
    field = page.get_by_label("Code from the mail")
    await field.wait_for()
    await field.fill(clinic.codes[-1][0])
    await page.get_by_role("button", name="Show my message").click()
    await page.wait_for_url("**/message")


async def test_a_person_reads_and_downloads(clinic: Clinic, context: BrowserContext, tmp_path: Path) -> None:
    """The way of a patient, and what is downloaded is what was sent, octet for octet."""
    token = await clinic.publish(make_mail(files=(("Résultat “1”.pdf", PDF),)))
    page = await context.new_page()
    await pick_up(page, clinic, token)
    assert await page.get_by_role("heading", name="Your blood test").is_visible()
    assert await page.get_by_text("Your result is normal.").is_visible()

    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="Résultat").click()
    download = await waiting.value
    assert download.suggested_filename == "Résultat “1”.pdf"
    await download.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == PDF
    assert clinic.events == ["opened", "downloaded 1"]

    await page.get_by_role("button", name="Close the message").click()
    await page.get_by_role("heading", name="Private messages").wait_for()
    await page.go_back()
    assert await page.get_by_role("heading", name="This page has closed").is_visible()


async def test_an_unused_page_warns_before_it_closes(clinic: Clinic, context: BrowserContext) -> None:
    """WCAG 2.2.1 without a script: the warning comes by itself, and one press keeps the page."""
    token = await clinic.publish(make_mail())
    page = await context.new_page()
    await pick_up(page, clinic, token)
    keep = page.get_by_role("link", name="Keep it open")
    assert await keep.count() == 0
    await page.evaluate("document.getAnimations().forEach(one => { one.currentTime = 841_000 })")
    assert await page.get_by_text("This page closes in one minute.").is_visible()
    await keep.click()
    await keep.wait_for(state="hidden")
    assert await page.get_by_text("Your result is normal.").is_visible()


async def test_po_09_po_10_hostile_html_runs_and_loads_nothing(
    clinic: Clinic, context: BrowserContext, leaks: Leaks
) -> None:
    """PO-09, PO-10: no script runs, no request leaves to another host, in the frame and on a page of its own."""
    token = await clinic.publish(make_mail(html=HOSTILE + FRAME))
    page = await context.new_page()
    await pick_up(page, clinic, token)
    frame = page.frame_locator("iframe")
    await frame.get_by_text("All is well.").wait_for()
    assert await frame.locator("form, input, button, img, svg, script, iframe").count() == 0
    assert "ran" not in await page.title()

    await page.goto("/message/body")
    await page.get_by_text("All is well.").wait_for()
    await page.get_by_text("more").click()
    assert await page.title() == "Message"
    assert await page.evaluate("self.origin") == "null"  # no cookies, no access to our pages
    assert leaks.connections == 0


async def test_the_leak_counter_counts(context: BrowserContext, leaks: Leaks) -> None:
    """The two tests around this one would pass with a counter that nothing can reach."""
    page = await context.new_page()
    with pytest.raises(Error, match="net::"):
        await page.goto("https://evil.example/")
    assert leaks.connections > 0


async def test_po_09_the_second_wall_holds_alone(
    clinic: Clinic, reader: OpenReader, context: BrowserContext, leaks: Leaks
) -> None:
    """PO-09, PO-10: the mail's HTML as it came, as if the sanitiser let everything through: the frame still holds."""
    reader.html = HOSTILE
    token = await clinic.publish(make_mail(html="<p>x</p>"))
    page = await context.new_page()
    await pick_up(page, clinic, token)
    frame = page.frame_locator("iframe[title=Message]")
    await frame.get_by_text("All is well.").wait_for()
    await frame.locator("#trap").click()
    await frame.get_by_role("button", name="Show my message").click()
    assert "ran" not in await page.title()
    assert page.url == f"{BASE_URL}/message"
    assert leaks.connections == 0


async def test_every_page_fits_a_small_phone_and_works_by_keyboard(clinic: Clinic, chromium: Browser) -> None:
    """320 px wide, no script, dark: nothing is cut off, targets are large enough, Enter is enough."""
    context = await chromium.new_context(
        base_url=BASE_URL,
        ignore_https_errors=True,
        viewport={"width": 320, "height": 640},
        color_scheme="dark",
        java_script_enabled=False,
    )
    token = await clinic.publish(make_mail(html="<p>Hello</p>" + "x" * 400, files=(("a" * 100 + ".pdf", PDF),)))
    page = await context.new_page()
    await page.goto(f"/m/{token}")
    await _fits(page)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.get_by_label("Code from the mail").wait_for()
    await _fits(page)
    await page.get_by_label("Code from the mail").fill("000")
    await page.keyboard.press("Enter")
    await page.get_by_role("alert").wait_for()
    await _fits(page)
    await page.get_by_label("Code from the mail").fill(clinic.codes[-1][0])
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/message")
    await _fits(page)
    assert page.url == f"{BASE_URL}/message"
    await context.close()


async def _fits(page: Page) -> None:
    """No element is wider than the screen, and what is pressed is at least 44 px high."""
    for element in await page.locator("h1, h2, p, dl, form, button, input:visible, a.button, iframe, ul").all():
        box = await element.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
    for target in await page.locator("button, input:visible, a.button, .files a").all():
        box = await target.bounding_box()
        assert box is not None
        assert box["height"] >= 44


async def test_one_click_ends_advertising(clinic: Clinic, context: BrowserContext) -> None:
    """16 CFR 316.5, RFC 8058: opening the link changes nothing, one click does; no login, no question, no script."""
    token = make_token(UNSUBSCRIBE_KEY, OptOut("pat@b.example", "marketing", "clinic.example"))
    page = await context.new_page()
    await page.goto(f"/unsubscribe/{token}")
    await page.get_by_role("heading", name="No more advertising?").wait_for()
    async with clinic.store.read() as conn:
        assert not await consents.of_patients(conn, ["pat@b.example"])
    await page.get_by_role("button", name="Send me no more").click()
    await page.get_by_role("heading", name="You get no more advertising").wait_for()
    assert await page.get_by_text("Mail about your care still comes.").is_visible()
    async with clinic.store.read() as conn:
        (one,) = await consents.of_patients(conn, ["pat@b.example"])
    assert (one.kind.value, one.purposes, one.recorded_by) == ("opt-out", ("marketing",), "unsubscribe link")
