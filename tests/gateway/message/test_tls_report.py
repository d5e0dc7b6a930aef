"""A TLS report as mail (TL-29, RFC 8460 5.3): what receivers look for, and nothing that could add a field."""

import gzip
import json
from datetime import UTC, date, datetime
from email import message_from_bytes, policy

from gateway.message.tls_report import ReportMail, report_mail
from tls.tlsrpt.count import count_success
from tls.tlsrpt.report import Report, Reporter, build_report
from tls.tlsrpt.results import AppliedPolicy, PolicyType

DAY = date(2026, 11, 23)
LONG = "a-domain-with-quite-a-long-name.and-a-sub-domain.partner.example"


def made(domain: str = LONG) -> Report:
    policy = AppliedPolicy(type=PolicyType.NONE, domain=domain)
    reporter = Reporter(organization="Clinic A", contact="tls@clinic.example", submitter="clinic.example")
    counted = {count_success(domain, DAY, policy): 3}
    report = build_report(counted, domain=domain, day=DAY, reporter=reporter, report_id="2026-11-23-ab12")
    assert report is not None
    return report


def mail(organisation: str = "Clinic A") -> bytes:
    heading = ReportMail(
        author="tls@clinic.example", organisation=organisation, to="rua@partner.example",
        message_id="Q1@gw.clinic.example",
        now=datetime(2026, 11, 24, 1, tzinfo=UTC),
    )  # fmt: skip
    return report_mail(heading, made(), made().pack())


def test_the_fields_that_receivers_look_for() -> None:
    read = message_from_bytes(mail(), policy=policy.default)
    assert (read["TLS-Report-Domain"], read["TLS-Report-Submitter"]) == (LONG, "clinic.example")
    assert read["Subject"] == (
        f"Report Domain: {LONG} Submitter: clinic.example Report-ID: <2026-11-23-ab12@clinic.example>"
    )
    assert (read["From"], read["To"]) == ("Clinic A <tls@clinic.example>", "rua@partner.example")
    assert (read["TLS-Required"], read["Auto-Submitted"]) == ("No", "auto-generated")
    assert (read.get_content_type(), read.get_param("report-type")) == ("multipart/report", "tlsrpt")
    words, attached = read.iter_parts()
    assert words.get_content_type() == "text/plain"
    assert LONG in words.get_content()
    assert attached.get_content_type() == "application/tlsrpt+gzip"
    assert attached.get_filename() == f"clinic.example!{LONG}!1795392000!1795478399!2026-11-23-ab12.json.gz"
    assert json.loads(gzip.decompress(attached.get_content()))["report-id"] == "2026-11-23-ab12"


def test_it_is_seven_bit_with_short_lines() -> None:
    """Any next hop takes it as it is, so that the signature holds."""
    whole = mail("Klinik Süd")
    assert whole.isascii()
    assert max(map(len, whole.split(b"\r\n"))) < 200
    assert b"\n" not in whole.replace(b"\r\n", b"")


def test_a_name_adds_no_field() -> None:
    """ID-10."""
    whole = mail("Clinic A\r\nBcc: everybody@partner.example")
    assert not message_from_bytes(whole, policy=policy.default)["Bcc"]
