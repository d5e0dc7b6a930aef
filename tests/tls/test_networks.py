"""Which addresses strangers may make us connect to."""

import pytest

from tls.networks import is_public


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9", "64:ff9b::9.9.9.9", "2002:909:909::1"])
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "100.64.0.1",
        "224.0.0.1",
        "::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",  # RFC 4291 section 2.5.5.1
        "64:ff9b::10.0.0.1",  # RFC 6052 section 3.1: no such address may be made
        "64:ff9b:1::9.9.9.9",  # RFC 8215
        "2002:7f00:1::1",  # RFC 3056 section 2
        "fec0::1",  # RFC 3879
    ],
)
def test_inside(address: str) -> None:
    """OB-08, TL-13: for mail as for policies, in IPv6 clothes too."""
    assert not is_public(address)
