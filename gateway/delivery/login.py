"""Signing in at a next hop (RFC 4954), without I/O: which mechanism, and what it says.

It begins after EHLO inside verified TLS and never elsewhere; `ClientSession` refuses to be made for less. A refusal is
about us, not about a message: the session ends, every message waits, and the operator has to hear of it.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.delivery.dialogue import Closed, Dialogue, Phase
from gateway.delivery.outcome import Seen
from gateway.delivery.replies import PeerReply, codes_of

LINE_LIMIT: Final = 510  # octets without CRLF; RFC 4954 section 4: a longer initial response is sent after the 334
NO_MECHANISM: Final = "451 4.7.0 next hop offers no way to sign in that we know"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """name, password: empty where the client certificate alone says who we are."""

    name: str = ""
    password: str = field(default="", repr=False)
    has_certificate: bool = False


def choose_mechanism(login: Login, extensions: Mapping[str, str]) -> str:
    """PLAIN, LOGIN or EXTERNAL; empty when none that the peer offers will do."""
    offered = extensions.get("AUTH", "").upper().split()
    wanted = ["PLAIN", "LOGIN"] if login.name else []
    wanted += ["EXTERNAL"] if login.has_certificate else []
    return next((mechanism for mechanism in wanted if mechanism in offered), "")


class SignIn:
    """Handlers for the replies to AUTH. refusal: the reply of a peer that does not want us, without its words."""

    def __init__(self, dialogue: Dialogue, login: Login, done: Callable[[], None]) -> None:
        """done: what follows a 235."""
        self.refusal = ""
        self._dialogue = dialogue
        self._login = login
        self._done = done
        self._answers: list[bytes] = []  # to the challenges to come

    def start(self, extensions: Mapping[str, str]) -> None:
        """extensions: of the EHLO inside TLS."""
        mechanism = choose_mechanism(self._login, extensions)
        name, password = self._login.name.encode(), self._login.password.encode()
        if not mechanism and not self._login.name:
            self._done()  # the certificate was shown in the handshake; what it opens is the peer's business
        elif not mechanism:
            self.refusal = "no mechanism"
            self._dialogue.close(Closed(Seen.DEFERRED, NO_MECHANISM))
        elif mechanism == "LOGIN":
            self._answers = [name, password]
            self._ask("AUTH LOGIN")
        elif mechanism == "PLAIN":
            self._begin("AUTH PLAIN", b"\0" + name + b"\0" + password)  # RFC 4616 section 2
        else:
            self._ask("AUTH EXTERNAL =")  # RFC 4422 appendix A: whom the certificate names

    def _begin(self, command: str, response: bytes) -> None:
        whole = f"{command} {_encoded(response)}"
        if len(whole) <= LINE_LIMIT:
            self._ask(whole)
        else:
            self._answers = [response]
            self._ask(command)

    def _ask(self, text: str) -> None:
        self._dialogue.ask(text, Phase.AUTH, self._on_reply)

    def _on_reply(self, reply: PeerReply) -> None:
        if reply.code == 235:
            self._done()
        elif reply.code == 334 and self._answers:
            self._ask(_encoded(self._answers.pop(0)))
        elif reply.code == 334:
            self._ask("*")  # RFC 4954 section 4: a challenge that the mechanism does not have; give up
        else:
            self._refused(reply)

    def _refused(self, reply: PeerReply) -> None:
        """RFC 4954 section 6. The peer's words stay out: some quote what they were given."""
        codes = codes_of(str(reply))
        if reply.is_permanent:
            self.refusal = codes
        self._dialogue.close(Closed(Seen.DEFERRED, f"451 4.7.8 next hop did not let us sign in ({codes})"))


def _encoded(response: bytes) -> str:
    """RFC 4954 section 4: an empty one is "=" in the command, but only EXTERNAL has that."""
    return base64.b64encode(response).decode("ascii")
