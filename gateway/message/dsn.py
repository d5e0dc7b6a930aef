"""Delivery status notices to the sender (RFC 3464, RFC 6522): what happened, what it means, what to do.

They carry no subject, no body and no file name of the message: its identifier, its date and the addresses of its
envelope say which one it is (OB-11). The caller sends them from the null reverse path.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from enum import StrEnum
from textwrap import fill
from typing import Final

from gateway.message.address import utf8_xtext
from gateway.message.compose import Heading, Part, field, multipart, plain, render, text_part

STATUS: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")  # RFC 3463 section 2
REPLY: Final = re.compile(r"[2345]\d\d[ -](?:([245]\.\d{1,3}\.\d{1,3})[ ])?")
MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,250}>")
DATE: Final = re.compile(r"[0-9A-Za-z:,+ -]{1,60}")
MAX_DIAGNOSTIC: Final = 300  # characters of a peer's reply that are worth showing


class Action(StrEnum):
    """RFC 3464 section 2.3.3."""

    FAILED = "failed"
    DELAYED = "delayed"
    RELAYED = "relayed"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The message that is reported on, and the notice about it.

    hostname: ours. from_address: whom the notice comes from, `postmaster@<sender's domain>`. dsn_id: the notice's own
    queue id. message_id, date: values of the message's own fields, empty when unknown. now: of the notice.
    requiretls: the message asked for it (RFC 8689).
    """

    hostname: str
    from_address: str
    sender: str
    queue_id: str
    dsn_id: str
    received_at: datetime
    now: datetime
    envid: str = ""
    message_id: str = ""
    date: str = ""
    requiretls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientReport:
    """What became of one recipient's copy.

    status: RFC 3463 code. reply: last reply of the peer, or our own words. remote_mta: host that gave it, or empty.
    retry_until: when we give up (delayed only). explanation: sentences of ours that replace the table's.
    """

    address: str
    status: str
    reply: str = ""
    remote_mta: str = ""
    orcpt: str = ""
    retry_until: datetime | None = None
    explanation: str = ""


STATUS_CLASS: Final = {Action.FAILED: 5, Action.DELAYED: 4, Action.RELAYED: 2, Action.DELIVERED: 2}
SUBJECTS: Final = {
    Action.FAILED: "Your message was not delivered",
    Action.DELAYED: "Your message is delayed",
    Action.RELAYED: "Your message was handed to the next server",
    Action.DELIVERED: "Your message was picked up",
}

# Cause and remedy by RFC 3463 subject.detail (registry: RFC 5248); the row of the subject alone is the fallback.
WORDS: Final = {
    "1": ("The address was refused.", "Check the address."),
    "1.1": ("There is no such mailbox.", "Check the address for a typing error."),
    "1.2": ("The domain does not exist or takes no mail.", "Check what follows the @ sign."),
    "1.10": ("The domain takes no mail at all.", "Check what follows the @ sign."),
    "2": ("The mailbox cannot take the message.", "Ask the recipient for another address."),
    "2.1": ("The mailbox is closed.", "Ask the recipient for another address."),
    "2.2": ("The mailbox is full.", "Ask the recipient to make room, then send again."),
    "3": ("The recipient's server cannot take the message now.", "Send again later."),
    "3.4": ("The message is too large for the recipient's server.", "Send smaller files."),
    "4": ("The recipient's server could not be reached.", "Check what follows the @ sign, or send again later."),
    "4.6": ("The message went round in a circle.", "Tell your administrator."),
    "4.7": ("The recipient's server did not take the message in time.", "Send again later."),
    "5": ("The recipient's server did not understand ours.", "Tell your administrator."),
    "6": ("The recipient's server cannot take this kind of message.", "Tell your administrator."),
    "7": ("The message was refused for reasons of security or policy.", "Ask the recipient, or your administrator."),
    "7.10": ("No encrypted way to the recipient was left.", "Ask your administrator, or use another way."),
}
UNKNOWN: Final = ("The recipient's server gave no reason.", "Send again later, or ask your administrator.")
ASK_FIRST: Final = "Ask the recipient or your administrator before you send it again."

EFFECTS: Final = {
    Action.FAILED: "This recipient does not have your message, and we will not try again.",
    Action.DELAYED: "This recipient does not have your message yet.",
    Action.RELAYED: "The next server took your message; it does not tell us when it reaches the mailbox.",
    Action.DELIVERED: "This recipient opened your message in our portal.",
}


def failure_dsn(report: Report, recipients: Sequence[RecipientReport]) -> bytes:
    """The notice that some recipients will not get the message."""
    return _dsn(Action.FAILED, report, recipients)


def delay_dsn(report: Report, recipients: Sequence[RecipientReport]) -> bytes:
    """The notice that some recipients do not have the message yet."""
    return _dsn(Action.DELAYED, report, recipients)


def relayed_dsn(report: Report, recipients: Sequence[RecipientReport]) -> bytes:
    """The answer to NOTIFY=SUCCESS where the next server does not send its own (RFC 3461 section 5.2.2)."""
    return _dsn(Action.RELAYED, report, recipients)


def delivered_dsn(report: Report, recipients: Sequence[RecipientReport]) -> bytes:
    """The answer to NOTIFY=SUCCESS when we have seen the delivery ourselves (RFC 3461 section 4.1)."""
    return _dsn(Action.DELIVERED, report, recipients)


def status_of(reply: str, *, default: str) -> str:
    """The enhanced status code in an SMTP reply (`550 5.1.1 no such user`), or `default` when it carries none."""
    match = REPLY.match(reply)
    return match[1] if match and match[1] else default


def _dsn(action: Action, report: Report, recipients: Sequence[RecipientReport]) -> bytes:
    # RFC 8689 section 5: it goes past DANE and MTA-STS, and so may whoever passes it on, but for what asked for TLS.
    past = () if report.requiretls else (b"TLS-Required: No\r\n",)
    heading = Heading(
        from_address=report.from_address,
        from_name="Mail delivery",
        to=report.sender,
        subject=SUBJECTS[action],
        message_id=f"{report.dsn_id}@{report.hostname}",
        now=report.now,
        extra=(*past, b"Auto-Submitted: auto-replied\r\n"),  # RFC 3834 section 5
    )
    parts = (
        text_part(_words(action, report, recipients)),
        Part((b"Content-Type: message/delivery-status\r\n",), _status_fields(action, report, recipients)),
        Part((b"Content-Type: text/rfc822-headers\r\n",), _message_fields(report, recipients)),
    )
    root = multipart("report", parts, seed=heading.message_id, parameters="report-type=delivery-status; ")
    return render(heading, root)


def _words(action: Action, report: Report, recipients: Sequence[RecipientReport]) -> str:
    lines = [f"{SUBJECTS[action]}.", ""]
    lines += [f"We took it on {format_datetime(report.received_at)}. Its number is {report.queue_id}.", ""]
    for recipient in recipients:
        cause, remedy = _explain(recipient.status)
        lines += [recipient.address, *([recipient.explanation] if recipient.explanation else [cause])]
        lines.append(EFFECTS[action])
        if action is Action.DELAYED and recipient.retry_until:
            lines.append(f"We keep trying until {format_datetime(recipient.retry_until)}. You need not send it again.")
        if action is Action.FAILED:
            lines.append(ASK_FIRST if recipient.explanation and (cause, remedy) == UNKNOWN else remedy)
        lines += [f"The answer was: {_diagnostic(recipient.reply)}", ""] if recipient.reply else [""]
    if STATUS_CLASS[action] != 2:
        lines.append("If it is urgent, reach the recipient in another way, for instance by phone.")
    return "\n".join([*(fill(line, 76, break_long_words=False, break_on_hyphens=False) for line in lines), ""])


def _explain(status: str) -> tuple[str, str]:
    detail = status.partition(".")[2]
    return WORDS.get(detail) or WORDS.get(detail.partition(".")[0]) or UNKNOWN


def _status_fields(action: Action, report: Report, recipients: Sequence[RecipientReport]) -> bytes:
    groups = [  # RFC 3464 section 2.2
        [("Reporting-MTA", f"dns; {report.hostname}"), ("Arrival-Date", format_datetime(report.received_at))]
    ]
    if report.envid:
        groups[0].insert(0, ("Original-Envelope-Id", report.envid))
    groups += [_recipient_fields(action, recipient) for recipient in recipients]
    return b"\r\n".join(b"".join(field(name, value) for name, value in group) for group in groups)


def _recipient_fields(action: Action, recipient: RecipientReport) -> list[tuple[str, str]]:
    """RFC 3464 section 2.3."""
    status = recipient.status if STATUS.fullmatch(recipient.status) else f"{STATUS_CLASS[action]}.0.0"
    fields = [("Original-Recipient", recipient.orcpt)] if recipient.orcpt else []
    fields += [("Final-Recipient", _typed(recipient.address)), ("Action", action.value), ("Status", status)]
    if recipient.remote_mta:
        fields.append(("Remote-MTA", f"dns; {recipient.remote_mta}"))
    if recipient.reply:
        kind = "smtp" if REPLY.match(recipient.reply) else "x-mailward"
        fields.append(("Diagnostic-Code", f"{kind}; {_diagnostic(recipient.reply)}"))
    if recipient.retry_until:
        fields.append(("Will-Retry-Until", format_datetime(recipient.retry_until)))
    return fields


def _typed(address: str) -> str:
    """RFC 3464 section 2.3.2, RFC 6533 section 3: in US-ASCII, whatever the next hops of this notice can do."""
    return f"rfc822; {address}" if address.isascii() else f"utf-8; {utf8_xtext(address)}"


def _message_fields(report: Report, recipients: Sequence[RecipientReport]) -> bytes:
    """Which message it was, from its envelope; never the subject, which RFC 6522 section 4 would show.

    Addresses outside US-ASCII have no form here; the parts before name them.
    """
    to = [recipient.address for recipient in recipients if recipient.address.isascii()]
    fields = [field("From", report.sender)] if report.sender.isascii() else []
    fields += [field("To", ", ".join(to))] if to else []
    if DATE.fullmatch(report.date):
        fields.append(field("Date", report.date))
    if MESSAGE_ID.fullmatch(report.message_id):
        fields.append(field("Message-ID", report.message_id))
    return b"".join(fields) + field("Subject", "(not shown)")


def _diagnostic(reply: str) -> str:
    text = plain(reply).encode("ascii", "replace").decode()
    return text if len(text) <= MAX_DIAGNOSTIC else text[:MAX_DIAGNOSTIC] + " (shortened)"
