"""The first half of a session: banner, EHLO, STARTTLS, EHLO, until messages may be sent, or the reason why none may.

HELO is tried only where no TLS is needed. An opportunistic session goes on in clear when TLS is not offered or refused
in so many words; after anything else it ends, and its owner may begin a new one.
"""

from typing import Final

from gateway.delivery.dialogue import Closed, Dialogue, Phase, Ready, UpgradeTls
from gateway.delivery.login import Login, SignIn
from gateway.delivery.outcome import Seen
from gateway.delivery.replies import PeerReply, ReplyReader
from tls.failures import TlsFailure
from tls.levels import TlsLevel

UNKNOWN_COMMAND: Final = frozenset({500, 501, 502, 504})  # RFC 5321 section 4.2.4: the server does not know EHLO


def tls_reply(failure: TlsFailure, *, is_definitive: bool) -> str:
    """A reply line of our own about a host whose TLS failed (RFC 3463 section 3.8)."""
    detail = "7.4" if failure is TlsFailure.NOT_OFFERED else "7.5"
    status = f"550 5.{detail}" if is_definitive else f"451 4.{detail}"
    return f"{status} next hop {failure.words}"


class Greeting:
    """Handlers for the replies before the first MAIL.

    extensions: EHLO keywords in upper case with their parameters, of the last EHLO only.
    sign_in: where we prove who we are. tls: the level reached. tls_failure: why there is no TLS, or none that counts.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        reader: ReplyReader,
        *,
        helo: str,
        level: TlsLevel,
        is_tls_tried: bool,
        login: Login | None = None,
    ) -> None:
        self.sign_in = None if login is None else SignIn(dialogue, login, self._be_ready)
        self.extensions: dict[str, str] = {}
        self.tls = TlsLevel.NONE
        self.tls_failure: TlsFailure | None = None
        self._dialogue = dialogue
        self._reader = reader
        self._helo = helo
        self._level = level
        self._is_tls_tried = is_tls_tried
        dialogue.expect(Phase.BANNER, self._on_banner)

    def tls_started(self, level: TlsLevel) -> None:
        """The handshake is done; what was learned before is forgotten (RFC 3207 section 4.2)."""
        self.tls = level
        if level < self._level:
            self.fail_tls(TlsFailure.UNTRUSTED)
        else:
            self._say_ehlo()

    def fail_tls(self, failure: TlsFailure) -> None:
        """End the session for want of TLS."""
        self.tls_failure = failure
        # Where we sign in, every rung of every message goes by this host: nothing is gained by giving up on it.
        is_definitive = failure.is_definitive and self.sign_in is None
        seen = Seen.TLS_REFUSED if is_definitive else Seen.TLS_UNCERTAIN
        self._dialogue.close(Closed(seen, tls_reply(failure, is_definitive=is_definitive), failure))

    def _on_banner(self, reply: PeerReply) -> None:
        if reply.code == 220:
            self._say_ehlo()
        else:
            self._defer(reply)  # OB-06: also a 5xx greeting is about the host, not about the message

    def _say_ehlo(self) -> None:
        self.extensions = {}
        self._dialogue.ask(f"EHLO {self._helo}", Phase.EHLO, self._on_ehlo)

    def _on_ehlo(self, reply: PeerReply) -> None:
        if reply.is_success:
            words = [line.split(maxsplit=1) for line in reply.lines[1:] if line.strip()]
            self.extensions = {word[0].upper(): "".join(word[1:]) for word in words}
            if self.tls is TlsLevel.NONE:  # RFC 8689 section 2: it means nothing outside TLS
                self.extensions.pop("REQUIRETLS", None)
            self._after_ehlo()
        elif reply.code not in UNKNOWN_COMMAND or self.tls > TlsLevel.NONE:
            self._defer(reply)
        elif self._level > TlsLevel.NONE:
            self.fail_tls(TlsFailure.NOT_OFFERED)
        else:
            self.tls_failure = TlsFailure.NOT_OFFERED
            self._dialogue.ask(f"HELO {self._helo}", Phase.EHLO, self._on_helo)

    def _on_helo(self, reply: PeerReply) -> None:
        if reply.is_success:
            self._be_ready()
        else:
            self._defer(reply)

    def _after_ehlo(self) -> None:
        if self.sign_in is not None and self.tls >= TlsLevel.VERIFIED:
            self.sign_in.start(self.extensions)
        elif self.tls > TlsLevel.NONE or not self._is_tls_tried:
            self._be_ready()
        elif "STARTTLS" in self.extensions:
            self._dialogue.ask("STARTTLS", Phase.STARTTLS, self._on_starttls)
        else:
            self._do_without_tls(TlsFailure.NOT_OFFERED)

    def _on_starttls(self, reply: PeerReply) -> None:
        if reply.code == 220 and not self._reader.is_empty:
            self.fail_tls(TlsFailure.INJECTED)  # TL-02: clear text behind the 220 is nobody's (RFC 3207 section 6)
        elif reply.code == 220:
            self._dialogue.phase = Phase.HANDSHAKE
            self._dialogue.act(UpgradeTls())
        elif reply.is_permanent:
            self._do_without_tls(TlsFailure.STARTTLS_REFUSED)
        elif reply.code // 100 == 4:
            self._do_without_tls(TlsFailure.STARTTLS_DEFERRED)
        else:
            self.fail_tls(TlsFailure.BROKEN_HANDSHAKE)

    def _do_without_tls(self, failure: TlsFailure) -> None:
        """The connection is sound: go on in clear where that is allowed."""
        if self._level > TlsLevel.NONE:
            self.fail_tls(failure)
        else:
            self.tls_failure = failure
            self._be_ready()

    def _be_ready(self) -> None:
        self._dialogue.phase = Phase.READY
        self._dialogue.act(Ready())

    def _defer(self, reply: PeerReply) -> None:
        self._dialogue.close(Closed(Seen.DEFERRED, str(reply)))
