"""Who may read and change: sessions, forms from elsewhere, ids in addresses, expiry."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.message import pickup
from gateway.store.rows import close_portal, destroy_key
from gateway.store.statements import Unit
from tests.gateway.web.clinic import BASE_URL, Browser, Clinic
from tests.gateway.web.mails import PDF, make_mail

pytestmark = pytest.mark.slow

PAGES = ("/message", "/message/body", "/message/attachment/0", "/message/attachment/1")


async def statuses(browser: Browser) -> set[int]:
    return {(await browser.get(path)).status_code for path in PAGES}


@pytest.fixture
async def reader(clinic: Clinic, browser: Browser) -> Browser:
    """A browser that has opened a message with one attachment."""
    token = await clinic.publish(make_mail(html="<p>Hello</p>", files=(("a.pdf", PDF),)), pin="4817-2290")
    await browser.get(f"/m/{token}")
    await browser.post(f"/m/{token}", do="open", secret="48172290")
    return browser


async def test_po_06_the_session_is_new_and_its_cookie_is_guarded(clinic: Clinic, browser: Browser) -> None:
    """PO-06: an id that was planted before is never taken over; `__Host-`, HttpOnly, Secure, SameSite."""
    token = await clinic.publish(make_mail(), pin="4817-2290")
    browser.http.cookies.set("__Host-session", "planted")
    await browser.get(f"/m/{token}")
    opened = await browser.post(f"/m/{token}", do="open", secret="48172290")
    cookies = opened.headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("__Host-session="))
    assert "planted" not in session
    for word in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert word in session
    assert "domain" not in session.lower()
    assert any(cookie.startswith('__Host-visit="";') for cookie in cookies)


async def test_po_06_logging_out_ends_it_on_the_server(clinic: Clinic, reader: Browser) -> None:
    """PO-06: the cookie, kept by an attacker, opens nothing any more."""
    kept = dict(reader.http.cookies)
    await reader.get("/message")
    assert (await reader.post("/logout")).status_code == 303
    reader.http.cookies.update(kept)
    assert await statuses(reader) == {403}


async def test_po_06_idle_for_15_minutes(clinic: Clinic, reader: Browser) -> None:
    clinic.now += timedelta(minutes=14)
    assert await statuses(reader) == {200}
    clinic.now += timedelta(minutes=14)
    assert await statuses(reader) == {200}
    clinic.now += timedelta(minutes=15, seconds=1)
    assert await statuses(reader) == {403}


async def test_po_06_an_hour_at_most(clinic: Clinic, reader: Browser) -> None:
    for _ in range(4):
        clinic.now += timedelta(minutes=14)
        assert (await reader.get("/message")).status_code == 200
    clinic.now += timedelta(minutes=5)
    assert await statuses(reader) == {403}


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, "another site's page"),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, "another site that hides its origin"),
        ({"Origin": "https://other.clinic.example", "Sec-Fetch-Site": "same-site"}, "a neighbour's host"),
        ({"Origin": "https://evil.example"}, "a browser without Sec-Fetch-Site"),
        ({"Sec-Fetch-Site": "none"}, "no page at all"),
    ],
)
async def test_po_07_forms_from_elsewhere_change_nothing(
    clinic: Clinic, browser: Browser, headers: dict[str, str], why: str
) -> None:
    """PO-07: even with the right hidden field."""
    token = await clinic.publish(make_mail())
    await browser.get(f"/m/{token}")
    field = browser.page.split('name="form" value="')[1].split('"')[0]
    answer = await browser.http.post(f"/m/{token}", data={"form": field, "do": "send"}, headers=headers)
    assert (answer.status_code, clinic.codes) == (403, []), why


async def test_po_07_a_form_without_this_browsers_cookie_changes_nothing(
    clinic: Clinic, browser: Browser, new_browser: Callable[[], Browser]
) -> None:
    """PO-07: the attacker's own hidden field does not fit the victim's cookie, nor an empty one a missing cookie."""
    token = await clinic.publish(make_mail())
    attacker = new_browser()
    await attacker.get(f"/m/{token}")
    await browser.get(f"/m/{token}")
    stolen = attacker.page
    browser.page = stolen
    assert (await browser.post(f"/m/{token}", do="send")).status_code == 403
    cold = new_browser()
    cold.page = stolen
    assert (await cold.post(f"/m/{token}", do="send")).status_code == 403
    cold.page = ""
    assert (await new_browser().post(f"/m/{token}", do="send")).status_code == 403
    assert not clinic.codes


async def test_po_07_the_page_helps_after_a_stale_form(clinic: Clinic, browser: Browser) -> None:
    """A browser that lost its cookie gets a working form with the refusal."""
    token = await clinic.publish(make_mail())
    refused = await browser.post(f"/m/{token}", do="send")
    assert refused.status_code == 403
    assert "Try once more" in refused.text
    assert (await browser.post(f"/m/{token}", do="send")).status_code == 303


async def test_po_07_what_was_typed_survives_a_stale_form(clinic: Clinic, browser: Browser) -> None:
    """A browser that opened the link a second time has a new cookie; the person need not type the PIN again."""
    token = await clinic.publish(make_mail(), pin="4817-2290")
    refused = await browser.post(f"/m/{token}", do="open", secret="4817 2290")
    assert refused.status_code == 403
    assert 'value="4817 2290"' in refused.text


async def test_po_07_get_logs_nobody_out(reader: Browser) -> None:
    assert (await reader.get("/logout")).status_code == 405
    answer = await reader.http.post("/logout", data={"form": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert (await reader.get("/message")).status_code == 200


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/plain", b'{"do": "send"}', 415),
        ("application/json", b'{"do": "send"}', 415),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"X: y\r\n" * 100_000, 415),
        ("", b"do=send", 415),
        ("application/x-www-form-urlencoded", b"a" * 5000, 413),
        ("application/x-www-form-urlencoded", b"&".join(b"f%d=1" % n for n in range(50)), 400),
        ("application/x-www-form-urlencoded", b"do=\xff\xfe", 400),
    ],
)
async def test_po_07_po_16_only_small_forms_are_read(
    clinic: Clinic, browser: Browser, kind: str, body: bytes, status: int
) -> None:
    """PO-07, PO-16: no JSON in disguise, no multipart, nothing large."""
    token = await clinic.publish(make_mail())
    headers = {"Content-Type": kind, "Sec-Fetch-Site": "same-origin"}
    answer = await browser.http.post(f"/m/{token}", content=body, headers=headers)
    assert answer.status_code == status


async def test_po_12_no_address_leads_to_anothers_message(
    clinic: Clinic, reader: Browser, new_browser: Callable[[], Browser]
) -> None:
    """PO-12: a session shows its own message; numbers past its attachments and other links show nothing."""
    other = await clinic.publish(make_mail("Secret of another", files=(("b.pdf", b"other"),)), pin="1111-2222")
    for path in ("2", "99999999999999999999", "9" * 5000, "-1", "\u0661", "1/../2", "x", "%31%00"):
        assert (await reader.get(f"/message/attachment/{path}")).status_code == 404
    assert "Secret of another" not in (await reader.get(f"/m/{other}")).text
    assert "Secret of another" not in (await reader.get(f"/message?token={other}")).text
    assert await statuses(new_browser()) == {403}
    guess = new_browser()
    guess.http.cookies.set("__Host-session", pickup.hash_token(other).hex())
    assert await statuses(guess) == {403}


async def test_id_12_the_id_of_another_message_is_404_and_recorded(clinic: Clinic, reader: Browser) -> None:
    """ID-12: A, signed in, asks for B's message by id and by link, there with his own PIN: each recorded."""
    other = await clinic.publish(make_mail("Secret of another", files=(("b.pdf", b"other"),)), pin="1111-2222")
    async with clinic.store.read() as conn:
        rows = (await conn.exec_driver_sql("SELECT queue_id FROM portal_message")).scalars().all()
    before = len(clinic.events)
    for queue_id in rows:
        for path in (queue_id, f"{queue_id}-1", f"{queue_id}/body", f"{queue_id}/release", f"attachment/{queue_id}"):
            answer = await reader.get(f"/message/{path}")
            assert answer.status_code == 404
            assert "Secret of another" not in answer.text
    assert clinic.events[before:] == ["refused to patient1@mail.example"] * 5 * len(rows)
    await reader.get(f"/m/{other}")
    assert (await reader.post(f"/m/{other}", do="open", secret="48172290")).status_code == 422
    assert clinic.events[-1].startswith("failed, ")


async def test_po_18_expiry_ends_open_sessions(clinic: Clinic, reader: Browser) -> None:
    """PO-18: the message is purged while it is open."""
    async with clinic.store.read() as conn:
        row = (await conn.exec_driver_sql("SELECT token_hash FROM portal_message")).one()
    await clinic.store.commit(Unit(changes=(close_portal(row[0]),)))
    assert await statuses(reader) == {403}


async def test_po_18_destroyed_content_is_gone(clinic: Clinic, reader: Browser) -> None:
    """PO-18: its key was destroyed while the page was open."""
    async with clinic.store.read() as conn:
        queue_id = (await conn.exec_driver_sql("SELECT queue_id FROM portal_message")).scalar_one()
    await clinic.store.commit(Unit(changes=(destroy_key(queue_id),)))
    assert await statuses(reader) == {404}


async def test_po_18_an_expired_link_is_dead_for_open_sessions_too(clinic: Clinic, browser: Browser) -> None:
    token = await clinic.publish(make_mail(), pin="4817-2290", lifetime=timedelta(minutes=5))
    await browser.get(f"/m/{token}")
    await browser.post(f"/m/{token}", do="open", secret="48172290")
    clinic.now += timedelta(minutes=5)
    assert await statuses(browser) == {403}


async def test_po_15_the_host_header_leads_nowhere(clinic: Clinic, browser: Browser) -> None:
    """PO-15: neither Host nor X-Forwarded-* appear in anything we answer, redirects included."""
    token = await clinic.publish(make_mail(), pin="4817-2290")
    poison = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    paths = ("/", f"/m/{token}", f"/m/{token}/", "/message/", "/nothing/")
    answers = [await browser.http.get(path, headers=poison) for path in paths]
    await browser.get(f"/m/{token}")
    field = browser.page.split('name="form" value="')[1].split('"')[0]
    headers = {**poison, "Origin": BASE_URL, "Sec-Fetch-Site": "same-origin"}
    answers.append(await browser.http.post(f"/m/{token}", data={"form": field, "do": "send"}, headers=headers))
    assert answers[-1].headers["location"] == f"/m/{token}"
    for answer in answers:
        assert "evil.example" not in answer.text + str(answer.headers)


async def test_po_15_a_forged_forwarded_address_does_not_reset_the_brake(clinic: Clinic, browser: Browser) -> None:
    token = await clinic.publish(make_mail())
    await browser.get(f"/m/{token}")
    field = browser.page.split('name="form" value="')[1].split('"')[0]
    codes = []
    for n in range(30):
        headers = {"X-Forwarded-For": f"192.0.2.{n}", "Sec-Fetch-Site": "same-origin"}
        data = {"form": field, "do": "open", "secret": "1"}
        codes.append((await browser.http.post(f"/m/{token}", data=data, headers=headers)).status_code)
    assert codes[:20] == [422] * 20
    assert codes[20:] == [429] * 10
