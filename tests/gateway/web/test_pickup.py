"""From the link to the message: codes, PINs, tries, sessions."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.message import pickup
from gateway.store.portal import Secret, set_secret
from tests.gateway.web.clinic import Browser, Clinic
from tests.gateway.web.mails import PDF, make_mail


@pytest.mark.slow
async def test_a_code_opens_the_message(clinic: Clinic, browser: Browser) -> None:
    token = await clinic.publish(make_mail(files=(("result.pdf", PDF),)))

    landing = await browser.get(f"/m/{token}")
    assert "Clinic A sent you a private message" in landing.text
    assert "Your blood test" not in landing.text
    assert "result.pdf" not in landing.text

    opened = await browser.open_with_code(clinic, token)
    assert (opened.status_code, opened.headers["location"]) == (303, "/message")
    assert clinic.events == ["opened"]
    page = await browser.get("/message")
    assert "Your blood test" in page.text
    assert "Your result is normal." in page.text
    assert "24 November 2026, 09:15 UTC+01:00" in page.text
    file = await browser.get("/message/attachment/1")
    assert file.content == PDF
    assert clinic.events == ["opened", "downloaded 1"]


@pytest.mark.slow
async def test_page_and_code_mail_show_the_same_reference(clinic: Clinic, browser: Browser) -> None:
    token = await clinic.publish(make_mail())
    await browser.get(f"/m/{token}")
    await browser.post(f"/m/{token}", do="send")
    await browser.get(f"/m/{token}")
    code, reference = clinic.codes[-1]
    assert re.fullmatch("[0-9]{6}", code)
    assert f">{reference}<" in browser.page
    assert code not in browser.page


@pytest.mark.slow
async def test_po_03_scanners_use_nothing_up(
    clinic: Clinic, browser: Browser, new_browser: Callable[[], Browser]
) -> None:
    """PO-03: HEAD and GET of every link, before and after the code was mailed, then the person still gets in."""
    token = await clinic.publish(make_mail())
    scanner = new_browser()
    for _round in range(3):
        for path in (f"/m/{token}", "/message", "/message/body", "/message/attachment/0", "/logout"):
            await scanner.http.head(path)
            await scanner.http.get(path, follow_redirects=True)
    assert not clinic.codes
    assert [cookie.name for cookie in scanner.http.cookies.jar] == ["__Host-visit"]

    await browser.get(f"/m/{token}")
    await browser.post(f"/m/{token}", do="send")
    await scanner.http.get(f"/m/{token}")
    await browser.get(f"/m/{token}")
    assert (await browser.post(f"/m/{token}", do="open", secret=clinic.codes[0][0])).status_code == 303


@pytest.mark.slow
async def test_po_01_five_wrong_codes_and_the_right_one_is_dead(clinic: Clinic, browser: Browser) -> None:
    """PO-01, PO-13: five tries, each recorded; then also the right code opens nothing, a new one does."""
    token = await clinic.publish(make_mail())
    await browser.get(f"/m/{token}")
    await browser.post(f"/m/{token}", do="send")
    right = clinic.codes[0][0]
    wrong = f"{(int(right) + 1) % 10**6:06}"
    for left in (4, 3, 2, 1):
        answer = await browser.post(f"/m/{token}", do="open", secret=wrong)
        assert answer.status_code == 422
        assert f"{left} {'try' if left == 1 else 'tries'} left" in answer.text
        assert wrong in answer.text  # what was typed is kept
    answer = await browser.post(f"/m/{token}", do="open", secret=wrong)
    assert "fifth wrong code" in answer.text
    assert "Send me a code" in answer.text
    assert (await browser.post(f"/m/{token}", do="open", secret=right)).status_code == 422
    assert clinic.events == [f"failed, {left} left" for left in (4, 3, 2, 1, 0)]

    assert (await browser.open_with_code(clinic, token)).status_code == 303


@pytest.mark.slow
async def test_po_01_parallel_guesses_are_five(
    clinic: Clinic, browser: Browser, new_browser: Callable[[], Browser]
) -> None:
    """PO-01: guesses at once and across browsers share the five tries."""
    token = await clinic.publish(make_mail())
    await browser.get(f"/m/{token}")
    await browser.post(f"/m/{token}", do="send")
    right = int(clinic.codes[0][0])
    browsers = [new_browser() for _ in range(3)]
    for each in browsers:
        await each.get(f"/m/{token}")
    guesses = [
        browsers[n % 3].http.post(
            f"/m/{token}",
            data={"form": _form(browsers[n % 3]), "do": "open", "secret": f"{(right + 1 + n) % 10**6:06}"},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        for n in range(15)
    ]
    statuses = [answer.status_code for answer in await asyncio.gather(*guesses)]
    assert set(statuses) <= {422, 429}
    assert len([event for event in clinic.events if event.startswith("failed")]) == 5


@pytest.mark.slow
async def test_po_01_one_code_opens_one_session(
    clinic: Clinic, browser: Browser, new_browser: Callable[[], Browser]
) -> None:
    """PO-01: single use, also for two right answers at the same moment."""
    token = await clinic.publish(make_mail())
    await browser.get(f"/m/{token}")
    await browser.post(f"/m/{token}", do="send")
    other = new_browser()
    await other.get(f"/m/{token}")
    await browser.get(f"/m/{token}")
    code = clinic.codes[0][0]
    answers = await asyncio.gather(
        browser.post(f"/m/{token}", do="open", secret=code), other.post(f"/m/{token}", do="open", secret=code)
    )
    assert sorted(answer.status_code for answer in answers) == [303, 422]
    assert clinic.events == ["opened"]


@pytest.mark.slow
async def test_po_01_a_code_is_bound_to_its_link_and_its_time(clinic: Clinic, browser: Browser) -> None:
    """PO-01: another message's code opens nothing; after ten minutes the right one does not either."""
    one, two = await clinic.publish(make_mail()), await clinic.publish(make_mail())
    for token in (one, two):
        await browser.get(f"/m/{token}")
        await browser.post(f"/m/{token}", do="send")
    (code_one, _), (code_two, _) = clinic.codes
    await browser.get(f"/m/{two}")
    if code_one != code_two:
        assert (await browser.post(f"/m/{two}", do="open", secret=code_one)).status_code == 422
    clinic.now += timedelta(minutes=10)
    await browser.get(f"/m/{two}")
    answer = await browser.post(f"/m/{two}", do="open", secret=code_two)
    assert "This code has expired. Ask for a new one." in answer.text
    assert "opened" not in clinic.events


@pytest.mark.slow
async def test_codes_cannot_be_asked_for_without_end(clinic: Clinic, browser: Browser) -> None:
    """PO-01: new codes are rationed, or five tries each would add up."""
    token = await clinic.publish(make_mail())
    await browser.get(f"/m/{token}")
    statuses = [(await browser.post(f"/m/{token}", do="send")).status_code for _ in range(6)]
    assert statuses == [303] * 5 + [429]
    assert "Wait 10 minutes" in browser.page
    assert len(clinic.codes) == 5


async def test_the_pin_page_asks_for_the_senders_pin(clinic: Clinic, browser: Browser) -> None:
    """The portal does not undo what TLS refused: no code can be had where a PIN is needed."""
    token = await clinic.publish(make_mail(), pin="4817-2290")
    page = (await browser.get(f"/m/{token}")).text
    assert "tells you the PIN by phone" in page
    assert "Send me a code" not in page
    await browser.post(f"/m/{token}", do="send")
    assert not clinic.codes


@pytest.mark.slow
@pytest.mark.parametrize("typed", ["4817-2290", "48172290", " 4817 2290 ", "4817\u20132290"])
async def test_a_pin_opens_however_it_is_written(clinic: Clinic, browser: Browser, typed: str) -> None:
    token = await clinic.publish(make_mail(), pin="4817-2290")
    await browser.get(f"/m/{token}")
    assert (await browser.post(f"/m/{token}", do="open", secret=typed)).status_code == 303
    assert "Your blood test" in (await browser.get("/message")).text


@pytest.mark.slow
async def test_five_wrong_pins_lock_the_message_once(clinic: Clinic, browser: Browser) -> None:
    token = await clinic.publish(make_mail(), pin="4817-2290")
    await browser.get(f"/m/{token}")
    for _ in range(5):
        await browser.post(f"/m/{token}", do="open", secret="0000-0000")
    assert clinic.events[-1] == "pin exhausted"
    assert "You need a new one from nurse@clinic.example" in browser.page
    assert 'name="secret"' not in browser.page
    await browser.post(f"/m/{token}", do="open", secret="4817-2290")
    assert clinic.events.count("pin exhausted") == 1

    assert "Ask for a new PIN" in browser.page  # when the first request was lost
    statuses = [(await browser.post(f"/m/{token}", do="send")).status_code for _ in range(5)]
    assert statuses == [303] * 4 + [429]
    assert clinic.events.count("pin exhausted") == 5

    new = Secret(hash=pickup.hash_secret("1111-2222"), expires_at=None, tries=5, kind="pin")
    await set_secret(clinic.store, pickup.hash_token(token), new, events=())
    await browser.get(f"/m/{token}")
    assert (await browser.post(f"/m/{token}", do="open", secret="11112222")).status_code == 303


@pytest.mark.slow
async def test_a_code_that_could_not_leave_becomes_a_pin(clinic: Clinic, browser: Browser) -> None:
    """The daemon switches the message; the page says so, and the old code is dead."""
    token = await clinic.publish(make_mail())
    await browser.get(f"/m/{token}")
    await browser.post(f"/m/{token}", do="send")
    pin = Secret(hash=pickup.hash_secret("4817-2290"), expires_at=None, tries=5, kind="pin")
    await set_secret(clinic.store, pickup.hash_token(token), pin, events=())
    assert "no safe way to mail you a code" in (await browser.get(f"/m/{token}")).text
    assert (await browser.post(f"/m/{token}", do="open", secret=clinic.codes[0][0])).status_code == 422
    assert "opened" not in clinic.events


@pytest.mark.slow
async def test_the_page_has_the_name_that_the_notice_has(clinic: Clinic, browser: Browser) -> None:
    """A second domain with a name of its own: a page under another name would look like a fraud."""
    token = await clinic.publish(make_mail(), pin="4817-2290", sender="office@lab.example")
    landing = await browser.get(f"/m/{token}")
    assert "Lab B sent you a private message" in landing.text
    await browser.post(f"/m/{token}", do="open", secret="48172290")
    assert "Clinic A" not in landing.text + (await browser.get("/message")).text


async def test_a_mistyped_length_costs_no_try(clinic: Clinic, browser: Browser) -> None:
    token = await clinic.publish(make_mail(), pin="4817-2290")
    await browser.get(f"/m/{token}")
    for _ in range(6):
        await browser.post(f"/m/{token}", do="open", secret="4817")
    assert "A PIN has 8 digits" in browser.page
    assert clinic.events == []


async def test_po_05_unknown_and_expired_links_look_the_same(clinic: Clinic, browser: Browser) -> None:
    """PO-05, PO-18: same status, same text, for GET and POST."""
    token = await clinic.publish(make_mail(), lifetime=timedelta(hours=1))
    await browser.get(f"/m/{token}")
    hidden = browser.page
    clinic.now += timedelta(hours=1)
    seen = set()
    for path in (f"/m/{token}", f"/m/{pickup.new_token()}", "/m/x", "/m/%00"):
        seen.add((await browser.get(path)).text)
        browser.page = hidden
        answer = await browser.post(path, do="send")
        assert answer.status_code == 404
        seen.add(answer.text)
    assert len(seen) == 1
    assert not clinic.codes


@pytest.mark.slow
async def test_po_13_no_event_no_message(clinic: Clinic, browser: Browser) -> None:
    """PO-13: when the event cannot be recorded, nothing is handed out and the answer tells no details."""
    token = await clinic.publish(make_mail(files=(("a.pdf", PDF),)))
    clinic.event_fault = OSError("disk full at /secret/place")
    answer = await browser.open_with_code(clinic, token)
    assert answer.status_code == 500
    assert "/secret/place" not in answer.text
    assert (await browser.get("/message")).status_code == 403

    clinic.event_fault = None
    await browser.open_with_code(clinic, token)
    clinic.event_fault = OSError("disk full")
    assert (await browser.get("/message/attachment/1")).status_code == 500


def _form(browser: Browser) -> str:
    found = re.search(r'name="form" value="([^"]*)"', browser.page)
    assert found
    return found[1]
