"""Who sends what to whom, as the SMTP session said it: frozen values, already validated at the border."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Notify(StrEnum):
    """When a sender wants a delivery status notice (RFC 3461 section 4.1)."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


DEFAULT_NOTIFY = frozenset({Notify.FAILURE, Notify.DELAY})  # RFC 3461 section 4.1: the choice is ours when absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One RCPT TO.

    address: addr-spec; local part as given, domain in lower-case A-labels.
    orcpt: the original recipient as the sender gave it, `rfc822;a@b`, or empty.
    """

    address: str
    notify: frozenset[Notify] = DEFAULT_NOTIFY
    orcpt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The peer that handed a message in: what the Received field and the audit log say of it.

    login: who signed in, a person's address or the name of a credential; empty on a relay listener. senders: what that
    login may write as, see `Account`.
    tls_version, tls_cipher: as OpenSSL names them, empty without TLS.
    certificate: whose client certificate TLS verified, a name of its holder; empty without one.
    believes_headers: what its messages say in X-Mailward-* counts (`listener.control_headers`).
    """

    listener: str
    ip: str
    port: int
    helo: str
    login: str = ""
    senders: frozenset[str] = frozenset()
    tls_version: str = ""
    tls_cipher: str = ""
    certificate: str = ""
    believes_headers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One SMTP transaction, complete: the sender is empty for the null reverse path."""

    sender: str
    recipients: tuple[Recipient, ...]
    client: Client
    received_at: datetime
    envid: str = ""
    ret: str = ""
    body_8bit: bool = False
    smtputf8: bool = False
    requiretls: bool = False
