"""What every response carries, and that downloads are files (PO-04, PO-08, PO-11)."""

import logging

import pytest

from gateway.web.disposition import attachment_disposition
from gateway.web.portal.cookies import hidden_field
from tests.gateway.web.clinic import Browser, Clinic
from tests.gateway.web.mails import PDF, make_mail


@pytest.mark.slow
async def test_po_08_every_response_is_careful(clinic: Clinic, browser: Browser) -> None:
    """PO-08, PO-04: pages, style, redirects, refusals, files and failures."""
    token = await clinic.publish(make_mail(html="<p>a</p>", files=(("a.pdf", PDF),)), pin="4817-2290")
    responses = [await browser.get(f"/m/{token}")]
    responses.append(await browser.post(f"/m/{token}", do="open", secret="48172290"))
    paths = ("/", "/static/portal.css", "/message", "/message/body", "/message/attachment/1", "/nowhere", "/logout")
    responses += [await browser.get(path) for path in paths]
    clinic.event_fault = RuntimeError("broken")
    responses.append(await browser.get("/message/attachment/1"))
    assert sorted({response.status_code for response in responses}) == [200, 303, 404, 405, 500]
    for response in responses:
        headers = response.headers
        assert headers["strict-transport-security"] == "max-age=31536000"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "server" not in headers
    assert "<script" not in "".join(response.text for response in responses)


@pytest.mark.slow
async def test_po_09_the_frame_is_a_sandbox_without_origin(clinic: Clinic, browser: Browser) -> None:
    """PO-09: the second wall, should the sanitiser ever fail."""
    token = await clinic.publish(make_mail(html="<p>a</p>"), pin="4817-2290")
    await browser.get(f"/m/{token}")
    await browser.post(f"/m/{token}", do="open", secret="48172290")
    policy = (await browser.get("/message/body")).headers["content-security-policy"]
    sandbox = policy.partition(";")[0].split()
    assert sandbox[0] == "sandbox"
    assert not {"allow-scripts", "allow-same-origin", "allow-forms", "allow-top-navigation"} & set(sandbox)
    assert "img-src" not in policy  # default-src 'none' counts
    assert "sandbox=" in (await browser.get("/message")).text


@pytest.mark.parametrize(
    ("name", "plain", "extended"),
    [
        ("result.pdf", "result.pdf", "result.pdf"),
        ('a"; filename="x.html', "a_; filename=_x.html", "a%22%3B%20filename%3D%22x.html"),
        ("a\r\nSet-Cookie: x=1", "a__Set-Cookie: x=1", "a%0D%0ASet-Cookie%3A%20x%3D1"),
        ("Résultat.pdf", "R_sultat.pdf", "R%C3%A9sultat.pdf"),
        ("50%41.txt", "50_41.txt", "50%2541.txt"),
        ("back\\slash", "back_slash", "back%5Cslash"),
    ],
)
def test_po_11_a_name_cannot_leave_its_quotes(name: str, plain: str, extended: str) -> None:
    """PO-11: RFC 6266 section 4.3 and RFC 8187 section 3.2.1."""
    assert attachment_disposition(name) == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{extended}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["x.html", "../../etc/passwd", '"; filename="x.svg', "\u202egpj.exe", "x.svg", "é" * 300]
)
async def test_po_11_whatever_its_name_it_is_a_file(clinic: Clinic, browser: Browser, name: str) -> None:
    """PO-11: never a type that a browser shows."""
    token = await clinic.publish(make_mail(files=((name, b"<script>1</script>"),)), pin="4817-2290")
    await browser.get(f"/m/{token}")
    await browser.post(f"/m/{token}", do="open", secret="48172290")
    response = await browser.get("/message/attachment/1")
    assert response.content == b"<script>1</script>"
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-security-policy"].startswith("sandbox;")
    disposition = response.headers["content-disposition"]
    assert disposition.startswith("attachment; ")
    assert not any(sign in disposition for sign in ("/", "..", "\u202e", "%E2%80%AE"))
    assert len(disposition) < 1500


async def test_po_04_po_19_nothing_of_a_request_is_logged(
    clinic: Clinic, browser: Browser, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """PO-04, PO-19: no token and no header of a client reaches a log."""
    caplog.set_level(logging.DEBUG, logger="uvicorn")
    token = await clinic.publish(make_mail())
    await browser.http.get(f"/m/{token}", headers={"User-Agent": "evil\x1b[31magent"})
    await browser.http.get("/m/not-a-token%1b[31m")
    said = "".join(capfd.readouterr()) + caplog.text
    assert token not in said
    assert "agent" not in said
    assert "not-a-token" not in said


async def test_po_04_the_token_is_stored_as_a_hash(clinic: Clinic) -> None:
    """PO-04: at least 128 bits, and not to be found in the database."""
    token = await clinic.publish(make_mail())
    assert len(token) * 6 >= 128
    async with clinic.store.read() as conn:
        rows = (await conn.exec_driver_sql("SELECT * FROM portal_message")).all()
    assert token not in str(rows)
    assert token.encode() not in b"".join(value for row in rows for value in row if isinstance(value, bytes))


def test_hidden_fields_are_derived_and_do_not_show_the_cookie() -> None:
    assert hidden_field("a") == hidden_field("a") != hidden_field("b")
    assert len(hidden_field("a")) == 64
