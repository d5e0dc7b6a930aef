"""TLS-RPT from end to end (TL-29, RFC 8460): sessions are counted; a day later the domain is told, by mail and web."""

import base64
import email
import gzip
import itertools
import json
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dkim
import pytest

from gateway.daemon.tls_reports import GIVE_UP, due_at
from tests.e2e.dkim_keys import dns_of
from tests.e2e.installation import Installation
from tests.e2e.letters import new_marker, plain
from tests.e2e.report_host import report_host
from tests.e2e.submit import submit
from tests.e2e.world import CLINIC, World, open_world
from tests.tls.tlsrpt.structure import check_report

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def world(tmp_path: Path) -> Any:
    with open_world(tmp_path / "world") as world:
        yield world


def reported_domain(now: datetime) -> tuple[str, date]:
    """A domain and a day whose report falls due before now and is not given up yet, at whatever time the test runs."""
    for days, number in itertools.product((1, 2), range(200)):
        domain, day = f"reported-{number}.example", (now - timedelta(days=days)).date()
        due = due_at(day, domain, submitter=CLINIC)
        if due <= now <= due + GIVE_UP - timedelta(minutes=10):
            return domain, day
    raise AssertionError("no day fits")


def put_back(gateway: Installation, day: date) -> None:
    """As if everything had happened on that day."""
    with closing(sqlite3.connect(gateway.data_dir / "mailward.db")) as database, database:
        database.execute("UPDATE tls_session SET day = ?", (day.isoformat(),))


def test_a_domain_is_told_what_was_seen(world: World, installation: Installation) -> None:
    domain, day = reported_domain(datetime.now(UTC))
    open_hop = world.add(domain)  # no TLS
    fine = world.add_good("fine.example")
    rua = world.add("rua.example")  # offers no TLS at all: reports go there all the same (RFC 8460 section 3)
    web, address = world.name(f"web-of-{domain}", host=f"reports.{domain}")
    with report_host(world.authority.issue(web), address) as collector:
        world.txt[f"_smtp._tls.{domain}"] = (
            f"v=TLSRPTv1; rua=mailto:tls@rua.example,https://{web}:{collector.port}/v1/report"
        )
        collector.answers = [503]
        installation.add_user()
        installation.start()
        for hop, to in ((open_hop, f"a@{domain}"), (fine, "b@fine.example")):
            marker = new_marker()
            submit(installation, plain(marker, to=to), to=[to])
            hop.wait_for(marker.encode())
        installation.stop()  # a stop writes the counts down

        told = [json.loads(line) for line in installation.run("report", "tls", "--json").stdout.splitlines()]
        sums = {one["domain"]: one for one in told}
        assert (sums["fine.example"]["good"], sums["fine.example"]["failed"]) == (1, 0)
        assert (sums[domain]["good"], sums[domain]["failed"]) == (0, 1)

        put_back(installation, day)
        installation.start()
        arrival = rua.wait_for(b"TLS-Report-Domain")
        collector.wait_for(1)
        ((kind, posted),) = collector.posts
        installation.stop()
        assert len(collector.posts) == 1  # 503: tried again in a quarter of an hour, not at once

    check_mail(installation, arrival.content, domain)
    assert (arrival.mail_from, arrival.recipients, arrival.tls) == ("", ("tls@rua.example",), "")
    body = json.loads(gzip.decompress(posted))
    check_report(body)
    assert (kind, json.loads(gzip.decompress(attached(arrival.content)))) == ("application/tlsrpt+gzip", body)
    assert body["date-range"]["start-datetime"] == f"{day.isoformat()}T00:00:00Z"
    (entry,) = body["policies"]
    assert entry["policy"] == {"policy-type": "no-policy-found", "policy-domain": domain}
    (failure,) = entry["failure-details"]
    assert (failure["result-type"], failure["receiving-mx-hostname"]) == ("starttls-not-supported", f"mx.{domain}")

    words = installation.run("report", "tls", "--since", "3d").stdout
    assert f"{domain}: " in words
    assert f"report of {day.isoformat()}: not sent yet, tried 1 times" in words  # the web host has not taken it
    assert not world.home.arrivals  # nobody was bounced to or told


def check_mail(gateway: Installation, content: bytes, domain: str) -> None:
    """What RFC 8460 section 5.3 and section 3 ask of the mail."""
    assert dkim.verify(content, dnsfunc=dns_of(gateway))
    message = email.message_from_bytes(content)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "tlsrpt"
    assert (message["TLS-Report-Domain"], message["TLS-Report-Submitter"]) == (domain, CLINIC)
    assert message["TLS-Required"] == "No"
    assert message["From"].endswith(f"<postmaster@{CLINIC}>")


def attached(content: bytes) -> bytes:
    part = email.message_from_bytes(content).get_payload(1)
    assert isinstance(part, email.message.Message)
    return base64.b64decode(str(part.get_payload()))
