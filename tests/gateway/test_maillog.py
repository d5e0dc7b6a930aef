"""Lines that read like Postfix's: the real pflogsumm counts them, and nobody forges one."""

import io
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway import log
from gateway.maillog import seconds
from tests.tools import need

DELIVERY: dict[str, Any] = {
    "queue_id": "06F2QZ", "to": "pat@b.example", "relay": "mx.b.example[192.0.2.1]:25", "delay": "1.5",
    "delays": "0/0.2/0.9/0.4", "dsn": "2.0.0", "status": "sent", "seen": "delivered", "reply": "250 2.0.0",
    "method": "tls", "attempts": 1, "alarm": None,
}  # fmt: skip
ACCEPTED: dict[str, Any] = {
    "queue_id": "06F2QZ", "client": "192.0.2.7", "login": "ehr", "sender": "nurse@clinic.example", "size": 4321,
    "nrcpt": 4,
}  # fmt: skip


def written(*events: tuple[str, str, dict[str, Any]]) -> str:
    """room, event and its keys. Returns: what was logged."""
    stream = io.StringIO()
    log.configure(style="postfix", stream=stream, host="gw.clinic.example")
    for room, name, keys in events:
        log.get_logger(room).info(name, **keys)
    return stream.getvalue()


def test_a_delivery_reads_like_postfix() -> None:
    line = written(("delivery", "sent", DELIVERY))
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z gw\.clinic\.example mailward/smtp\[\d+\]: 06F2QZ: to=<pat@b\.example>,"
        r" relay=mx\.b\.example\[192\.0\.2\.1\]:25, delay=1\.5, delays=0/0\.2/0\.9/0\.4, dsn=2\.0\.0, status=sent"
        r" \(250 2\.0\.0 delivered\)\n",
        line,
    )


def test_an_accepted_message_is_two_lines() -> None:
    first, second = written(("pipeline", "accepted", ACCEPTED)).splitlines()
    assert first.endswith(": 06F2QZ: client=unknown[192.0.2.7], sasl_username=ehr")
    assert second.endswith(": 06F2QZ: from=<nurse@clinic.example>, size=4321, nrcpt=4 (queue active)")


@pytest.mark.parametrize(
    "address",
    ['"x>, relay=none, delay=0, status=sent (250 ok"@b.example', '"a\r\n2026 mailward/smtp[1]: forged"@b.example'],
)
def test_no_address_ends_its_field_or_its_line(address: str) -> None:
    """PO-19: a quoted local part may hold brackets and, on its way through other software, line ends."""
    line = written(("delivery", "deferred", {**DELIVERY, "to": address, "status": "deferred"}))
    assert line.count("\n") == 1
    found = re.search(r"to=<([^>]*)>, relay=([^,]+),", line)
    assert found
    assert found[2] == "mx.b.example[192.0.2.1]:25"


def test_other_events_keep_their_words_and_severity() -> None:
    stream = io.StringIO()
    log.configure(style="postfix", stream=stream, host="gw")
    log.get_logger("store").warning("low space", free=5)
    assert re.search(r" gw mailward/store\[\d+\]: warning: low space: free=5$", stream.getvalue().rstrip("\n"))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0499, "0.05"), (1.26, "1.3"), (9.6, "9.6"), (12.6, "13"), (3600, "3600"), (-1, "0"), (2e-5, "0")],
)
def test_seconds(value: float, text: str) -> None:
    """postconf(5), delay_resolution_limit: two digits; a clock that was set back gives no negative delay."""
    assert seconds(value) == text


@pytest.mark.e2e
def test_pflogsumm_counts_our_mail(tmp_path: Path) -> None:
    """The real tool: one received, two delivered, one deferred twice, one bounced, by domain and with sizes."""
    deferred = {**DELIVERY, "to": "late@c.example", "status": "deferred", "dsn": "4.2.0", "reply": "450 4.2.0"}
    bounced = {**DELIVERY, "to": "no@b.example", "status": "bounced", "dsn": "5.1.1", "reply": "550 5.1.1"}
    path = tmp_path / "mail.log"
    path.write_text(
        written(
            ("pipeline", "accepted", ACCEPTED),
            ("delivery", "sent", DELIVERY),
            ("delivery", "sent", {**DELIVERY, "to": "kim@d.example"}),
            ("delivery", "deferred", {**deferred, "seen": "deferred"}),
            ("delivery", "deferred", {**deferred, "seen": "deferred"}),
            ("delivery", "bounced", {**bounced, "seen": "rejected"}),
            ("delivery", "tls-rpt", {"queue_id": "06F2QZ"}),
        )
    )
    command = [need("pflogsumm"), "--syslog-name=mailward", str(path)]
    summary = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    found = re.findall(r"^ +(\d+) +([a-z][a-z/ ]*?) *(?:\(|$)", summary, re.MULTILINE)
    totals = {name: int(count) for count, name in found}
    assert [totals[name] for name in ("received", "delivered", "deferred", "bounced")] == [1, 2, 1, 1], summary
    assert "(2  deferrals)" in summary
    assert totals["bytes received"] == 4321
    assert totals["bytes delivered"] == 2 * 4321
    assert "4.2.0 deferred" in summary
    assert "5.1.1 rejected" in summary
    assert "no message size" not in summary.lower()
