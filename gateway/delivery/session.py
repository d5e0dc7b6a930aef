"""The client's side of one SMTP connection, without I/O: a greeting, then any number of transactions.

Bytes go in through `feed`, what happened to the connection through `lost`, `tls_started` and `tls_failed`; steps come
out. It knows no clock, no socket and no log; `connection.py` drives it. MAIL is written by `begin` alone, which refuses
to run below the TLS level that the session was made for.
"""

from collections.abc import Iterator

from gateway.delivery.chunking import Chunking
from gateway.delivery.dialogue import Closed, Dialogue, Phase, Step
from gateway.delivery.exchange import Exchange
from gateway.delivery.greeting import Greeting
from gateway.delivery.limits import parse_limits
from gateway.delivery.login import Login
from gateway.delivery.outcome import Seen
from gateway.delivery.replies import PeerReply, ReplyError, ReplyReader
from gateway.delivery.transaction import Transaction
from gateway.message.address import domain_of
from tls.failures import TlsFailure
from tls.levels import TlsLevel


class ClientSession:
    """See the module."""

    def __init__(
        self,
        helo: str,
        level: TlsLevel,
        *,
        is_tls_tried: bool = True,
        chunking: Chunking | None = None,
        login: Login | None = None,
    ) -> None:
        """helo: our host name. level: below it no MAIL is sent. is_tls_tried: may be False where level is NONE.

        chunking: what is known of the host's CHUNKING; None: BDAT is not tried. login: who we are there, only with
        level VERIFIED.
        """
        if login is not None and level < TlsLevel.VERIFIED:
            raise ValueError("nobody signs in at a host that has not proved its name")
        if level > TlsLevel.NONE and not is_tls_tried:
            raise ValueError("a session that needs TLS has to try it")
        self._level = level
        self._dialogue = Dialogue()
        self._reader = ReplyReader()
        self._greeting = Greeting(
            self._dialogue, self._reader, helo=helo, level=level, is_tls_tried=is_tls_tried, login=login
        )
        self._exchange: Exchange | None = None  # the last one
        self._chunking = chunking
        self._mails = 0  # MAIL commands so far
        self._domains: set[str] = set()  # of recipients so far
        self.replies = 0  # whole replies so far: the measure of progress for time limits

    @property
    def phase(self) -> Phase:
        """What is waited for now."""
        return self._dialogue.phase

    @property
    def tls(self) -> TlsLevel:
        """The level reached."""
        return self._greeting.tls

    @property
    def tls_failure(self) -> TlsFailure | None:
        """Why there is no TLS, or none that counts."""
        return self._greeting.tls_failure

    @property
    def login_refusal(self) -> str:
        """The codes with which the peer did not let us sign in; empty: it did, or may yet."""
        return "" if self._greeting.sign_in is None else self._greeting.sign_in.refusal

    def offers(self, keyword: str) -> bool:
        """Whether the last EHLO had this keyword (upper case)."""
        return keyword in self._greeting.extensions

    @property
    def has_room(self) -> bool:
        """Whether the peer takes another transaction in this session (RFC 9422 section 4.1)."""
        return self._mails < parse_limits(self._greeting.extensions.get("LIMITS", "")).transactions

    def admits(self, domain: str) -> bool:
        """Whether the peer takes recipients of this domain in this session (RFC 9422 section 4.3)."""
        limits = parse_limits(self._greeting.extensions.get("LIMITS", ""))
        return len(self._domains | {domain}) <= limits.domains or not self._domains

    def steps(self) -> Iterator[Step]:
        """What to do now, in order; the session moves on as each is taken."""
        while (step := self._dialogue.next_step()) is not None:
            yield step

    def feed(self, data: bytes) -> None:
        """Bytes that arrived."""
        if self.phase is Phase.HANDSHAKE:
            self._greeting.fail_tls(TlsFailure.INJECTED)
        self._reader.feed(data)
        try:
            while self.phase not in (Phase.CLOSED, Phase.HANDSHAKE) and (reply := self._reader.next_reply()):
                self._take(reply)
        except ReplyError as error:
            if self.phase is Phase.STARTTLS:
                self._greeting.fail_tls(TlsFailure.BROKEN_HANDSHAKE)
            else:
                self._give_up(None, f"451 4.5.0 {error}")

    def lost(self, how: str) -> None:
        """The connection ended or a time limit passed. how: such as "connection lost"."""
        if self.phase in (Phase.STARTTLS, Phase.HANDSHAKE):
            self._greeting.fail_tls(TlsFailure.BROKEN_HANDSHAKE)
        elif self.phase is not Phase.CLOSED:
            self._give_up(None, f"451 4.4.2 {how} while waiting for {self.phase.value}")

    def tls_started(self, level: TlsLevel) -> None:
        """The handshake is done. level: what it proved."""
        self._greeting.tls_started(level)

    def tls_failed(self, failure: TlsFailure) -> None:
        """The handshake failed; the connection is of no use any more."""
        self._greeting.fail_tls(failure)

    def begin(self, transaction: Transaction) -> None:
        """Send a message; `Answered` will follow.

        Raises: RuntimeError when the session is not ready, or below the TLS level that it was made for.
        """
        if self.phase is not Phase.READY or self.tls < self._level:
            raise RuntimeError("no message can be sent over this session now")
        needs_reset = self._exchange is not None and not self._exchange.is_clean
        self._exchange = Exchange(self._dialogue, transaction, self._greeting.extensions, self._chunking)
        self._exchange.start(needs_reset=needs_reset)
        self._mails += self._exchange.is_asked
        self._domains |= {domain_of(recipient.address) for recipient in transaction.recipients}

    def _take(self, reply: PeerReply) -> None:
        self.replies += 1
        if not self._dialogue.is_expecting:
            self._give_up(
                None, "421 4.4.2 next hop ended the session" if reply.code == 421 else "451 4.5.0 stray reply"
            )
        elif reply.code != 421:
            self._dialogue.answer(reply)
        elif self.phase is Phase.STARTTLS:
            self._greeting.fail_tls(TlsFailure.STARTTLS_DEFERRED)
        else:  # RFC 5321 section 3.8: whatever was asked, the server is going away
            self._give_up(reply, str(reply))

    def _give_up(self, reply: PeerReply | None, why: str) -> None:
        """End the session. reply: the peer's last word, if it had one."""
        if self._exchange is not None and self._dialogue.is_expecting:
            self._exchange.close(reply, why)
        else:
            self._dialogue.close(Closed(Seen.DEFERRED, why))
