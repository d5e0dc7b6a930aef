"""The child that reads messages for the portal: real processes."""

from collections.abc import AsyncIterator

import pytest

from gateway.inspect.renderer import Renderer, UnshowableError, render_pool
from tests.gateway.web.mails import PDF, make_mail

pytestmark = pytest.mark.slow


@pytest.fixture
async def renderer() -> AsyncIterator[Renderer]:
    pool = render_pool()
    await pool.start()
    yield Renderer(pool)
    await pool.stop()


async def test_a_child_reads_the_message(renderer: Renderer) -> None:
    """Odd charsets, dates and names work behind closed doors, too: all was loaded before."""
    mail = make_mail("Grüße\n", html="<p>Grüße</p><img src=x>", files=(("ä.pdf", PDF), ("large.bin", PDF * 200)))
    shown = await renderer.render(mail)
    assert (shown.subject, shown.html) == ("Your blood test", "<p>Grüße</p>\n")
    assert [file.name for file in shown.attachments] == ["ä.pdf", "large.bin"]
    file = await renderer.attachment(mail, 2)
    assert (file.name, file.content) == ("large.bin", PDF * 200)
    odd = b"From: =?big5?b?pEg=?= <a@a.example>\r\nContent-Type: text/plain; charset=euc-kr\r\n\r\n\xc7\xd1"
    assert (await renderer.render(odd)).text == "한"


async def test_what_cannot_be_shown_is_one_error(renderer: Renderer) -> None:
    """A bomb or a number that is not there; the child lives on."""
    with pytest.raises(UnshowableError):
        await renderer.render(b"X: y\r\n" * 5000 + b"\r\nbody")
    with pytest.raises(UnshowableError):
        await renderer.attachment(make_mail(), 7)
    assert (await renderer.render(make_mail())).text == "Your result is normal.\n"
