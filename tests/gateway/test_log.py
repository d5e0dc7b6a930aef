"""Log lines carry ids and numbers; what an attacker or a patient wrote cannot break out of, or into, them."""

import io
import json

import pytest

from gateway import log


@pytest.fixture(params=["text", "json", "postfix"])
def style(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_an_exception_is_named_and_placed_but_not_quoted(style: str) -> None:
    """KY-01: the text of an exception may hold a piece of a message."""
    stream = io.StringIO()
    log.configure(style=style, stream=stream)
    try:
        raise ValueError("Jane Roe, HIV positive")
    except ValueError:
        log.get_logger("test").exception("failed")
    line = stream.getvalue()
    assert "ValueError" in line
    assert "test_log.py" in line
    assert "Roe" not in line


def test_control_characters_stay_inside_their_line(style: str) -> None:
    """PO-19: CR, LF and ANSI in a value that a peer chose."""
    stream = io.StringIO()
    log.configure(style=style, stream=stream)
    log.get_logger("test").info("greeted", helo="a\r\n2026 mailward: forged\x1b[31m")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_json_lines_are_objects_with_stable_names() -> None:
    stream = io.StringIO()
    log.configure(style="json", stream=stream)
    log.get_logger("intake").info("accepted", queue_id="01", size=5)
    event = json.loads(stream.getvalue())
    assert {key: event[key] for key in ("room", "event", "queue_id", "size", "level")} == {
        "room": "intake",
        "event": "accepted",
        "queue_id": "01",
        "size": 5,
        "level": "info",
    }
