"""Structured logs on standard error: ids, addresses and numbers as keys; never content, file name or credential.

`text` is for people and journald, `json` is one object a line, `postfix` (`gateway.maillog`) is for tools that read
mail logs. Loggers are made by `get_logger(room)`; `configure` is called once by each process that logs.
"""

import logging
import socket
import sys
from collections.abc import Mapping
from typing import Final, TextIO

import msgspec
import structlog

from gateway.maillog import Event, Renderer, postfix_renderer, printable

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def get_logger(room: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry `room`, such as `intake`; cheap, made once per module."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(room=room)
    return logger


def configure(*, level: str = "info", style: str = "text", stream: TextIO | None = None, host: str = "") -> None:
    """Set where and how this process logs.

    level: one of LEVELS. style: "text", "json" or "postfix". stream: standard error when not given. host: our name in
    lines that read like Postfix's; the machine's when not given.
    """
    renderers: Mapping[str, Renderer] = {
        "text": render_text,
        "json": render_json,
        "postfix": postfix_renderer(host or socket.gethostname()),
    }
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _exception_place,
            renderers[style],
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_names: structlog.PrintLogger(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    for name in (
        "mail.log",
        "uvicorn.access",
    ):  # aiosmtpd logs every DATA line at DEBUG (KY-01); access logs hold tokens
        logging.getLogger(name).setLevel(logging.CRITICAL)


def render_json(_logger: object, _method: str, event: Event) -> str:
    """One JSON object; what is not JSON is written by its `str`."""
    return msgspec.json.encode(event, enc_hook=str, order="deterministic").decode()


def render_text(_logger: object, _method: str, event: Event) -> str:
    """`<time> mailward/<room>[<level>]: <queue id>: <event>: key=value, …`, control characters escaped (PO-19)."""
    time = event.pop("timestamp")
    room = event.pop("room", "gateway")
    level = event.pop("level")
    queue_id = event.pop("queue_id", "")
    name = event.pop("event")
    pairs = ", ".join(f"{key}={printable(value)}" for key, value in event.items())
    head = f"{time} mailward/{room}[{level}]: {f'{queue_id}: ' if queue_id else ''}{name}"
    return f"{head}: {pairs}" if pairs else head


def _exception_place(_logger: object, _method: str, event: Event) -> Event:
    """The type of an exception and the place of its last frame: a traceback's text may quote content."""
    info = event.pop("exc_info", None)
    if info:
        error = info if isinstance(info, BaseException) else sys.exc_info()[1]
        event["error"] = type(error).__name__
        frame = error.__traceback__ if error else None
        while frame and frame.tb_next:
            frame = frame.tb_next
        if frame:
            event["error_at"] = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"
    return event
