"""The mail that carries a TLS report to a domain (RFC 8460 section 5.3): sums and host names, no word of a message."""

import base64
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from textwrap import fill
from typing import Final

from gateway.message.compose import FOLD_AT, Part, field, mailbox, multipart, text_part
from tls.tlsrpt.report import MEDIA_TYPE, Report

# The sessions that carry a report must not depend on what it reports (RFC 8460 section 3); whoever passes it on learns
# so from the field of RFC 8689 section 3.
MARKS: Final = (b"TLS-Required: No\r\n", b"Auto-Submitted: auto-generated\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMail:
    """author: mailbox, in the domain that signs. to: mailbox. message_id: without angle brackets. now: aware."""

    author: str
    organisation: str
    to: str
    message_id: str
    now: datetime


def report_mail(mail: ReportMail, report: Report, packed: bytes) -> bytes:
    """The whole message, ready to be DKIM-signed. packed: `report.pack()`."""
    parts = (text_part(_words(mail, report)), _attachment(report, packed))
    root = multipart("report", parts, seed=mail.message_id, parameters='report-type="tlsrpt"; ')
    fields = (
        field("Date", format_datetime(mail.now)),
        field("From", mailbox(mail.organisation, mail.author)),
        field("To", mail.to),
        field("Subject", report.subject),  # never as encoded words: receivers match its text
        field("Message-ID", f"<{mail.message_id}>"),
        field("TLS-Report-Domain", report.domain),
        field("TLS-Report-Submitter", report.submitter),
        *MARKS,
        b"MIME-Version: 1.0\r\n",
        *root.headers,
    )
    return b"".join(fields) + b"\r\n" + root.body


def _words(mail: ReportMail, report: Report) -> str:
    what = f"This is a report on the TLS of SMTP sessions with the mail hosts of {report.domain}"
    paragraphs = (
        f"{what} on {report.day.isoformat()} (UTC), made by {mail.organisation}.",
        f"It was sent because a TXT record at _smtp._tls.{report.domain} asks for it (RFC 8460).",
        f"Questions: {mail.author}",
    )
    return "\n\n".join([*(fill(p, FOLD_AT, break_long_words=False, break_on_hyphens=False) for p in paragraphs), ""])


def _attachment(report: Report, packed: bytes) -> Part:
    headers = (
        field("Content-Type", MEDIA_TYPE),
        field("Content-Disposition", f'attachment; filename="{report.file_name}"'),
        b"Content-Transfer-Encoding: base64\r\n",
    )
    return Part(headers, base64.encodebytes(packed).replace(b"\n", b"\r\n"))
