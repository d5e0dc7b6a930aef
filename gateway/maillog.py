"""Lines that read like Postfix's (`log.format = "postfix"`), so that pflogsumm and its like count our mail.

Postfix writes several lines about one message, each from a program: `smtpd` took it, `qmgr` queued it, `smtp` tried to
hand it on. We write the same ones. Of a server's reply there are only the codes, whoever the message is for: its words
may quote the message (invariant 4). What is no mail event keeps its room as the program and its event as the text.
"""

import os
from collections.abc import Callable, MutableMapping
from typing import Any, Final

Event = MutableMapping[str, Any]
Renderer = Callable[[object, str, Event], str]

DELIVERY: Final = ("to", "relay", "delay", "delays", "dsn", "status")  # Postfix's order, which tools rely on
SAID: Final = ("reply", "seen")  # what stands in brackets behind the status
SEVERE: Final = {"warning": "warning: ", "error": "error: ", "critical": "fatal: "}  # msg(3) of Postfix


def seconds(value: float) -> str:
    """A delay as Postfix writes it: two digits that mean something (`delay_resolution_limit`), never negative."""
    value = max(0.0, round(value, 3))
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def postfix_renderer(host: str) -> Renderer:
    """Make the last processor of a logger. host: who we are; the time is RFC 3339, as syslog has it now."""

    def render(_logger: object, _method: str, event: Event) -> str:
        head = f"{event.pop('timestamp')} {host} mailward"
        return "\n".join(f"{head}/{program}[{os.getpid()}]: {text}" for program, text in _lines(event))

    return render


def printable(value: object) -> str:
    """One line of it, control characters escaped (PO-19)."""
    text = str(value)
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _lines(event: Event) -> list[tuple[str, str]]:
    name, room = event.pop("event"), event.pop("room", "gateway")
    if room == "delivery" and all(key in event for key in DELIVERY + SAID):
        return [("smtp", _delivery(event))]
    if name == "accepted":
        return _accepted(event)
    if name == "written":
        return [("qmgr", _queued(event))]
    return [(room, _other(name, event))]


def _delivery(event: Event) -> str:
    fields = {**event, "to": _path(event["to"])}
    pairs = ", ".join(f"{key}={printable(fields[key])}" for key in DELIVERY)
    said = " ".join(printable(event[key]) for key in SAID)
    return f"{event['queue_id']}: {pairs} ({said})"


def _accepted(event: Event) -> list[tuple[str, str]]:
    """Two lines: where it came from, and what was put in the queue."""
    login = f", sasl_username={printable(event['login'])}" if event.get("login") else ""
    taken = f"{event['queue_id']}: client=unknown[{printable(event['client'])}]{login}"
    return [("smtpd", taken), ("qmgr", _queued(event))]


def _queued(event: Event) -> str:
    path, size, nrcpt = _path(event["sender"]), event["size"], event["nrcpt"]
    return f"{event['queue_id']}: from={path}, size={size}, nrcpt={nrcpt} (queue active)"


def _other(name: str, event: Event) -> str:
    severity = SEVERE.get(event.pop("level"), "")
    queue_id = event.pop("queue_id", "")
    pairs = ", ".join(f"{key}={printable(value)}" for key, value in event.items())
    return f"{severity}{f'{queue_id}: ' if queue_id else ''}{name}{f': {pairs}' if pairs else ''}"


def _path(address: str) -> str:
    """An address in brackets, without brackets of its own: a quoted local part could end the field and forge others."""
    return f"<{printable(address).replace('<', '?').replace('>', '?')}>"
