"""The portal over HTTPS as machines meet it: scanners that follow every link in a mail use nothing up."""

import http.client
import re
from contextlib import closing

import pytest

from tests.e2e.installation import HOSTNAME, Installation
from tests.e2e.letters import clinical, new_marker
from tests.e2e.submit import submit
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def fetch(gateway: Installation, path: str) -> tuple[int, str, dict[str, str]]:
    """GET a page of the portal. Returns: status, text, headers with names in lower case."""
    context = gateway.client_tls()
    context.check_hostname = False  # reached by address
    connection = http.client.HTTPSConnection("127.0.0.1", gateway.ports.portal, timeout=10, context=context)
    with closing(connection):
        connection.request("GET", path, headers={"Host": f"{HOSTNAME}:{gateway.ports.portal}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), {name.lower(): value for name, value in answer.getheaders()}


def test_a_scanner_sees_no_content_and_uses_nothing_up(gateway: Installation, world: World) -> None:
    """PO: a GET never opens, spends or expires anything, however often it comes."""
    hop = world.add("scanned.example")
    marker, recipient = new_marker(), "patient@scanned.example"
    queue_id = submit(gateway, clinical(marker, to=recipient), to=[recipient])
    notice = hop.wait_for(b"https://", timeout_s=20)
    content = notice.content.replace(b"=\r\n", b"").replace(b"=3D", b"=")
    link = re.search(rb"https://gw\.clinic\.example:\d+(/[^\s\"<>]+)", content)
    assert link
    path = link[1].decode()

    pages = [fetch(gateway, path) for _ in range(5)]

    assert {status for status, _, _ in pages} == {200}
    for _, page, headers in pages:
        assert marker not in page
        assert "Gonzalez" not in page
        assert "no-store" in headers["cache-control"]
        assert "content-security-policy" in headers
    assert not gateway.events(kind="portal.opened", queue_id=queue_id)
    assert not gateway.events(kind="portal.code_sent", queue_id=queue_id)
    status, page, _ = fetch(gateway, path[:-8] + "A" * 8)
    assert status == 404
    assert marker not in page
