"""Texts of the configuration become values, or say what would be right."""

import ipaddress
import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.config import values
from gateway.config.values import HostPort


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (values.parse_duration, "0s", timedelta(0)),
        (values.parse_duration, "90s", timedelta(seconds=90)),
        (values.parse_duration, "4h", timedelta(hours=4)),
        (values.parse_duration, "2w", timedelta(days=14)),
        (values.parse_rate, "5/s", values.Rate(5, timedelta(seconds=1))),
        (values.parse_rate, "100/h", values.Rate(100, timedelta(hours=1))),
        (values.parse_size, "1B", 1),
        (values.parse_size, "50MiB", 52_428_800),
        (values.parse_name, "GW.Clinic.Example", "gw.clinic.example"),
        (values.parse_name, "xn--klinik-kln-kcb.example", "xn--klinik-kln-kcb.example"),
        (values.parse_pattern, "*.Partner.example", "*.partner.example"),
        (values.parse_address, "mx.a.example:25", HostPort("mx.a.example", 25)),
        (values.parse_address, "localhost:25", HostPort("localhost", 25)),
        (values.parse_address, "[2001:DB8::0:1]:53", HostPort("2001:db8::1", 53)),
        (values.parse_bind, "127.0.0.1:0", HostPort("127.0.0.1", 0)),
        (values.parse_network, "10.0.0.0/8", ipaddress.ip_network("10.0.0.0/8")),
        (values.parse_network, "::1", ipaddress.ip_network("::1/128")),
        (values.parse_origin, "https://Secure.clinic.example/", "https://secure.clinic.example"),
        (values.parse_origin, "https://a.example:443", "https://a.example"),
        (values.parse_origin, "https://[::1]:8443", "https://[::1]:8443"),
        (values.parse_selector, "S2026a.mail", "s2026a.mail"),
        (values.parse_mailbox, "Tls.Team@Clinic.example", "Tls.Team@clinic.example"),
    ],
)
def test_good_text_becomes_a_value(parse: Callable[[object], object], text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "remedy"),
    [
        (values.parse_duration, "4x", 'write "4h"'),
        (values.parse_duration, "-5d", 'write "5d"'),
        (values.parse_duration, "30 min", 'write "30m"'),
        (values.parse_duration, "1.5h", "not a duration"),
        (values.parse_duration, "101y", "too long"),
        (values.parse_duration, 300, "in quotes"),
        (values.parse_rate, "0/s", "not a rate"),
        (values.parse_rate, "5/d", "not a rate"),
        (values.parse_rate, 5, "in quotes"),
        (values.parse_size, "50MB", 'write "50MiB"'),
        (values.parse_size, 1000, 'write "1000B"'),
        (values.parse_size, True, "in quotes"),
        (values.parse_size, "9999GiB", "too large"),
        (values.parse_name, "clinic", "full domain name"),
        (values.parse_name, "clinic.example.", "full domain name"),
        (values.parse_name, "-a.example", "full domain name"),
        (values.parse_name, "a..example", "full domain name"),
        (values.parse_name, "a b.example", "full domain name"),
        (values.parse_name, "a." * 126 + "example", "full domain name"),
        (values.parse_name, "klinik-köln.example", "xn--"),
        (values.parse_name, "10.0.0.1", "IP address"),
        (values.parse_pattern, "*partner.example", "full domain name"),
        (values.parse_address, "mx.a.example", "host:port"),
        (values.parse_address, "::1:25", "brackets"),
        (values.parse_address, "[10.0.0.1]:25", "IPv6"),
        (values.parse_address, "[::g]:25", "host:port"),
        (values.parse_address, "a.example:65536", "host:port"),
        (values.parse_address, "a.example:0", "1 to 65535"),
        (values.parse_address, ":25", "host:port"),
        (values.parse_network, "10.0.0.5/8", 'write "10.0.0.0/8"'),
        (values.parse_network, "10.0.0.0/33", "not a network"),
        (values.parse_file, "key.pem", "absolute"),
        (values.parse_mailbox, "clinic.example", "mail address"),
        (values.parse_mailbox, "a b@clinic.example", "mail address"),
        (values.parse_mailbox, "a@b@clinic.example", "mail address"),
        (values.parse_mailbox, "tls@clinic..example", "clinic..example"),
        (values.parse_origin, "http://a.example", "https"),
        (values.parse_origin, "https://", "https"),
        (values.parse_origin, "https://[a", "web address"),
        (values.parse_origin, "https://a.example:99999", "web address"),
        (values.parse_origin, "https://a.example/portal", 'write "https://a.example"'),
        (values.parse_origin, "https://user@a.example", 'write "https://a.example"'),
        (values.parse_selector, "s_1", "selector"),
    ],
)
def test_bad_text_says_what_would_be_right(parse: Callable[[object], object], text: object, remedy: str) -> None:
    with pytest.raises(ValueError, match=re.escape(remedy)) as caught:
        parse(text)
    assert "secret" not in str(caught.value)


def test_years_never_end_before_the_calendar_does() -> None:
    """45 CFR 164.316(b)(2)(i): six years; 2,192 days when two of them are leap years."""
    assert values.parse_duration("6y") >= timedelta(days=2192)


@pytest.mark.parametrize("text", ["[::1]:25", "127.0.0.1:25", "mx.a.example:25"])
def test_addresses_print_as_they_are_written(text: str) -> None:
    assert str(values.parse_address(text)) == text
