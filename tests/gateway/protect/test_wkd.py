"""Where the key of an address is, and what is asked for it."""

import pytest

from gateway.protect.wkd import SIZE_LIMIT, Place, find, places, z_base_32
from tests.tls.fake_dns import FakeDns
from tls.web import WebReader

NAME = "iy9q119eutrkn8s1mk4r39qejnbu3n5q"  # of joe.doe, the draft's own example


def test_the_example_of_the_draft() -> None:
    """draft-koch-openpgp-webkey-service, section 3.1: Joe.Doe@Example.ORG."""
    assert places("Joe.Doe@Example.ORG") == (
        Place("openpgpkey.example.org", f"/.well-known/openpgpkey/example.org/hu/{NAME}?l=Joe.Doe"),
        Place("example.org", f"/.well-known/openpgpkey/hu/{NAME}?l=Joe.Doe"),
    )


def test_no_local_part_breaks_out_of_the_query() -> None:
    """The local part is a stranger's word."""
    advanced, _ = places('"a&b=c #/../?"@b.example')
    assert advanced.target.endswith("?l=%22a%26b%3Dc%20%23%2F..%2F%3F%22")


def test_only_ascii_letters_become_small() -> None:
    """Section 3.1: all other characters stay as they are."""
    assert places("ÄB@b.example")[0].target.partition("?")[0] == places("Äb@b.example")[0].target.partition("?")[0]
    assert places("Ä@b.example")[0].target.partition("?")[0] != places("ä@b.example")[0].target.partition("?")[0]


def test_z_base_32() -> None:
    """RFC 6189 section 5.1.6: five bits a letter."""
    assert z_base_32(bytes(5)) == "yyyyyyyy"
    assert z_base_32(b"\xff" * 5) == "99999999"
    assert z_base_32(b"\x00\x00\x00\x00\x01") == "yyyyyyyb"


class Web(WebReader):
    """Says what is asked for."""

    def __init__(self, dns: FakeDns) -> None:
        self._resolver = dns
        self.asked: list[tuple[str, int]] = []

    async def get(self, host: str, target: str, *, limit: int, kind: str = "") -> bytes:
        self.asked.append((host, limit))
        return b""


@pytest.mark.parametrize(
    ("dns", "host"),
    [
        (FakeDns({"openpgpkey.b.example A": ["192.0.2.1"]}), "openpgpkey.b.example"),
        (FakeDns({"b.example A": ["192.0.2.1"]}), "b.example"),
        (FakeDns({}, failed=("openpgpkey.b.example A",)), "openpgpkey.b.example"),
    ],
    ids=["advanced", "direct", "nobody knows"],
)
async def test_one_host_is_asked(dns: FakeDns, host: str) -> None:
    """Section 3.1: who has the sub-domain is not asked at the domain, whatever the sub-domain says."""
    web = Web(dns)
    await find(web, "a@b.example")
    assert web.asked == [(host, SIZE_LIMIT)]
