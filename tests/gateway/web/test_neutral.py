"""Before a message of a legal class is opened, its page tells no more of who wrote it than its notice did."""

import pytest

from gateway.message import pickup
from tests.gateway.web.clinic import Browser, Clinic
from tests.gateway.web.mails import make_mail

TELLING = ("Clinic A", "clinic.example", "nurse")


def tells(page: str) -> bool:
    return any(word in page for word in TELLING)


@pytest.mark.slow
@pytest.mark.parametrize("sensitive", [True, False])
async def test_the_landing_page_is_as_neutral_as_the_notice(clinic: Clinic, browser: Browser, sensitive: bool) -> None:
    """Issue 6, line 3: whoever sees the mailbox can open the link; who has proved himself reads who wrote."""
    token = await clinic.publish(make_mail(), sensitive=sensitive)
    assert tells((await browser.get(f"/m/{token}")).text) is not sensitive
    await browser.post(f"/m/{token}", do="send")
    await browser.get(f"/m/{token}")
    assert tells(browser.page) is not sensitive
    await browser.post(f"/m/{token}", do="open", secret="000000")
    assert ("Error:" in browser.page, tells(browser.page)) == (True, not sensitive)
    await browser.post(f"/m/{token}", do="open", secret=clinic.codes[-1][0])
    assert tells((await browser.get("/message")).text)


@pytest.mark.slow
async def test_so_are_the_pages_of_a_pin(clinic: Clinic, browser: Browser) -> None:
    token = await clinic.publish(make_mail(), pin="4817-2290", sensitive=True)
    seen = [(await browser.get(f"/m/{token}")).text]
    for _ in range(pickup.TRIES):
        await browser.post(f"/m/{token}", do="open", secret="11112222")
        seen.append(browser.page)
    assert "The sender has to tell you a new one" in seen[-1].replace("<strong>", "").replace("</strong>", "")
    assert not any(map(tells, seen))
