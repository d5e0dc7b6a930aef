"""What the transport is asked to deliver: one message, one domain, one or more of its recipients."""

from dataclasses import dataclass, field

from gateway.config.values import HostPort
from gateway.message.envelope import Recipient
from tls.requirement import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class SendJob:
    """domain: of the recipients, lower-case A-labels. mail_from: empty for the null reverse path.

    data: the final bytes with CRLF line ends, not dot-stuffed; hidden from repr.
    envid, ret: RFC 3461, passed on where the next hop offers DSN.
    via: the next hop instead of route and MX (`domain.inbound` for mail to our own senders).
    home: the domain that sends, whose smart host counts; empty: nobody's in particular.
    tls_seen: the domain has offered TLS to us before. is_reported: its sessions count for TLS reports.
    may_turn_back: nothing was sent in this attempt before, so that a gateway that stops may drop it.
    """

    domain: str
    mail_from: str
    recipients: tuple[Recipient, ...]
    data: bytes = field(repr=False)
    needs: Needs
    envid: str = ""
    ret: str = ""
    smtputf8: bool = False
    via: HostPort | None = None
    home: str = ""
    tls_seen: bool = False
    is_reported: bool = True
    may_turn_back: bool = False
