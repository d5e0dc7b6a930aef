"""No more advertising: GET shows, POST acts, and nobody can opt somebody else out."""

import pytest

from gateway.audit.search import Query, search
from gateway.message.optout import OptOut, make_token
from gateway.store import consents
from policy.consent import Consent
from tests.gateway.web.clinic import UNSUBSCRIBE_KEY, Browser, Clinic

PAT = "pat@b.example"
WISH = OptOut(PAT, "marketing", "lab.example")


async def entries(clinic: Clinic) -> tuple[Consent, ...]:
    async with clinic.store.read() as conn:
        return await consents.of_patients(conn, [PAT])


async def test_get_shows_and_post_acts(clinic: Clinic, browser: Browser) -> None:
    """RFC 8058 section 3.1: a scanner that opens the link changes nothing; a second click changes nothing either."""
    url = f"/unsubscribe/{make_token(UNSUBSCRIBE_KEY, WISH)}"
    shown = await browser.http.get(url)
    assert (shown.status_code, "Lab B sends no more advertising" in shown.text) == (200, True)
    assert "set-cookie" not in shown.headers
    assert (await browser.http.head(url)).status_code == 200
    assert not await entries(clinic)
    for _ in range(2):
        done = await browser.http.post(url, content=b"List-Unsubscribe=One-Click")
        assert (done.status_code, "You get no more advertising" in done.text) == (200, True)
    (one,) = await entries(clinic)
    assert (one.purposes, one.given_at) == (("marketing",), clinic.now)
    assert "You get no more advertising" in (await browser.http.get(url)).text
    async with clinic.store.read() as conn:
        (event,) = [found.event for found in await search(conn, Query(kind="consent."))]
    assert (event.kind, event.data["by"]) == ("consent.recorded", "unsubscribe link")


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/plain"])
async def test_mail_programs_post_as_they_like(clinic: Clinic, browser: Browser, kind: str) -> None:
    """RFC 8058 section 3.2: no cookie, no form secret, whatever the form of the body."""
    token = make_token(UNSUBSCRIBE_KEY, WISH)
    body = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    done = await browser.http.post(f"/unsubscribe/{token}", content=body, headers={"Content-Type": kind})
    assert done.status_code == 200
    assert len(await entries(clinic)) == 1


async def test_a_token_that_nobody_gave_out_does_nothing(clinic: Clinic, browser: Browser) -> None:
    """Forged, changed, of another key, or no token at all: the same page for all of them."""
    good = make_token(UNSUBSCRIBE_KEY, WISH)
    other = make_token(b"x" * 32, WISH)
    flipped = good[:-2] + ("A" if good[-2] != "A" else "B") + good[-1]
    for token in (other, flipped, good[:-4], good + "AAAA", "x", "%00", "A" * 5000, "é"):
        for method in ("GET", "POST"):
            assert (await browser.http.request(method, f"/unsubscribe/{token}")).status_code in {404, 414}
    assert not await entries(clinic)
