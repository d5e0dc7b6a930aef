"""What an attempt to deliver saw: at each host, and folded over all hosts of a domain."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from tls.evidence import TlsEvidence
from tls.failures import TlsFailure


class Seen(Enum):
    """What the ladder decides from: the rows of its table. The value is the word in the audit log."""

    DELIVERED = "delivered"  # 2xx to the final dot; on the portal rung: published
    REJECTED = "rejected"  # 5xx to MAIL, RCPT, DATA or the dot; or the domain takes no mail
    DEFERRED = "deferred"  # DNS or connect failure, 4xx, greylisting, nonsense
    LOST_AFTER_DOT = "lost-after-dot"  # the peer may have the message
    TLS_REFUSED = "tls-refused"  # one host: a definitive failure; a domain: every host so
    TLS_UNCERTAIN = "tls-uncertain"  # stall, reset, 454: may be an accident, may be an attack
    TLS_MISMATCH = "tls-mismatch"  # what DANE, MTA-STS or a pin published does not match
    TLS_DOWNGRADED = "tls-downgraded"  # a domain that used to offer TLS offers none
    NOT_REQUIRETLS = "not-requiretls"  # RFC 8689 was asked for and the peer does not offer it
    NOT_8BITMIME = "not-8bitmime"  # RFC 6152: the message is 8-bit and the peer does not take such; a 7-bit form may go
    NO_KEY = "no-key"  # no usable key of the recipient for this rung; nothing was sent
    KEY_PENDING = "key-pending"  # another key was found for the recipient, and waits for a person; nothing was sent


NONE_ON_FILE: Final = "No key on file"  # the reply of a NO_KEY where there is none at all, fit or not
TLS_FAILED: Final = frozenset({Seen.TLS_REFUSED, Seen.TLS_UNCERTAIN, Seen.TLS_MISMATCH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What an attempt at a host went by.

    reasons: who asked for what TLS, in words. dnssec, sts: what is published; empty where nothing is.
    unmet_wish: why the proof that MTA-STS tests was not had; the attempt went on without it (RFC 8461 section 5).
    """

    reasons: tuple[str, ...] = ()
    dnssec: str = ""
    sts: str = ""
    unmet_wish: TlsFailure | None = None


NO_GROUNDS: Final = Grounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostResult:
    """What one recipient got from one host.

    reply: one line, the peer's or ours (then it begins with a host-independent code such as `451 4.4.1`); no content.
    tls_failure: why there was no TLS that counts, also when an unprotected message then left in clear.
    does_dsn: it offers DSN, so that it was told what the sender wants to know, and will tell it.
    evidence: of a TLS session that proved too little, or whose handshake ended at the host's certificate.
    """

    host: str
    ip: str
    port: int
    seen: Seen
    reply: str
    tls_failure: TlsFailure | None = None
    does_dsn: bool = False
    grounds: Grounds = NO_GROUNDS
    evidence: TlsEvidence | None = None

    @property
    def own_words(self) -> str:
        """What we saw the host do; empty when only its reply says."""
        if self.tls_failure is not None and self.seen in TLS_FAILED:
            return f"{self.host} {self.tls_failure.words}"
        if self.seen is Seen.NOT_8BITMIME:
            return f"{self.host} takes no 8-bit messages"
        return ""

    @property
    def words(self) -> str:
        """What the host did or said, for the audit log and for senders of unprotected mail."""
        return self.own_words or f"{self.host}: {self.reply}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One attempt for one recipient, over all hosts tried.

    reply: of the host that decided. why: one sentence for sender and audit log.
    host, ip, port: the peer that decided, empty and 0 when none was reached.
    evidence: of the session that carried or was to carry the message; None: in clear, or no certificate was seen.
    reused: messages that went over the same connection before this one.
    keys: fingerprints of the OpenPGP or S/MIME certificates that open what was sent.
    does_dsn: of the peer that decided, see `HostResult`.
    is_seven_bit: the message was converted for a next hop without 8BITMIME.
    is_asked: a transaction was begun with some host, which may be another than the one that decided.
    tls_failure, grounds: of the host that decided, see `HostResult`.
    connect_s: look-up, connection and TLS; send_s: from MAIL to the last reply (Postfix's delays c and d).
    """

    recipient: str
    seen: Seen
    reply: str
    why: str
    started_at: datetime
    host: str = ""
    ip: str = ""
    port: int = 0
    evidence: TlsEvidence | None = None
    hosts: tuple[HostResult, ...] = ()
    reused: int = 0
    keys: tuple[str, ...] = ()
    does_dsn: bool = False
    is_seven_bit: bool = False
    is_asked: bool = False
    tls_failure: TlsFailure | None = None
    grounds: Grounds = NO_GROUNDS
    connect_s: float = 0.0
    send_s: float = 0.0

    @property
    def own_words(self) -> str:
        """`why` without what servers said; empty when nothing is left of it."""
        if not self.hosts:
            return self.why
        return "; ".join(dict.fromkeys(host.own_words for host in self.hosts if host.own_words))

    @property
    def mismatches(self) -> tuple[HostResult, ...]:
        """Hosts that were not what is published or pinned, also where another one then took the message."""
        return tuple(host for host in self.hosts if host.seen is Seen.TLS_MISMATCH)
