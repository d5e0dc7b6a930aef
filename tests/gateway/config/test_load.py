"""From text to settings, or to the problems of the text."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config import ConfigError, HostPort, load, parse
from gateway.config.load import validate
from gateway.config.modes import ListenerMode, RouteTls, RouteTlsKind
from gateway.config.problems import Key, Origin
from gateway.config.render import tables
from policy.decision import Method
from tests.gateway.config.samples import MINIMAL, settings


def test_the_smallest_file_has_every_default() -> None:
    """interface.md: required are a host name, a listener and a domain."""
    found = settings()
    assert found.listener[0].mode is ListenerMode.SUBMISSION
    assert found.delivery.expire_after == timedelta(days=5)
    assert found.limits.message_size == 50 * 1024 * 1024
    assert found.metrics.bind == HostPort("127.0.0.1", 9587)
    assert found.delivery.smart_host is None


def test_some_defaults_follow_another_key() -> None:
    found = settings('[seal]\nmaster_key = ""\n[delivery]\nmethods = ["portal"]\n[limits]\nrecipients = 7\n')
    assert found.seal.master_key == Path("/var/lib/mailward/master.key")
    assert found.portal.certificate == found.server.tls.certificate
    assert found.portal.base_url == "https://gw.clinic.example"
    assert found.domain[0].methods == (Method.PORTAL,)
    assert found.listener[0].limits == found.limits


def test_a_set_key_is_not_overruled() -> None:
    found = settings(
        'methods = ["tls"]\n'
        '[portal]\nbase_url = "https://a.example"\ncertificate = "/p.pem"\n'
        '[[listener]]\nbind = "127.0.0.1:465"\nlimits = { recipients = 3 }\n'
    )
    assert found.domain[0].methods == (Method.TLS,)
    assert found.portal.base_url == "https://a.example"
    assert found.portal.certificate == Path("/p.pem")
    assert found.listener[1].limits.recipients == 3
    assert found.listener[1].limits.connections == found.limits.connections


def test_a_route_reads_its_tls() -> None:
    found = settings('[[delivery.route]]\ndomain = "*.a.example"\ntls = "opportunistic"\n')
    assert found.delivery.route[0].tls == RouteTls(RouteTlsKind.OPPORTUNISTIC)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        settings().server.hostname = "other.example"


def test_settings_place_later_problems_in_their_file() -> None:
    problem = settings().problem(("listener", 0, "bind"), "address in use")
    assert str(problem) == "test.toml:4: listener[1].bind: address in use"


def test_settings_compare_by_value() -> None:
    assert settings("# a comment moves lines\n") == parse("\n\n" + MINIMAL, Path("other.toml"))


@pytest.mark.parametrize(
    ("content", "line", "text"),
    [
        (None, 0, "cannot be read: No such file or directory"),
        (b"a = 1\nb = '\xff'\n", 2, "is not UTF-8, which TOML requires"),
        (b"[server]\nhostname = 'gw.clinic.example\n", 2, "is not TOML"),
        (b"[server", 1, "is not TOML"),
        (b"[server]\n[server]\n", 2, "is not TOML"),
    ],
)
def test_an_unreadable_file_is_one_problem(tmp_path: Path, content: bytes | None, line: int, text: str) -> None:
    """OP-03."""
    path = tmp_path / "mailward.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(path)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (path, line)
    assert problem.text.startswith(text)


def _keys() -> Iterator[Key]:
    """Every key and table of the file; arrays at their first element."""
    for table in tables():
        place: Key = ()
        for part in table.name.split("."):
            place += (part, 0) if part in {"listener", "domain", "route", "rule"} else (part,)
        yield place
        if isinstance(place[-1], int):
            yield place[:-1]
        yield from ((*place, name) for name in table.model.model_fields)
    yield "domain", 0, "dkim", 0
    yield "listener", 0, "limits", "recipients"


WRONG: list[Any] = [
    *(0, -1, 70000, 1.5, float("nan"), True, "", "x", [], [1], [[]], ["tls", "x"], {}, {"a": 1}),
    *(date(2026, 1, 1), time(1), datetime(2026, 1, 1)),  # noqa: DTZ001 - TOML knows times without a zone
]


def _put_at(document: dict[str, Any], key: Key, value: object) -> None:
    node: Any = document
    for part, after in pairwise(key):
        if isinstance(node, list):
            node.extend([] if node else [{}])
            node = node[0]
        else:
            node = node.setdefault(part, [] if isinstance(after, int) else {})
    if isinstance(node, list):
        node[:] = [value]
    else:
        node[key[-1]] = value


@pytest.mark.parametrize("key", list(_keys()), ids=lambda key: ".".join(map(str, key)))
def test_no_value_of_any_key_is_an_unexpected_error(key: Key) -> None:
    """OP-03: whatever type stands there, the answer is settings or problems in words, never an exception."""
    for value in WRONG:
        document: dict[str, Any] = {
            "server": {"hostname": "gw.clinic.example"},
            "listener": [{}],
            "domain": [{"name": "clinic.example"}],
        }
        _put_at(document, key, value)
        found, faults = validate(document, Origin())
        assert found is not None or faults
        assert all(text and "datetime." not in text for _, text in faults)
